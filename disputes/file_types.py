"""What an evidence file is: told by its content, never by its name or by what the sender says."""

PDF = "application/pdf"
PNG = "image/png"
JPEG = "image/jpeg"

# How contents begin: ISO 32000-1, 7.5.2; ISO/IEC 15948, 5.2; ISO/IEC 10918-1, B.1.1.3.
_BEGINNINGS = ((b"%PDF-", PDF), (b"\x89PNG\r\n\x1a\n", PNG), (b"\xff\xd8\xff", JPEG))
FILE_TYPES = tuple(name for _, name in _BEGINNINGS)


def type_of(content: bytes) -> str | None:
    """The media type of a content, or None for one that is no evidence file."""
    for beginning, name in _BEGINNINGS:
        if content.startswith(beginning):
            return name
    return None
