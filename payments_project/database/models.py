"""Abstract models that the apps' tables are made of."""

from django.db import models

from payments_project.database.uuid7 import UUID7

EMPTY_JSON = models.Value({}, output_field=models.JSONField())


class Identified(models.Model):
    """A row with a UUIDv7 key that PostgreSQL makes."""

    id = models.UUIDField(primary_key=True, db_default=UUID7(), editable=False)

    class Meta:
        abstract = True


class Aggregate(models.Model):
    """A row whose changes are told as events.

    ``event_sequence`` numbers its events from 1 without gaps; it is raised under the row's lock,
    in the statement that writes the event (``payments_project.events.record``).
    """

    event_sequence = models.IntegerField(db_default=0, default=0, editable=False)

    class Meta:
        abstract = True
