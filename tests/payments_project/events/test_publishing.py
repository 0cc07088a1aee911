"""``./manage.py event_schemas``: writes what is missing, refuses what breaks readers."""

import json
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from payments_project.events.catalogue import event_versions
from payments_project.events.schemas import FOLDER

ROOT = Path(__file__).resolve().parents[3]
REFUND = "refund.created.v1.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of what is published."""
    return Path(shutil.copytree(ROOT / FOLDER, tmp_path / "events"))


def run(folder: Path, **options: Any) -> str:
    output = StringIO()
    call_command("event_schemas", folder=folder, stdout=output, **options)
    return output.getvalue()


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def change(folder: Path, name: str, **changes: Any) -> None:
    """Puts ``changes`` into the published schema of a refund's field, as if it had been so."""
    schema = json.loads((folder / REFUND).read_text())
    schema["properties"]["object"]["properties"][name] = changes
    (folder / REFUND).write_text(json.dumps(schema))


def test_published_files_are_those_of_the_catalogue() -> None:
    """Whoever changes an event type runs ``./manage.py event_schemas``."""
    assert run(ROOT / FOLDER, check=True) == "Every file is what the catalogue says.\n"


def test_readme_tells_every_type_with_its_version_and_when_it_happens() -> None:
    readme = (ROOT / FOLDER / "README.md").read_text()

    for item in event_versions():
        row = f"| `{item.name}` | [{item.version}]({item.name}.v{item.version}.json) | "
        assert f"{row}{item.description} |\n" in readme


def test_missing_and_older_files_are_written(folder: Path) -> None:
    published = contents(folder)
    (folder / "payout.paid.v1.json").unlink()
    # A reader of it knows no limit, and loses nothing by one.
    change(folder, "amount", type="integer")
    readme = folder / "README.md"
    readme.write_text(readme.read_text().replace("| `refund.failed` |", "| `refund.lost` |"))

    with pytest.raises(CommandError) as refusal:
        run(folder, check=True)
    names = ["README.md", "payout.paid.v1.json", REFUND]
    assert str(refusal.value).splitlines()[1:] == names
    assert refusal.value.returncode == 1
    assert run(folder).splitlines() == [*names, "3 written."]
    assert contents(folder) == published
    assert run(folder) == "0 written.\n"


def test_check_writes_nothing(folder: Path) -> None:
    (folder / REFUND).unlink()
    before = contents(folder)

    with pytest.raises(CommandError):
        run(folder, check=True)

    assert contents(folder) == before


def test_file_is_not_overwritten_with_what_breaks_its_readers(folder: Path) -> None:
    change(folder, "amount", type="integer", minimum=1)
    change(folder, "reason", type="string")
    # Nor is anything else written then.
    (folder / "payout.paid.v1.json").unlink()
    before = contents(folder)

    with pytest.raises(CommandError) as refusal:
        run(folder)

    assert str(refusal.value).splitlines()[1:] == [
        "refund.created.v1: data.object.amount: minimum fell from 1 to 0",
        "refund.created.v1: data.object.reason: was removed",
    ]
    assert contents(folder) == before


def test_file_of_a_type_that_is_gone_stays_and_is_told(folder: Path) -> None:
    gone = folder / "refund.lost.v1.json"
    shutil.copy(folder / REFUND, gone)

    with pytest.raises(CommandError, match=r"\nrefund\.lost\.v1\.json$"):
        run(folder, check=True)
    with pytest.raises(CommandError, match=r"\nrefund\.lost\.v1\.json: no type is registered"):
        run(folder)

    assert gone.is_file()


def test_readme_without_a_place_for_its_table_is_refused(folder: Path) -> None:
    (folder / "README.md").write_text("# Events\n")

    with pytest.raises(CommandError, match="lacks the two comments"):
        run(folder)
