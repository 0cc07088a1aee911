"""A payment as Elasticsearch has it."""

import json
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django_elasticsearch_dsl import Document
from django_elasticsearch_dsl.fields import (
    DateField,
    DEDField,
    KeywordField,
    LongField,
    ObjectField,
)
from django_elasticsearch_dsl.registries import registry
from elasticsearch import Elasticsearch
from elasticsearch.dsl import Flattened, MetaField

from analytics.search.content import FoundPayment
from analytics.search.elastic.client import client
from analytics.search.words import spelled_words
from transactions.models import Transaction

# What searches go through; each index has a name of its own (``indices``).
ALIAS = f"{settings.ELASTICSEARCH_INDEX_PREFIX}-transactions"


class FlattenedField(DEDField, Flattened):
    """An object whose names nobody knows beforehand: one field, whatever is in it."""


def _shown() -> KeywordField:
    """Kept and neither searched nor sorted by."""
    return KeywordField(index=False, doc_values=False)


def _words() -> KeywordField:
    """Searched by, never sorted or counted. The words are made before (``analytics.search.words``),
    so that both engines have the same and no analysis of a language or version comes between."""
    return KeywordField(doc_values=False)


@registry.register_document
class TransactionDocument(Document):
    """One payment, with what is shown of its customer, refunds and disputes. Amounts in minor units.

    ``revision`` is also the document's external version: an older document never takes the place
    of a newer one, in whatever order they arrive.
    """

    id = KeywordField()
    merchant_id = KeywordField()
    environment = KeywordField()
    revision = LongField()
    created_at = DateField(format="epoch_millis")
    updated_at = DateField(format="epoch_millis")
    status = KeywordField()
    amount = LongField()
    currency = KeywordField()
    captured_amount = LongField()
    refunded_amount = LongField()
    fee_amount = LongField()
    customer_id = KeywordField()
    customer_email = KeywordField()
    payment_method_token = KeywordField()
    payment_method_type = KeywordField()
    brand = KeywordField()
    last_four = KeywordField()
    gateway_name = KeywordField()
    gateway_transaction_id = KeywordField()
    failure_code = KeywordField()
    decline_code = KeywordField()
    risk_level = KeywordField()
    description = _shown()
    metadata = FlattenedField()
    refunds = ObjectField(
        properties={
            "status": KeywordField(),
            "amount": LongField(),
            "reason": _shown(),
        }
    )
    disputes = ObjectField(
        properties={
            "type": KeywordField(),
            "status": KeywordField(),
            "amount": LongField(),
            "reason_code": KeywordField(),
        }
    )
    words = _words()
    spelled = _words()

    class Meta:
        # A name that is not above is a mistake of ours, and is refused.
        dynamic = MetaField("strict")

    class Index:
        name = ALIAS

    class Django:
        model = Transaction

    @classmethod
    def _get_connection(cls, using: Any = None) -> Elasticsearch:
        return client()

    def prepare(self, instance: FoundPayment) -> bytes:
        """The document as JSON, which the client passes on as it is."""
        words = instance.words()
        made = json.dumps({"words": words, "spelled": spelled_words(words)}, ensure_ascii=False)
        # One object out of two.
        return f"{instance.document[:-1]}, {made[1:]}".encode()

    def _prepare_action(self, object_instance: FoundPayment, action: str) -> dict[str, Any]:
        return {
            "_op_type": action,
            "_id": str(object_instance.id),
            "_source": self.prepare(object_instance),
            "version": object_instance.revision,
            "version_type": "external",
        }

    def write(
        self, payments: Iterable[FoundPayment], *, targets: Sequence[str]
    ) -> list[dict[str, Any]]:
        """Writes ``payments`` into every one of ``targets``, which are aliases, by one request.
        Returns what became of those that were not written.

        By the client and not by the library's helper, which takes as long for each document as
        reading it from PostgreSQL does.
        """
        operations: list[bytes] = []
        for action in self.get_actions(payments, "index"):
            kind, source = action.pop("_op_type"), action.pop("_source")
            for target in targets:
                head = json.dumps({kind: {**action, "_index": target}})
                operations += (head.encode(), source)
        answer = self._get_connection().bulk(
            operations=operations,  # type: ignore[arg-type]
            require_alias=True,
            filter_path="errors,items.*.status,items.*._index,items.*.error.type",
        )
        if not answer["errors"]:
            return []
        outcomes = [outcome for item in answer["items"] for outcome in item.values()]
        return [outcome for outcome in outcomes if outcome["status"] >= HTTPStatus.BAD_REQUEST]
