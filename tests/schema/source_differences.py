"""Every way in which the product's tables differ from the source design's, and why.

``DIFFERENCES`` has one entry per fact of the source that is another fact here, ``ADDITIONS`` what
a table of the source has besides, ``OWN_TABLES`` and ``OWN_FUNCTIONS`` what has no place in the
source at all. ``row`` is the row of DESIGN.md, section 3, that the reason comes from.

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
    row: int
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


def _uuid7(table: str) -> Difference:
    return Difference(
        f"{table}.id",
        "default",
        "gen_random_uuid()",
        "uuidv7()",
        1,
        "Ids sort by time; every table's do, so that one rule holds for all.",
    )


DIFFERENCES: tuple[Difference, ...] = (
    # transactions
    Difference(
        "transactions",
        "relation",
        "table",
        "table, PARTITION BY RANGE (id)",
        1,
        "The document partitions by created_at, which a primary key on id alone forbids;"
        " the id is a UUIDv7, so a month is a range of ids.",
    ),
    _uuid7("transactions"),
    Difference(
        "transactions.created_at",
        "default",
        "now()",
        "none",
        1,
        "The id already says when; a second clock could contradict it.",
    ),
    Difference(
        "transactions.created_at",
        "generated",
        "none",
        "STORED uuid_extract_timestamp(id)",
        1,
        "The id already says when; a second clock could contradict it.",
    ),
    Difference(
        "transactions.fee_amount",
        "nullability",
        "NULL",
        "NOT NULL",
        4,
        "A fee of NULL would make the net amount NULL.",
    ),
    Difference(
        "transactions.net_amount",
        "generated",
        "STORED (amount - fee_amount)",
        "STORED (COALESCE(captured_amount, amount) - fee_amount)",
        4,
        "After a partial capture the net amount is what was captured, less the fee.",
    ),
    # payment_methods_vault
    Difference(
        "payment_methods_vault.customer_id",
        "nullability",
        "NOT NULL",
        "NULL",
        18,
        "A card of a guest, or tokenised in the browser, has no customer yet.",
    ),
    # refunds, disputes
    _uuid7("refunds"),
    _uuid7("disputes"),
    # merchants, merchant_api_keys, customers
    _uuid7("merchants"),
    Difference(
        "merchants.tax_id",
        "type",
        "character varying(50)",
        "bytea",
        21,
        "An encrypted field: partial encryption protects nothing.",
    ),
    _uuid7("merchant_api_keys"),
    _uuid7("customers"),
    Difference(
        "customers.customers_merchant_id_external_customer_id_key",
        "constraint",
        "UNIQUE (merchant_id, external_customer_id)",
        "UNIQUE (merchant_id, environment, external_customer_id)",
        16,
        "A merchant's own id of a customer may be in use in test and in live.",
    ),
    # daily_transaction_summaries
    _uuid7("daily_transaction_summaries"),
    Difference(
        "daily_transaction_summaries"
        ".daily_transaction_summaries_merchant_id_summary_date_curren_key",
        "constraint",
        "UNIQUE (merchant_id, summary_date, currency)",
        "UNIQUE (merchant_id, environment, summary_date, currency)",
        16,
        "Test and live days are summed apart.",
    ),
    # merchant_monthly_stats
    Difference(
        "merchant_monthly_stats",
        "definition",
        NOT_REPEATED,
        NOT_REPEATED,
        13,
        "Per environment; a payment refunded or disputed later has succeeded; amounts are what was"
        " captured (row 4); months are UTC's; the window begins on a month's first day.",
    ),
    # create_monthly_partition
    Difference(
        "create_monthly_partition(table_name text, start_date date)",
        "options",
        "none",
        "SECURITY DEFINER SET search_path=public, pg_temp SET TimeZone=UTC",
        3,
        "The application role makes a missing month without having DDL.",
    ),
    Difference(
        "create_monthly_partition(table_name text, start_date date)",
        "body",
        NOT_REPEATED,
        NOT_REPEATED,
        3,
        "Registered tables only, any day of the month, idempotent, ATTACH instead of PARTITION OF,"
        " bounds as ids, a CHECK on created_at (row 2), no second index on the same columns.",
    ),
)

_ENVIRONMENT = "Test and live data are apart (row 16)."
_EVENTS = "Numbers the events of one row (section 6)."
_STATUS = "The status moves as states.py allows (row 5)."
_PAGES = "Lists, newest first, by key (section 8)."

ADDITIONS: tuple[Addition, ...] = (
    Addition(
        "transactions",
        _ENVIRONMENT,
        columns=("environment",),
        constraints=("transactions_valid_environment",),
    ),
    Addition("transactions", _EVENTS, columns=("event_sequence",)),
    Addition("transactions", _STATUS, triggers=("enforce_transaction_status",)),
    Addition(
        "transactions",
        "Money can't be captured, refunded or charged in excess (rows 4 and 5).",
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
        "What lists and search show of the card, without the vault (row 19).",
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
        "An authorization ends by itself (section 4).",
        columns=("authorization_expires_at",),
        indexes=("idx_transactions_authorized",),
    ),
    Addition("transactions", "Where the customer paid from, for risk.", columns=("ip_address",)),
    Addition("transactions", "The version of the search document.", columns=("revision",)),
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
        "Whose it is, without a look at the transaction (row 16).",
        columns=("merchant_id", "environment"),
        constraints=("refunds_valid_environment",),
    ),
    Addition("refunds", _EVENTS, columns=("event_sequence",)),
    Addition("refunds", _STATUS, triggers=("enforce_refund_status",)),
    Addition(
        "refunds",
        "The gateway's answer and the refund's way (row 8).",
        columns=("awaits_gateway", "gateway_response", "failure_reason", "updated_at"),
        indexes=("idx_refunds_gateway", "idx_refunds_pending"),
    ),
    Addition(
        "refunds",
        "A staff user or an API key may have asked (row 17).",
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
        "Whose it is, without a look at the transaction (row 16).",
        columns=("merchant_id", "environment"),
        constraints=("disputes_valid_environment",),
    ),
    Addition("disputes", _EVENTS, columns=("event_sequence",)),
    Addition("disputes", _STATUS, triggers=("enforce_dispute_status",)),
    Addition(
        "disputes",
        "What the ledger holds for it (row 6).",
        columns=("held_amount", "fee_amount"),
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
        "A gateway's message that comes twice opens one dispute.",
        constraints=("disputes_gateway_dispute_once",),
    ),
    Addition(
        "disputes",
        _PAGES,
        indexes=("idx_disputes_merchant_page", "idx_disputes_transaction"),
    ),
    Addition("merchants", _EVENTS, columns=("event_sequence",)),
    Addition("merchants", _STATUS, triggers=("enforce_merchant_status",)),
    Addition(
        "merchants",
        "When pending money becomes available, and in which currency totals are kept"
        " (rows 6 and 20).",
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
    Addition("merchant_api_keys", "Rotation with overlap.", columns=("revoked_at",)),
    Addition(
        "merchant_api_keys",
        "A key may have limits of its own (row 11).",
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
        "Per environment (row 16), and REFRESH CONCURRENTLY needs a unique index (row 12).",
        columns=("environment",),
        indexes=("merchant_monthly_stats_once",),
    ),
)

OWN_TABLES: tuple[Own, ...] = (
    Own("The event log and how far its readers are (section 6).", ("events", "event_cursors")),
    Own("An API call repeated has one effect (row 8).", ("idempotency_keys",)),
    Own(
        "Monthly tables and allowed status moves (rows 3 and 5).",
        ("monthly_tables", "status_transitions"),
    ),
    Own(
        "Staff, and the record of their acts (row 17).",
        ("staff_users", "staff_users_groups", "staff_users_user_permissions", "audit"),
    ),
    Own("A customer's total in each currency (row 20).", ("customer_totals",)),
    Own(
        "Money by double entry, and the balances folded from it (row 6).",
        ("ledger_entries", "merchant_balances", "merchant_pending_days"),
    ),
    Own(
        "What was asked of gateways, and what they told us (row 8).",
        ("gateway_operations", "gateway_callbacks"),
    ),
    Own(
        "The simulator's own records: a gateway's side.",
        ("gateway_simulator_charges", "gateway_simulator_refunds", "gateway_simulator_callbacks"),
    ),
    Own(
        "Django's.",
        (
            "auth_group",
            "auth_group_permissions",
            "auth_permission",
            "django_admin_log",
            "django_content_type",
            "django_migrations",
            "django_session",
        ),
    ),
)

OWN_FUNCTIONS: tuple[Own, ...] = (
    Own("Where a range of ids begins (row 1).", ("uuidv7_floor",)),
    Own(
        "The count of months ahead that readiness asks for (row 3).", ("monthly_partitions_ahead",)
    ),
    Own("The trigger that keeps status_transitions (row 5).", ("enforce_status_transition",)),
)


def markdown() -> str:
    """``differences.md``."""
    parts = [
        "# Where the product's tables differ from the source design's",
        "",
        "Written by `python -m tests.schema.source_differences`; do not edit. The README beside"
        " this file says how it is kept true.",
        '"Row" counts the rows of DESIGN.md, section 3, where each decision stands in full;'
        " sections are that document's too.",
        "",
        "## Different",
        "",
        "| object | what | in the source | here | row | why |",
        "|---|---|---|---|---|---|",
        *(
            f"| {_code(entry.name)} | {entry.kind} | {_code(entry.source)} | {_code(entry.ours)} |"
            f" {entry.row} | {entry.reason} |"
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
