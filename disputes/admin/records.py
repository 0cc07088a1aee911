"""The records behind disputes in the console: files, what gateways were asked, the simulator's side."""

from django.contrib import admin

from disputes import states
from disputes.models import DisputeOperation, EvidenceFile, SimulatorDispute
from payments_project.console import display
from payments_project.console.filters import CreatedFilter, choice_filter, environment_filter
from payments_project.console.presented import Cell
from payments_project.console.search import GATEWAY_ID, ID
from payments_project.staff.admin_base import Fieldsets, ReadOnlyAdmin


@admin.register(EvidenceFile)
class EvidenceFileAdmin(ReadOnlyAdmin):
    """Files for disputes; they are opened from the dispute's page, on record."""

    list_display = ("created_at", "filename", "content_type", "size", "merchant", "environment")
    export_fields = (
        "id", "created_at", "merchant", "merchant_name", "environment", "filename",
        "content_type", "size", "sha256", "stored_at", "removed_at",
    )  # fmt: skip
    list_filter = (environment_filter, CreatedFilter)
    ordered_scopes = ("merchant",)
    search_by = {ID: ("pk",)}
    codes = ("sha256", "storage_name")
    labels = {
        "created_at": "Uploaded",
        "filename": "Name",
        "content_type": "Type",
        "size": "Bytes",
        "sha256": "SHA-256",
        "storage_name": "Kept as",
        "stored_at": "Stored",
        "removed_at": "Removed",
    }
    fieldsets: Fieldsets = (
        ("File", {"fields": ("id", "filename", "content_type", "size", "sha256", "merchant")}),
        ("Course", {"fields": ("created_at", "stored_at", "removed_at", "storage_name", "used")}),
    )

    def headline(self, instance: EvidenceFile) -> Cell:  # type: ignore[override]
        return instance.filename

    @admin.display(description="Shown by")
    def used(self, file: EvidenceFile) -> Cell:
        use = file.uses.first()
        return display.object_link("disputes.Dispute", use.dispute_id) if use else "no dispute"


@admin.register(DisputeOperation)
class DisputeOperationAdmin(ReadOnlyAdmin):
    """Evidence and acceptances: intent and outcome."""

    list_display = ("created_at", "kind", "status", "of_dispute", "caused", "finished_at")
    export_fields = (
        "id", "created_at", "dispute", "kind", "status", "actor_kind", "actor_id", "finished_at",
        "failure_reason",
    )  # fmt: skip
    list_filter = (
        choice_filter("status", states.DISPUTE_OPERATION_STATES, indexed=(states.PENDING,)),
        CreatedFilter,
    )
    search_by = {ID: ("pk", "dispute_id")}
    small_scopes = ("dispute",)
    labels = {"created_at": "Time", "finished_at": "Finished", "failure_reason": "Failure"}
    fieldsets: Fieldsets = (
        ("Act", {"fields": ("id", "kind", "of_dispute", "caused")}),
        ("Course", {"fields": ("created_at", "finished_at", "failure_reason", "response")}),
    )

    def headline(self, instance: DisputeOperation) -> Cell:  # type: ignore[override]
        return instance.kind.replace("_", " ")

    @admin.display(description="Dispute")
    def of_dispute(self, operation: DisputeOperation) -> Cell:
        return display.object_link("disputes.Dispute", operation.dispute_id)

    @admin.display(description="By")
    def caused(self, operation: DisputeOperation) -> Cell:
        return display.actor(operation.actor_kind, operation.actor_id)


@admin.register(SimulatorDispute)
class SimulatorDisputeAdmin(ReadOnlyAdmin):
    """The simulator's side of disputes."""

    list_display = ("created_at", "gateway_id", "dispute_type", "status", "amount", "payment")
    export_fields = (
        "gateway_id", "created_at", "charge_id", "dispute_type", "reason", "amount", "status",
        "due_date", "updated_at",
    )  # fmt: skip
    list_filter = (CreatedFilter,)
    search_by = {GATEWAY_ID: ("gateway_id",)}
    badges = ("status", "dispute_type")
    codes = ("gateway_id",)
    labels = {"created_at": "Time", "dispute_type": "Type", "gateway_id": "Its id"}
    fieldsets: Fieldsets = (
        (
            "Dispute",
            {"fields": ("gateway_id", "payment", "dispute_type", "reason", "amount", "status")},
        ),
        ("Course", {"fields": ("created_at", "updated_at", "due_date", "submissions")}),
    )

    def headline(self, instance: SimulatorDispute) -> Cell:  # type: ignore[override]
        return instance.gateway_id

    @admin.display(description="Payment")
    def payment(self, dispute: SimulatorDispute) -> Cell:
        return display.object_link("transactions.Transaction", dispute.charge_id)
