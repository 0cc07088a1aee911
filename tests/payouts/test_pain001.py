"""Files for the bank: by the standard's own schema, once, and the same whenever they are read."""

from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from importlib import resources
from uuid import UUID
from xml.etree import ElementTree

import pytest
import xmlschema

from payments_project.database.transaction_manager import run_in_transaction
from payments_project.errors import Unavailable
from tests.api_client import Api
from tests.payouts.making import (
    bank_by_file,
    export,
    german_iban,
    give,
    let_bank_work,
    make_account,
    pay_out_by_file,
    payout,
)
from tests.threads import at_once
from transactions.banks.pain001 import NAMESPACE, plain_text
from transactions.errors import PayoutStateInvalid
from transactions.payout_models import Payout, PayoutAccount, PayoutExport
from transactions.services.export_payouts import export_payouts, record_payout_outcome
from transactions.services.payout_accounts import (
    BankDetails,
    add_payout_account,
    confirm_payout_account,
)
from transactions.services.send_payouts import SYSTEM

NAMES = {"p": NAMESPACE}


@pytest.fixture(scope="module")
def schema() -> xmlschema.XMLSchema:
    path = resources.files("sepaxml") / "schemas" / "pain.001.001.09.xsd"
    return xmlschema.XMLSchema(str(path))


@pytest.fixture
def funded(live_api: Api) -> Iterator[Api]:
    """A live merchant with money in EUR; what waits for a file of others is in one before."""
    with bank_by_file():
        with suppress(PayoutStateInvalid):
            export()
        give(live_api.scope, 100_000, "EUR")
        make_account(live_api.scope, "EUR", last_four="3000")
        yield live_api


def read(made: PayoutExport) -> ElementTree.Element:
    return ElementTree.fromstring(made.content)  # noqa: S314 (our own text)


def texts(root: ElementTree.Element, path: str) -> list[str]:
    return [element.text or "" for element in root.findall(path, NAMES)]


def test_file_holds_every_waiting_payout_by_the_schema(
    funded: Api, schema: xmlschema.XMLSchema
) -> None:
    first = pay_out_by_file(funded.scope, 12_345, description="Äpfel & Öl – 100 %")
    second = pay_out_by_file(funded.scope, 5)

    made = export()

    schema.validate(made.content)
    root = read(made)
    batch = "p:CstmrCdtTrfInitn/p:PmtInf"
    transfers = f"{batch}/p:CdtTrfTxInf"
    for place in ("p:CstmrCdtTrfInitn/p:GrpHdr", batch):
        assert texts(root, f"{place}/p:NbOfTxs") == ["2"]
        assert texts(root, f"{place}/p:CtrlSum") == ["123.50"]
    assert texts(root, f"{transfers}/p:PmtId/p:EndToEndId") == [first.pk.hex, second.pk.hex]
    assert all(len(key.hex) <= 35 for key in (first.pk, second.pk, made.pk))
    amounts = root.findall(f"{transfers}/p:Amt/p:InstdAmt", NAMES)
    assert [(item.text, item.get("Ccy")) for item in amounts] == [
        ("123.45", "EUR"),
        ("0.05", "EUR"),
    ]
    assert sum(Decimal(item.text or "0") for item in amounts) == Decimal("123.50")
    assert texts(root, f"{transfers}/p:CdtrAcct/p:Id/p:IBAN") == [german_iban("3000")] * 2
    assert texts(root, f"{batch}/p:DbtrAcct/p:Id/p:IBAN") == [german_iban("9000")]
    assert texts(root, f"{batch}/p:PmtTpInf/p:SvcLvl/p:Cd") == ["SEPA"]
    assert texts(root, f"{transfers}/p:RmtInf/p:Ustrd") == [
        "Apfel + Ol 100",
        f"Payout {second.pk.hex}",
    ]
    assert (made.count, made.total) == (2, 12_350)


def test_payout_is_in_one_file_only_and_that_stays_the_same(funded: Api) -> None:
    paid = pay_out_by_file(funded.scope, 1_000)
    made = export()

    with pytest.raises(PayoutStateInvalid):
        export()

    assert PayoutExport.objects.get(pk=made.pk).content == made.content
    assert made.content.count(paid.pk.hex) == 2  # Its end-to-end id and its text.
    later = pay_out_by_file(funded.scope, 2_000)
    second = export()
    assert paid.pk.hex not in second.content
    assert later.pk.hex in second.content
    waiting = Payout.objects.get(pk=paid.pk)
    assert (waiting.status, waiting.export_id, waiting.awaits_bank) == ("pending", made.pk, True)
    assert waiting.sent_at is not None
    funded.error(funded.post(f"/v1/payouts/{paid.pk}/cancel"), 409, "payout_state_invalid")


def test_exports_at_once_hold_each_payout_once(funded: Api) -> None:
    keys = [pay_out_by_file(funded.scope, 100).pk for _ in range(12)]

    def make(_: int) -> str:
        try:
            return run_in_transaction(
                lambda: export_payouts(environment="live", currency="EUR", created_by=None)
            ).content
        except PayoutStateInvalid:
            return ""

    contents = "".join(at_once(4, make))

    assert [contents.count(f"<EndToEndId>{key.hex}<") for key in keys] == [1] * 12


def test_what_is_held_stays_for_the_next_file(funded: Api) -> None:
    awaiting = pay_out_by_file(funded.scope, 100_000)  # Not over the limit.
    give(funded.scope, 200_000, "EUR")
    over = pay_out_by_file(funded.scope, 100_001)

    made = export()

    assert made.count == 1
    assert Payout.objects.get(pk=awaiting.pk).export_id == made.pk
    assert (Payout.objects.get(pk=over.pk).export_id, over.awaits_approval) == (None, True)


def test_nothing_is_sent_to_a_bank_that_takes_files(funded: Api) -> None:
    paid = pay_out_by_file(funded.scope, 1_000)

    let_bank_work()

    assert Payout.objects.get(pk=paid.pk).sent_at is None
    assert payout(funded, str(paid.pk))["status"] == "pending"


def test_outcome_is_recorded_by_staff(funded: Api) -> None:
    paid, returned = (pay_out_by_file(funded.scope, 1_000) for _ in range(2))

    def record(key: UUID, *, is_paid: bool) -> Payout:
        return run_in_transaction(
            lambda: record_payout_outcome(
                payout_id=key, is_paid=is_paid, failure_code="returned_by_bank", actor=SYSTEM
            )
        )

    with pytest.raises(PayoutStateInvalid, match="in no file"):
        record(paid.pk, is_paid=True)
    export()
    for key in (paid.pk, returned.pk):
        record(key, is_paid=True)
    with pytest.raises(PayoutStateInvalid):
        record(paid.pk, is_paid=True)
    record(returned.pk, is_paid=False)

    assert payout(funded, str(paid.pk))["status"] == "paid"
    assert payout(funded, str(returned.pk))["status"] == "failed"
    assert funded.balance("EUR")["available"] == 99_000


def test_account_without_an_iban(funded: Api, schema: xmlschema.XMLSchema) -> None:
    old = PayoutAccount.objects.get(merchant_id=funded.scope.merchant_id)

    def replace() -> None:
        account = add_payout_account(
            scope=funded.scope,
            currency="EUR",
            details=BankDetails("Shop & Söhne", "000123456789", "110000000", "BOFAUS3N", "US"),
            created_by=None,
            replaces=old.pk,
        )
        confirm_payout_account(
            scope=funded.scope,
            account_id=account.pk,
            account_number="000123456789",
            confirmed_by=None,
        )

    run_in_transaction(replace)
    pay_out_by_file(funded.scope, 1_000)

    made = export()

    schema.validate(made.content)
    root = read(made)
    transfer = "p:CstmrCdtTrfInitn/p:PmtInf/p:CdtTrfTxInf"
    assert texts(root, f"{transfer}/p:CdtrAcct/p:Id/p:Othr/p:Id") == ["000123456789"]
    agent = f"{transfer}/p:CdtrAgt/p:FinInstnId"
    assert texts(root, f"{agent}/p:ClrSysMmbId/p:ClrSysId/p:Cd") == ["USABA"]
    assert texts(root, f"{agent}/p:ClrSysMmbId/p:MmbId") == ["110000000"]
    assert texts(root, f"{transfer}/p:Cdtr/p:Nm") == ["Shop + Sohne"]
    assert texts(root, "p:CstmrCdtTrfInitn/p:PmtInf/p:ChrgBr") == ["SHAR"]


def test_currency_without_an_account_of_ours_is_refused(funded: Api) -> None:
    with pytest.raises(Unavailable, match="PAYOUT_DEBTORS"):
        export(currency="USD")


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("Ærø Łódź ﬁ ß", "AEro Lodz fi ss"),
        ("<script>&\"'", "script + '"),
        ("日本", "NOTPROVIDED"),
        ("a" * 100, "a" * 70),
        ("  a\n b  ", "a b"),
    ],
)
def test_texts_are_written_in_what_every_bank_takes(given: str, written: str) -> None:
    assert plain_text(given, 70) == written
