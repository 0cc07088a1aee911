"""The vault's services on a real database."""

import itertools
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from pydantic import SecretStr
from stdnum import luhn

from payments_project.actor import SYSTEM, Actor
from payments_project.errors import ResourceMissing, Unavailable
from payments_project.events.models import Event
from payments_project.events.record import event_payload
from payments_project.tenancy import Scope
from vault.access import get_payment_method
from vault.card_data import CardData
from vault.cards import parse_card
from vault.crypto.keys import LocalKeyRing
from vault.errors import (
    CardUnreadable,
    EncryptionKeyUnknown,
    PaymentMethodAlreadyAttached,
    PaymentMethodDetached,
)
from vault.models import PaymentMethod
from vault.selectors import holder_name_of, list_payment_methods
from vault.services.attach import attach_payment_method
from vault.services.detach import detach_payment_method
from vault.services.mark_used import mark_used
from vault.services.open_card import open_card
from vault.services.tokenise import tokenise_card
from vault.services.tokenise_many import STATEMENT_CARDS_MAX, CardToStore, tokenise_many
from vault.snapshot import payment_method_snapshot

NUMBER = "4242424242424242"
ACTOR = Actor(kind="api_key", id=uuid4(), request_id="req_test", idempotency_key="key-1")


def card(number: str = NUMBER, *, exp_year: int = 2040, name: str | None = "Ada Lovelace"):
    return parse_card(number=SecretStr(number), exp_month=2, exp_year=exp_year, holder_name=name)


def numbers(count: int) -> list[str]:
    bodies = [f"400012{place:09d}" for place in range(count)]
    return [body + luhn.calc_check_digit(body) for body in bodies]


def tokenise(scope: Scope, given: CardData | None = None, customer_id=None) -> PaymentMethod:
    return tokenise_card(scope=scope, actor=ACTOR, card=given or card(), customer_id=customer_id)


def events_of(token: str) -> list[tuple[str, int]]:
    rows = Event.objects.filter(aggregateid=token).order_by("sequence")
    return [(event.type, event.sequence) for event in rows]


def last_event(token: str) -> Event:
    return Event.objects.filter(aggregateid=token).order_by("-sequence")[0]


# Tokenise


def test_tokenised_card_is_stored_as_its_summary_says(scope):
    made = tokenise(scope)
    stored = PaymentMethod.objects.get(token=made.token)
    assert made.was_created
    assert (stored.merchant_id, stored.environment) == (scope.merchant_id, scope.environment)
    assert (stored.customer_id, stored.is_active) == (None, True)
    assert (stored.payment_method_type, stored.brand, stored.last_four) == ("card", "visa", "4242")
    assert stored.expires_at == date(2040, 2, 29)
    assert stored.last_used_at is None
    assert stored.event_sequence == 1
    for field in PaymentMethod._meta.concrete_fields:
        assert getattr(made, field.attname) == _plain(getattr(stored, field.attname)), field.name


def _plain(value):
    return bytes(value) if isinstance(value, memoryview) else value


def test_tokenised_card_is_one_statement(scope):
    with CaptureQueriesContext(
        connection,
    ) as captured:
        tokenise(scope)
    assert len(captured) == 1


def test_the_created_event_is_the_snapshot_of_the_row(scope, customer_id):
    for made in (tokenise(scope), tokenise(scope, customer_id=customer_id)):
        event = Event.objects.get(aggregateid=made.token)
        stored = PaymentMethod.objects.get(token=made.token)
        assert event.payload == {
            "object": {
                "id": made.token,
                "object": "payment_method",
                "environment": scope.environment,
                **payment_method_snapshot(stored),
            }
        }
        assert (event.type, event.sequence) == ("payment_method.created", 1)
        assert event.aggregatetype == "payment_method"
        assert (event.merchant_id, event.environment) == (scope.merchant_id, scope.environment)
        assert (event.actor_kind, event.actor_id) == ("api_key", ACTOR.id)
        assert (event.request_id, event.idempotency_key) == ("req_test", "key-1")


def test_no_event_holds_the_number_or_the_name(scope, customer_id):
    made = tokenise(scope, customer_id=customer_id)
    tokenise(scope, card(name="Augusta Ada King", exp_year=2041), customer_id)
    detach_payment_method(scope=scope, actor=SYSTEM, token=made.token)
    for event in Event.objects.filter(aggregateid=made.token):
        assert NUMBER not in str(event.payload)
        assert "Ada" not in str(event.payload)


def test_guest_cards_get_a_token_each_and_share_the_fingerprint(scope):
    first, second = tokenise(scope), tokenise(scope)
    assert first.token != second.token
    assert first.fingerprint == second.fingerprint


def test_same_card_of_same_customer_keeps_its_token_without_an_event(scope, customer_id):
    first = tokenise(scope, customer_id=customer_id)
    again = tokenise(scope, customer_id=customer_id)
    assert (again.token, again.was_created) == (first.token, False)
    assert events_of(first.token) == [("payment_method.created", 1)]


def test_same_card_of_another_customer_gets_its_own_token(scope, make_customer):
    one, other = make_customer(scope), make_customer(scope)
    assert tokenise(scope, customer_id=one).token != tokenise(scope, customer_id=other).token


def test_renewed_card_keeps_its_token_and_takes_the_new_expiry_and_name(scope, customer_id):
    first = tokenise(scope, customer_id=customer_id)
    tokenise(scope, card(exp_year=2042, name="Augusta Ada King"), customer_id)
    opened = open_card(scope=scope, token=first.token)
    assert (opened.card.exp_year, opened.expires_at) == (2042, date(2042, 2, 28))
    assert opened.card.holder_name == "Augusta Ada King"
    event = last_event(first.token)
    assert (event.type, event.sequence) == ("payment_method.updated", 2)
    assert event.payload["previous_attributes"]["card"]["exp_year"] == 2040
    assert event.payload["object"]["card"]["exp_year"] == 2042


def test_a_name_that_is_not_given_again_stays(scope, customer_id):
    first = tokenise(scope, customer_id=customer_id)
    tokenise(scope, card(exp_year=2042, name=None), customer_id)
    assert open_card(scope=scope, token=first.token).card.holder_name == "Ada Lovelace"


def test_detached_card_tokenised_again_is_attached_with_its_new_expiry(scope, customer_id):
    first = tokenise(scope, customer_id=customer_id)
    detach_payment_method(scope=scope, actor=ACTOR, token=first.token)
    again = tokenise(scope, card(exp_year=2043), customer_id)
    assert (again.token, again.is_active, again.was_created) == (first.token, True, False)
    assert open_card(scope=scope, token=first.token).card.exp_year == 2043
    assert events_of(first.token) == [
        ("payment_method.created", 1),
        ("payment_method.detached", 2),
        ("payment_method.attached", 3),
    ]
    previous = last_event(first.token).payload["previous_attributes"]
    assert previous["customer"] is None
    assert previous["is_active"] is False


def test_an_unknown_customer_is_refused_and_nothing_is_stored(scope, make_customer):
    elsewhere = [
        uuid4(),
        make_customer(Scope(scope.merchant_id, "live")),
    ]
    for customer_id in elsewhere:
        with pytest.raises(ResourceMissing) as caught:
            tokenise(scope, customer_id=customer_id)
        assert caught.value.param == "customer"
    assert not PaymentMethod.objects.filter(merchant_id=scope.merchant_id).exists()


def test_concurrent_tokenising_of_one_customers_card_makes_one_row(scope, customer_id):
    workers = 8
    for round_number in range(10):
        given = card(numbers(10)[round_number])
        barrier = threading.Barrier(workers)

        def run(_, given=given, barrier=barrier) -> PaymentMethod:
            barrier.wait()
            try:
                return tokenise(scope, given, customer_id)
            finally:
                connection.close()

        with ThreadPoolExecutor(workers) as pool:
            made = list(pool.map(run, range(workers)))
        assert len({one.token for one in made}) == 1
        assert sum(one.was_created for one in made) == 1
        assert events_of(made[0].token) == [("payment_method.created", 1)]


# Batches


def test_a_batch_gives_tokens_in_order_and_an_event_each(scope):
    given = numbers(600)
    tokens = tokenise_many(
        scope=scope, actor=ACTOR, cards=[CardToStore(card(number)) for number in given]
    )
    assert len(set(tokens)) == 600
    for place in (0, 249, 250, 251, 599):
        assert open_card(scope=scope, token=tokens[place]).card.reveal_number() == given[place]
        assert events_of(tokens[place]) == [("payment_method.created", 1)]


def test_a_batch_finds_cards_that_exist_and_cards_that_come_twice(scope, customer_id):
    known, twice, guest = numbers(3)
    before = tokenise(scope, card(known), customer_id)
    tokens = tokenise_many(
        scope=scope,
        actor=ACTOR,
        cards=[
            CardToStore(card(twice), customer_id),
            CardToStore(card(guest)),
            CardToStore(card(known, exp_year=2044), customer_id),
            CardToStore(card(twice), customer_id),
            CardToStore(card(guest)),
        ],
    )
    assert tokens[2] == before.token
    assert tokens[0] == tokens[3]
    assert tokens[1] != tokens[4]
    assert open_card(scope=scope, token=before.token).card.exp_year == 2044
    assert events_of(tokens[0]) == [("payment_method.created", 1)]


def test_a_batch_with_an_unknown_customer_stores_nothing(scope):
    with pytest.raises(ResourceMissing):
        tokenise_many(
            scope=scope,
            actor=ACTOR,
            cards=[CardToStore(card()), CardToStore(card(), uuid4())],
        )
    assert not PaymentMethod.objects.filter(merchant_id=scope.merchant_id).exists()


def test_a_batchs_events_are_the_snapshots_of_its_rows(scope, customer_id):
    first, second = numbers(2)
    tokens = tokenise_many(
        scope=scope,
        actor=ACTOR,
        cards=[CardToStore(card(first)), CardToStore(card(second), customer_id)],
    )
    for token in tokens:
        event = Event.objects.get(aggregateid=token)
        row = PaymentMethod.objects.get(token=token)
        assert (
            json.loads(
                event_payload(
                    object_type="payment_method",
                    object_id=token,
                    environment=scope.environment,
                    data=payment_method_snapshot(row),
                )
            )
            == event.payload
        )
        assert (event.sequence, row.event_sequence) == (1, 1)
        assert (event.actor_id, event.request_id) == (ACTOR.id, "req_test")


def test_a_key_service_that_fails_within_a_batch_leaves_nothing_stored(scope, monkeypatch):
    made = itertools.count()

    def failing_later(self, *, binding):
        if next(made) == STATEMENT_CARDS_MAX + 1:
            raise Unavailable("the key service does not answer")
        return new_data_key(self, binding=binding)

    new_data_key = LocalKeyRing.new_data_key
    monkeypatch.setattr(LocalKeyRing, "new_data_key", failing_later)
    batch = [CardToStore(card(number)) for number in numbers(2 * STATEMENT_CARDS_MAX)]
    with pytest.raises(Unavailable):
        tokenise_many(scope=scope, actor=ACTOR, cards=batch)
    assert not PaymentMethod.objects.filter(merchant_id=scope.merchant_id).exists()
    assert not Event.objects.filter(
        merchant_id=scope.merchant_id, aggregatetype="payment_method"
    ).exists()
    monkeypatch.undo()
    assert len(tokenise_many(scope=scope, actor=ACTOR, cards=batch)) == len(batch)


def test_a_statement_that_fails_within_a_batch_leaves_nothing_stored(scope, monkeypatch):
    token = tokenise(scope).token
    fresh = iter([f"pm_{'a' * 31}{digit}" for digit in "123456789"] + [token])
    monkeypatch.setattr("vault.insertion.new_token", lambda: next(fresh))
    with pytest.raises(IntegrityError, match="payment_methods_vault_pkey"):
        tokenise_many(
            scope=scope, actor=ACTOR, cards=[CardToStore(card(number)) for number in numbers(10)]
        )
    assert [row.token for row in list_payment_methods(scope=scope)] == [token]


def test_an_empty_batch_is_an_empty_list(scope):
    assert tokenise_many(scope=scope, actor=ACTOR, cards=[]) == []


def test_too_large_a_batch_is_refused(scope):
    with pytest.raises(ValueError, match="at most 5000"):
        tokenise_many(scope=scope, actor=ACTOR, cards=[CardToStore(card())] * 5_001)


def test_concurrent_batches_of_the_same_cards_neither_double_nor_deadlock(scope, customer_id):
    given = [CardToStore(card(number), customer_id) for number in numbers(60)]

    def run(reverse: bool) -> list[str]:
        try:
            batch = given[::-1] if reverse else given
            return tokenise_many(scope=scope, actor=ACTOR, cards=batch)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(run, [False, True, False, True]))
    assert len({frozenset(tokens) for tokens in results}) == 1
    assert PaymentMethod.objects.filter(customer_id=customer_id).count() == 60


# Attach and detach


def test_attaching_a_guest_card_makes_it_the_customers(scope, customer_id):
    made = tokenise(scope)
    attached = attach_payment_method(
        scope=scope, actor=ACTOR, token=made.token, customer_id=customer_id
    )
    assert (attached.token, attached.customer_id) == (made.token, customer_id)
    event = last_event(made.token)
    assert (event.type, event.sequence) == ("payment_method.attached", 2)
    assert event.payload["previous_attributes"] == {"customer": None}
    assert event.payload["object"]["customer"] == str(customer_id)


def test_attaching_twice_changes_nothing(scope, customer_id):
    made = tokenise(scope, customer_id=customer_id)
    again = attach_payment_method(
        scope=scope, actor=ACTOR, token=made.token, customer_id=customer_id
    )
    assert again.customer_id == customer_id
    assert events_of(made.token) == [("payment_method.created", 1)]


def test_another_customers_card_is_not_attached(scope, make_customer):
    owner, other = make_customer(scope), make_customer(scope)
    made = tokenise(scope, customer_id=owner)
    with pytest.raises(PaymentMethodAlreadyAttached) as caught:
        attach_payment_method(scope=scope, actor=ACTOR, token=made.token, customer_id=other)
    assert caught.value.code == "payment_method_already_attached"
    assert PaymentMethod.objects.get(token=made.token).customer_id == owner


def test_attaching_a_card_that_the_customer_has_answers_with_the_customers_token(
    scope, customer_id
):
    own = tokenise(scope, customer_id=customer_id)
    detach_payment_method(scope=scope, actor=ACTOR, token=own.token)
    guest = tokenise(scope, card(exp_year=2044))
    found = attach_payment_method(
        scope=scope, actor=ACTOR, token=guest.token, customer_id=customer_id
    )
    assert (found.token, found.is_active) == (own.token, True)
    assert open_card(scope=scope, token=own.token).card.exp_year == 2044
    untouched = PaymentMethod.objects.get(token=guest.token)
    assert (untouched.customer_id, untouched.is_active) == (None, True)
    assert events_of(guest.token) == [("payment_method.created", 1)]


def test_concurrent_attaching_of_twins_leaves_one_with_the_customer(scope, customer_id):
    twins = [tokenise(scope).token for _ in range(6)]

    def run(token: str) -> str:
        try:
            return attach_payment_method(
                scope=scope, actor=ACTOR, token=token, customer_id=customer_id
            ).token
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        answers = set(pool.map(run, twins))
    assert len(answers) == 1
    assert PaymentMethod.objects.filter(customer_id=customer_id).count() == 1


def test_a_detached_card_is_not_attached(scope, customer_id):
    made = tokenise(scope)
    detach_payment_method(scope=scope, actor=ACTOR, token=made.token)
    with pytest.raises(PaymentMethodDetached) as caught:
        attach_payment_method(scope=scope, actor=ACTOR, token=made.token, customer_id=customer_id)
    assert caught.value.code == "payment_method_detached"


def test_attaching_to_an_unknown_customer_changes_nothing(scope):
    made = tokenise(scope)
    with pytest.raises(ResourceMissing) as caught:
        attach_payment_method(scope=scope, actor=ACTOR, token=made.token, customer_id=uuid4())
    assert caught.value.param == "customer"
    assert PaymentMethod.objects.get(token=made.token).customer_id is None


def test_detached_card_keeps_its_row_and_its_customer(scope, customer_id):
    made = tokenise(scope, customer_id=customer_id)
    detached = detach_payment_method(scope=scope, actor=ACTOR, token=made.token)
    assert not detached.is_active
    stored = PaymentMethod.objects.get(token=made.token)
    assert (stored.is_active, stored.customer_id) == (False, customer_id)
    event = last_event(made.token)
    assert event.type == "payment_method.detached"
    assert event.payload["previous_attributes"] == {
        "customer": str(customer_id),
        "is_active": True,
    }
    assert event.payload["object"]["customer"] is None


def test_detaching_twice_changes_nothing(scope):
    made = tokenise(scope)
    for _ in range(2):
        detach_payment_method(scope=scope, actor=ACTOR, token=made.token)
    assert [kind for kind, _ in events_of(made.token)] == [
        "payment_method.created",
        "payment_method.detached",
    ]


# Opening and reading


def test_opened_card_has_what_a_charge_needs(scope, customer_id):
    made = tokenise(scope, customer_id=customer_id)
    opened = open_card(scope=scope, token=made.token)
    assert opened.card.reveal_number() == NUMBER
    assert (opened.card.exp_month, opened.card.exp_year) == (2, 2040)
    assert (opened.brand, opened.last_four, opened.fingerprint) == (
        "visa",
        "4242",
        made.fingerprint,
    )
    assert (opened.customer_id, opened.is_active) == (customer_id, True)
    assert NUMBER not in repr(opened)
    assert "Ada" not in repr(opened)


def test_opening_is_one_statement_and_reading_none_of_the_rest(scope):
    made = tokenise(scope)
    with CaptureQueriesContext(connection) as captured:
        open_card(scope=scope, token=made.token)
    assert len(captured) == 1
    with CaptureQueriesContext(connection) as captured, pytest.raises(ResourceMissing):
        open_card(scope=scope, token=NUMBER)
    assert len(captured) == 0


def test_a_detached_card_opens_and_says_so(scope):
    made = tokenise(scope)
    detach_payment_method(scope=scope, actor=ACTOR, token=made.token)
    opened = open_card(scope=scope, token=made.token)
    assert not opened.is_active


@pytest.mark.parametrize("read", [open_card, get_payment_method])
def test_nobody_elses_card_exists(scope, make_scope, read):
    made = tokenise(scope)
    for other in (make_scope(), Scope(scope.merchant_id, "live")):
        with pytest.raises(ResourceMissing) as caught:
            read(scope=other, token=made.token)
        assert caught.value.param is None
    with pytest.raises(ResourceMissing) as caught:
        read(scope=scope, token="pm_" + "x" * 28, param="payment_method")
    assert caught.value.param == "payment_method"


@pytest.mark.parametrize("token", [NUMBER, "", "pm_\x00" + "x" * 28, "pm_" + "x" * 98, "\ud800"])
def test_a_token_of_the_wrong_form_is_missing_and_not_repeated(scope, token):
    for read in (open_card, get_payment_method):
        with pytest.raises(ResourceMissing) as caught:
            read(scope=scope, token=token)
        assert NUMBER not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        "encryption_key_id = 'other'",
        "merchant_id = '{other}'",
        "environment = 'live'",
        "encrypted_data = set_byte(encrypted_data, 100, get_byte(encrypted_data, 100) # 1)",
        "token = 'pm_' || repeat('Z', 28)",
    ],
)
def test_a_row_altered_in_the_database_does_not_open(scope, make_scope, change):
    made = tokenise(scope)
    # The row stays when the test is over, and the auditor wants every row to have its merchant.
    change = change.format(other=make_scope().merchant_id)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE payment_methods_vault SET {change} WHERE token = %s"
            " RETURNING token, merchant_id, environment",
            [made.token],
        )
        token, merchant_id, environment = cursor.fetchone()
    with pytest.raises(CardUnreadable):
        open_card(scope=Scope(merchant_id, environment), token=token)
    PaymentMethod.objects.filter(token=token).update(last_four="0000")


def test_a_card_under_a_retired_key_is_refused_by_name(scope, settings):
    made = tokenise(scope)
    settings.VAULT_KEYS = "next:" + "A" * 43 + "="
    with pytest.raises(EncryptionKeyUnknown, match="is not in the vault's key ring"):
        open_card(scope=scope, token=made.token)


def test_new_cards_use_the_active_key_and_old_ones_still_open(scope, settings):
    old = tokenise(scope)
    settings.VAULT_KEYS = f"next:{'A' * 43}=,{settings.VAULT_KEYS}"
    new = tokenise(scope)
    assert new.encryption_key_id == "next"
    assert open_card(scope=scope, token=old.token).card.reveal_number() == NUMBER
    assert isinstance(new.encrypted_data, bytes)
    assert LocalKeyRing({"next": bytes(32)}).active_key_id == "next"


def test_holder_name_is_read_from_the_encrypted_data(scope):
    made = tokenise(scope)
    stored = get_payment_method(scope=scope, token=made.token)
    assert holder_name_of(payment_method=stored) == "Ada Lovelace"


def test_use_is_noted_once_an_hour(scope):
    made = tokenise(scope)
    assert open_card(scope=scope, token=made.token).is_use_due()
    assert mark_used(scope=scope, token=made.token)
    opened = open_card(scope=scope, token=made.token)
    assert not opened.is_use_due()
    assert opened.is_use_due(now=datetime.now(UTC) + timedelta(minutes=61))
    assert not mark_used(scope=scope, token=made.token)
    PaymentMethod.objects.filter(token=made.token).update(
        last_used_at=datetime.now(UTC) - timedelta(minutes=61)
    )
    assert mark_used(scope=scope, token=made.token)
    assert not mark_used(scope=Scope(uuid4(), "test"), token=made.token)
    assert events_of(made.token) == [("payment_method.created", 1)]


def test_list_is_newest_first_and_without_detached_ones(scope, customer_id):
    tokens = [tokenise(scope, card(number), customer_id).token for number in numbers(4)]
    guest = tokenise(scope).token
    detach_payment_method(scope=scope, actor=ACTOR, token=tokens[1])
    listed = [row.token for row in list_payment_methods(scope=scope, customer_id=customer_id)]
    assert listed == [tokens[3], tokens[2], tokens[0]]
    assert [row.token for row in list_payment_methods(scope=scope)] == [guest, *listed]


# What the database itself refuses


@pytest.mark.parametrize(
    ("column", "value", "constraint"),
    [
        ("environment", "staging", "valid_payment_method_environment"),
        ("payment_method_type", "cash", "valid_payment_method_type"),
        ("token", NUMBER, "valid_payment_method_token"),
        ("fingerprint", NUMBER, "valid_payment_method_fingerprint"),
        ("last_four", "42", "valid_payment_method_last_four"),
        ("brand", NUMBER, "valid_payment_method_brand"),
    ],
)
def test_the_database_refuses_what_could_be_a_card_number_in_clear(
    scope, column, value, constraint
):
    made = tokenise(scope)
    with pytest.raises(Exception, match=constraint), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE payment_methods_vault SET {column} = %s WHERE token = %s",
            [value, made.token],
        )


def test_the_database_refuses_one_customers_card_twice(scope, customer_id):
    made, twin = tokenise(scope, customer_id=customer_id), tokenise(scope)
    name = "payment_methods_vault_customer_id_fingerprint_key"
    with pytest.raises(Exception, match=name), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE payment_methods_vault SET customer_id = %s WHERE token = %s",
            [made.customer_id, twin.token],
        )
