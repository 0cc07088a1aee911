"""The home page's parts. Apps register theirs; each is one or two queries that an index bounds.

What several parts need in the same way is asked for by yielding it, and answered for all of them
together: how many rows there are (``Counted``) and single values (``Told``) are one statement, what
ids are called (``Named``) another.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from payments_project.console import display
from payments_project.console.charts import AnyChart, drawn
from payments_project.console.names import attach_all_names
from payments_project.console.panels import Panel
from payments_project.tenancy import ENVIRONMENTS, LIVE

# Beyond this a number says "many", and counting on would cost more with every row.
COUNT_MAX = 500
# How many of an oldest-first queue stand on the page.
QUEUE_ROWS = 8
# Panels from this order on are no queues: they stand last.
LATEST = 60


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure with a word and a link; ``tone`` colours it when somebody should look.

    Those of a queue stand apart from the day's figures (``is_queue``).
    """

    label: str
    value: str
    hint: SafeString | str = ""
    icon: str = ""
    tone: str = ""
    url: str = ""
    order: int = 50
    is_queue: bool = True


def queue_tile(
    *,
    label: str,
    icon: str,
    count: int,
    hint: str,
    url: str,
    order: int,
    tone: str = display.AMBER,
) -> Tile:
    """The tile of a queue: how many wait (of ``Counted``), in ``tone`` when anybody does."""
    return Tile(
        label=label,
        icon=icon,
        value=count_words(count),
        hint=hint,
        tone=tone if count else "",
        url=url,
        order=order,
    )


HomePart = Tile | AnyChart | Panel


@dataclass(frozen=True, slots=True)
class Counted:
    """Asks how many rows each of the querysets has; answered with a list of numbers, each up to
    ``COUNT_MAX`` + 1, which stands for "more"."""

    rows: Sequence[QuerySet]


@dataclass(frozen=True, slots=True)
class Named:
    """Asks what the ids in ``columns`` of the rows are called, as ``attach_names`` sets it."""

    rows: Sequence[Model]
    columns: Sequence[str]


@dataclass(frozen=True, slots=True)
class Told:
    """Asks a statement without parameters that gives one value; answered with that value."""

    statement: str


Question = Counted | Told | Named
HomeParts = Generator[HomePart | Question, Any, None]
HomeMaker = Callable[[HttpRequest, str], HomeParts]

_makers: list[tuple[str, HomeMaker]] = []


def home_part(*, permission: str) -> Callable[[HomeMaker], HomeMaker]:
    """Registers parts of the home page for staff with ``permission``.

    The function is given the request and the environment that the page shows. It yields parts, and
    questions whose answers it is sent.
    """

    def register(make: HomeMaker) -> HomeMaker:
        _makers.append((permission, make))
        return make

    return register


def count_words(count: int) -> str:
    """A number of ``Counted`` for people."""
    return f"{COUNT_MAX}+" if count > COUNT_MAX else str(count)


def home_context(request: HttpRequest) -> dict[str, Any]:
    """What the home page's template shows."""
    asked = request.GET.get("environment")
    environment = asked if asked in ENVIRONMENTS else LIVE
    parts = _made(
        [
            make(request, environment)
            for permission, make in _makers
            if request.user.has_perm(permission)
        ]
    )
    parts.sort(key=lambda part: part.order)
    return {
        "environment_shown": environment,
        "environments": ENVIRONMENTS,
        "now": timezone.now(),
        "queue_tiles": [part for part in parts if isinstance(part, Tile) and part.is_queue],
        "day_tiles": [part for part in parts if isinstance(part, Tile) and not part.is_queue],
        "charts": [drawn(part) for part in parts if isinstance(part, AnyChart)],
        "queues": [part for part in parts if isinstance(part, Panel) and part.order < LATEST],
        "latest": [part for part in parts if isinstance(part, Panel) and part.order >= LATEST],
    }


def _made(makers: list[HomeParts]) -> list[HomePart]:
    """What the parts yield, their questions answered in rounds: all that stand open at once."""
    parts: list[HomePart] = []
    answered: list[tuple[HomeParts, Any]] = [(maker, None) for maker in makers]
    asked: list[tuple[HomeParts, Question]] = []
    while answered:
        for maker, answer in answered:
            question = _until_question(maker, answer, parts)
            if question is not None:
                asked.append((maker, question))
        answered = _answers(asked)
        served = [maker for maker, _ in answered]
        asked = [(maker, question) for maker, question in asked if maker not in served]
    return parts


def _until_question(maker: HomeParts, answer: Any, parts: list[HomePart]) -> Question | None:
    """Collects a maker's parts up to its next question; None at its end."""
    try:
        made = maker.send(answer)
        while not isinstance(made, Question):
            parts.append(made)
            made = next(maker)
        return made
    except StopIteration:
        return None


def _answers(asked: list[tuple[HomeParts, Question]]) -> list[tuple[HomeParts, Any]]:
    """Answers all that asked for numbers or values, or where none did all that asked for names;
    those who asked for names wait for the others', so that all names are looked up together."""
    named = [question for _, question in asked if isinstance(question, Named)]
    if len(named) == len(asked):
        attach_all_names([(question.rows, question.columns) for question in named])
        return [(maker, None) for maker, _ in asked]
    others = [(maker, question) for maker, question in asked if not isinstance(question, Named)]
    answers = iter(_ask([question for _, question in others]))
    return [(maker, next(answers)) for maker, _ in others]


def _ask(questions: list[Counted | Told]) -> list[Any]:
    """The answer of each, by one statement for them all."""
    statements: list[str] = []
    values: list[Any] = []
    for question in questions:
        if isinstance(question, Told):
            # What stands in it is no parameter.
            statements.append(f"({question.statement.replace('%', '%%')})")
            continue
        for rows in question.rows:
            statement, parameters = _counting(rows)
            statements.append(statement)
            values += parameters
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(statements)}", values)
        found = iter(cursor.fetchone())
    return [
        next(found) if isinstance(question, Told) else [next(found) for _ in question.rows]
        for question in questions
    ]


def _counting(rows: QuerySet) -> tuple[str, Sequence[Any]]:
    """A statement that counts the rows up to ``COUNT_MAX`` + 1, and its parameters."""
    limited = rows.order_by().values_list("pk")[: COUNT_MAX + 1]
    try:
        statement, parameters = limited.query.get_compiler(rows.db).as_sql()
    except EmptyResultSet:
        return "0", ()
    return f"(SELECT count(*) FROM ({statement}) AS rows)", parameters
