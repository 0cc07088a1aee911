"""The page of jobs, and what the home page says of them."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from payments_project.console.home import Tile
from payments_project.schedule import SCHEDULE
from tests.payments_project.job_runs import (
    DAILY,
    OFTEN,
    all_succeeded,
    ended,
    forget_runs,
    succeeded_ago,
    task_of,
)

PAGE = "/admin/payments_project/scheduledjob/jobs/"


@pytest.fixture(autouse=True)
def _no_runs_yet() -> None:
    forget_runs()


def test_the_page_lists_every_entry_in_the_schedules_order(superuser: Client) -> None:
    ended(DAILY, "succeeded", "removed 4")
    succeeded_ago(OFTEN, timedelta(hours=1))

    page = superuser.get(PAGE)

    assert page.status_code == 200
    rows = page.context["panel"].rows
    assert len(rows) == len(SCHEDULE)
    for row, name in zip(rows, SCHEDULE, strict=True):
        assert name in row[0].replace("&#x27;", "'")
    found = dict(zip(SCHEDULE, rows, strict=True))
    assert found[DAILY][1] == "daily at 03:23 UTC"
    assert "succeeded" in found[DAILY][4]
    assert found[DAILY][5] == "removed 4"
    assert "late" in found[OFTEN][6]
    assert "late" not in found[DAILY][6]


def test_a_job_that_never_ran_is_listed_too(superuser: Client) -> None:
    rows = dict(zip(SCHEDULE, superuser.get(PAGE).context["panel"].rows, strict=True))

    assert "never ran" in rows[DAILY][4]
    assert "in " in rows[DAILY][8]


def test_the_page_has_a_right_of_its_own(staff_with: Any) -> None:
    assert staff_with("payments_project.view_event").get(PAGE).status_code == 403
    assert staff_with("payments_project.view_scheduledjob").get(PAGE).status_code == 200


def engines_tile(client: Client) -> Tile:
    tiles = client.get("/admin/").context["queue_tiles"]
    return next(tile for tile in tiles if tile.label == "Engines")


def test_the_home_page_says_which_jobs_fail_or_are_late(superuser: Client) -> None:
    task_of("fold balances").apply(throw=True)
    all_succeeded()
    ended(OFTEN, "failed")
    succeeded_ago(DAILY, timedelta(days=4))

    tile = engines_tile(superuser)

    assert "“sweep webhooks” fails" in tile.hint
    assert "“sweep files” is late" in tile.hint
    assert tile.url == PAGE

    ended(OFTEN, "succeeded")
    ended(DAILY, "succeeded")
    assert "sweep" not in engines_tile(superuser).hint


def test_a_jobs_page_shows_its_last_run(superuser: Client) -> None:
    ended(DAILY, "failed", "3 differences in 2 checks")

    page = superuser.get(f"/admin/payments_project/scheduledjob/{SCHEDULE[DAILY]['task']}/change/")

    text = page.content.decode()
    assert page.status_code == 200
    for words in ("sweep files", "failed", "3 differences in 2 checks", "500 ms"):
        assert words in text
