"""What was asked of gateways, what they sent, and what the simulator holds on its side."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from payments_project.console import display
from payments_project.console.filters import (
    CreatedFilter,
    choice_filter,
    currency_filter,
    flag_filter,
)
from payments_project.console.panels import Column, Panel, panel
from payments_project.console.presented import Cell
from payments_project.console.search import GATEWAY_ID, ID, Conditions
from payments_project.staff.admin_base import Fieldsets, ReadOnlyAdmin
from transactions.admin.gateway_names import GATEWAY_NAMES
from transactions.gateways.simulator import gateway as simulator
from transactions.models import (
    GatewayCallback,
    GatewayOperation,
    SimulatorCallback,
    SimulatorCharge,
    SimulatorRefund,
    Transaction,
)

_CHARGE_STATES = (
    simulator.AUTHORIZED,
    simulator.CAPTURED,
    simulator.CONFIRMING,
    simulator.DECLINED,
    simulator.VOIDED,
)
_REFUND_STATES = ("pending", "succeeded", "failed", simulator.BARRED)


@admin.register(GatewayOperation)
class GatewayOperationAdmin(ReadOnlyAdmin):
    """Captures and voids: intent and outcome."""

    list_display = (
        "created_at",
        "kind",
        "amount",
        "status",
        "transaction",
        "cause",
        "actor",
        "finished_at",
        "environment",
    )
    export_fields = (
        "id", "created_at", "kind", "transaction", "amount", "currency", "status", "cause",
        "actor_kind", "actor_id", "finished_at",
    )  # fmt: skip
    export_currency = "transaction__currency"
    list_filter = (
        choice_filter(
            "status",
            (GatewayOperation.PENDING, GatewayOperation.SUCCEEDED, GatewayOperation.FAILED),
            indexed=(GatewayOperation.PENDING,),
        ),
        choice_filter("kind", (GatewayOperation.CAPTURE, GatewayOperation.VOID)),
        CreatedFilter,
    )
    small_scopes = ("transaction",)
    search_by = {ID: ("pk", "transaction_id")}
    money = ("amount",)
    labels = {"created_at": "Time", "transaction": "Payment", "finished_at": "Finished"}
    fieldsets: Fieldsets = (
        ("Operation", {"fields": ("id", "kind", "amount", "transaction", "cause", "actor")}),
        ("Course", {"fields": ("status", "created_at", "finished_at")}),
        ("The gateway's answer", {"fields": ("response",)}),
    )

    def complete(self, rows: list[Any]) -> None:
        payments = Transaction.objects.filter(pk__in={row.transaction_id for row in rows})
        known = {pk: rest for pk, *rest in payments.values_list("pk", "currency", "environment")}
        for row in rows:
            row.currency, row.of_environment = known.get(row.transaction_id, ("", ""))

    def currency_of(self, instance: GatewayOperation) -> str:  # type: ignore[override]
        known = getattr(instance, "currency", None)
        return str(known if known is not None else instance.transaction.currency)

    @admin.display(description="Env")
    def environment(self, operation: GatewayOperation) -> Cell:
        """The payment's."""
        known = getattr(operation, "of_environment", None)
        named = known if known is not None else operation.transaction.environment
        return display.environment_badge(named) if named else display.EMPTY

    def headline(self, instance: GatewayOperation) -> str:  # type: ignore[override]
        return instance.kind.capitalize()

    @admin.display(description="By")
    def actor(self, operation: GatewayOperation) -> Cell:
        return display.actor(operation.actor_kind, operation.actor_id)


def by_message_id(message_id: str) -> Conditions:
    """A callback by its gateway's own id; the index begins with the gateway's name."""
    return {"gateway_name__in": GATEWAY_NAMES, "message_id": message_id}


@admin.register(GatewayCallback)
class GatewayCallbackAdmin(ReadOnlyAdmin):
    """What gateways sent: kept once each, then applied."""

    list_display = (
        "received_at",
        "type",
        "gateway_name",
        "message_id",
        "processed_at",
        "outcome",
        "attempts",
    )
    export_fields = (
        "id", "received_at", "gateway_name", "message_id", "type", "processed_at", "outcome",
        "attempts", "next_attempt_at",
    )  # fmt: skip
    list_filter = (
        flag_filter("processed_at", title="state", words=("applied", "open")),
        choice_filter("gateway_name", GATEWAY_NAMES, title="gateway"),
        CreatedFilter,
    )
    search_by = {ID: ("pk",), GATEWAY_ID: (by_message_id,)}
    codes = ("message_id",)
    labels = {"received_at": "Received", "gateway_name": "Gateway", "processed_at": "Applied"}
    fieldsets: Fieldsets = (
        ("Message", {"fields": ("id", "gateway_name", "message_id", "type", "received_at")}),
        (
            "What became of it",
            {"fields": ("processed_at", "outcome", "attempts", "next_attempt_at")},
        ),
    )

    def headline(self, instance: GatewayCallback) -> str:  # type: ignore[override]
        return instance.type


@panel("transactions.gatewaycallback", permission="transactions.view_gatewaycallback")
def callback_panel(request: HttpRequest, callback: GatewayCallback) -> Panel:
    """What the gateway wrote."""
    return Panel(title="Message", icon="data_object", body=display.pretty_json(callback.payload))


@admin.register(SimulatorCharge)
class SimulatorChargeAdmin(ReadOnlyAdmin):
    """The simulator's side of payments; its reference is our payment's id."""

    list_display = (
        "created_at",
        "amount",
        "status",
        "gateway_id",
        "scenario",
        "captured_amount",
        "payment",
    )
    export_fields = (
        "reference", "created_at", "gateway_id", "amount", "currency", "captured_amount",
        "status", "scenario", "decline_code", "updated_at",
    )  # fmt: skip
    list_filter = (choice_filter("status", _CHARGE_STATES), currency_filter, CreatedFilter)
    search_by = {ID: ("pk",), GATEWAY_ID: ("gateway_id",)}
    money = ("amount", "captured_amount")
    codes = ("gateway_id",)
    labels = {"created_at": "Time", "captured_amount": "Captured"}

    def headline(self, instance: SimulatorCharge) -> str:  # type: ignore[override]
        return instance.gateway_id

    @admin.display(description="Payment")
    def payment(self, charge: SimulatorCharge) -> Cell:
        return display.object_link("transactions.Transaction", charge.reference)


@panel("transactions.simulatorcharge", permission="transactions.view_simulatorrefund")
def simulator_refunds_panel(request: HttpRequest, charge: SimulatorCharge) -> Panel:
    """Refunds that the simulator made of a charge."""
    rows = [
        [
            display.moment(refund.created_at),
            display.badge(refund.status),
            display.object_link(
                "transactions.SimulatorRefund", refund.pk, display.code(refund.gateway_id)
            ),
            display.money(refund.amount, charge.currency),
        ]
        for refund in SimulatorRefund.objects.filter(charge=charge).order_by("-pk")[:25]
    ]
    return Panel(
        title="Refunds at the simulator",
        icon="undo",
        columns=[
            Column("Time"),
            Column("Status"),
            Column("Gateway id"),
            Column("Amount", is_number=True),
        ],
        rows=rows,
    )


@admin.register(SimulatorRefund)
class SimulatorRefundAdmin(ReadOnlyAdmin):
    """The simulator's side of refunds; its reference is our refund's id."""

    list_display = ("created_at", "amount", "status", "gateway_id", "charge")
    export_fields = (
        "reference", "created_at", "gateway_id", "charge", "amount", "currency", "status",
        "updated_at",
    )  # fmt: skip
    export_currency = "charge__currency"
    list_filter = (choice_filter("status", _REFUND_STATES), CreatedFilter)
    small_scopes = ("charge",)
    search_by = {ID: ("pk", "charge_id"), GATEWAY_ID: ("gateway_id",)}
    money = ("amount",)
    codes = ("gateway_id",)
    labels = {"created_at": "Time"}

    def complete(self, rows: list[Any]) -> None:
        currencies = dict(
            SimulatorCharge.objects.filter(pk__in={row.charge_id for row in rows}).values_list(
                "pk", "currency"
            )
        )
        for row in rows:
            row.currency = currencies.get(row.charge_id, "")

    def currency_of(self, instance: SimulatorRefund) -> str:  # type: ignore[override]
        known = getattr(instance, "currency", None)
        return str(known if known is not None else instance.charge.currency)

    def headline(self, instance: SimulatorRefund) -> str:  # type: ignore[override]
        return instance.gateway_id


@admin.register(SimulatorCallback)
class SimulatorCallbackAdmin(ReadOnlyAdmin):
    """Callbacks that the simulator has sent or will send."""

    list_display = ("id", "due_at", "kind", "sent_at", "attempts")
    export_fields = ("id", "due_at", "sent_at", "attempts")
    list_filter = (flag_filter("sent_at", title="state", words=("sent", "waiting")),)
    fieldsets: Fieldsets = (
        (None, {"fields": ("id", "kind", "due_at", "sent_at", "attempts", "message")}),
    )
    labels = {"due_at": "Due", "sent_at": "Sent"}

    def headline(self, instance: SimulatorCallback) -> str:  # type: ignore[override]
        return str(self.kind(instance))

    @admin.display(description="Type")
    def kind(self, callback: SimulatorCallback) -> str:
        return str(callback.message.get("type", ""))
