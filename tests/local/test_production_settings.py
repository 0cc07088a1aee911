"""What ``compose.yaml`` and ``./dev secrets`` give is what production asks for, name by name."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping

import pytest
import yaml

from payments_project.local.folder import ROOT

COMPOSE = (ROOT / "compose.yaml").read_text()
PRODUCTION = "payments_project.settings.production"
SECRETS = [
    "SECRET_KEY",
    "API_KEY_HASH_KEY",
    "REQUEST_FINGERPRINT_KEY",
    "CARD_FINGERPRINT_KEY",
    "CRYPTOGRAPHY_KEY",
    "SIMULATOR_SIGNING_KEY",
    "VAULT_KEYS",
    "PII_KEYS",
]
REQUIRED = [
    "ALLOWED_HOSTS", "PUBLIC_URL", "DATABASE_URL", "REDIS_URL", "EMAIL_URL", "EMAIL_FROM", *SECRETS,
]  # fmt: skip


def printed_secrets() -> dict[str, str]:
    command = [sys.executable, "-m", "payments_project.local", "secrets"]
    lines = subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


@pytest.fixture(scope="module")
def secrets() -> dict[str, str]:
    return printed_secrets()


def interpolated(text: str, values: Mapping[str, str]) -> str:
    """``${NAME:-default}`` and ``${NAME:?message}`` as Compose puts them in."""
    return re.sub(
        r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}",
        lambda found: values.get(found[1]) or found[2],
        text,
    )


@pytest.fixture(scope="module")
def environment(secrets: dict[str, str]) -> dict[str, str]:
    """The web container's, with the settings that its head names for production."""
    chosen = secrets | {"DJANGO_SETTINGS_MODULE": PRODUCTION, "PUBLIC_URL": "https://pay.example"}
    return dict(yaml.safe_load(interpolated(COMPOSE, chosen))["services"]["web"]["environment"])


def django(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command with this environment and nothing of ours."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        check=False,
        capture_output=True,
        text=True,
    )


def test_secrets_prints_every_value_that_compose_asks_for(secrets: dict[str, str]):
    asked_for = set(re.findall(r"\$\{(\w+):\?", COMPOSE))
    assert asked_for <= set(secrets)
    assert len(asked_for) == 12


def test_no_two_secrets_are_alike(secrets: dict[str, str]):
    values = [*secrets.values(), *printed_secrets().values()]
    random = [value for value in values if value != secrets["DJANGO_SETTINGS_MODULE"]]
    assert len(random) == len(set(random)) == 24


def test_production_starts_with_what_compose_gives_and_passes_the_deployment_check(
    environment: dict[str, str],
):
    checked = django(environment, "manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_setting_stops_the_start_with_its_name(environment: dict[str, str], name: str):
    rest = {other: value for other, value in environment.items() if other != name}
    stopped = django(rest, "-c", f"import {PRODUCTION}")
    assert stopped.returncode == 1
    assert stopped.stderr.splitlines()[-1].endswith(f"Set the {name} environment variable")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PUBLIC_URL", "", "PUBLIC_URL is set to nothing"),
        ("API_KEY_HASH_KEY", "  ", "API_KEY_HASH_KEY is set to nothing"),
        ("VAULT_KEYS", "2026-11:AAAA", "VAULT_KEYS has less than 32 characters"),
        ("SECRET_KEY", "changeme", "SECRET_KEY has less than 32 characters"),
        ("STAFF_SECOND_FACTOR", "optional", "STAFF_SECOND_FACTOR is required in production"),
        ("STAFF_SECOND_FACTOR", "", "STAFF_SECOND_FACTOR is neither required nor optional"),
        ("WEBHOOK_ALLOW_LOOPBACK", "true", "WEBHOOK_ALLOW_LOOPBACK is for an embedded start only"),
        ("WEBHOOK_DNS_SERVERS", "dns.example:53", "WEBHOOK_DNS_SERVERS: "),
        ("WEBHOOK_DNS_SERVERS", "192.0.2.53", "WEBHOOK_DNS_SERVERS: "),
        ("WEBHOOK_DNS_SERVERS", "192.0.2.53:0", "WEBHOOK_DNS_SERVERS: "),
    ],
)
def test_an_empty_or_weak_setting_stops_the_start_with_its_name(
    environment: dict[str, str], name: str, value: str, message: str
):
    stopped = django(environment | {name: value}, "-c", f"import {PRODUCTION}")
    assert stopped.returncode == 1
    assert message in stopped.stderr.splitlines()[-1]


def test_files_of_disputes_need_a_place(environment: dict[str, str]):
    rest = {name: value for name, value in environment.items() if name != "EVIDENCE_FOLDER"}
    stopped = django(rest, "-c", f"import {PRODUCTION}")
    assert stopped.returncode == 1
    assert "EVIDENCE_S3_BUCKET or EVIDENCE_FOLDER is not set" in stopped.stderr.splitlines()[-1]
    started = django(rest | {"EVIDENCE_S3_BUCKET": "evidence"}, "-c", f"import {PRODUCTION}")
    assert started.returncode == 0, started.stderr


def test_files_that_compose_and_the_image_name_are_there():
    services = yaml.safe_load(COMPOSE)["services"]
    mounted = [
        volume.split(":")[0]
        for service in services.values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    ]
    copied = re.findall(r"^COPY (?!--from)(\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert [name for name in (*mounted, *copied) if not (ROOT / name).exists()] == []


def test_the_image_has_every_app():
    copied = re.findall(r"^COPY (\w+) ", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    admitted = {
        line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines()
    }
    apps = {path.parent.name for path in ROOT.glob("*/apps.py")}
    assert apps <= set(copied)
    assert apps <= admitted


def test_static_files_can_be_gathered_as_the_image_does_it():
    settings = "--settings=payments_project.local.check_settings"
    gathered = django({}, "manage.py", "collectstatic", "--noinput", "--dry-run", settings)
    assert gathered.returncode == 0, gathered.stderr
    assert re.search(r"^\d{2,} static files copied", gathered.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("value", "starts"),
    [("", True), ('{"EUR": {"name": "Us", "iban": "DE89"}}', True), ("EUR", False), ("[]", False)],
)
def test_debtor_accounts_are_a_json_object(
    environment: dict[str, str], value: str, starts: bool
) -> None:
    done = django(environment | {"PAYOUT_DEBTORS": value}, "manage.py", "check")

    assert (done.returncode == 0) is starts, done.stderr
    assert starts or "PAYOUT_DEBTORS is no JSON object" in done.stderr
