"""Which role may do what, read from the console's registry: every list, page and act there is.

``python -m tests.console.access_matrix`` writes ``docs/access-matrix.md`` anew.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MARKDOWN = Path(__file__).parents[2] / "docs" / "access-matrix.md"


@dataclass(frozen=True, slots=True)
class Access:
    """Something that a member of staff may or may not do, and the rights that it takes."""

    model: str
    what: str
    permissions: frozenset[str]
    act: str = ""
    is_on_list: bool = False
    is_bulk: bool = False
    is_export: bool = False
    # The name of a page that is no model's.
    page: str = ""

    def is_granted(self, rights: frozenset[str]) -> bool:
        """Whether somebody with ``rights`` may do it."""
        return self.permissions <= rights


def every_access() -> Iterator[Access]:
    """Views and acts of every registered admin, in the order of the models' names, and the pages
    beside them that have a right of their own."""
    from django.conf import settings
    from django.contrib import admin

    from payments_project.console import export
    from payments_project.console.acts import acts_of

    registry = sorted(admin.site._registry.items(), key=lambda item: item[0]._meta.label)
    for model, model_admin in registry:
        options = model._meta
        label = options.label_lower
        view = f"{options.app_label}.view_{options.model_name}"
        yield Access(label, "see", frozenset({view}))
        if model_admin.export_fields:
            yield Access(label, "export", frozenset({view, export.PERMISSION}), is_export=True)
        for act in getattr(model_admin, "list_acts", ()):
            yield Access(
                label, act.title, frozenset({view, *_rights(act)}), act.name, is_on_list=True
            )
        for act in acts_of(model_admin) if hasattr(model_admin, "acts") else ():
            for permission in _rights(act):
                rights = frozenset({view, permission})
                yield Access(label, _title(act, permission), rights, act.name)
                if act.is_bulk:
                    title = f"{_title(act, permission)}, many at once"
                    yield Access(label, title, rights, act.name, is_bulk=True)
    for group in settings.CONSOLE_SIDEBAR:
        for title, _, page, *permission in group["items"]:
            if any(permission):
                yield Access(title.lower(), "see", frozenset(permission), page=page)


def _rights(act) -> list[str]:
    """What an act takes; of one whose right depends on its object, each that there is."""
    from payments_project.staff.approvals import approvables

    if isinstance(act.permission, str):
        return [act.permission]
    return sorted({known.permission for known in approvables().values()})


def _title(act, permission: str) -> str:
    if isinstance(act.permission, str):
        return act.title
    return f"{act.title} ({permission.partition('.')[2].replace('_', ' ')})"


def markdown() -> str:
    """``access-matrix.md``."""
    from payments_project.staff.roles import ROLES

    lines = [
        "# Who may do what in the console",
        "",
        "Written by `python -m tests.console.access_matrix` from the console's registry and the"
        " roles; do not edit. A test holds it, and what the server answers, against both.",
        "",
        f"| object | act | {' | '.join(ROLES)} |",
        f"|---|---|{'---|' * len(ROLES)}",
    ]
    for access in every_access():
        cells = ["yes" if access.is_granted(rights) else "" for rights in ROLES.values()]
        lines.append(f"| {access.model} | {access.what} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payments_project.local.check_settings")
    import django

    django.setup()
    from django.contrib.admin import autodiscover

    autodiscover()
    MARKDOWN.write_text(markdown())
