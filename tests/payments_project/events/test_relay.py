"""The relay and the real Kafka: all of the log is there, in order, as CloudEvents."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from confluent_kafka.admin import AdminClient

from payments_project.events.kafka.relay import relay_cursor
from payments_project.events.models import Event
from tests.api_client import Api
from tests.payments_project.events.kafka_reading import (
    consumed,
    header,
    of_objects,
    own_topics,
    relaying,
)
from tests.payments_project.events.reading import born_now

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("relay")]


@pytest.fixture
def topics(settings: Any) -> Iterator[str]:
    with own_topics(settings) as prefix:
        yield prefix


def test_a_payments_events_are_in_kafka_as_cloud_events(api: Api, topics: str) -> None:
    with relaying():
        payment = api.paid()["id"]
        found = of_objects(
            consumed(topics, lambda messages: len(of_objects(messages, payment)) == 2), payment
        )

    created, succeeded = found
    assert [message.topic() for message in found] == [f"{topics}.transaction"] * 2
    assert created.partition() == succeeded.partition()
    logged = Event.objects.get(aggregateid=payment, sequence=2)
    read = from_binary(
        KafkaMessage(
            headers=dict(succeeded.headers()), key=succeeded.key(), value=succeeded.value()
        ),
        JSONFormat(),
    )
    assert read.get_data() == logged.payload
    attributes = dict(read.get_attributes())
    moment, key = attributes.pop("time"), attributes.pop("partitionkey")
    assert key == payment
    assert abs((moment - logged.created_at).total_seconds()) < 0.001
    assert attributes == {
        "specversion": "1.0",
        "id": str(logged.pk),
        "source": f"/merchants/{logged.merchant_id}/test",
        "type": "transaction.succeeded",
        "subject": payment,
        "datacontenttype": "application/json",
        "dataschema": attributes["dataschema"],
        "sequence": "2",
        "merchantid": str(logged.merchant_id),
        "environment": "test",
        "objecttype": "transaction",
        "position": str(logged.position),
    }
    assert attributes["dataschema"].endswith("/docs/events/transaction.succeeded.v1.json")


def test_every_kind_of_object_has_its_topic_with_the_stated_partitions(
    api: Api, topics: str, settings: Any
) -> None:
    with relaying():
        payment = api.paid()
        card = payment["payment_method"]
        found = consumed(
            topics,
            lambda messages: len(of_objects(messages, payment["id"], card)) == 3,
        )
        admin = AdminClient({"bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS})
        made = admin.list_topics(timeout=10).topics

    assert of_objects(found, card)[0].topic() == f"{topics}.payment_method"
    own = {name: len(made[name].partitions) for name in made if name.startswith(topics)}
    assert own == {
        f"{topics}.{name}": 3
        for name in (
            "api_key", "balance_adjustment", "customer", "dead_letters", "dispute", "merchant",
            "payment_method", "payout", "refund", "transaction", "webhook_endpoint",
        )
    }  # fmt: skip


def test_what_was_written_while_no_relay_ran_comes_first_and_once(api: Api, topics: str) -> None:
    for group in ("transactions", "others"):
        born_now(relay_cursor(group))
    payment = api.paid()["id"]
    api.patch(f"/v1/transactions/{payment}", {"description": "Lamp"})

    with relaying(from_now=False):
        found = consumed(topics, lambda messages: len(of_objects(messages, payment)) >= 3)
    with relaying(from_now=False):
        api.patch(f"/v1/transactions/{payment}", {"description": "Table"})
        later = consumed(topics, lambda messages: len(of_objects(messages, payment)) >= 4)

    assert [header(message, "ce_sequence") for message in of_objects(found, payment)] == [
        "1", "2", "3",
    ]  # fmt: skip
    assert [header(message, "ce_sequence") for message in of_objects(later, payment)] == [
        "1", "2", "3", "4",
    ]  # fmt: skip


def test_two_relays_send_nothing_twice(api: Api, topics: str) -> None:
    with relaying(), relaying(from_now=False):
        payments = [api.paid()["id"] for _ in range(10)]
        found = consumed(topics, lambda messages: len(of_objects(messages, *payments)) >= 20)

    sent = [header(message, "ce_id") for message in of_objects(found, *payments)]
    assert len(sent) == len(set(sent)) == 20


def test_no_card_number_and_nothing_personal_reaches_kafka(api: Api, topics: str) -> None:
    with relaying():
        customer = api.post(
            "/v1/customers", {"email": "canary@shop.test", "name": "Canary Bird"}
        ).json()["id"]
        payment = api.paid()["id"]
        found = consumed(topics, lambda messages: len(of_objects(messages, payment, customer)) == 3)

    text = json.dumps(
        [
            [
                message.value().decode(),
                [(name, value.decode()) for name, value in message.headers()],
            ]
            for message in found
        ]
    )
    for secret in ("4242424242424242", "canary@shop.test", "Canary Bird"):
        assert secret not in text
