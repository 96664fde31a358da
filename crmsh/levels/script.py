"""Text with one command a line."""

from __future__ import annotations


def logical_lines(text: str) -> list[tuple[int, str]]:
    """Lines with their numbers; a backslash at the end continues a line. Empty lines are left out."""
    found: list[tuple[int, str]] = []
    held, number = "", 0
    for count, line in enumerate(text.splitlines(), 1):
        if not held:
            number = count
        if line.rstrip().endswith("\\"):
            held += line.rstrip()[:-1] + " "
            continue
        found.append((number, held + line))
        held = ""
    if held.strip():
        found.append((number, held))
    return [(number, line) for number, line in found if line.strip()]
