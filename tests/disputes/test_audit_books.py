"""`./manage.py audit_books`: silent on sound books, and on a cent of difference it names the row.

Every tampering is made as the owner, triggers and foreign keys off, in a transaction that is
rolled back; the auditor runs inside it.
"""

from collections.abc import Iterator
from dataclasses import asdict

import pytest
from django.core.management import call_command

from disputes.book_checks import CHECKS
from disputes.services.audit_books import audit_books
from tests.disputes.books import Books, audited, disarmed, write_books
from tests.merchants.making import client_of, make_merchant
from tests.schema.rows import OWNER, connect
from tests.server import Server

BALANCES = "balances equal the entries folded into them"
DAYS = "pending days equal the entries folded into them"
SETTLED = "settlement moved no more than was pending"
ACCOUNTS = "every entry moves between the accounts of its type"
BELONGS = "every entry has its payment's merchant and currency, and its refund or dispute"
CAPTURED = "captured money is in the ledger, once"
FEES = "fees are in the ledger, once"
REFUNDS = "succeeded refunds are in the ledger, once"
COUNTED = "refunded amounts count the pending and succeeded refunds"
REFUNDED = "a transaction is refunded when its refunds equal what was captured"
DISPUTED = "a transaction is disputed while a chargeback on it is open or lost"
HELD = "disputes held, hold and cost what the ledger says"
SAME = "refunds and disputes have their payment's merchant and currency"
CHARGED = "the simulator charged what our records say, and no more"
GIVEN_BACK = "the simulator refunded what our records say, and no more"
SIMULATED_DISPUTES = "the simulator's disputes stand as our records say"
EVIDENCE_FILES = "evidence names the files that are kept for it"
DENIED = "no gateway has told what our record denies"
SEQUENCE = "every event of an object has its place in the sequence"
LAST_EVENT = "the last event of a payment, refund, dispute or payout tells its state"
MERCHANT = "nothing that a merchant owns is without its merchant"
CUSTOMER = "no payment or card without its customer, of the same merchant"
CARD = "no payment without its card, of the same merchant"
PAID_OUT = "payouts are in the ledger, once, and failed ones came back, once"
PAID_TO = "payouts go to an account of their merchant and currency"
EXPORTED = "a file for the bank holds what it says"
BANK_PAID = "the simulated bank paid what our records say, and no more"
ADJUSTED = "adjustments are in the ledger, once"
ELSEWHERE = "what was taken elsewhere is nobody's to pay out"

NOBODY = "01900000-0000-7000-8000-00000000dead"
ENTRY = "merchant_id, environment, currency, debit_account, credit_account, type, source_id"
COPIED = f"INSERT INTO ledger_entries ({ENTRY}, transaction_id, available_on, amount, xid)"
COPY = f"SELECT {ENTRY}, transaction_id, available_on, amount"
# An entry of the tampering's own transaction is not folded yet.
UNFOLDED = "pg_current_xact_id()"

# What was done, the checks that notice it, and what they name.
TAMPERINGS = {
    "balance a cent up": (
        "UPDATE merchant_balances SET available_balance = available_balance + 1"
        " WHERE merchant_id = %(merchant)s AND currency = 'USD'",
        {BALANCES},
        "%(merchant)s test USD available",
    ),
    "reserved balance a cent down": (
        "UPDATE merchant_balances SET reserved_balance = reserved_balance - 1"
        " WHERE merchant_id = %(merchant)s AND currency = 'USD'",
        {BALANCES},
        "%(merchant)s test USD reserved",
    ),
    "balance row lost": (
        "DELETE FROM merchant_balances WHERE merchant_id = %(merchant)s AND currency = 'EUR'",
        {BALANCES},
        "%(merchant)s test EUR available",
    ),
    "folded twice": (
        "UPDATE merchant_balances SET available_balance = 2 * available_balance"
        " WHERE merchant_id = %(merchant)s AND currency = 'EUR'",
        {BALANCES},
        "%(merchant)s test EUR available",
    ),
    "pending day a cent up": (
        "UPDATE merchant_pending_days SET amount = amount + 1 WHERE merchant_id = %(merchant)s",
        {DAYS},
        "%(merchant)s test USD",
    ),
    "folder's place forgotten": (
        "UPDATE event_cursors SET snapshot = '1:1:' WHERE name = 'ledger_balances'",
        {BALANCES},
        "available: expected 0, found",
    ),
    "folded entry replaced by a new one": (
        f"{COPIED} {COPY}, {UNFOLDED} FROM ledger_entries"
        " WHERE transaction_id = %(paid)s AND type = 'fee';"
        "DELETE FROM ledger_entries WHERE transaction_id = %(paid)s AND type = 'fee'"
        f" AND xid <> {UNFOLDED}",
        {BALANCES, DAYS},
        "%(merchant)s test USD",
    ),
    "folded entry lost": (
        "DELETE FROM ledger_entries WHERE transaction_id = %(paid)s AND type = 'payment'",
        {BALANCES, DAYS, SETTLED, CAPTURED},
        "%(paid)s",
    ),
    "payment entered twice": (
        f"{COPIED} {COPY}, {UNFOLDED} FROM ledger_entries"
        " WHERE transaction_id = %(paid)s AND type = 'payment'",
        {CAPTURED},
        "%(paid)s",
    ),
    "entry of a payment a cent up": (
        "UPDATE ledger_entries SET amount = amount + 1, xid = pg_current_xact_id()"
        " WHERE transaction_id = %(paid)s AND type = 'payment'",
        {CAPTURED, BALANCES, DAYS},
        "%(paid)s",
    ),
    "captured amount a cent down": (
        "UPDATE transactions SET captured_amount = captured_amount - 1 WHERE id = %(paid)s",
        {CAPTURED, CHARGED},
        "%(paid)s",
    ),
    "declined payment entered": (
        f"{COPIED} SELECT merchant_id, environment, currency, debit_account, credit_account, type,"
        f" %(declined)s, %(declined)s, available_on, amount, {UNFOLDED} FROM ledger_entries"
        " WHERE transaction_id = %(paid)s AND type = 'payment'",
        {CAPTURED},
        "%(declined)s",
    ),
    "payment of a transaction that is not there": (
        f"{COPIED} SELECT merchant_id, environment, currency, debit_account, credit_account, type,"
        f" '{NOBODY}', '{NOBODY}', available_on, amount, {UNFOLDED} FROM ledger_entries"
        " WHERE transaction_id = %(paid)s AND type = 'payment'",
        {CAPTURED, BELONGS},
        NOBODY,
    ),
    "payment of no transaction": (
        f"{COPIED} SELECT {ENTRY}, NULL, available_on, amount, {UNFOLDED} FROM ledger_entries"
        " WHERE transaction_id = %(paid)s AND type = 'payment'",
        {CAPTURED, BELONGS},
        "entries of no transaction",
    ),
    "fee on the transaction a cent up": (
        "UPDATE transactions SET fee_amount = fee_amount + 1 WHERE id = %(paid)s",
        {FEES},
        "%(paid)s",
    ),
    "fee entered twice": (
        f"{COPIED} {COPY}, {UNFOLDED} FROM ledger_entries"
        " WHERE transaction_id = %(paid)s AND type = 'fee'",
        {FEES, SETTLED},
        "%(paid)s",
    ),
    "settled twice": (
        f"{COPIED} {COPY}, {UNFOLDED} FROM ledger_entries"
        " WHERE merchant_id = %(merchant)s AND type = 'settlement'",
        {SETTLED},
        "%(merchant)s test USD",
    ),
    "payment credited to us": (
        f"{COPIED} SELECT merchant_id, environment, currency, 'gateway', 'fees', type, source_id,"
        f" transaction_id, available_on, amount, {UNFOLDED} FROM ledger_entries"
        " WHERE transaction_id = %(refunded)s AND type = 'refund';"
        "DELETE FROM ledger_entries WHERE transaction_id = %(refunded)s AND type = 'refund'"
        f" AND xid <> {UNFOLDED}",
        {ACCOUNTS, BALANCES},
        "gateway to fees",
    ),
    "entry in another currency": (
        "UPDATE ledger_entries SET currency = 'EUR', xid = pg_current_xact_id()"
        " WHERE source_id = %(refund)s",
        {BELONGS, BALANCES},
        "%(merchant)s test EUR %(refund)s",
    ),
    "entry of another environment": (
        "UPDATE ledger_entries SET environment = 'live', xid = pg_current_xact_id()"
        " WHERE source_id = %(refund)s",
        {BELONGS, BALANCES},
        "%(merchant)s live USD %(refund)s",
    ),
    "refund entered for another payment": (
        "UPDATE ledger_entries SET transaction_id = %(paid)s WHERE source_id = %(refund)s",
        {BELONGS},
        "%(refund)s",
    ),
    "refund a cent up": (
        "UPDATE refunds SET amount = amount + 1 WHERE id = %(refund)s",
        {REFUNDS, COUNTED, GIVEN_BACK},
        "%(refund)s",
    ),
    "refund entered twice": (
        f"{COPIED} {COPY}, {UNFOLDED} FROM ledger_entries WHERE source_id = %(refund)s",
        {REFUNDS},
        "%(refund)s",
    ),
    "refund succeeded without its entry": (
        "DELETE FROM ledger_entries WHERE source_id = %(refund)s",
        {REFUNDS, BALANCES},
        "%(refund)s",
    ),
    "refund lost": (
        "DELETE FROM refunds WHERE id = %(refund)s",
        {REFUNDS, COUNTED, BELONGS, GIVEN_BACK, LAST_EVENT},
        "%(refund)s",
    ),
    "refunded amount a cent down": (
        "UPDATE transactions SET refunded_amount = refunded_amount - 1"
        " WHERE id = %(partly_refunded)s",
        {COUNTED},
        "%(partly_refunded)s",
    ),
    "failed refund still counted": (
        "UPDATE transactions SET refunded_amount = 1000"
        " WHERE id = (SELECT transaction_id FROM refunds WHERE id = %(failed_refund)s)",
        {COUNTED},
        "found 1000",
    ),
    "refunded without refunds": (
        "UPDATE transactions SET status = 'refunded' WHERE id = %(paid)s",
        {REFUNDED, LAST_EVENT},
        "%(paid)s",
    ),
    "refunds without being refunded": (
        "UPDATE transactions SET status = 'succeeded' WHERE id = %(refunded)s",
        {REFUNDED, LAST_EVENT},
        "%(refunded)s",
    ),
    "disputed without a dispute": (
        "UPDATE transactions SET status = 'disputed' WHERE id = %(paid)s",
        {DISPUTED, LAST_EVENT},
        "%(paid)s",
    ),
    "open chargeback on a transaction that is not disputed": (
        "UPDATE transactions SET status = 'succeeded' WHERE id = %(disputed)s",
        {DISPUTED, LAST_EVENT},
        "%(disputed)s",
    ),
    "held amount a cent down": (
        "UPDATE disputes SET held_amount = held_amount - 1 WHERE id = %(open_dispute)s",
        {HELD},
        "%(open_dispute)s",
    ),
    "lost dispute's fee a cent up": (
        "UPDATE disputes SET fee_amount = fee_amount + 1 WHERE id = %(lost_dispute)s",
        {HELD},
        "%(lost_dispute)s",
    ),
    "a cent of a lost dispute kept as our fee": (
        "UPDATE ledger_entries SET amount = amount"
        " + CASE credit_account WHEN 'fees' THEN 1 ELSE -1 END"
        " WHERE source_id = %(lost_dispute)s AND type = 'dispute_loss'",
        {HELD},
        "%(lost_dispute)s",
    ),
    "dispute lost": (
        "DELETE FROM disputes WHERE id = %(open_dispute)s",
        {HELD, BELONGS, DISPUTED, LAST_EVENT, SIMULATED_DISPUTES},
        "%(open_dispute)s",
    ),
    "dispute that the simulator decided otherwise": (
        "UPDATE gateway_simulator_disputes SET status = 'won' WHERE charge_id = %(disputed)s",
        {SIMULATED_DISPUTES},
        "%(open_dispute)s",
    ),
    "dispute of another amount than the simulator's": (
        "UPDATE gateway_simulator_disputes SET amount = amount + 1 WHERE charge_id = %(disputed)s",
        {SIMULATED_DISPUTES},
        "%(open_dispute)s",
    ),
    "evidence with a file that is not kept for it": (
        'UPDATE disputes SET evidence = \'{"receipt": "00000000-0000-7000-8000-000000000000"}\''
        " WHERE id = %(open_dispute)s",
        {EVIDENCE_FILES},
        "%(open_dispute)s receipt",
    ),
    "refund in another currency": (
        "UPDATE refunds SET currency = 'EUR' WHERE id = %(refund)s",
        {SAME},
        "%(refund)s",
    ),
    "dispute of another merchant": (
        "UPDATE disputes SET environment = 'live' WHERE id = %(open_dispute)s",
        {SAME},
        "%(open_dispute)s",
    ),
    "failed refund of no payment": (
        f"UPDATE refunds SET transaction_id = '{NOBODY}' WHERE id = %(failed_refund)s",
        {SAME, BELONGS},
        "%(failed_refund)s",
    ),
    "charge that we do not know": (
        "UPDATE gateway_simulator_charges SET reference = gen_random_uuid()"
        " WHERE reference = %(paid)s",
        {CHARGED},
        "%(paid)s",
    ),
    "charge a cent up": (
        "UPDATE gateway_simulator_charges SET captured_amount = captured_amount + 1"
        " WHERE reference = %(paid)s",
        {CHARGED},
        "%(paid)s",
    ),
    "charge in another currency": (
        "UPDATE gateway_simulator_charges SET currency = 'EUR' WHERE reference = %(paid)s",
        {CHARGED},
        "%(paid)s",
    ),
    "declined payment that was charged": (
        "UPDATE gateway_simulator_charges SET status = 'captured' WHERE reference = %(declined)s",
        {CHARGED},
        "%(declined)s",
    ),
    "authorization that the gateway has captured": (
        "UPDATE gateway_simulator_charges SET status = 'captured' WHERE reference = %(authorized)s",
        {CHARGED},
        "%(authorized)s",
    ),
    "gateway's refund a cent up": (
        "UPDATE gateway_simulator_refunds SET amount = amount + 1 WHERE reference = %(refund)s",
        {GIVEN_BACK},
        "%(refund)s",
    ),
    "refund that the gateway never made": (
        "DELETE FROM gateway_simulator_refunds WHERE reference = %(refund)s",
        {GIVEN_BACK},
        "%(refund)s",
    ),
    "failed refund that the gateway has made": (
        "UPDATE gateway_simulator_refunds SET status = 'succeeded'"
        " WHERE reference = %(failed_refund)s",
        {GIVEN_BACK},
        "%(failed_refund)s",
    ),
    "message that contradicts our record": (
        "UPDATE gateway_callbacks SET outcome = 'contradiction: transaction is failed'"
        " WHERE payload ->> 'charge' = %(disputed)s",
        {DENIED},
        "%(disputed)s",
    ),
    "barred refund that the gateway has made": (
        "UPDATE gateway_simulator_refunds SET status = 'barred' WHERE reference = %(refund)s",
        {GIVEN_BACK},
        "%(refund)s",
    ),
    "gap in the events": (
        "UPDATE events SET sequence = 3 WHERE aggregateid = %(paid)s AND sequence = 2",
        {SEQUENCE, LAST_EVENT},
        "%(paid)s",
    ),
    "first event lost": (
        "DELETE FROM events WHERE aggregateid = %(refunded)s AND sequence = 1",
        {SEQUENCE},
        "%(refunded)s",
    ),
    "event told twice": (
        "INSERT INTO events (aggregatetype, aggregateid, type, sequence, payload, merchant_id,"
        " environment, actor_kind) SELECT aggregatetype, aggregateid, type, sequence, payload,"
        " merchant_id, environment, actor_kind FROM events"
        " WHERE aggregateid = %(paid)s AND sequence = 1",
        {SEQUENCE},
        "%(paid)s",
    ),
    "last event lost": (
        "DELETE FROM events WHERE aggregateid = %(refund)s AND sequence = 2",
        {LAST_EVENT},
        "refund %(refund)s",
    ),
    "state that no event told": (
        "UPDATE refunds SET status = 'cancelled' WHERE id = %(failed_refund)s",
        {LAST_EVENT},
        "refund %(failed_refund)s",
    ),
    "transaction lost": (
        "DELETE FROM transactions WHERE id = %(authorized)s",
        {CHARGED, LAST_EVENT},
        "%(authorized)s",
    ),
    "merchant lost": (
        f"UPDATE merchants SET id = '{NOBODY}' WHERE id = %(merchant)s",
        {MERCHANT},
        "ledger entries of %(merchant)s",
    ),
    "customer lost": (
        "DELETE FROM customers WHERE id = %(customer)s",
        {CUSTOMER},
        "%(paid)s",
    ),
    "customer of the other environment": (
        "UPDATE customers SET environment = 'live' WHERE id = %(customer)s",
        {CUSTOMER},
        "%(paid)s",
    ),
    "card lost": (
        "DELETE FROM payment_methods_vault WHERE token ="
        " (SELECT payment_method_token FROM transactions WHERE id = %(paid)s)",
        {CARD},
        "%(paid)s",
    ),
    "card of nobody's customer": (
        f"UPDATE payment_methods_vault SET customer_id = '{NOBODY}' WHERE token ="
        " (SELECT payment_method_token FROM transactions WHERE id = %(partly_refunded)s)",
        {CUSTOMER},
        NOBODY,
    ),
    "payout a cent up": (
        "UPDATE payouts SET amount = amount + 1 WHERE id = %(paid_payout)s",
        {PAID_OUT, BANK_PAID},
        "%(paid_payout)s",
    ),
    "payout entered twice": (
        f"{COPIED} {COPY}, {UNFOLDED} FROM ledger_entries WHERE source_id = %(paid_payout)s",
        {PAID_OUT},
        "%(paid_payout)s",
    ),
    "failed payout that came back twice": (
        f"{COPIED} {COPY}, {UNFOLDED} FROM ledger_entries"
        " WHERE source_id = %(failed_payout)s AND type = 'payout_failure'",
        {PAID_OUT},
        "%(failed_payout)s",
    ),
    "payout lost": (
        "DELETE FROM payouts WHERE id = %(paid_payout)s",
        {PAID_OUT, BANK_PAID, LAST_EVENT},
        "%(paid_payout)s",
    ),
    "failed payout taken for paid": (
        "UPDATE payouts SET status = 'paid', paid_at = now() WHERE id = %(failed_payout)s",
        {PAID_OUT, BANK_PAID, LAST_EVENT},
        "%(failed_payout)s",
    ),
    "transfer of nobody's payout": (
        "UPDATE bank_simulator_transfers SET reference = gen_random_uuid()"
        " WHERE reference = %(paid_payout)s",
        {BANK_PAID},
        "%(paid_payout)s",
    ),
    "transfer that the bank never made": (
        "DELETE FROM bank_simulator_transfers WHERE reference = %(paid_payout)s",
        {BANK_PAID},
        "%(paid_payout)s",
    ),
    "payout to an account of another currency": (
        "UPDATE payout_accounts SET currency = 'CHF' WHERE id ="
        " (SELECT account_id FROM payouts WHERE id = %(paid_payout)s)",
        {PAID_TO},
        "%(paid_payout)s",
    ),
    "file of one payout more": (
        "INSERT INTO payout_exports (environment, currency, count, total, content)"
        " VALUES ('live', 'EUR', 1, 1, '')",
        {EXPORTED},
        "expected 1 of 1, found 0 of 0",
    ),
    "adjustment a cent up": (
        "UPDATE balance_adjustments SET amount = amount + 1 WHERE id = %(adjustment)s",
        {ADJUSTED},
        "%(adjustment)s",
    ),
    "recorded payment that can be paid out": (
        "DELETE FROM ledger_entries WHERE transaction_id = %(recorded)s AND type = 'adjustment'"
        " AND credit_account = 'gateway'",
        {ELSEWHERE, BALANCES},
        "%(recorded)s",
    ),
    "payment at a gateway booked as taken elsewhere": (
        "UPDATE ledger_entries SET debit_account = 'reserved', xid = pg_current_xact_id()"
        " WHERE transaction_id = %(recorded)s AND description = 'taken elsewhere'"
        " AND credit_account = 'gateway'",
        {ACCOUNTS, BALANCES},
        "reserved to gateway",
    ),
}


@pytest.fixture(scope="module")
def books(server: Server) -> Iterator[Books]:
    with client_of(server, make_merchant(), "test") as client:
        yield write_books(client)


def test_sound_books_are_reported_as_such(books: Books, capsys: pytest.CaptureFixture) -> None:
    call_command("audit_books")

    lines = capsys.readouterr().out.splitlines()
    assert [line.strip().split("  ") for line in lines[:-1]] == [["ok", c.name] for c in CHECKS]
    assert lines[-1] == f"The books balance: {len(CHECKS)} checks."


def test_books_are_sound_while_some_of_it_is_not_folded_yet(books: Books) -> None:
    with disarmed() as owner:
        owner.execute(
            "WITH adjustment AS (INSERT INTO balance_adjustments (merchant_id, environment,"
            " currency, amount, reason) VALUES (%s, 'test', 'USD', 1, 'x')"
            " RETURNING id, merchant_id)"
            " INSERT INTO ledger_entries (merchant_id, environment, currency, amount,"
            " debit_account, credit_account, type, source_id)"
            " SELECT merchant_id, 'test', 'USD', 1, 'adjustments', 'available', 'adjustment', id"
            " FROM adjustment",
            [books.merchant],
        )
        assert audited(owner) == []


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_is_noticed_and_named(books: Books, name: str) -> None:
    statements, checks, subject = TAMPERINGS[name]
    named = asdict(books)
    with disarmed() as owner:
        assert audited(owner) == []
        for statement in statements.split(";"):
            assert owner.execute(statement, named).rowcount != 0

        findings = audited(owner)

    assert {finding.check for finding in findings} == checks
    told = [
        f"{finding.subject}: expected {finding.expected}, found {finding.found}"
        for finding in findings
    ]
    assert any(subject % named in line for line in told), told


def test_every_check_notices_something() -> None:
    noticed = {check for _, checks, _ in TAMPERINGS.values() for check in checks}

    assert noticed == {check.name for check in CHECKS}


def test_command_ends_with_1_and_names_the_row(books: Books, capsys: pytest.CaptureFixture) -> None:
    change = (
        "UPDATE merchant_balances SET available_balance = available_balance + %s"
        " WHERE merchant_id = %s AND currency = 'EUR'"
    )
    with connect(OWNER, autocommit=True) as owner:
        owner.execute(change, [1, books.merchant])
        try:
            with pytest.raises(SystemExit) as ended:
                call_command("audit_books")
        finally:
            owner.execute(change, [-1, books.merchant])

    assert ended.value.code == 1
    out = capsys.readouterr().out
    assert f"DIFFERS  {BALANCES}" in out
    assert f"{BALANCES}: {books.merchant} test EUR available: expected 941, found 942" in out
    assert "The books balance" not in out
    assert audit_books() == []


def test_only_so_many_rows_of_a_check_are_told(books: Books) -> None:
    with disarmed() as owner:
        owner.execute(
            "INSERT INTO merchant_balances (merchant_id, environment, currency, pending_balance)"
            " SELECT gen_random_uuid(), 'test', 'USD', 1 FROM generate_series(1, 50)"
        )
        findings = audited(owner)

    assert [f.check for f in findings] == [BALANCES] * 20 + [MERCHANT] * 20
