"""Figures as these benches print them: the middle of several runs, how far they lie apart, and ratios."""

import os
import platform
import signal
import statistics
import sys
from collections.abc import Sequence

import msgspec


class Spread(msgspec.Struct, frozen=True):
    """Several measurements of one thing, in one unit."""

    median: float
    least: float
    most: float
    runs: int


def spread(values: Sequence[float]) -> Spread:
    """Summarise at least one measurement."""
    return Spread(statistics.median(values), min(values), max(values), len(values))


def cell(values: Sequence[float]) -> str:
    """`median (least … most)`, or a dash where nothing was measured."""
    if not values:
        return "-"
    one = spread(values)
    return f"{_short(one.median)} ({_short(one.least)} … {_short(one.most)})"


def ratio(measure: Sequence[float], what: Sequence[float]) -> str:
    """How many times the median of `measure` goes into the median of `what`."""
    if not measure or not what:
        return "-"
    return f"{statistics.median(what) / statistics.median(measure):.2f} x"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows in aligned columns; the first row is the heading, the first column is on the left."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        first, *others = row
        cells = [first.ljust(widths[0])] + [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def machine() -> str:
    """What it was measured on, with the load that others made at that time."""
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"load {load:.1f}"
    )


def say(text: str) -> None:
    """A line for the person who waits."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def clean_up_on_sigterm() -> None:
    """SIGTERM ends a bench as Ctrl-C does, so that no node is left. Processes forked from this one just end."""
    mine = os.getpid()

    def interrupt(number: int, frame: object) -> None:
        if os.getpid() != mine:
            os._exit(128 + number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"
