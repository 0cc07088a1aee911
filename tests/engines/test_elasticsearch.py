"""The real node: documents are indexed whole, found, and not overwritten by older ones."""

import uuid
from collections.abc import Iterator

import pytest
from django_elasticsearch_dsl import Document, fields
from django_elasticsearch_dsl.registries import DocumentRegistry
from elasticsearch import Elasticsearch
from elasticsearch.dsl.connections import add_connection, remove_connection
from elasticsearch.helpers import bulk

from merchants.models import Merchant
from tests.merchants.making import make_merchant
from tests.stack_selection import required_address

pytestmark = pytest.mark.stack

ALIAS = "tests"


@pytest.fixture
def client() -> Iterator[Elasticsearch]:
    with Elasticsearch(required_address("ELASTICSEARCH_URL"), request_timeout=30) as client:
        add_connection(ALIAS, client)
        yield client
        remove_connection(ALIAS)


@pytest.fixture
def index(client: Elasticsearch) -> Iterator[str]:
    name = f"tests-{uuid.uuid4().hex}"
    yield name
    client.indices.delete(index=name)


def test_document_is_indexed_whole_and_found(client: Elasticsearch, index: str) -> None:
    # Newer clients with this django-elasticsearch-dsl index empty documents, and say nothing.
    document = _merchant_document(index)
    document.init(using=ALIAS)
    merchants = [
        Merchant.objects.get(pk=make_merchant(legal_name=name).id)
        for name in ("Blue Heron Coffee", "Northwind Books")
    ]

    document().update(merchants, refresh=True)

    stored = client.get(index=index, id=str(merchants[0].pk))["_source"]
    assert stored == {"legal_name": "Blue Heron Coffee", "status": "active"}
    hits = document.search().query("match", legal_name="heron").execute()
    assert [(hit.meta.id, hit.legal_name) for hit in hits] == [
        (str(merchants[0].pk), "Blue Heron Coffee")
    ]


def test_older_version_is_refused(client: Elasticsearch, index: str) -> None:
    _write(client, index, version=2, status="succeeded")

    _, [refusal] = _write(client, index, version=1, status="pending")

    assert refusal["index"]["status"] == 409
    found = client.get(index=index, id="1")
    assert (found["_version"], found["_source"]) == (2, {"status": "succeeded"})


def test_facets_are_counted(client: Elasticsearch, index: str) -> None:
    client.indices.create(index=index, mappings={"properties": {"status": {"type": "keyword"}}})
    statuses = ["succeeded"] * 3 + ["failed"]
    bulk(client, [{"_index": index, "status": status} for status in statuses], refresh=True)

    answer = client.search(index=index, size=0, aggs={"status": {"terms": {"field": "status"}}})

    buckets = answer["aggregations"]["status"]["buckets"]
    assert {each["key"]: each["doc_count"] for each in buckets} == {"succeeded": 3, "failed": 1}


def _merchant_document(index: str) -> type[Document]:
    class MerchantDocument(Document):
        legal_name = fields.TextField()
        status = fields.KeywordField()

        class Index:
            name = index
            using = ALIAS

        class Django:
            model = Merchant

    # A registry of the test's own: the product's documents are none of its business.
    registered: type[Document] = DocumentRegistry().register_document(MerchantDocument)
    return registered


def _write(client: Elasticsearch, index: str, *, version: int, status: str) -> tuple[int, list]:
    action = {
        "_index": index,
        "_id": "1",
        "_source": {"status": status},
        "version": version,
        "version_type": "external",
    }
    return bulk(client, [action], raise_on_error=False, refresh=True)
