"""Filters of lists under names: whose they are, who sees them, and what none of them can hold."""

from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from payments_project.console.models import SavedFilter
from payments_project.console.saved_filters import OWN_MAX
from payments_project.models import AuditEntry
from tests.console.test_pages import list_of

DISPUTES = "disputes.dispute"
VIEW = "disputes.view_dispute"
QUERY = {"status": "open", "amount_from": "500"}
# Parameters stand in the order of their names, so that one filter has one address.
STORED = "amount_from=500&status=open"


def new_of(label: str) -> str:
    return reverse(f"admin:{label.replace('.', '_')}_filter_new")


def page_of_filter(saved: SavedFilter) -> str:
    app, model = saved.list_label.split(".")
    return reverse(f"admin:{app}_{model}_filter", args=[saved.pk])


def save(client, name: str | None = None, *, label: str = DISPUTES, query=None, **fields: str):
    """Names a filter; it, as it is stored."""
    name = name or f"Filter {uuid4()}"
    answer = client.post(
        new_of(label), {"name": name, **fields}, query_params=QUERY if query is None else query
    )
    assert answer.status_code == 302, answer.content
    return SavedFilter.objects.get(owner=client.user.pk, list_label=label, name=name)


def names_on(client, label: str = DISPUTES) -> set[str]:
    return {link.name for link in client.get(list_of(label)).context["saved_filters"]}


def entries_of(saved: SavedFilter) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(object_id=str(saved.pk)).order_by("id"))


def test_a_named_filter_stands_above_its_list_as_a_link(staff_with):
    client = staff_with(VIEW)
    saved = save(client)
    assert saved.query == STORED
    page = client.get(list_of(DISPUTES), {**QUERY, "p": "x"})
    text = page.content.decode()
    assert f'href="{list_of(DISPUTES)}?{STORED.replace("&", "&amp;")}" aria-current="page"' in text
    assert page_of_filter(saved) in text
    (entry,) = entries_of(saved)
    assert (entry.action, entry.after["query"], entry.staff_user_id) == (
        "saved_filter.created", STORED, client.user.pk,
    )  # fmt: skip


def test_it_is_its_owners_until_it_is_shared(staff_with):
    owner, colleague = staff_with(VIEW), staff_with(VIEW)
    own, shared = save(owner), save(owner, is_shared="on")
    assert {own.name, shared.name} <= names_on(owner)
    seen = names_on(colleague)
    assert shared.name in seen
    assert own.name not in seen
    text = colleague.get(list_of(DISPUTES)).content.decode()
    assert f"Shared by {owner.user.username}" in text
    assert page_of_filter(shared) not in text


def test_only_its_owner_changes_or_deletes_it(staff_with, superuser):
    owner, colleague = staff_with(VIEW), staff_with(VIEW)
    saved = save(owner, is_shared="on")
    for other in (colleague, superuser):
        assert other.get(page_of_filter(saved)).status_code == 404
        assert other.post(page_of_filter(saved), {"name": "Mine"}).status_code == 404
        assert other.post(page_of_filter(saved), {"delete": "yes"}).status_code == 404
    renamed = f"Renamed {uuid4()}"
    assert owner.post(page_of_filter(saved), {"name": renamed}).status_code == 302
    kept = SavedFilter.objects.get(pk=saved.pk)
    assert (kept.name, kept.is_shared, kept.query) == (renamed, False, STORED)
    assert owner.post(page_of_filter(saved), {"delete": "yes"}).status_code == 302
    assert not SavedFilter.objects.filter(pk=saved.pk).exists()
    assert [(entry.action, entry.before.get("name"), entry.after) for entry in entries_of(saved)][
        1:
    ] == [
        ("saved_filter.changed", saved.name, {"name": renamed, "is_shared": False}),
        ("saved_filter.deleted", renamed, {}),
    ]


def test_without_the_right_to_the_list_there_are_no_filters_of_it(staff_with, superuser):
    shared = save(superuser, is_shared="on")
    outsider = staff_with("transactions.view_transaction")
    assert outsider.get(new_of(DISPUTES), QUERY).status_code == 403
    assert outsider.post(new_of(DISPUTES), {"name": "x"}, query_params=QUERY).status_code == 403
    assert outsider.get(page_of_filter(shared)).status_code == 403
    search = outsider.get("/admin/search/", {"s": shared.name, "extended": "1"})
    assert shared.name not in search.content.decode()


def test_the_search_of_all_pages_finds_filters_by_name(staff_with):
    client, colleague = staff_with(VIEW), staff_with(VIEW)
    saved = save(client, f"Old and large {uuid4()}")
    words = saved.name[4:30].upper()
    found = client.get("/admin/search/", {"s": words, "extended": "1"}).content.decode()
    assert saved.name in found
    assert f"{list_of(DISPUTES)}?{STORED}" in found.replace("&amp;", "&")
    assert saved.name not in colleague.get(
        "/admin/search/", {"s": words, "extended": "1"}
    ).content.decode()  # fmt: skip


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"p": "older.x"},
        {"status": ""},
        {"q": "4242424242424242"},
        {"q": "card 4242 4242 4242 4242"},
        {"amount_from": "4242424242424242"},
        {"q": "sk_live_" + "a" * 40},
        {"merchant__business_name": "x"},
        {"evidence": "x"},
        {"status": "a\0b"},
        {"status": "x" * 201},
        {"next": "https://example.org"},
    ],
)
def test_what_is_no_filter_of_the_list_is_not_stored(superuser, query):
    for answer in (
        superuser.get(new_of(DISPUTES), query),
        superuser.post(new_of(DISPUTES), {"name": "x"}, query_params=query),
    ):
        assert (answer.status_code, answer.headers["Location"]) == (302, list_of(DISPUTES))
    assert not SavedFilter.objects.filter(owner=superuser.user.pk).exists()


@pytest.mark.parametrize(
    "name", ["", " ", "x" * 61, "a\0b", "4242424242424242", "Card 4242 4242 4242 4242"]
)
def test_a_name_with_a_fault_is_asked_again(superuser, name):
    answer = superuser.post(new_of(DISPUTES), {"name": name}, query_params=QUERY)
    assert 'class="c-error"' in answer.content.decode()
    assert not SavedFilter.objects.filter(owner=superuser.user.pk).exists()


def test_a_name_stands_for_one_filter_of_a_list(superuser, staff_with):
    saved = save(superuser)
    again = superuser.post(new_of(DISPUTES), {"name": saved.name}, query_params={"status": "lost"})
    assert "a filter of that name already" in again.content.decode()
    other = save(superuser)
    renamed = superuser.post(page_of_filter(other), {"name": saved.name})
    assert "a filter of that name already" in renamed.content.decode()
    # Somebody else's, or another list's, may be called the same.
    save(staff_with(VIEW), saved.name)
    save(superuser, saved.name, label="disputes.refund", query={"status": "pending"})
    with pytest.raises(IntegrityError), transaction.atomic():
        SavedFilter.objects.create(
            owner_id=superuser.user.pk, list_label=DISPUTES, name=saved.name, query="status=won"
        )


def test_nobody_has_more_than_so_many_of_a_list(superuser):
    for _ in range(OWN_MAX):
        save(superuser)
    answer = superuser.post(new_of(DISPUTES), {"name": "One more"}, query_params=QUERY)
    assert f"You have {OWN_MAX} filters of this list" in answer.content.decode()


def test_a_name_with_markup_is_shown_as_text(superuser):
    save(superuser, "<script>alert(1)</script>")
    assert "<script>alert(1)" not in superuser.get(list_of(DISPUTES)).content.decode()
