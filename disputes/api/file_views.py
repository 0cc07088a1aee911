"""Files for disputes over HTTP: forms in, contents out."""

import hashlib
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from disputes.access import get_file
from disputes.api.bodies import UploadFile
from disputes.api.downloads import download
from disputes.api.objects import FileObject, file_object
from disputes.file_types import FILE_TYPES
from disputes.models import EvidenceFile
from disputes.services.upload_file import store_content, upload_file
from payments_project.api.idempotent import ObjectReplies, key_claim, run_gateway_operation
from payments_project.api.openapi import FORM, Content, Operation
from payments_project.api.paths import require_uuid
from payments_project.api.query import NoQuery
from payments_project.api.uploads import read_upload
from payments_project.api.views import ApiView
from payments_project.errors import InvalidInput
from payments_project.idempotency.keys import Resumption

# Two writes to a storage that is slow.
_LEASE_SECONDS = 120


class FilesView(ApiView):
    """``/v1/files``."""

    operations: ClassVar[dict[str, Operation]] = {
        "POST": Operation({201: FileObject}, body=UploadFile, body_type=FORM),
    }

    permissions_required: ClassVar[dict[str, str]] = {"POST": "disputes:write"}

    def post(self, request: Request) -> HttpResponse:
        """Uploads a PDF, PNG or JPEG of at most 5 MiB, to be named in a dispute's evidence.

        A file that no dispute shows within seven days is removed.
        """
        self.query(NoQuery)
        upload = read_upload(request._request, fields=("purpose",))
        if upload.fields["purpose"] != EvidenceFile.PURPOSE:
            raise InvalidInput("Must be dispute_evidence.", param="purpose")
        content = {
            "purpose": upload.fields["purpose"],
            "filename": upload.filename,
            "sha256": hashlib.sha256(upload.content).hexdigest(),
        }
        claim = key_claim(self, lease_seconds=_LEASE_SECONDS, content=content)
        replies: ObjectReplies[EvidenceFile] = ObjectReplies(
            self, lambda file: (201, file_object(file))
        )

        def operate() -> HttpResponse:
            return replies.response(
                upload_file(
                    scope=self.scope,
                    filename=upload.filename,
                    content=upload.content,
                    actor=self.actor,
                    claim=claim,
                    replies=replies,
                )
            )

        def resume(resumption: Resumption) -> HttpResponse:
            # The same key has the same content.
            return replies.response(
                store_content(
                    file_id=UUID(resumption.resource_id),
                    content=upload.content,
                    key_id=resumption.key_id,
                    replies=replies,
                )
            )

        return run_gateway_operation(self, claim, operate=operate, resume=resume)


class FileView(ApiView):
    """``/v1/files/{id}``."""

    operations: ClassVar[dict[str, Operation]] = {"GET": Operation({200: FileObject})}

    permissions_required: ClassVar[dict[str, str]] = {"GET": "disputes:read"}

    def get(self, request: Request, file_id: str) -> Any:
        """What is known of one file."""
        self.query(NoQuery)
        return file_object(get_file(scope=self.scope, file_id=require_uuid(file_id)))


class FileContentsView(ApiView):
    """``/v1/files/{id}/contents``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: Content(FILE_TYPES, "The file as it was uploaded.")}),
    }

    permissions_required: ClassVar[dict[str, str]] = {"GET": "disputes:read"}

    def get(self, request: Request, file_id: str) -> HttpResponse:
        """The file itself."""
        self.query(NoQuery)
        return download(get_file(scope=self.scope, file_id=require_uuid(file_id)))
