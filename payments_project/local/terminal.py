"""What a person sees: steps with the seconds they took, notes, tables and problems.

Colours and the moving line are for terminals; a pipe or a file gets one plain line per step.
``NO_COLOR`` and ``FORCE_COLOR`` are honoured.
"""

import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_TITLE_WIDTH = 22
_DETAIL_WIDTH = 44
_STYLE_CODE = re.compile(r"\x1b\[[0-9;]*m")


class Problem(Exception):
    """Something a person must know or do; shown without a traceback.

    ``hint`` says what to do about it, ``log`` shows the end of what a program wrote.
    """

    def __init__(self, message: str, *, hint: str = "", log: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.log = log


def styled(text: str, style: str) -> str:
    """``text`` in a style, where the output shows styles."""
    if not text or not _shows_styles():
        return text
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def say(text: str = "") -> None:
    """One line for the reader, at once."""
    print(f"  {text}" if text else "", flush=True)


def passing(text: str = "") -> None:
    """A line that the next one takes the place of; on terminals only, where a person waits."""
    if sys.stdout.isatty():
        print(f"\r\x1b[2K{f'  {text}' if text else ''}", end="", flush=True)


def note(text: str) -> None:
    """Something worth knowing that is no problem."""
    say(f"{styled('!', 'yellow')} {text}")


def show_problem(problem: Problem) -> None:
    """What went wrong, the end of the log that tells why, and what to do."""
    stream = sys.stderr
    print(f"\n  {styled('✗', 'red')} {styled(str(problem), 'bold')}", file=stream)
    for line in problem.log.rstrip().splitlines():
        print(f"    {styled('│', 'dim')} {line}", file=stream)
    for line in problem.hint.splitlines():
        print(f"    {line}", file=stream)
    print(file=stream, flush=True)


class Step:
    """A piece of work under way; ``detail`` is shown beside its title and may change."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.detail = ""
        self.started = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Shows that a piece of work runs and, when it is done, how long it took."""
    current = Step(title)
    ended = threading.Event()
    painter = threading.Thread(target=_paint, args=(current, ended), daemon=True)
    moving = sys.stdout.isatty()
    if moving:
        painter.start()
    mark = styled("✗", "red")
    try:
        yield current
        mark = styled("✓", "green")
    finally:
        ended.set()
        if moving:
            painter.join()
            sys.stdout.write("\r\x1b[2K")
        print(_line(mark, current), flush=True)


def table(rows: Sequence[Sequence[str]], *, indent: str = "  ") -> None:
    """Rows in columns as wide as their widest cell."""
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        ]
        print(f"{indent}{'  '.join(cells)}".rstrip(), flush=True)


def seconds_text(seconds: float) -> str:
    """``0.3 s``, ``12.4 s``, ``2 min 05 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02} s"


def _paint(current: Step, ended: threading.Event) -> None:
    frame = 0
    while not ended.wait(0.1):
        frame += 1
        width = shutil.get_terminal_size().columns
        mark = styled(_FRAMES[frame % len(_FRAMES)], "cyan")
        sys.stdout.write(f"\r\x1b[2K{_line(mark, current, width_max=width)}")
        sys.stdout.flush()


def _line(mark: str, current: Step, *, width_max: int = 1_000) -> str:
    detail_width = min(_DETAIL_WIDTH, max(8, width_max - _TITLE_WIDTH - 18))
    detail = current.detail
    if len(detail) > detail_width and width_max < 1_000:
        detail = f"{detail[: detail_width - 1]}…"
    time_taken = styled(f"{seconds_text(current.seconds):>8}", "dim")
    title = current.title.ljust(_TITLE_WIDTH)
    return f"  {mark} {title} {styled(detail.ljust(detail_width), 'dim')} {time_taken}"


def _width(text: str) -> int:
    return len(_STYLE_CODE.sub("", text))


def _shows_styles() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()
