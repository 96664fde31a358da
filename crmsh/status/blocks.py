"""The parts of a status text: titled blocks of nested items."""

from __future__ import annotations

import msgspec


class Item(msgspec.Struct):
    """A line with what belongs below it."""

    text: str
    below: list[Item] = []


class Block(msgspec.Struct):
    """A part of the status with its title."""

    title: str
    items: list[Item]
    always: bool = False
    """Show the title even without items."""


def when(seconds: int) -> str:
    """A time as people read it."""
    import time

    return time.strftime("%a %b %e %H:%M:%S %Y", time.localtime(seconds))


def item_lines(items: list[Item], depth: int) -> str:
    """The items as lines, each level two blanks further in."""
    out = []
    for item in items:
        if item.text:
            out.append(f"{'  ' * depth}* {item.text}\n")
        out.append(item_lines(item.below, depth + 1))
    return "".join(out)


def plural(number: int, noun: str) -> str:
    """`1 node`, `2 nodes`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
