"""The transaction manager against real serialization failures and deadlocks, between threads."""

import threading
from collections.abc import Callable, Iterator
from uuid import UUID

import psycopg
import pytest
from django.db import DatabaseError, OperationalError, connection, transaction

from merchants.models import Customer
from payments_project.database.transaction_manager import (
    ATTEMPTS_MAX,
    payment_transaction,
    run_in_transaction,
    sqlstate,
)
from tests.merchants.making import MadeMerchant
from tests.schema.rows import APPLICATION, connect
from tests.threads import at_once

LEVELS = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]
SERIALIZATION_FAILURE, DEADLOCK, UNIQUE_VIOLATION = "40001", "40P01", "23505"
WAIT_SECONDS_MAX = 20


@pytest.fixture
def pair(merchant: MadeMerchant) -> list[UUID]:
    """Two rows that nobody else touches, each with a number that begins at one."""
    return [
        Customer.objects.create(
            merchant_id=merchant.id, environment="test", total_transactions=1
        ).pk
        for _ in range(2)
    ]


@pytest.fixture(autouse=True)
def _own_connection() -> Iterator[None]:
    yield
    connection.close()


def numbers(pair: list[UUID]) -> list[int]:
    found = dict(Customer.objects.filter(pk__in=pair).values_list("pk", "total_transactions"))
    return [found[identity] for identity in pair]


def add(identity: UUID, amount: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE customers SET total_transactions = total_transactions + %s WHERE id = %s",
            [amount, identity],
        )


def setting(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return str(cursor.fetchone()[0])


def fail_with(state: str) -> None:
    """PostgreSQL raises an error of this SQLSTATE, as the server itself would."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"DO $$ BEGIN RAISE EXCEPTION 'made to fail' USING ERRCODE = '{state}'; END $$"
        )


class Meeting:
    """Lets both threads reach a point in their first attempts; later attempts pass through."""

    def __init__(self) -> None:
        self._barrier = threading.Barrier(2, timeout=WAIT_SECONDS_MAX)
        self.attempts = [0, 0]

    def count(self, number: int) -> None:
        self.attempts[number] += 1

    def wait(self, number: int) -> None:
        if self.attempts[number] == 1:
            self._barrier.wait()


@pytest.mark.parametrize("isolation", LEVELS)
def test_work_runs_at_the_isolation_asked_for_and_no_longer(isolation: str) -> None:
    inside = run_in_transaction(
        lambda: setting("transaction_isolation"),
        isolation=isolation,  # type: ignore[arg-type]
    )

    assert inside == isolation.lower()
    assert setting("transaction_isolation") == "read committed"
    assert run_in_transaction(lambda: setting("transaction_isolation")) == "read committed"


def test_write_skew_is_run_again_and_sees_what_the_other_committed(pair: list[UUID]) -> None:
    """Each takes its own number away if the sum stays positive; both at once would make it 0."""
    meeting = Meeting()
    failures: list[str | None] = []

    def take(number: int) -> str:
        def work() -> str:
            meeting.count(number)
            total = sum(numbers(pair))
            meeting.wait(number)
            if total < 2:
                return "refused"
            try:
                add(pair[number], -1)
            except DatabaseError as error:
                failures.append(sqlstate(error))
                raise
            return "taken"

        return run_in_transaction(work, isolation="SERIALIZABLE")

    results = at_once(2, take)

    assert sorted(results) == ["refused", "taken"]
    assert sum(numbers(pair)) == 1
    # One was run again, more than once if the other had not committed yet; the failure came at
    # the update or at the commit.
    assert sum(meeting.attempts) >= 3
    assert set(failures) <= {SERIALIZATION_FAILURE}


def test_read_committed_lets_the_same_skew_through(pair: list[UUID]) -> None:
    """What the test before is worth: without SERIALIZABLE the rule is broken."""
    meeting = Meeting()

    def take(number: int) -> None:
        def work() -> None:
            meeting.count(number)
            total = sum(numbers(pair))
            meeting.wait(number)
            if total >= 2:
                add(pair[number], -1)

        run_in_transaction(work)

    at_once(2, take)

    assert sum(numbers(pair)) == 0


def test_deadlock_is_run_again_until_both_effects_stand(pair: list[UUID]) -> None:
    meeting = Meeting()

    def cross(number: int) -> None:
        first, second = pair if number == 0 else reversed(pair)

        def work() -> None:
            meeting.count(number)
            add(first, 10)
            meeting.wait(number)
            add(second, 100)

        run_in_transaction(work)

    at_once(2, cross)

    assert numbers(pair) == [111, 111]
    # More than three where the second run was faster than the thread that it had let through.
    assert sum(meeting.attempts) >= 3


@pytest.mark.parametrize("state", [SERIALIZATION_FAILURE, DEADLOCK])
@pytest.mark.parametrize("attempts", [1, 3, ATTEMPTS_MAX])
def test_attempts_are_bounded_and_the_last_failure_is_raised(
    pair: list[UUID], state: str, attempts: int
) -> None:
    made = 0

    def work() -> None:
        nonlocal made
        made += 1
        add(pair[0], 1)
        fail_with(state)

    with pytest.raises(DatabaseError) as caught:
        run_in_transaction(work, attempts=attempts)

    assert sqlstate(caught.value) == state
    assert made == attempts
    assert numbers(pair) == [1, 1]


def test_other_errors_are_raised_at_once_and_leave_nothing(pair: list[UUID]) -> None:
    made = 0

    def refused_by_the_database() -> None:
        nonlocal made
        made += 1
        add(pair[0], 1)
        fail_with(UNIQUE_VIOLATION)

    def refused_by_us() -> None:
        nonlocal made
        made += 1
        add(pair[1], 1)
        raise LookupError("ours")

    with pytest.raises(DatabaseError):
        run_in_transaction(refused_by_the_database)
    with pytest.raises(LookupError, match="ours"):
        run_in_transaction(refused_by_us, isolation="SERIALIZABLE")

    assert made == 2
    assert numbers(pair) == [1, 1]
    assert not connection.in_atomic_block


@pytest.mark.parametrize("begin", [transaction.atomic, payment_transaction])
def test_inside_another_transaction_it_is_refused(
    pair: list[UUID], begin: Callable[[], transaction.Atomic]
) -> None:
    with begin(), pytest.raises(RuntimeError, match="durable"):
        run_in_transaction(lambda: add(pair[0], 1))

    assert numbers(pair) == [1, 1]


def test_what_follows_the_commit_runs_once_after_a_retry(pair: list[UUID]) -> None:
    attempts: list[int] = []
    told: list[list[int]] = []

    def work() -> None:
        attempts.append(len(attempts))
        add(pair[0], 1)
        transaction.on_commit(lambda: told.append(numbers(pair)))
        if len(attempts) == 1:
            fail_with(SERIALIZATION_FAILURE)

    run_in_transaction(work)

    assert len(attempts) == 2
    assert told == [[2, 1]]


def test_committed_work_is_not_run_again_because_what_follows_it_fails(pair: list[UUID]) -> None:
    """Even with an error that is run again within the work: its effect is there already."""
    made = 0

    def work() -> None:
        nonlocal made
        made += 1
        add(pair[0], 1)
        transaction.on_commit(lambda: fail_with(SERIALIZATION_FAILURE))

    with pytest.raises(DatabaseError, match="made to fail"):
        run_in_transaction(work)

    assert made == 1
    assert numbers(pair) == [2, 1]


def test_lost_connection_is_not_run_again_and_another_takes_its_place(pair: list[UUID]) -> None:
    """Nobody can know whether a commit on a lost connection took place."""
    made = 0

    def work() -> None:
        nonlocal made
        made += 1
        add(pair[0], 1)
        process = connection.connection.info.backend_pid
        with connect(APPLICATION, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [process])
        add(pair[1], 1)

    with pytest.raises(OperationalError):
        run_in_transaction(work)
    assert made == 1
    assert numbers(pair) == [1, 1]

    run_in_transaction(lambda: add(pair[0], 1))

    assert numbers(pair) == [2, 1]


def test_a_commit_that_fails_is_run_again(pair: list[UUID]) -> None:
    """A deferred trigger fails the first commit, where no statement of ours is left to fail."""
    attempts = 0

    def work() -> str:
        nonlocal attempts
        attempts += 1
        add(pair[0], 1)
        if attempts == 1:
            with connection.cursor() as cursor:
                cursor.execute(
                    """
                    CREATE TEMP TABLE IF NOT EXISTS fails_at_commit (x int) ON COMMIT DROP;
                    CREATE FUNCTION pg_temp.fail() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN RAISE EXCEPTION 'late' USING ERRCODE = '40001'; END $$;
                    CREATE CONSTRAINT TRIGGER late AFTER INSERT ON fails_at_commit
                        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
                        EXECUTE FUNCTION pg_temp.fail();
                    INSERT INTO fails_at_commit VALUES (1);
                    """
                )
        return "done"

    assert run_in_transaction(work) == "done"
    assert attempts == 2
    assert numbers(pair) == [2, 1]


def test_the_server_itself_ends_waits_and_statements_that_last(pair: list[UUID]) -> None:
    """The limits are the connection's, so a bug of ours can't wait for ever; a waiter hears 55P03."""
    assert setting("lock_timeout") != "0"
    assert setting("statement_timeout") != "0"
    assert setting("idle_in_transaction_session_timeout") != "0"

    with connect(APPLICATION) as other:
        other.execute("SELECT 1 FROM customers WHERE id = %s FOR UPDATE", [pair[0]])

        def work() -> None:
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '50ms'")
            add(pair[0], 1)

        with pytest.raises(DatabaseError) as caught:
            run_in_transaction(work)

    assert sqlstate(caught.value) == "55P03"
    assert isinstance(caught.value.__cause__, psycopg.errors.LockNotAvailable)
    assert numbers(pair) == [1, 1]
