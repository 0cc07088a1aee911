"""Indexes under the source design's names."""

from django.db import models


class NamedIndex(models.Index):
    """An index whose name may have PostgreSQL's 63 characters; Django stops at Oracle's 30."""

    max_name_length = 63
