"""The table of idempotency keys."""

from django.db import models

from payments_project.database.fields import TransactionTime
from payments_project.database.models import Identified


class IdempotencyKey(Identified):
    """One use of an ``Idempotency-Key``: which request, how far it came, what was answered.

    A key is *started* (claimed, with a lease until ``locked_until``) and then *finished* (status
    and body stored). While the lease runs another call gets 409; after it, a call resumes what
    ``resource_id`` names. The request's fingerprint is a keyed HMAC: a bare hash of a body that
    holds a card number could be searched. Secret fields of a reply are stored encrypted.
    """

    STARTED = "started"
    FINISHED = "finished"

    merchant_id = models.UUIDField()
    environment = models.CharField(max_length=20)
    key = models.CharField(max_length=255)
    request_path = models.CharField(max_length=200)
    request_fingerprint = models.CharField(max_length=64)
    api_key_id = models.UUIDField(null=True)
    recovery_point = models.CharField(
        max_length=20, default=STARTED, choices=[(STARTED, "Started"), (FINISHED, "Finished")]
    )
    locked_until = models.DateTimeField(null=True)
    resource_id = models.CharField(max_length=100, null=True)
    response_status = models.SmallIntegerField(null=True)
    response_body = models.TextField(null=True)
    response_secrets = models.BinaryField(null=True)
    created_at = models.DateTimeField(db_default=TransactionTime())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "payments_project"
        db_table = "idempotency_keys"
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["merchant_id", "environment", "key"], name="idempotency_keys_once"
            ),
            models.CheckConstraint(
                name="idempotency_keys_finished_has_reply",
                condition=models.Q(recovery_point="started", response_status__isnull=True)
                | models.Q(recovery_point="finished", response_status__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request_path} {self.key}"
