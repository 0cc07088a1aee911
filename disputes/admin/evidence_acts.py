"""Evidence in the console: given and submitted for a merchant, and shown on request and on record."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from disputes import evidence as catalogue
from disputes import states
from disputes.admin.staff_acts import is_answerable
from disputes.api.bodies import UpdateDispute
from disputes.api.downloads import download
from disputes.evidence import FIELDS, FILE, EvidenceField, recommended_fields
from disputes.file_types import type_of
from disputes.models import EVIDENCE_FILE_BYTES_MAX, Dispute, DisputeEvidenceFile, EvidenceFile
from disputes.services.respond import respond_to_dispute
from disputes.services.upload_file import upload_file
from payments_project.api.bodies import contains_card_number, validate
from payments_project.console.acts import Act, ActForm, Done, Shown, staff_actor
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.errors import FieldError, InvalidInput, Unavailable
from payments_project.idempotency.replies import NoReplies
from payments_project.staff.audit import record_audit
from payments_project.tenancy import Scope
from transactions.services.update import UNCHANGED

REVEAL = "disputes.reveal_evidence"
ANSWER = "disputes.answer_dispute"
# Like a text field, and no part of the evidence.
_RESPONSE = "merchant_response"
_KEPT = "Given already; empty keeps it."


class EvidenceForm(ActForm):
    """Every field of the evidence, those that weigh for the dispute's reason first.

    What was given before is not shown here: it is personal data, and seeing it is an act of its own.
    """

    merchant_response = forms.CharField(
        required=False,
        max_length=5000,
        label="In the merchant's words",
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    remove = forms.MultipleChoiceField(
        required=False, label="Take away", widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        given = set(self.instance.evidence or {})
        weighty = recommended_fields(self.instance.reason_code)
        others = [field for field in FIELDS if field.name not in weighty]
        ordered = [*(catalogue.BY_NAME[name] for name in weighty), *others]
        for field in ordered:
            self.fields[field.name] = _form_field(
                field, is_given=field.name in given, weighs=field.name in weighty
            )
        if self.instance.merchant_response:
            self.fields[_RESPONSE].help_text = _KEPT
        removable: forms.MultipleChoiceField = self.fields["remove"]  # type: ignore[assignment]
        removable.choices = [(field.name, field.label) for field in FIELDS if field.name in given]
        if not given:
            del self.fields["remove"]
        self.order_fields([*(field.name for field in ordered), _RESPONSE, "remove", "reason"])
        if weighty:
            self.folded = [field.name for field in others]

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        texts = {
            field.name: _as_text(values[field.name])
            for field in FIELDS
            if field.kind != FILE and values.get(field.name)
        }
        body: dict[str, Any] = {"evidence": texts}
        if values.get(_RESPONSE):
            body[_RESPONSE] = values[_RESPONSE]
        try:
            checked = validate(UpdateDispute, body)
        except InvalidInput as refusal:
            for error in _errors_of(refusal):
                name = error.param.removeprefix("evidence.")
                self.add_error(name if name in self.fields else None, error.message)
            return values
        removed: dict[str, str | None] = dict.fromkeys(values.get("remove") or ())
        values["changes"] = removed | checked.changes()
        values["files"] = {
            field.name: values[field.name]
            for field in FIELDS
            if field.kind == FILE and values.get(field.name)
        }
        if not (values["changes"] or values["files"] or values.get(_RESPONSE)):
            raise forms.ValidationError("Nothing was given.")
        return values


def _form_field(field: EvidenceField, *, is_given: bool, weighs: bool) -> forms.Field:
    words = f"{field.asks} {_KEPT}" if is_given else field.asks
    label = f"{field.label} ★" if weighs else field.label
    options: dict[str, Any] = {"required": False, "label": label, "help_text": words}
    box = {"class": "c-input"}
    if field.kind == FILE:
        made: forms.Field = _EvidenceFileField(**options)
        made.widget.attrs |= box | {"accept": "application/pdf,image/png,image/jpeg"}
        return made
    if field.kind == catalogue.DAY:
        return forms.DateField(widget=forms.DateInput(attrs={"type": "date", **box}), **options)
    lines = {"rows": 3 if field.kind == catalogue.LONG_TEXT else 1}
    widget = forms.Textarea(attrs=lines | box)
    if field.kind != catalogue.LONG_TEXT:
        widget = forms.TextInput(attrs=box)  # type: ignore[assignment]
    return forms.CharField(max_length=field.length_max, widget=widget, **options)


class _EvidenceFileField(forms.FileField):
    """A PDF, PNG or JPEG of at most 5 MiB, as the API takes it."""

    def clean(self, data: Any, initial: Any = None) -> Any:
        file = super().clean(data, initial)
        if not file:
            return None
        if file.size > EVIDENCE_FILE_BYTES_MAX:
            raise forms.ValidationError("It is larger than 5 MiB.")
        if contains_card_number(file.name):
            raise forms.ValidationError("A card number stands in its name.")
        beginning = file.read(16)
        file.seek(0)
        if type_of(beginning) is None:
            raise forms.ValidationError("It is no PDF, PNG or JPEG.")
        return file


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else str(value.isoformat())


def _errors_of(refusal: InvalidInput) -> tuple[FieldError, ...]:
    return refusal.errors or (FieldError(refusal.param or "", refusal.code, refusal.message),)


def _give(request: HttpRequest, dispute: Dispute, values: Mapping[str, Any]) -> Done:
    changes: dict[str, str | None] = dict(values["changes"])
    scope = Scope(dispute.merchant_id, dispute.environment)
    for name, file in values["files"].items():
        kept = upload_file(
            scope=scope,
            filename=file.name,
            content=file.read(),
            actor=staff_actor(request),
            claim=None,
            replies=NoReplies(),
        )
        changes[name] = str(kept.pk)
    says = values.get(_RESPONSE)
    respond_to_dispute(
        scope=None,
        dispute_id=dispute.pk,
        changes=changes,
        merchant_response=says or UNCHANGED,
        submit=False,
        actor=staff_actor(request),
        claim=None,
        replies=NoReplies(),
        within=lambda locked: record_audit(
            request=request,
            action="dispute.answered",
            obj=locked,
            # What was said is personal; which fields were touched is enough to know what happened.
            after={"fields": sorted(changes) + ([_RESPONSE] if says else [])},
            reason=values["reason"],
        ),
    )
    return Done("The evidence is staged. Submit it when it is complete.")


def _submit(request: HttpRequest, dispute: Dispute, values: Mapping[str, Any]) -> Done:
    sent = respond_to_dispute(
        scope=None,
        dispute_id=dispute.pk,
        changes={},
        merchant_response=UNCHANGED,
        submit=True,
        actor=staff_actor(request),
        claim=None,
        replies=NoReplies(),
        within=lambda locked: record_audit(
            request=request,
            action="dispute.submitted",
            obj=locked,
            before={"status": locked.status},
            after={"fields": sorted(locked.evidence or {})},
            reason=values["reason"],
        ),
    )
    if sent.status == states.OPEN:
        return Done("The gateway has not answered yet; it is sent again until it has.")
    if not sent.is_at_gateway:
        return Done("It is under review. No gateway takes it: send it to the network yourself.")
    return Done("The evidence is submitted; the dispute is under review.")


def _show(request: HttpRequest, dispute: Dispute, values: Mapping[str, Any]) -> Shown:
    given = dispute.evidence or {}
    record_audit(
        request=request,
        action="dispute.evidence_revealed",
        obj=dispute,
        after={"shown": sorted(given)},
        reason=values["reason"],
    )
    facts: list[tuple[str, SafeString | str]] = [
        (field.label, file_link(dispute, field.name) if field.kind == FILE else given[field.name])
        for field in FIELDS
        if field.name in given
    ]
    if dispute.merchant_response:
        facts.append(("In the merchant's words", dispute.merchant_response))
    return Shown(
        title="The evidence",
        message="Personal data of the cardholder may stand here. Opening a file is recorded, too.",
        facts=facts,
    )


def file_link(dispute: Dispute, name: str) -> SafeString:
    """A link that opens the file of a field, with its name and size."""
    use = DisputeEvidenceFile.objects.select_related("file").filter(dispute=dispute, field=name)
    found = use.first()
    if found is None:
        return format_html("{}", "gone")
    url = reverse("admin:disputes_dispute_file", args=[dispute.pk, name])
    return format_html(
        '<a class="c-link" href="{}">{}</a> <span class="c-muted">{}</span>',
        url,
        found.file.filename,
        size_words(found.file),
    )


def size_words(file: EvidenceFile) -> str:
    """``PDF, 12 kB``."""
    kind = file.content_type.rpartition("/")[2].upper()
    return f"{kind}, {max(1, round(file.size / 1000))} kB"


def open_file(model_admin: Any, request: HttpRequest, object_id: str, field: str) -> HttpResponse:
    """``GET …/DISPUTE/evidence/FIELD/``: the file, and an entry in the audit trail."""
    dispute: Dispute | None = model_admin.get_object(request, object_id)
    if not model_admin.has_view_permission(request, dispute) or not request.user.has_perm(REVEAL):
        raise PermissionDenied
    use = (
        DisputeEvidenceFile.objects.select_related("file")
        .filter(dispute=dispute, field=field)
        .first()
        if dispute is not None
        else None
    )
    if dispute is None or use is None:
        raise Http404
    try:
        response = download(use.file)
    except Unavailable as refusal:
        return HttpResponse(refusal.message, status=503, content_type="text/plain")
    run_in_transaction(
        lambda: record_audit(
            request=request,
            action="dispute.file_opened",
            obj=dispute,
            after={"field": field, "file": str(use.file_id)},
            reason="opened in the console",
        )
    )
    return response


GIVE = Act(
    name="answer",
    title="Give evidence",
    icon="edit_note",
    permission=ANSWER,
    explanation="In the merchant's name. It is staged, not sent: what is given here is laid over "
    "what is there. ★ marks what weighs for this reason. No card numbers.",
    form=EvidenceForm,
    perform=_give,
    is_offered=is_answerable,
    in_transaction=False,
)
SUBMIT = Act(
    name="submit",
    title="Submit evidence",
    icon="send",
    permission=ANSWER,
    explanation="Sends everything that is staged to the gateway, once and for all. Nothing can be "
    "added afterwards.",
    perform=_submit,
    is_offered=lambda dispute: (
        is_answerable(dispute) and bool(dispute.evidence or dispute.merchant_response)
    ),
    is_dangerous=True,
    in_transaction=False,
)
SHOW = Act(
    name="evidence",
    title="Show evidence",
    icon="visibility",
    permission=REVEAL,
    explanation="Evidence holds personal data of the cardholder. Showing it to you is recorded in "
    "the audit trail, with your reason.",
    perform=_show,
    is_offered=lambda dispute: bool(dispute.evidence or dispute.merchant_response),
)
