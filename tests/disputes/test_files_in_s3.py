"""The same files in S3, by settings alone: a real client speaking to a server over HTTP."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import boto3
import httpx
import pytest

from tests.api_client import Api
from tests.disputes.disputing import PDF, uploaded
from tests.merchants.making import client_of, make_merchant
from tests.server import start_server

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
BUCKET = "evidence"
START_SECONDS_MAX = 30


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 with an empty bucket."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                httpx.get(f"{url}/moto-api/", timeout=2)
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        bucket_of(url).create()
        yield url
    finally:
        process.terminate()
        process.wait(20)


def bucket_of(url: str):
    resource = boto3.resource(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    return resource.Bucket(BUCKET)


@pytest.fixture
def s3_api(s3: str, django_db_setup: None) -> Iterator[Api]:
    settings = {
        "EVIDENCE_S3_BUCKET": BUCKET,
        "EVIDENCE_S3_ENDPOINT_URL": s3,
        "EVIDENCE_S3_REGION": "us-east-1",
    }
    with (
        start_server(**settings, **CREDENTIALS) as server,
        client_of(server, make_merchant(), "test") as api,
    ):
        yield api


def test_a_file_lies_in_the_bucket_and_comes_back(s3_api: Api, s3: str) -> None:
    file = uploaded(s3_api)

    (stored,) = bucket_of(s3).objects.all()
    assert stored.key.startswith(f"{s3_api.scope.merchant_id}/")
    assert stored.get()["Body"].read() == PDF
    got = s3_api.get(f"/v1/files/{file}/contents")
    assert (got.status_code, got.content) == (200, PDF)

    stored.delete()
    s3_api.error(s3_api.get(f"/v1/files/{file}/contents"), 503, "file_storage_unavailable")
