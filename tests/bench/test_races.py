"""The races bench can fail: with the guards taken away the same harness shows excess."""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings

from bench.environment import with_path
from tests.schema.rows import OWNER, connect, one
from tests.server import ROOT

RACES = ("refunds", "captures")


@pytest.mark.slow
def test_races_show_excess_without_guards_and_none_with_either_of_them() -> None:
    """As the owner, since no superuser need be known; the bench's database is gone afterwards."""
    name = settings.DATABASES["default"]["NAME"]
    urls = {key: with_path(os.environ[key], name) for key in ("DATABASE_URL", "DATABASE_OWNER_URL")}
    run = subprocess.run(
        [
            sys.executable, "-m", "bench", "races", "--rounds", "2", "--unguarded-rounds", "4",
            "--key-rounds", "1", "--workers", "1", "--threads", "8",
        ],
        cwd=ROOT,
        env=os.environ
        | urls
        | {
            "DJANGO_SETTINGS_MODULE": "payments_project.settings.local",
            "PAYMENTS_BENCH_SUPERUSER_URL": "",
        },
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip

    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout.splitlines()[-1])
    for race in RACES:
        excess = {
            guards: told["figures"][f"{race} with {guards}"]["excess_rounds"]
            for guards in ("lock and constraint", "lock only", "constraint only", "neither")
        }
        assert excess.pop("neither") >= 1
        assert set(excess.values()) == {0}
        assert told["bars"][f"{race}_in_excess_without_guards"]["holds"]
        assert told["bars"][f"{race}_rounds_with_another_count"] == {
            "value": 0,
            "bar": 0,
            "holds": True,
        }
    with connect(OWNER) as owner:
        left = "SELECT count(*) FROM pg_database WHERE datname = %s"
        assert one(owner, left, [f"{name}_bench_races"]) == 0
