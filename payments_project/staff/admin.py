"""Staff in the console: who may sign in, with which roles, and what they did."""

from dataclasses import replace
from functools import partial
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.db import models, transaction
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from payments_project.console import display
from payments_project.console.acts import act_view, offered
from payments_project.console.filters import CreatedFilter, flag_filter
from payments_project.console.names import attach_names, name_of
from payments_project.console.panels import Column, Panel, panel
from payments_project.console.presented import Cell
from payments_project.console.search import EMAIL, ID, TEXT
from payments_project.staff.admin_base import FastModelAdmin, Fieldsets, ReadOnlyAdmin
from payments_project.staff.audit import changed, record_audit
from payments_project.staff.audit_filter import AuditActionFilter
from payments_project.staff.models import AuditEntry, StaffUser
from payments_project.staff.rights import ASSIGN_ROLES, may_change, permission_names
from payments_project.staff.sign_in import sessions
from payments_project.staff.sign_in.acts import ACTS, PANEL
from payments_project.staff.sign_in.models import SecondFactor

admin.site.unregister(Group)

_AUDITED = ("username", "email", "first_name", "last_name", "is_active", "is_staff", "is_superuser")
# Rights that would let somebody make themselves more than they are.
_FOR_SUPERUSERS = ("is_superuser", "user_permissions")


def staff_snapshot(user: StaffUser) -> dict[str, Any]:
    """What the audit trail says of a member of staff."""
    return {name: getattr(user, name) for name in _AUDITED} | {
        "roles": sorted(user.groups.values_list("name", flat=True)),
        "permissions": sorted(user.user_permissions.values_list("codename", flat=True)),
    }


@admin.register(StaffUser)
class StaffUserAdmin(FastModelAdmin, UserAdmin):
    """Made, given roles and deactivated; never deleted, since the audit trail names them.

    Only a superuser gives or takes superuser rights and single permissions, or changes a superuser.
    Who may assign roles gives others any; they need not hold what they hand out, so that those who
    run accounts move no money. Others change nobody, password included, who holds a right that they
    lack, and hand out no such role; so every role of somebody whom they may change is among those
    that the form offers, and saving takes none away unseen. Nobody can lock themselves out, or
    change their own roles.
    """

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    acts = ACTS
    list_display = (
        "username", "full_name", "email", "roles", "is_active", "second_factor", "last_login",
    )  # fmt: skip
    export_fields = (
        "id", "username", "first_name", "last_name", "email", "is_active", "is_staff",
        "is_superuser", "last_login", "date_joined",
    )  # fmt: skip
    list_filter = (
        flag_filter("is_active", title="active"),
        flag_filter("is_superuser", title="superuser"),
    )
    ordering = ("-pk",)
    search_by = {ID: ("pk",), EMAIL: ("email",), TEXT: ("username",)}
    search_words = {TEXT: "user name"}
    search_by_scan = (EMAIL,)
    labels = {"is_active": "Active"}
    filter_horizontal = ()
    autocomplete_fields = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Access", {"fields": ("is_active", "is_staff", "groups")}),
        ("Beyond roles", {"fields": ("is_superuser", "user_permissions")}),
        ("Dates", {"fields": ("signed_in", "joined")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "email", "first_name", "last_name")}),
        ("Password", {"fields": ("password1", "password2")}),
        ("Access", {"fields": ("is_staff", "groups")}),
    )
    readonly_fields = ("signed_in", "joined")

    @admin.display(description="Name")
    def full_name(self, user: StaffUser) -> str:
        return user.get_full_name()

    @admin.display(description="Last signed in")
    def signed_in(self, user: StaffUser) -> Cell:
        return display.moment(user.last_login)

    @admin.display(description="Joined")
    def joined(self, user: StaffUser) -> Cell:
        return display.moment(user.date_joined)

    @admin.display(description="Roles")
    def roles(self, user: StaffUser) -> Cell:
        names = [group.name for group in user.groups.all()]
        if user.is_superuser:
            return display.badge("superuser", display.VIOLET)
        return ", ".join(names)

    @admin.display(description="Second factor")
    def second_factor(self, user: StaffUser) -> Cell:
        return display.boolean(user.is_enrolled)  # type: ignore[attr-defined]

    def complete(self, rows: list[StaffUser]) -> None:
        found = SecondFactor.objects.filter(user__in=rows).values_list("user_id", flat=True)
        enrolled = set(found)
        for user in rows:
            user.is_enrolled = user.pk in enrolled  # type: ignore[attr-defined]

    def get_urls(self) -> list[URLPattern]:
        acting = self.admin_site.admin_view(partial(act_view, self))
        act = path(
            "<str:object_id>/act/<slug:name>/", acting, name="payments_project_staffuser_act"
        )
        urls: list[URLPattern] = super().get_urls()
        return [act, *urls]

    def lay_out(
        self, request: HttpRequest, context: dict[str, Any], instance: models.Model
    ) -> None:
        buttons = offered(request, self.acts, instance)
        context["panels"] = [
            replace(panel, acts=buttons) if panel.title == PANEL else panel
            for panel in context["panels"]
        ]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[StaffUser]:
        return super().get_queryset(request).prefetch_related("groups")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = bool(super().has_change_permission(request, obj))
        return allowed and (obj is None or may_change(request.user, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        names: tuple[str, ...] = self.readonly_fields
        if not request.user.is_superuser:
            names += _FOR_SUPERUSERS
        if obj is not None and obj.pk == request.user.pk:
            # Nobody locks themselves out, or gives themselves more.
            names += ("is_active", "is_staff", "groups", "is_superuser", "user_permissions")
        return tuple(dict.fromkeys(names))

    def formfield_for_manytomany(
        self, db_field: models.ManyToManyField, request: HttpRequest, **kwargs: Any
    ) -> Any:
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        assigns = request.user.has_perm(ASSIGN_ROLES)
        if db_field.name == "groups" and not assigns and field is not None:
            own = request.user.get_all_permissions()
            grantable = [group.pk for group in Group.objects.all() if _permissions(group) <= own]
            field.queryset = Group.objects.filter(pk__in=grantable)
        return field

    def save_model(
        self, request: HttpRequest, obj: StaffUser, form: ModelForm, change: bool
    ) -> None:
        # The row as it is stored: the form has changed obj already.
        form.audit_before = (  # type: ignore[attr-defined]
            staff_snapshot(StaffUser.objects.get(pk=obj.pk)) if change else {}
        )
        super().save_model(request, obj, form, change)

    def save_related(
        self, request: HttpRequest, form: ModelForm, formsets: Any, change: bool
    ) -> None:
        super().save_related(request, form, formsets, change)
        user: StaffUser = form.instance
        before, after = changed(form.audit_before, staff_snapshot(user))  # type: ignore[attr-defined]
        if not change or after:
            action = "staff_user.changed" if change else "staff_user.created"
            record_audit(request=request, action=action, obj=user, before=before, after=after)
        if not (user.is_active and user.is_staff):
            sessions.end_sessions(user)

    def user_change_password(
        self,
        request: HttpRequest,
        id: str,
        form_url: str = "",
    ) -> HttpResponse:
        with transaction.atomic():
            before = StaffUser.objects.filter(pk=id).values_list("password", flat=True).first()
            response: HttpResponse = super().user_change_password(request, id, form_url)
            user = StaffUser.objects.filter(pk=id).first()
            if user is not None and user.password != before:
                record_audit(request=request, action="staff_user.password_set", obj=user)
                is_own = user.pk == request.user.pk
                sessions.end_sessions(user, but=request.session.session_key if is_own else None)
        return response


def _permissions(group: Group) -> set[str]:
    return permission_names(group.permissions.all())


@admin.register(Group)
class RoleAdmin(FastModelAdmin, GroupAdmin):
    """Roles are Django's groups; whoever may change one may give everybody in it more rights."""

    list_display = ("name", "members")
    export_fields = ("id", "name")
    search_by = {TEXT: ("name",)}
    search_words = {TEXT: "name"}
    filter_horizontal = ("permissions",)
    list_filter = ()

    @admin.display(description="Members")
    def members(self, group: Group) -> str:
        return str(len(group.user_set.all()))

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Group]:
        return super().get_queryset(request).prefetch_related("user_set")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def save_model(self, request: HttpRequest, obj: Group, form: ModelForm, change: bool) -> None:
        form.audit_before = _role_snapshot(obj) if change else {}  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def save_related(
        self, request: HttpRequest, form: ModelForm, formsets: Any, change: bool
    ) -> None:
        super().save_related(request, form, formsets, change)
        before, after = changed(form.audit_before, _role_snapshot(form.instance))  # type: ignore[attr-defined]
        if not change or after:
            action = "role.changed" if change else "role.created"
            record_audit(
                request=request, action=action, obj=form.instance, before=before, after=after
            )

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        with transaction.atomic():
            record_audit(
                request=request, action="role.deleted", obj=obj, before=_role_snapshot(obj)
            )
            super().delete_model(request, obj)


def _role_snapshot(group: Group) -> dict[str, Any]:
    stored = Group.objects.get(pk=group.pk)
    return {"name": stored.name, "permissions": sorted(_permissions(stored))}


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """The audit trail, newest first."""

    list_display = (
        "created_at",
        "staff_user",
        "action",
        "object_link",
        "reason",
        "merchant_id",
        "ip_address",
    )
    export_fields = (
        "id", "created_at", "staff_user", "staff_user_name", "action", "object_type", "object_id",
        "merchant_id", "reason", "ip_address", "before", "after",
    )  # fmt: skip
    list_filter = (AuditActionFilter, CreatedFilter)
    ordered_scopes = ("staff_user",)
    scope_branches = ("", ())
    small_scopes = ("object_id",)
    search_by = {ID: ("pk", "object_id", "staff_user_id")}
    labels = {
        "created_at": "Time",
        "staff_user": "Who",
        "merchant_id": "Merchant",
        "ip_address": "IP address",
        "user_agent": "Browser",
    }
    fieldsets: Fieldsets = (
        (
            "Act",
            {
                "fields": (
                    "created_at", "staff_user", "action", "object_link", "merchant_id", "reason",
                    "ip_address", "user_agent", "id",
                )
            },
        ),
        ("Before and after", {"fields": ("before", "after")}),
    )  # fmt: skip

    def headline(self, instance: AuditEntry) -> str:  # type: ignore[override]
        return instance.action

    @admin.display(description="Object")
    def object_link(self, entry: AuditEntry) -> SafeString:
        if not entry.object_id:
            return _list_link(entry.object_type)
        label = _LABELS.get(entry.object_type)
        text = f"{entry.object_type} …{entry.object_id[-8:]}"
        return display.object_link(label, entry.object_id, text) if label else display.code(text)


def _list_link(object_type: str) -> SafeString:
    """What an entry that concerns all of a list stands for."""
    for model in apps.get_models():
        if model._meta.model_name == object_type:
            words = f"all {model._meta.verbose_name_plural}"
            url = display.list_url(model._meta.label)
            return format_html('<a class="c-link" href="{}">{}</a>', url, words)
    return display.code(object_type)


# The trail names models without their apps.
_LABELS = {
    "staffuser": "payments_project.StaffUser",
    "group": "auth.Group",
    "approval": "payments_project.Approval",
    "approvallimit": "payments_project.ApprovalLimit",
    "merchant": "merchants.Merchant",
    "apikey": "merchants.ApiKey",
    "webhookendpoint": "merchants.WebhookEndpoint",
    "webhookdelivery": "merchants.WebhookDelivery",
    "deadletter": "payments_project.DeadLetter",
    "customer": "merchants.Customer",
    "transaction": "transactions.Transaction",
    "refund": "disputes.Refund",
    "dispute": "disputes.Dispute",
    "paymentmethod": "vault.PaymentMethod",
    "payout": "transactions.Payout",
    "payoutaccount": "transactions.PayoutAccount",
    "payoutexport": "transactions.PayoutExport",
    "balanceadjustment": "transactions.BalanceAdjustment",
}


@panel("payments_project.staffuser", permission="payments_project.view_auditentry")
def acts_panel(request: HttpRequest, user: StaffUser) -> Panel:
    """The newest acts of a member of staff, and what was done to the account."""
    rows = [
        [
            display.moment(entry.created_at),
            entry.action,
            display.code(f"{entry.object_type} …{entry.object_id[-8:]}"),
            entry.reason,
        ]
        for entry in AuditEntry.objects.filter(staff_user=user).order_by("-id")[:10]
    ]
    return Panel(
        title="Newest acts",
        icon="policy",
        columns=[Column("Time"), Column("Act"), Column("Object"), Column("Reason", is_text=True)],
        rows=rows,
        empty="No acts on record.",
        more_url=display.list_url("payments_project.auditentry", staff_user=user.pk),
        order=80,
    )


def _nobody(entry: AuditEntry) -> str:
    """Who acted where it was no member of staff: somebody outside has an address."""
    return "somebody" if entry.ip_address else "the system"


def done_to_panel(request: HttpRequest, instance: models.Model) -> Panel | None:
    """What staff did to an object, newest first; nothing where nobody did anything."""
    model = str(instance._meta.model_name)
    entries = AuditEntry.objects.filter(object_type=model, object_id=str(instance.pk))
    found = list(entries.order_by("-id")[:10])
    attach_names(found, ["staff_user_id"])
    if not found:
        return None
    return Panel(
        title="Done by staff",
        icon="policy",
        columns=[Column("Time"), Column("Act"), Column("Who"), Column("Reason", is_text=True)],
        rows=[
            [
                display.object_link(
                    "payments_project.AuditEntry", entry.pk, display.moment(entry.created_at)
                ),
                entry.action,
                name_of(entry, "staff_user_id") or _nobody(entry),
                entry.reason,
            ]
            for entry in found
        ],
        more_url=display.list_url("payments_project.auditentry", object_id=instance.pk),
        order=90,
    )


@panel("payments_project.staffuser", permission="payments_project.view_auditentry")
def done_to_account_panel(request: HttpRequest, user: StaffUser) -> Panel | None:
    """What happened to an account: sign-ins, failures, changes."""
    found = done_to_panel(request, user)
    return None if found is None else replace(found, title="Sign-ins and changes of the account")


panel("merchants.merchant", permission="payments_project.view_auditentry", tab="History")(
    done_to_panel
)
for _label in (
    "merchants.apikey",
    "merchants.customer",
    "transactions.transaction",
):
    panel(_label, permission="payments_project.view_auditentry")(done_to_panel)
