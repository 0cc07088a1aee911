"""The resolvers' loop: one silent gateway starves nobody, and no two runs of a job pile up."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from django_redis import get_redis_connection

from payments_project.jobs.outcomes import AnotherRun
from payments_project.single_run import single_run
from tests.api_client import Api
from transactions.gateways.calls import call_gateway
from transactions.gateways.interface import GatewayResult, Outcome
from transactions.models import Transaction
from transactions.services import ask_gateways as module
from transactions.services.ask_gateways import RUN_SECONDS_MAX, SILENT_MAX, Waiting, ask_gateways

JOB = "ask_in_a_test"
SILENT = GatewayResult(Outcome.UNKNOWN)
ANSWERED = GatewayResult(Outcome.ACCEPTED)


class Clock:
    """Time that passes when a gateway takes it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


@pytest.fixture
def payments(api: Api) -> Iterator[Callable[[str, int], list[UUID]]]:
    """Makes payments of a gateway, and gives them back to theirs at the end."""
    made: list[UUID] = []

    def make(gateway: str, count: int) -> list[UUID]:
        keys = [UUID(api.paid(amount=1000)["id"]) for _ in range(count)]
        Transaction.objects.filter(pk__in=keys).update(gateway_name=gateway)
        made.extend(keys)
        return keys

    yield make
    Transaction.objects.filter(pk__in=made).update(gateway_name="simulator")


def waiting(api: Api, ask: Callable[[UUID], bool]) -> Waiting:
    rows = Transaction.objects.filter(merchant_id=api.scope.merchant_id)
    return Waiting("payment", rows, "gateway_name", ask)


def asker(answers: dict[str, GatewayResult | None], asked: list[str], clock: Any = None) -> Any:
    """Asks each payment's gateway, which takes 30 seconds to say nothing."""

    def ask(key: UUID) -> bool:
        name = Transaction.objects.values_list("gateway_name", flat=True).get(pk=key)
        asked.append(name)
        if clock:
            clock.now += 30 if answers[name] is SILENT else 0.1
        return call_gateway(lambda: answers[name]).outcome is Outcome.SUCCEEDED

    return ask


def test_silent_gateway_is_left_after_three_calls_and_the_others_go_on(
    api: Api, payments: Any
) -> None:
    payments("silent", 8)
    payments("sound", 6)
    asked: list[str] = []
    answers = {"silent": SILENT, "sound": GatewayResult(Outcome.SUCCEEDED)}

    counts = ask_gateways(waiting(api, asker(answers, asked)), job=JOB, batch=500)

    assert Counter(asked) == {"silent": SILENT_MAX, "sound": 6}
    assert counts == {"asked": SILENT_MAX + 6, "settled": 6}


@pytest.mark.parametrize("answer", [GatewayResult(Outcome.UNAVAILABLE), None])
def test_gateway_that_is_down_or_breaks_its_adapter_is_left_too(
    api: Api, payments: Any, answer: GatewayResult | None
) -> None:
    payments("broken", 5)
    asked: list[str] = []

    counts = ask_gateways(waiting(api, asker({"broken": answer}, asked)), job=JOB, batch=500)

    assert counts == {"asked": SILENT_MAX, "settled": 0}


def test_gateway_that_answers_is_asked_about_everything_though_nothing_is_settled(
    api: Api, payments: Any
) -> None:
    payments("slow bank", 8)
    asked: list[str] = []

    ask_gateways(waiting(api, asker({"slow bank": ANSWERED}, asked)), job=JOB, batch=500)

    assert len(asked) == 8


def test_silence_is_counted_in_a_row(api: Api, payments: Any) -> None:
    payments("moody", 8)
    answers = iter([SILENT, SILENT, ANSWERED] * 3)

    counts = ask_gateways(
        waiting(api, lambda _key: bool(call_gateway(lambda: next(answers))) and False),
        job=JOB,
        batch=500,
    )

    assert counts["asked"] == 8


def test_each_gateway_has_a_batch_of_its_own(api: Api, payments: Any) -> None:
    payments("many", 6)
    payments("few", 2)
    asked: list[str] = []
    answers = {"many": ANSWERED, "few": ANSWERED}

    ask_gateways(waiting(api, asker(answers, asked)), job=JOB, batch=3)

    assert Counter(asked) == {"many": 3, "few": 2}


def test_rows_that_stay_open_do_not_hold_up_the_others_for_ever(api: Api, payments: Any) -> None:
    keys = payments("stuck", 6)
    last = max(keys)
    seen: set[UUID] = set()

    def ask(key: UUID) -> bool:
        seen.add(key)
        call_gateway(lambda: ANSWERED)
        return False

    for _ in range(100):
        ask_gateways(waiting(api, ask), job=JOB, batch=2)
        if last in seen:
            break

    assert last in seen


def test_gateway_that_takes_long_delays_no_other(api: Api, payments: Any, clock: Clock) -> None:
    payments("silent", 3)
    payments("also silent", 3)
    payments("sound", 10)
    asked: list[str] = []
    answers = {"silent": SILENT, "also silent": SILENT, "sound": ANSWERED}

    ask_gateways(waiting(api, asker(answers, asked, clock)), job=JOB, batch=500)

    assert Counter(asked)["sound"] == 10
    # By then each of the others had one call at most.
    last = len(asked) - 1 - asked[::-1].index("sound")
    assert Counter(asked[:last])["silent"] <= 1
    assert Counter(asked[:last])["also silent"] <= 1


def test_run_ends_within_its_time(api: Api, payments: Any, clock: Clock) -> None:
    names = [f"silent {number}" for number in range(8)]
    for name in names:
        payments(name, 2)
    asked: list[str] = []
    began = clock.now

    ask_gateways(
        waiting(api, asker(dict.fromkeys(names, SILENT), asked, clock)), job=JOB, batch=500
    )

    assert len(asked) == RUN_SECONDS_MAX / 30
    assert clock.now - began == RUN_SECONDS_MAX


def test_a_run_and_its_last_row_end_before_the_tasks_time_does() -> None:
    from payments_project.settings import base

    last_row = 2 * (base.GATEWAY_TIMEOUT_SECONDS + base.GATEWAY_LEASE_MARGIN_SECONDS)
    assert RUN_SECONDS_MAX + last_row < base.CELERY_TASK_TIME_LIMIT


def test_row_that_raises_is_logged_and_stops_nothing(
    api: Api, payments: Any, caplog: pytest.LogCaptureFixture
) -> None:
    broken, *_ = payments("sound", 5)

    def ask(key: UUID) -> bool:
        if key == broken:
            raise ValueError("this one")
        return True

    counts = ask_gateways(waiting(api, ask), job=JOB, batch=500)

    assert counts == {"asked": 5, "settled": 4}
    assert f"could not ask about payment {broken}" in caplog.messages


def test_second_run_of_a_job_asks_nothing_and_another_job_does(api: Api, payments: Any) -> None:
    payments("sound", 1)
    inner: list[dict[str, int]] = []

    def ask(_key: UUID) -> bool:
        again = waiting(api, lambda _key: True)
        with pytest.raises(AnotherRun):
            ask_gateways(again, job=JOB, batch=500)
        inner.append(ask_gateways(again, job=f"{JOB}_too", batch=500))
        return True

    ask_gateways(waiting(api, ask), job=JOB, batch=500)
    after = ask_gateways(waiting(api, lambda _key: True), job=JOB, batch=500)

    assert inner == [{"asked": 1, "settled": 1}]
    assert after == {"asked": 1, "settled": 1}


@pytest.mark.usefixtures("runs_at_once")
def test_job_runs_without_redis(api: Api, payments: Any, caplog: pytest.LogCaptureFixture) -> None:
    payments("sound", 1)

    counts = ask_gateways(waiting(api, lambda _key: True), job=JOB, batch=500)

    assert counts == {"asked": 1, "settled": 1}
    assert f"{JOB} runs without its lock: ConnectionError" in caplog.messages


def test_lock_of_a_run_that_was_killed_expires() -> None:
    client = get_redis_connection("default")
    with single_run(JOB, seconds=10) as keep:
        client.pexpire(f"single_run:{{{JOB}}}", 5)
        keep()
        assert 9000 < client.pttl(f"single_run:{{{JOB}}}") <= 10_000


def test_lock_that_was_lost_is_not_taken_from_the_next_run(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = get_redis_connection("default")
    with caplog.at_level(logging.WARNING), single_run(JOB, seconds=10) as keep:
        client.set(f"single_run:{{{JOB}}}", "another's")
        keep()

    assert client.get(f"single_run:{{{JOB}}}") == b"another's"
    client.delete(f"single_run:{{{JOB}}}")
