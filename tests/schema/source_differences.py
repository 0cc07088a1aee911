"""Every way in which the product's tables differ from the source design's, and why.

``DIFFERENCES`` has one entry per fact of the source that is another fact here, ``ADDITIONS`` what
a table of the source has besides, ``OWN_TABLES`` and ``OWN_FUNCTIONS`` what has no place in the
source at all.

``python -m tests.schema.source_differences`` writes ``docs/source-design/differences.md`` anew.
"""

from dataclasses import dataclass
from pathlib import Path

from tests.schema.source_sql import FOLDER

MARKDOWN: Path = FOLDER / "differences.md"

# Stands for a text too long to repeat; the test then asks only that the two differ.
NOT_REPEATED = "(not repeated here)"


@dataclass(frozen=True, slots=True)
class Difference:
    """One fact: its object and kind as ``tests.schema.catalogue`` names them, and both texts."""

    name: str
    kind: str
    source: str
    ours: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Addition:
    """What a table of the source design has here besides, for one reason."""

    table: str
    reason: str
    columns: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()

    def all_names(self) -> tuple[str, ...]:
        return (*self.columns, *self.constraints, *self.indexes, *self.triggers)


@dataclass(frozen=True, slots=True)
class Own:
    """Tables or functions that the source design does not have."""

    reason: str
    names: tuple[str, ...]


def _one_constant(name: str, values: str) -> Difference:
    column = name.rpartition(".valid_")[2]
    return Difference(
        name,
        "constraint",
        NOT_REPEATED,
        f"CHECK ((({column})::text = ANY ('{{{values}}}'::text[])))",
        "The same values, as one constant: PostgreSQL parses a condition's stored form anew in every"
        " statement that writes to the table, and this one is half as long. NULL passes a CHECK.",
    )


def _uuid7(table: str) -> Difference:
    return Difference(
        f"{table}.id",
        "default",
        "gen_random_uuid()",
        "uuidv7()",
        "Ids sort by time: a month of payments is a range of ids, and the newest rows lie"
        " together in the index. Every table's do, so that one rule holds for all.",
    )


def _row_time(table: str) -> Difference:
    return Difference(
        f"{table}.created_at",
        "default",
        "now()",
        "clock_timestamp()",
        "now() is when the transaction began, which may have waited for a lock since. The id beside"
        " it is made with the row; so is this, and a list in the order of ids is newest first.",
    )


DIFFERENCES: tuple[Difference, ...] = (
    # transactions
    Difference(
        "transactions",
        "relation",
        "table",
        "table, PARTITION BY RANGE (id)",
        "The document partitions by created_at, but PostgreSQL wants the partition key in every"
        " unique key, and refunds and disputes refer to an id that is unique alone. With a UUIDv7"
        " as id a month is a range of ids, so the id can be the key of both.",
    ),
    _uuid7("transactions"),
    _one_constant(
        "transactions.valid_status",
        "pending,authorized,captured,succeeded,refunded,disputed,failed,cancelled",
    ),
    _one_constant("transactions.valid_risk_level", "low,medium,high"),
    Difference(
        "transactions.created_at",
        "default",
        "now()",
        "none",
        "The id already says when the row was made. Taken from it, the time cannot contradict it,"
        " and a range of times still finds its months.",
    ),
    Difference(
        "transactions.created_at",
        "generated",
        "none",
        "STORED uuid_extract_timestamp(id)",
        "The id already says when the row was made. Taken from it, the time cannot contradict it,"
        " and a range of times still finds its months.",
    ),
    Difference(
        "transactions.fee_amount",
        "nullability",
        "NULL",
        "NOT NULL",
        "A fee of NULL would make the net amount NULL; a payment without a fee has a fee of 0.",
    ),
    Difference(
        "transactions.net_amount",
        "generated",
        "STORED (amount - fee_amount)",
        "STORED (COALESCE(captured_amount, amount) - fee_amount)",
        "A capture may take less than was authorized; then the merchant is owed what was"
        " captured, less the fee, and not the amount that was once held.",
    ),
    # payment_methods_vault
    Difference(
        "payment_methods_vault.customer_id",
        "nullability",
        "NOT NULL",
        "NULL",
        "A guest pays without a customer record, and a card tokenised in the browser has none"
        " yet. The rule of one row per customer and card holds once it is attached.",
    ),
    # refunds, disputes
    _uuid7("refunds"),
    _row_time("refunds"),
    _uuid7("disputes"),
    _row_time("disputes"),
    # merchants, merchant_api_keys, customers
    _uuid7("merchants"),
    Difference(
        "merchants.tax_id",
        "type",
        "character varying(50)",
        "bytea",
        "Encrypted: the document encrypts the rest of what identifies a person or a firm, and one"
        " column left in clear beside it would give it away.",
    ),
    _uuid7("merchant_api_keys"),
    _row_time("merchant_api_keys"),
    _uuid7("customers"),
    _row_time("customers"),
    Difference(
        "customers.customers_merchant_id_external_customer_id_key",
        "constraint",
        "UNIQUE (merchant_id, external_customer_id)",
        "UNIQUE (merchant_id, environment, external_customer_id)",
        "The document has test and live keys, but one set of data, so that a test key could touch"
        " live money. Every row has its environment; a merchant's own id of a customer may be in"
        " use in both.",
    ),
    # daily_transaction_summaries
    _uuid7("daily_transaction_summaries"),
    Difference(
        "daily_transaction_summaries"
        ".daily_transaction_summaries_merchant_id_summary_date_curren_key",
        "constraint",
        "UNIQUE (merchant_id, summary_date, currency)",
        "UNIQUE (merchant_id, environment, summary_date, currency)",
        "Test and live data are apart, and so are their days: play money is not turnover.",
    ),
    # merchant_monthly_stats
    Difference(
        "merchant_monthly_stats",
        "definition",
        NOT_REPEATED,
        NOT_REPEATED,
        "Per environment. A payment that was refunded or disputed later had succeeded, so it is"
        " counted; amounts are what was captured. Months are UTC's, where the document's moved with"
        " the session's zone, and the window begins on a month's first day, where two years back"
        " from today cut a month in two.",
    ),
    # create_monthly_partition
    Difference(
        "create_monthly_partition(table_name text, start_date date)",
        "options",
        "none",
        "SECURITY DEFINER SET search_path=public, pg_temp SET TimeZone=UTC",
        "The role that runs the product may not change the schema, yet a missing month must not"
        " cost a payment: it may call this function, which runs as the owner, with a fixed search"
        " path.",
    ),
    Difference(
        "create_monthly_partition(table_name text, start_date date)",
        "body",
        NOT_REPEATED,
        NOT_REPEATED,
        "Takes registered tables only and quotes their names; any day names its month; safe to"
        " repeat and to race, under a lock. The month is made apart and attached, because"
        " PARTITION OF stops all reading and writing of the whole table meanwhile. Bounds are ids;"
        " a CHECK on created_at lets a range of times skip months too. No second index on the same"
        " columns.",
    ),
)

_ENVIRONMENT = (
    "API keys are test or live, so the data are too: no test key reaches live money, whatever a"
    " query forgets."
)
_EVENTS = (
    "Numbers the events of one row from 1 without gaps, so that a reader sees one that is missing"
    " or out of order."
)
_STATUS = (
    "A list of values lets any state follow any other. The database refuses a move that states.py"
    " does not name."
)
_PAGES = (
    "Lists, newest first, page by page from the last id: as fast on page 100 and with ten million"
    " rows."
)

ADDITIONS: tuple[Addition, ...] = (
    Addition(
        "transactions",
        _ENVIRONMENT,
        columns=("environment",),
        constraints=("transactions_valid_environment",),
    ),
    Addition("transactions", _EVENTS, columns=("event_sequence",)),
    Addition(
        "transactions",
        _STATUS,
        triggers=("enforce_transaction_first_status", "enforce_transaction_status"),
    ),
    Addition(
        "transactions",
        "What was captured and what was given back, so that the database itself refuses to"
        " capture more than was authorized, or to refund or charge more than was captured, however"
        " many ask at once.",
        columns=("captured_amount", "refunded_amount"),
        constraints=(
            "transactions_captured_within_amount",
            "transactions_refunded_within_captured",
            "transactions_fee_within_captured",
            "transactions_captured_when_successful",
        ),
    ),
    Addition(
        "transactions",
        "What lists and search show of the card, copied when the payment is made: they need no"
        " access to the vault.",
        columns=("brand", "last_four"),
        indexes=("idx_transactions_payment_method",),
    ),
    Addition(
        "transactions",
        "Why a payment failed, as the API tells it.",
        columns=("failure_code", "decline_code", "failure_message"),
    ),
    Addition(
        "transactions",
        "Banks hold funds for days, not for ever: an authorization nobody captures is cancelled"
        " at this time.",
        columns=("authorization_expires_at",),
        indexes=("idx_transactions_authorized",),
    ),
    Addition(
        "transactions",
        "Captures that wait for the gateway's confirmation, to be asked about when it is overdue.",
        indexes=("idx_transactions_captured",),
    ),
    Addition("transactions", "Where the customer paid from, for risk.", columns=("ip_address",)),
    Addition(
        "transactions",
        "The version of the search document: an older one never overwrites a newer one.",
        columns=("revision",),
    ),
    Addition("transactions", _PAGES, indexes=("idx_transactions_merchant_page",)),
    Addition(
        "payment_methods_vault",
        _ENVIRONMENT,
        columns=("environment",),
        constraints=("valid_payment_method_environment",),
    ),
    Addition("payment_methods_vault", _EVENTS, columns=("event_sequence",)),
    Addition(
        "payment_methods_vault",
        "No card number fits into a column in clear.",
        constraints=(
            "valid_payment_method_type",
            "valid_payment_method_token",
            "valid_payment_method_fingerprint",
            "valid_payment_method_last_four",
            "valid_payment_method_brand",
        ),
    ),
    Addition(
        "payment_methods_vault",
        "The merchant is told once, for each expiry date, that a card expires soon.",
        columns=("expiry_told_for",),
    ),
    Addition("payment_methods_vault", _PAGES, indexes=("idx_payment_methods_list",)),
    Addition(
        "payment_methods_vault",
        "What staff search by.",
        indexes=(
            "idx_payment_methods_created",
            "idx_payment_methods_last_four",
            "idx_payment_method_fingerprint",
        ),
    ),
    Addition(
        "refunds",
        "Whose it is, and in which environment, without a look at the transaction.",
        columns=("merchant_id", "environment"),
        constraints=("refunds_valid_environment",),
    ),
    Addition("refunds", _EVENTS, columns=("event_sequence",)),
    Addition("refunds", _STATUS, triggers=("enforce_refund_status",)),
    Addition(
        "refunds",
        "A refund is written down before its gateway is asked, so that a crash neither loses nor"
        " repeats it; these tell how far it is, what the gateway said, and why it failed.",
        columns=("awaits_gateway", "gateway_response", "failure_reason", "updated_at"),
        indexes=("idx_refunds_gateway", "idx_refunds_pending", "idx_refunds_unanswered"),
    ),
    Addition(
        "refunds",
        "A refund that is to be called off waits for its gateway's word that it was not paid and"
        " won't be; until then it counts.",
        columns=("cancel_requested_at",),
        indexes=("idx_refunds_cancelling",),
    ),
    Addition(
        "refunds",
        "requested_by is a staff user's id or an API key's: this tells which.",
        columns=("requested_by_kind",),
    ),
    Addition("refunds", "The merchant's own notes, as on transactions.", columns=("metadata",)),
    Addition(
        "refunds",
        _PAGES,
        indexes=("idx_refunds_merchant_page", "idx_refunds_transaction"),
    ),
    Addition(
        "disputes",
        "Whose it is, and in which environment, without a look at the transaction.",
        columns=("merchant_id", "environment"),
        constraints=("disputes_valid_environment",),
    ),
    Addition("disputes", _EVENTS, columns=("event_sequence",)),
    Addition("disputes", _STATUS, triggers=("enforce_dispute_status",)),
    Addition(
        "disputes",
        "A chargeback takes money and an inquiry does not; for a type that nobody knows, the product"
        " could do neither.",
        constraints=("valid_dispute_type",),
    ),
    Addition(
        "disputes",
        "What the ledger keeps back from the merchant while it is open, the gateway's fee, and"
        " whether that comes back with a dispute that is won.",
        columns=("held_amount", "fee_amount", "fee_is_returned"),
        constraints=(
            "disputes_amount_check",
            "disputes_fee_amount_check",
            "disputes_held_amount_check",
        ),
    ),
    Addition(
        "disputes",
        "Evidence is sent once, by its deadline.",
        columns=("evidence_submitted_at",),
        indexes=("idx_disputes_due",),
    ),
    Addition(
        "disputes",
        "Who takes the answer and tells the end, the gateway or staff; and when the merchant was"
        " last reminded of the deadline.",
        columns=("is_at_gateway", "reminded_days"),
    ),
    Addition(
        "disputes",
        "A gateway's message that comes twice opens one dispute.",
        constraints=("disputes_gateway_dispute_once",),
    ),
    Addition(
        "disputes",
        _PAGES,
        indexes=("idx_disputes_merchant_page", "idx_disputes_transaction"),
    ),
    Addition("merchants", _EVENTS, columns=("event_sequence",)),
    Addition(
        "merchants",
        "Since when there are payments of the merchant: lists look into no month before.",
        columns=("history_starts_at",),
    ),
    Addition("merchants", _STATUS, triggers=("enforce_merchant_status",)),
    Addition(
        "merchants",
        "After how many days pending money becomes available, and the currency of the customers'"
        " total_amount, which is one number in the document.",
        columns=("settlement_currency", "settlement_delay_days"),
        constraints=("merchants_settlement_delay_check",),
    ),
    Addition("merchant_api_keys", _EVENTS, columns=("event_sequence",)),
    Addition(
        "merchant_api_keys",
        "Secret keys for servers, publishable ones for pages; found by their first characters.",
        columns=("name", "key_type"),
        constraints=("valid_api_key_type",),
        indexes=("idx_merchant_api_keys_prefix",),
    ),
    Addition(
        "merchant_api_keys",
        "A rotated key works on until then, while its successor is rolled out.",
        columns=("revoked_at",),
    ),
    Addition(
        "merchant_api_keys",
        "A key may have rate limits of its own: one for a second, one for an hour.",
        columns=("rate_limit_per_second", "rate_limit_per_hour"),
    ),
    Addition("merchant_api_keys", _PAGES, indexes=("idx_merchant_api_keys_merchant_page",)),
    Addition(
        "customers",
        _ENVIRONMENT,
        columns=("environment",),
        constraints=("customers_valid_environment",),
    ),
    Addition("customers", _EVENTS, columns=("event_sequence",)),
    Addition(
        "customers",
        "Which event told of another address: the customer's payments are found by it.",
        columns=("email_sequence",),
    ),
    Addition("customers", "The merchant's own notes, as on transactions.", columns=("metadata",)),
    Addition("customers", _PAGES, indexes=("idx_customers_merchant_page",)),
    Addition(
        "customers",
        "Found by e-mail, by the merchant and by staff.",
        indexes=("idx_customers_merchant_email", "idx_customers_email"),
    ),
    Addition("daily_transaction_summaries", _ENVIRONMENT, columns=("environment",)),
    Addition(
        "merchant_monthly_stats",
        "Per environment; and REFRESH CONCURRENTLY, which the document calls for, needs a unique"
        " index.",
        columns=("environment",),
        indexes=("merchant_monthly_stats_once",),
    ),
)

OWN_TABLES: tuple[Own, ...] = (
    Own(
        "What happened, written in the transaction of the change itself: the source of webhooks, of"
        " Kafka and of every projection; and how far each reader is.",
        ("events", "event_cursors", "consumer_reaches"),
    ),
    Own(
        "How the last run of each job went.",
        ("scheduled_jobs",),
    ),
    Own(
        "Days whose summaries are to be computed again, and when the monthly view was computed.",
        ("summary_days_due", "projections"),
    ),
    Own(
        "Search: each payment's words for PostgreSQL's own, and the indices in Elasticsearch.",
        ("transaction_words", "search_indices", "customer_raises"),
    ),
    Own(
        "Events that a consumer could not handle, set aside so that the others go on.",
        ("dead_letters",),
    ),
    Own(
        "Where merchants hear of events, what is on its way there, and every attempt.",
        ("webhook_endpoints", "webhook_deliveries", "webhook_attempts"),
    ),
    Own(
        "A call repeated with the same key has one effect: the claim, its lease, and the reply"
        " that is given again.",
        ("idempotency_keys",),
    ),
    Own(
        "Which tables have months, and which status may follow which.",
        ("monthly_tables", "status_transitions"),
    ),
    Own(
        "Staff with UUIDs as ids, which requested_by and created_by ask for, their rights, and the"
        " record of their acts.",
        ("staff_users", "staff_users_groups", "staff_users_user_permissions", "audit"),
    ),
    Own(
        "What one member of staff asks for and another decides, and up to which amount nobody has"
        " to ask.",
        ("approvals", "approval_limits"),
    ),
    Own(
        "How staff sign in: sessions that know whose they are, second factors, and counts of failures"
        " in a row.",
        ("staff_sessions", "staff_second_factors", "staff_backup_codes", "sign_in_counters"),
    ),
    Own(
        "What a member of staff has checked of a merchant before the account is approved.",
        ("merchant_checks",),
    ),
    Own(
        "The course of the last two weeks, hour by hour, for the console's home page.",
        ("payment_hours", "decline_hours"),
    ),
    Own(
        "Payments that somebody shall look at: a short queue beside compliance_status, so that a"
        " payment without a review pays nothing for it.",
        ("payment_reviews",),
    ),
    Own(
        "A customer may pay in several currencies, which one total_amount can't add up: a total for"
        " each.",
        ("customer_totals",),
    ),
    Own(
        "The document adds to merchant_balances, which it never defines, when a payment is still"
        " pending. Here every movement is an entry from one account to another, so that the books"
        " balance by construction and payments of one merchant do not queue for one row; balances"
        " are folded from the entries.",
        ("ledger_entries", "merchant_balances", "merchant_pending_days"),
    ),
    Own(
        "What was asked of gateways, written before they are asked, and what they told us: an"
        " unknown outcome is looked up, never guessed.",
        ("gateway_operations", "gateway_callbacks"),
    ),
    Own(
        "The simulators' own records: a gateway's and a bank's side.",
        (
            "gateway_simulator_charges",
            "gateway_simulator_refunds",
            "gateway_simulator_disputes",
            "gateway_simulator_callbacks",
            "bank_simulator_transfers",
        ),
    ),
    Own(
        "Evidence and acceptances, written before gateways are asked, as for captures.",
        ("dispute_operations",),
    ),
    Own(
        "The documents that evidence names, whose contents lie in a folder or in S3, and which of"
        " them stands in which field of which dispute.",
        ("evidence_files", "dispute_evidence_files"),
    ),
    Own(
        "E-mails to merchants, written with what they tell and sent afterwards, once.",
        ("merchant_notices",),
    ),
    Own(
        "Available money leaves to merchants' bank accounts: by which account and when, what was"
        " sent, and in which file.",
        ("payouts", "payout_accounts", "payout_schedules", "payout_exports"),
    ),
    Own("Corrections of a merchant's balance by finance.", ("balance_adjustments",)),
    Own(
        "References of payments taken elsewhere, each once: transactions has its id in every unique"
        " key.",
        ("external_references",),
    ),
    Own(
        "Filters of the console's lists that staff have named, and the forms that were sent, so that"
        " none acts twice.",
        ("saved_filters", "used_form_tokens"),
    ),
    Own(
        "Django's own.",
        (
            "auth_group",
            "auth_group_permissions",
            "auth_permission",
            "django_admin_log",
            "django_content_type",
            "django_migrations",
        ),
    ),
)

OWN_FUNCTIONS: tuple[Own, ...] = (
    Own(
        "Drops an old month of events or webhooks, once every reader has taken all of it; the"
        " application role has no DDL.",
        ("drop_monthly_partition",),
    ),
    Own(
        "What a reader has seen; refuses the cursor of another cluster, as after a restore.",
        ("cursor_snapshot",),
    ),
    Own("The least id of a moment: where a range of ids begins.", ("uuidv7_floor",)),
    Own(
        "How many months are made ahead; readiness fails when they run out.",
        ("monthly_partitions_ahead",),
    ),
    Own(
        "The trigger that asks status_transitions before every change of status.",
        ("enforce_status_transition",),
    ),
)


def markdown() -> str:
    """``differences.md``."""
    parts = [
        "# Where the product's tables differ from the source design's",
        "",
        "Written by `python -m tests.schema.source_differences`; do not edit. The README beside"
        " this file says how it is kept true.",
        "",
        "## Different",
        "",
        "| object | what | in the source | here | why |",
        "|---|---|---|---|---|",
        *(
            f"| {_code(entry.name)} | {entry.kind} | {_code(entry.source)} | {_code(entry.ours)} |"
            f" {entry.reason} |"
            for entry in DIFFERENCES
        ),
        "",
        "## Added to the source's tables",
        "",
        "| table | why | columns | constraints | indexes | triggers |",
        "|---|---|---|---|---|---|",
        *(
            f"| {_code(entry.table)} | {entry.reason} | {_codes(entry.columns)} |"
            f" {_codes(entry.constraints)} | {_codes(entry.indexes)} | {_codes(entry.triggers)} |"
            for entry in ADDITIONS
        ),
        "",
        "## Tables and functions that the source does not have",
        "",
        "| what | why |",
        "|---|---|",
        *(f"| {_codes(own.names)} | {own.reason} |" for own in (*OWN_TABLES, *OWN_FUNCTIONS)),
        "",
    ]
    return "\n".join(parts)


def _code(text: str | None) -> str:
    if text is None:
        return "absent"
    return text if text == NOT_REPEATED else f"`{text}`".replace("|", "\\|")


def _codes(names: tuple[str, ...]) -> str:
    return " ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    MARKDOWN.write_text(markdown())
