"""Whose payments are searched: a merchant by its id, its e-mail address or a part of its name."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import admin
from django.http import HttpRequest

from merchants.models import Merchant
from payments_project.console.search import EMAIL, ID, TEXT, Term, recognise

SEE_MERCHANTS = "merchants.view_merchant"
OFFERED_MAX = 10
TYPED_MAX = 255


@dataclass(frozen=True, slots=True)
class Chosen:
    """The merchant, or else what to choose from; ``problem`` says what is wrong with ``typed``."""

    typed: str
    merchant: Merchant | None = None
    offered: Sequence[Merchant] = ()
    problem: str = ""


def choose_merchant(request: HttpRequest, typed: str) -> Chosen:
    """The merchant that ``typed`` names, if it is one; the newest to choose from for nothing.

    Found as the list of merchants finds them, by those who may see that list; others give an id.
    """
    typed = typed.replace("\0", "").strip()[:TYPED_MAX]
    term = recognise(typed)
    if term is not None and term.kind == ID:
        found = Merchant.objects.filter(pk=term.value).first()
        return Chosen(typed, found, problem="" if found else "No merchant has this id.")
    if not request.user.has_perm(SEE_MERCHANTS):
        return Chosen(typed, problem="Give the merchant's id." if typed else "")
    if term is None:
        newest = [] if typed else list(Merchant.objects.order_by("-pk")[:OFFERED_MAX])
        return Chosen("", offered=newest, problem="That is no merchant's name." if typed else "")
    return _choose(typed, term)


def _choose(typed: str, term: Term) -> Chosen:
    model_admin = admin.site.get_model_admin(Merchant)
    # Whatever else it looks like: here it is a name.
    named = term if term.kind == EMAIL else Term(TEXT, typed)
    conditions = model_admin.find(named)  # type: ignore[attr-defined]
    newest = Merchant.objects.order_by("-pk").values("pk")[: model_admin.scan_rows_max]  # type: ignore[attr-defined]
    rows = Merchant.objects.filter(**conditions)
    if named.kind == TEXT:
        rows = rows.filter(pk__in=newest)
    found = list(rows.order_by("-pk")[: OFFERED_MAX + 1])
    if len(found) == 1:
        return Chosen(typed, found[0])
    if len(found) > OFFERED_MAX:
        problem = f"These are the newest {OFFERED_MAX}: type more of the name."
        return Chosen(typed, offered=found[:OFFERED_MAX], problem=problem)
    return Chosen(typed, offered=found, problem="" if found else "No merchant is called so.")
