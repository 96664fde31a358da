"""What a level and a command are, and the session that commands run in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, TextIO

from crmsh.backend import Backend

if TYPE_CHECKING:
    from crmsh.configuration.working_copy import WorkingCopy
    from crmsh.language.write import Style
    from crmsh.language.xml import Element


class CommandError(Exception):
    """A command that failed: what is wrong and how to put it right. `details` are further lines."""

    def __init__(self, text: str, details: tuple[str, ...] = (), rc: int = 1) -> None:
        super().__init__(text)
        self.text, self.details, self.rc = text, details, rc


class Leave(Exception):
    """`quit`: the shell ends."""


Run = Callable[["Session", list[str]], None]


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a level. `arguments` name what completes each argument; the last serves all later ones if `repeat`.

    Source of an argument: a key of `completion.SOURCES`, or literal words separated by `|`.
    """

    name: str
    run: Run
    usage: str
    summary: str
    aliases: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    repeat: bool = False
    minimum: int = 0
    maximum: int | None = None
    changes: bool = False
    """Whether it changes the cluster, so that -w waits for it."""
    example: str = ""


@dataclass(frozen=True, slots=True)
class Level:
    """A level: its commands, and the names of the levels below it with the modules that hold them."""

    name: str
    summary: str
    commands: dict[str, Command]
    below: dict[str, str] = field(default_factory=dict)
    on_leave: Callable[[Session], None] | None = None
    is_object: Callable[[str], bool] | None = None
    """True for a word that begins a line which the level takes in whole (configure's objects)."""
    enter_line: Callable[[Session, str], None] | None = None


def level_below(level: Level, name: str) -> Level | None:
    """The level of that name below this one; its module is imported now."""
    module = level.below.get(name)
    if module is None:
        return None
    found = import_module(module).LEVEL
    assert isinstance(found, Level)
    return found


def commands(*items: Command) -> dict[str, Command]:
    """A table by name."""
    return {item.name: item for item in items}


@dataclass(slots=True)
class Session:
    """One run of the shell: the CIB it works on, its options, its output, the working copy of the configuration."""

    backend: Backend
    force: bool = False
    decline: bool = False
    """-n: answer no to every question."""
    wait: bool = False
    display: str = ""
    """plain, color, color-always, uppercase; empty: colour on a terminal."""
    interactive: bool = False
    out_stream: TextIO = field(default_factory=lambda: sys.stdout)
    err_stream: TextIO = field(default_factory=lambda: sys.stderr)
    line_number: int = 0
    """Of the line in a file or on standard input; 0 otherwise."""
    failed: bool = False
    refused: str = ""
    """The text of a working copy whose commit was refused: leaving does not try it again."""
    preferences: dict[str, str] = field(default_factory=dict)
    path: list[Level] = field(default_factory=list)
    previous_path: list[Level] = field(default_factory=list)
    ask: Callable[[str], str] | None = None
    """Asks a person one question; None where nobody can answer."""
    _copy: WorkingCopy | None = None

    # --- output: answers on standard output, everything else on standard error

    def out(self, text: str) -> None:
        """An answer; a newline is added where it has none."""
        self.out_stream.write(text if text.endswith("\n") or not text else text + "\n")

    def say(self, level: str, text: str) -> None:
        """A message with its level, as `INFO: …`, with the line's number in batch mode."""
        number = f"{self.line_number}: " if self.line_number and level in ("ERROR", "WARNING") else ""
        self.err_stream.write(f"{self._coloured(level)}: {number}{text}\n")

    def info(self, text: str) -> None:
        """Something was done besides the answer."""
        self.say("INFO", text)

    def warning(self, text: str) -> None:
        """Something may not be meant."""
        self.say("WARNING", text)

    def error(self, text: str, details: tuple[str, ...] | list[str] = ()) -> None:
        """Something was refused; the session's status will say so."""
        self.failed = True
        self.say("ERROR", text)
        for line in details:
            self.err_stream.write(f"{line}\n")

    def _coloured(self, level: str) -> str:
        codes = {"ERROR": "31;1", "WARNING": "33;1", "INFO": "32;1"}
        if not self._colours(self.err_stream):
            return level
        return f"\x1b[{codes.get(level, '0')}m{level}\x1b[0m"

    def _colours(self, stream: TextIO) -> bool:
        import os

        if self.display in ("plain", "uppercase") or (os.environ.get("NO_COLOR") and self.display != "color-always"):
            return False
        return self.display == "color-always" or (stream.isatty() and os.environ.get("TERM") != "dumb")

    @property
    def colours(self) -> bool:
        """Whether answers are coloured."""
        return self._colours(self.out_stream)

    @property
    def style(self) -> Style:
        """How configuration text is marked."""
        from crmsh.language.write import COLOUR, PLAIN, UPPERCASE

        if self.display == "uppercase":
            return UPPERCASE
        return COLOUR if self.colours else PLAIN

    def confirm(self, question: str, default: bool = False) -> bool:
        """Ask for a yes. -F says yes, -n says no; where nobody can answer the answer is `default`."""
        if self.force or self.decline:
            return self.force
        if not self.interactive or self.ask is None:
            return default
        return self.ask(f"{question} (y/n) ").strip().lower() in ("y", "yes")

    # --- the CIB

    @property
    def copy(self) -> WorkingCopy:
        """The working copy of the configuration, read at the first use."""
        from crmsh.configuration.working_copy import WorkingCopy

        if self._copy is None:
            cib = self.read_cib()
            self._copy = WorkingCopy(cib, lambda resource: self._is_running(resource))
        return self._copy

    def _is_running(self, resource: str) -> bool:
        from crmsh.status.activity import active_nodes

        return bool(active_nodes(self.copy.base, resource))

    @property
    def has_copy(self) -> bool:
        """True once the configuration was read."""
        return self._copy is not None

    def drop_copy(self) -> None:
        """Forget the working copy; the next use reads again."""
        self._copy = None

    def read_cib(self) -> Element:
        """The document as it is now."""
        from crmsh.language.xml import MalformedXml, parse_xml

        try:
            return parse_xml(self.backend.read())
        except MalformedXml as error:
            raise CommandError(f"the CIB of {self.backend.name} is not well-formed: {error}") from None
