"""Where the contents of evidence files lie: Django's storage ``evidence``, a folder or S3."""

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages

from disputes.models import EvidenceFile

STORAGE = "evidence"


def evidence_storage() -> Storage:
    """The storage, as ``STORAGES["evidence"]`` has it."""
    return storages[STORAGE]


def write_file(file: EvidenceFile, content: bytes) -> None:
    """Stores the content; what a process that died has left under the name is replaced.

    Raises what the storage raises.
    """
    storage = evidence_storage()
    storage.delete(file.storage_name)
    stored = storage.save(file.storage_name, ContentFile(content))
    if stored != file.storage_name:
        storage.delete(stored)
        raise RuntimeError(f"the storage would have kept {file.storage_name} as {stored}")


def read_file(file: EvidenceFile) -> bytes:
    """The content. Raises what the storage raises, ``FileNotFoundError`` among it."""
    with evidence_storage().open(file.storage_name, "rb") as opened:
        content: bytes = opened.read()
        return content


def remove_file(file: EvidenceFile) -> None:
    """Takes the content away; that it is gone already is no error."""
    evidence_storage().delete(file.storage_name)
