"""Handing a file out so that no browser takes it for anything but a file."""

import logging

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from disputes.models import EvidenceFile
from disputes.storage import read_file
from payments_project.errors import Unavailable

logger = logging.getLogger(__name__)


def download(file: EvidenceFile) -> HttpResponse:
    """The content as an attachment, of the type that it was found to be, kept by no cache.

    Raises ``Unavailable`` where the storage does not give it.
    """
    try:
        content = read_file(file)
    # Each storage raises its own; whatever it is, the caller can only come again.
    except Exception:
        logger.exception("file %s could not be read", file.pk)
        raise Unavailable(
            "The file can't be read now; try again.",
            code="file_storage_unavailable",
            retry_after=10,
        ) from None
    response = HttpResponse(content, content_type=file.content_type)
    response.headers["Content-Disposition"] = content_disposition_header(True, file.filename)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = "private, no-store"
    return response
