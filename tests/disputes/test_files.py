"""Files for disputes: what they are is told by their content, and nobody else reads them."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.files.storage import storages
from django.db.models.functions import Now

from disputes.models import EvidenceFile
from disputes.services.sweep_files import sweep_files
from tests.api_client import Api, new_key
from tests.disputes.disputing import JPEG, PDF, PNG, answer, disputed, upload, uploaded
from tests.merchants.making import MadeMerchant, make_key
from tests.server import Server

MIB = 1024 * 1024


def contents(api: Api, file: str) -> httpx.Response:
    return api.get(f"/v1/files/{file}/contents")


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (PDF, "receipt.pdf", "application/pdf"),
        (PNG, "signature.png", "image/png"),
        # A name says nothing.
        (JPEG, "letter.pdf", "image/jpeg"),
    ],
)
def test_a_file_comes_back_as_it_was_sent(api: Api, content: bytes, name: str, kind: str) -> None:
    response = upload(api, content, filename=name)

    assert response.status_code == 201, response.text
    made = response.json()
    assert (made["object"], made["environment"]) == ("file", "test")
    assert (made["purpose"], made["filename"]) == ("dispute_evidence", name)
    assert (made["type"], made["size"]) == (kind, len(content))
    assert api.get(f"/v1/files/{made['id']}").json() == made
    got = contents(api, made["id"])
    assert (got.status_code, got.content) == (200, content)
    assert got.headers["Content-Type"] == kind
    assert got.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in got.headers["Cache-Control"]
    assert "sandbox" in got.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "content",
    [b"<html><script>alert(1)</script>", b"GIF89a" + b"\0" * 20, b"MZ" + PDF, b"PK\x03\x04", b" "],
)
def test_anything_else_is_refused(api: Api, content: bytes) -> None:
    error = api.error(upload(api, content), 400, "parameter_invalid")
    assert error["param"] == "file"
    assert not EvidenceFile.objects.filter(merchant_id=api.scope.merchant_id).exists()


def test_five_mebibytes_are_taken_and_a_byte_more_is_not(api: Api) -> None:
    full = PDF + b"\n" * (5 * MIB - len(PDF))

    assert contents(api, uploaded(api, full)).content == full
    api.error(upload(api, full + b"\n"), 413, "payload_too_large")
    api.error(upload(api, PDF + b"\n" * 7 * MIB), 413, "payload_too_large")


def test_a_form_that_comes_in_chunks_is_taken_too(api: Api) -> None:
    def form() -> Any:
        yield b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\ndispute_evidence\r\n'
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
        yield PDF + b"\n" * 2 * MIB
        yield b"\r\n--b--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    response = api.http.post("/v1/files", content=form(), headers=headers)

    assert response.status_code == 201, response.text
    assert response.json()["size"] == len(PDF) + 2 * MIB


@pytest.mark.parametrize(
    ("data", "files", "param", "code"),
    [
        ({}, {"file": ("a.pdf", PDF)}, "purpose", "parameter_missing"),
        ({"purpose": "dispute_evidence"}, {}, "file", "parameter_missing"),
        ({"purpose": "logo"}, {"file": ("a.pdf", PDF)}, "purpose", "parameter_invalid"),
        (
            {"purpose": "dispute_evidence", "colour": "red"},
            {"file": ("a.pdf", PDF)},
            "colour",
            "unknown_parameter",
        ),
        (
            {"purpose": ["dispute_evidence", "dispute_evidence"]},
            {"file": ("a.pdf", PDF)},
            "purpose",
            "parameter_invalid",
        ),
        ({"purpose": "dispute_evidence"}, {"file": ("a.pdf", b"")}, "file", "parameter_invalid"),
        (
            {"purpose": "dispute_evidence"},
            {"file": ("4242 4242 4242 4242.pdf", PDF)},
            "file",
            "parameter_invalid",
        ),
    ],
)
def test_a_form_with_a_fault_is_refused(
    api: Api, data: dict[str, Any], files: dict[str, Any], param: str, code: str
) -> None:
    # Without a file httpx would send no form.
    parts = [(name, (None, value)) for name, given in data.items()
             for value in (given if isinstance(given, list) else [given])]  # fmt: skip
    response = api.http.post("/v1/files", files=[*parts, *files.items()])
    error = api.error(response, 400, code)
    assert error["param"] == param
    assert "4242 4242" not in response.text


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("multipart/form-data", b"--b", 400),
        ("multipart/form-data; boundary=b", b"", 400),
        ("multipart/form-data; boundary=b", b"nonsense", 400),
        (b"multipart/form-data; boundary=\xc3\xa9", b"--", 415),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n'
            + b"x" * 300_000
            + b"\r\n--b--\r\n",
            413,
        ),
    ],
)
def test_what_is_no_form_is_refused(
    api: Api, content_type: str | bytes, body: bytes, status: int
) -> None:
    response = api.http.post("/v1/files", content=body, headers={"Content-Type": content_type})
    assert response.status_code == status, response.text
    assert response.json()["error"]["request_id"]


def test_other_endpoints_keep_their_limit(api: Api) -> None:
    response = api.post("/v1/customers", {"name": "x" * 300_000})
    api.error(response, 413, "payload_too_large")


def test_a_name_is_a_name_and_no_path(api: Api) -> None:
    made = upload(api, PDF, filename="../../etc/passwd.pdf").json()
    assert made["filename"] == "passwd.pdf"
    row = EvidenceFile.objects.get(pk=made["id"])
    assert row.storage_name.startswith(f"{api.scope.merchant_id}/")
    assert "passwd" not in row.storage_name
    odd = upload(api, PDF, filename='a"b\u202e–é.pdf').json()
    got = contents(api, odd["id"]).headers["Content-Disposition"]
    assert got.startswith("attachment; filename")
    assert "\n" not in got


def test_files_of_others_do_not_exist(
    api: Api, other_api: Api, live_api: Api, server: Server, merchant: MadeMerchant
) -> None:
    file = uploaded(api)
    for stranger in (other_api, live_api):
        for path in ("", "/contents"):
            stranger.error(stranger.get(f"/v1/files/{file}{path}"), 404, "resource_missing")
    reader = {"Authorization": f"Bearer {make_key(merchant.scope(), 'disputes:read')}"}
    outsider = {"Authorization": f"Bearer {make_key(merchant.scope(), 'refunds:write')}"}
    url = f"{server.url}/v1/files/{file}/contents"
    assert httpx.get(url, headers=reader).content == PDF
    assert httpx.get(url, headers=outsider).status_code == 403
    form = {"files": {"file": ("a.pdf", PDF)}, "data": {"purpose": "dispute_evidence"}}
    assert httpx.post(f"{server.url}/v1/files", headers=reader, **form).status_code == 403
    assert httpx.post(f"{server.url}/v1/files", **form).status_code == 401


def test_a_file_is_kept_once_under_its_key(api: Api) -> None:
    key = new_key()
    first, second = (upload(api, key=key) for _ in range(2))
    assert first.json() == second.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    api.error(upload(api, PNG, key=key), 400, "idempotency_key_reused")
    assert EvidenceFile.objects.filter(merchant_id=api.scope.merchant_id).count() == 1


def test_a_dead_process_s_upload_is_resumed_by_its_key(api: Api) -> None:
    from payments_project.idempotency.models import IdempotencyKey

    key = new_key()
    made = upload(api, key=key).json()
    row = EvidenceFile.objects.get(pk=made["id"])
    storages["evidence"].delete(row.storage_name)
    EvidenceFile.objects.filter(pk=row.pk).update(stored_at=None)
    IdempotencyKey.objects.filter(key=key).update(
        recovery_point="started", response_status=None, response_body=None,
        locked_until=Now() - timedelta(seconds=1),
    )  # fmt: skip
    api.error(api.get(f"/v1/files/{row.pk}"), 404, "resource_missing")

    assert upload(api, key=key).json() == made
    assert contents(api, made["id"]).content == PDF


def test_files_lie_in_a_folder_that_others_may_not_read(api: Api) -> None:
    row = EvidenceFile.objects.get(pk=uploaded(api))
    path = Path(storages["evidence"].path(row.storage_name))
    assert path.read_bytes() == PDF
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert os.access(path, os.R_OK)


def test_content_that_is_away_is_an_error_of_ours_and_no_crash(api: Api) -> None:
    file = uploaded(api)
    storages["evidence"].delete(EvidenceFile.objects.get(pk=file).storage_name)

    api.error(contents(api, file), 503, "file_storage_unavailable")


def aged(file: str, days: int) -> str:
    EvidenceFile.objects.filter(pk=file).update(created_at=Now() - timedelta(days=days))
    return file


def test_files_that_no_dispute_shows_are_swept_after_a_week(api: Api) -> None:
    dispute = disputed(api)
    shown, taken_back, young = uploaded(api), uploaded(api), uploaded(api)
    answer(api, dispute, {"evidence": {"receipt": shown, "refund_policy": taken_back}})
    answer(api, dispute, {"evidence": {"refund_policy": None}})
    names = {
        file: EvidenceFile.objects.get(pk=file).storage_name
        for file in (aged(shown, 8), aged(taken_back, 8), aged(young, 6))
    }

    sweep_files()

    left = [file for file in names if EvidenceFile.objects.filter(pk=file).exists()]
    assert left == [shown, young]
    assert [storages["evidence"].exists(name) for name in names.values()] == [True, False, True]
    api.error(answer(api, dispute, {"evidence": {"receipt": taken_back}}), 400, "resource_missing")


def test_what_a_dead_upload_or_sweep_has_left_is_swept(api: Api) -> None:
    unstored, fresh, marked = uploaded(api), uploaded(api), uploaded(api)
    EvidenceFile.objects.filter(pk__in=(unstored, fresh)).update(stored_at=None)
    EvidenceFile.objects.filter(pk=unstored).update(created_at=Now() - timedelta(hours=2))
    EvidenceFile.objects.filter(pk=marked).update(removed_at=Now())
    api.error(api.get(f"/v1/files/{marked}"), 404, "resource_missing")

    sweep_files()

    left = EvidenceFile.objects.filter(pk__in=(unstored, fresh, marked))
    assert [str(row.pk) for row in left] == [fresh]


def test_files_together_are_bounded(api: Api) -> None:
    dispute = disputed(api)
    full = PDF + b"\n" * (5 * MIB - len(PDF))
    fields = ("receipt", "refund_policy", "cancellation_policy", "customer_signature")
    evidence = {field: uploaded(api, full) for field in fields}
    assert answer(api, dispute, {"evidence": evidence}).status_code == 200

    refused = answer(api, dispute, {"evidence": {"uncategorized_file": uploaded(api)}})

    assert api.error(refused, 400, "parameter_invalid")["param"] == "evidence"
    # The same file in two places counts in both, as the gateway is sent it twice.
    again = answer(api, dispute, {"evidence": {"uncategorized_file": evidence["receipt"]}})
    assert again.status_code == 400
