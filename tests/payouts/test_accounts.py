"""Bank accounts: never edited, confirmed by a second person, and nothing personal in clear."""

from uuid import UUID, uuid4

import pytest
from django.db import connection

from payments_project.database.transaction_manager import run_in_transaction
from payments_project.errors import InvalidInput, ServiceError
from payments_project.staff.approvals import SecondPersonNeeded
from payments_project.tenancy import Scope
from tests.api_client import Api
from tests.payouts.making import german_iban, give, let_bank_work, make_account, pay_out, payout
from transactions.errors import PayoutStateInvalid
from transactions.payout_models import Payout, PayoutAccount
from transactions.services.payout_accounts import (
    BankDetails,
    add_payout_account,
    choose_payout_account,
    confirm_payout_account,
    remove_payout_account,
)

FIRST, SECOND = uuid4(), uuid4()
IBAN = "DE89 3704 0044 0532 0130 00"


def add(
    scope: Scope, number: str = IBAN, *, by: UUID | None = FIRST, **more: object
) -> PayoutAccount:
    details = {"holder_name": "Ada Byron", "account_number": number}
    replaces = more.pop("replaces", None)
    return run_in_transaction(
        lambda: add_payout_account(
            scope=scope,
            currency="EUR",
            details=BankDetails(**(details | more)),
            created_by=by,
            replaces=replaces,
        )
    )


def confirm(
    account: PayoutAccount, number: str = IBAN, *, by: UUID | None = SECOND
) -> PayoutAccount:
    return run_in_transaction(
        lambda: confirm_payout_account(
            scope=scope_of(account), account_id=account.pk, account_number=number, confirmed_by=by
        )
    )


def remove(account: PayoutAccount) -> PayoutAccount:
    return run_in_transaction(
        lambda: remove_payout_account(scope=scope_of(account), account_id=account.pk)
    )


def scope_of(account: PayoutAccount) -> Scope:
    return Scope(account.merchant_id, account.environment)


def stands(account: PayoutAccount) -> tuple[str, bool]:
    account.refresh_from_db()
    return account.status, account.is_default


def test_number_and_holder_are_nowhere_in_clear(api: Api) -> None:
    account = add(api.scope)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT payout_accounts::text FROM payout_accounts WHERE id = %s", [account.pk]
        )
        (row,) = cursor.fetchone()
        cursor.execute(
            "SELECT encode(account_number, 'escape') || encode(holder_name, 'escape')"
            " FROM payout_accounts WHERE id = %s",
            [account.pk],
        )
        (sealed,) = cursor.fetchone()

    for text in (row, sealed):
        for part in ("DE8937", "0532013", "Ada", "Byron"):
            assert part not in text
    stored = PayoutAccount.objects.get(pk=account.pk)
    assert (stored.account_number, stored.holder_name) == ("DE89370400440532013000", "Ada Byron")
    assert (stored.last_four, stored.country, stored.kind) == ("3000", "DE", "iban")


@pytest.mark.parametrize(
    ("details", "param"),
    [
        ({"account_number": "DE88370400440532013000"}, "account_number"),
        ({"account_number": "XX89370400440532013000"}, "account_number"),
        ({"account_number": "12345678"}, "account_number"),
        ({"account_number": ""}, "account_number"),
        ({"holder_name": "  "}, "holder_name"),
        ({"holder_name": "x" * 141}, "holder_name"),
        ({"bic": "NOBIC"}, "bic"),
        ({"account_number": "000123456789", "routing_number": "110000000"}, "country"),
        (
            {"account_number": "000123456789", "routing_number": "110000001", "country": "US"},
            "routing_number",
        ),
        (
            {"account_number": "12", "routing_number": "110000000", "country": "US"},
            "account_number",
        ),
    ],
)
def test_details_that_can_not_be_right_are_refused(
    api: Api, details: dict[str, str], param: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        add(api.scope, **({"number": details.pop("account_number", IBAN)} | details))

    assert refusal.value.param == param
    assert not PayoutAccount.objects.filter(merchant_id=api.scope.merchant_id).exists()


def test_account_with_a_routing_number(api: Api) -> None:
    account = add(
        api.scope, "000-123-456-789", routing_number="110000000", country="US", bic="BOFAUS3N"
    )

    assert (account.kind, account.account_number, account.last_four) == (
        "local", "000123456789", "6789",
    )  # fmt: skip


def test_who_entered_an_account_can_not_confirm_it(api: Api) -> None:
    account = add(api.scope)

    with pytest.raises(SecondPersonNeeded):
        confirm(account, by=FIRST)

    assert stands(account) == ("unconfirmed", True)
    assert confirm(account).status == "confirmed"
    assert stands(account) == ("confirmed", True)
    with pytest.raises(PayoutStateInvalid):
        confirm(account)


def test_second_person_has_to_know_the_number(api: Api) -> None:
    account = add(api.scope)

    with pytest.raises(InvalidInput) as refusal:
        confirm(account, german_iban("3001"))

    assert refusal.value.param == "account_number"
    assert stands(account) == ("unconfirmed", True)
    assert confirm(account, "de89370400440532013000").status == "confirmed"


def test_replaced_account_pauses_payouts_until_it_is_confirmed(api: Api) -> None:
    give(api.scope, 10_000, "EUR")
    old = confirm(add(api.scope))
    before = pay_out(api, 1_000, "EUR")
    new = add(api.scope, german_iban("7777"), replaces=old.pk)

    refused = api.post("/v1/payouts", {"amount": 1_000, "currency": "EUR"})
    let_bank_work()

    api.error(refused, 409, "payout_account_unconfirmed")
    assert (stands(old), stands(new)) == (("confirmed", False), ("unconfirmed", True))
    # What was on its way to the old account waits too.
    assert Payout.objects.get(pk=before["id"]).sent_at is None

    confirm(new, german_iban("7777"))
    let_bank_work()

    assert (stands(old), stands(new)) == (("removed", False), ("confirmed", True))
    assert payout(api, before["id"])["status"] == "failed"
    assert Payout.objects.get(pk=before["id"]).failure_code == "account_removed"
    after = pay_out(api, 10_000, "EUR")
    assert Payout.objects.get(pk=after["id"]).account_id == new.pk


def test_refused_replacement_gives_the_place_back(api: Api) -> None:
    give(api.scope, 10_000, "EUR")
    old = confirm(add(api.scope))
    before = pay_out(api, 1_000, "EUR")
    new = add(api.scope, german_iban("7777"), replaces=old.pk)

    remove(new)
    let_bank_work()

    assert (stands(old), stands(new)) == (("confirmed", True), ("removed", False))
    assert payout(api, before["id"])["status"] == "paid"


def test_second_replacement_takes_the_place_of_the_first(api: Api) -> None:
    old = confirm(add(api.scope))
    first = add(api.scope, german_iban("7777"), replaces=old.pk)
    second = add(api.scope, german_iban("8888"), replaces=old.pk)
    third = add(api.scope, german_iban("9999"), replaces=second.pk)

    assert [stands(account) for account in (old, first, second, third)] == [
        ("confirmed", False), ("removed", False), ("removed", False), ("unconfirmed", True),
    ]  # fmt: skip
    assert third.replaces_id == old.pk
    with pytest.raises(PayoutStateInvalid):
        confirm(first, german_iban("7777"))


def test_another_account_of_the_currency_is_chosen(api: Api) -> None:
    first = confirm(add(api.scope))
    second = add(api.scope, german_iban("7777"))
    assert stands(second) == ("unconfirmed", False)

    def choose() -> PayoutAccount:
        return run_in_transaction(
            lambda: choose_payout_account(scope=api.scope, account_id=second.pk)
        )

    with pytest.raises(PayoutStateInvalid):
        choose()
    confirm(second, german_iban("7777"))
    choose()

    assert (stands(first), stands(second)) == (("confirmed", False), ("confirmed", True))


def test_another_merchants_account_does_not_exist(api: Api, other_api: Api) -> None:
    account = make_account(api.scope)
    for act in (remove_payout_account, choose_payout_account):
        with pytest.raises(ServiceError) as refusal:
            run_in_transaction(lambda act=act: act(scope=other_api.scope, account_id=account.pk))
        assert refusal.value.code == "resource_missing"
