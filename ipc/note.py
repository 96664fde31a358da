"""A note: what a core would log, as a value with fields."""

from typing import Literal

import msgspec

Level = Literal["debug", "info", "notice", "warning", "error", "critical"]


class Note(msgspec.Struct, frozen=True, tag=True):
    """An event with fields, for the log.

    `notice` and above are shown by default: what the cluster decided and why, and what a person must act on.
    `event` is a stable dotted name (`view.installed`), `text` one plain sentence, `fields` what a program wants.
    """

    level: Level
    event: str
    text: str
    fields: dict[str, str | int | bool] = {}


def render(note: Note) -> str:
    """One log line without time and process: sentence first, then the fields as key=value, in their order."""
    tail = " ".join(f"{key}={_quoted(value)}" for key, value in note.fields.items())
    return f"{note.level}: {note.text} [{note.event}{' ' + tail if tail else ''}]"


def _quoted(value: str | int | bool) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f'"{text}"' if " " in text or not text else text
