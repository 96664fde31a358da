"""Command line options by a table: quick to import, bundled short options, values attached or separate.

Rules of the classic tools: `-LS` is `-L -S`; a value may follow attached (`-d5s`), as the next word or with `=`; an
option whose value is optional takes it attached or with `=` only; `--` ends the options.
"""

from __future__ import annotations

from ipc.version import VERSION

VERSION_LINE = f"Pacemaker 3.0.2 (Pacekeeper {VERSION})\n"
"""What `--version` of every tool prints: the release whose options and texts they follow, and ours."""

REQUIRED, OPTIONAL, NONE = "required", "optional", "none"


class UsageError(Exception):
    """A command line that the table does not allow."""


class Option:
    """One option: its names (`-n`, `--name`), whether it takes a value, and its help."""

    __slots__ = ("help", "key", "metavar", "names", "section", "value")

    def __init__(
        self, key: str, names: tuple[str, ...], text: str = "", value: str = NONE, metavar: str = "", section: str = ""
    ) -> None:
        self.key, self.names, self.help = key, names, text
        self.value, self.metavar, self.section = value, metavar, section


class Parsed:
    """What was given: pairs in order, and the words that are no options."""

    __slots__ = ("given", "words")

    def __init__(self) -> None:
        self.given: list[tuple[str, str]] = []
        self.words: list[str] = []

    def has(self, key: str) -> bool:
        """True where the option was given."""
        return any(name == key for name, _ in self.given)

    def get(self, key: str, default: str = "") -> str:
        """The last value of the option."""
        return next((value for name, value in reversed(self.given) if name == key), default)

    def all(self, key: str) -> list[str]:
        """All values of the option."""
        return [value for name, value in self.given if name == key]

    def count(self, key: str) -> int:
        """How often it was given."""
        return len(self.all(key))


def parse(options: tuple[Option, ...], arguments: list[str]) -> Parsed:
    """Read a command line. Raises UsageError."""
    by_name = {name: option for option in options for name in option.names}
    parsed = Parsed()
    at = 0
    while at < len(arguments):
        word = arguments[at]
        at += 1
        if word == "--":
            parsed.words += arguments[at:]
            break
        if word.startswith("--"):
            at = _long(word, by_name, arguments, at, parsed)
        elif word.startswith("-") and len(word) > 1:
            at = _short(word, by_name, arguments, at, parsed)
        else:
            parsed.words.append(word)
    return parsed


def _long(word: str, by_name: dict[str, Option], arguments: list[str], at: int, parsed: Parsed) -> int:
    name, equals, value = word.partition("=")
    option = by_name.get(name)
    if option is None:
        raise UsageError(f"Unknown option {name}{_suggest(name, by_name)}")
    if equals and option.value == NONE:
        raise UsageError(f"Option {name} does not take a value")
    if option.value == REQUIRED and not equals:
        if at >= len(arguments):
            raise UsageError(f"Missing argument for {name}")
        value, at = arguments[at], at + 1
    parsed.given.append((option.key, value))
    return at


def _short(word: str, by_name: dict[str, Option], arguments: list[str], at: int, parsed: Parsed) -> int:
    place = 1
    while place < len(word):
        name = f"-{word[place]}"
        option = by_name.get(name)
        place += 1
        if option is None:
            raise UsageError(f"Unknown option {name}")
        if option.value == NONE:
            parsed.given.append((option.key, ""))
            continue
        value = word[place:].removeprefix("=")
        if not word[place:] and option.value == REQUIRED:
            if at >= len(arguments):
                raise UsageError(f"Missing argument for {name}")
            value, at = arguments[at], at + 1
        parsed.given.append((option.key, value))
        break
    return at


def _suggest(name: str, by_name: dict[str, Option]) -> str:
    from crmsh.language.errors import did_you_mean

    return did_you_mean(name, [known for known in by_name if known.startswith("--")])


def help_text(command: str, summary: str, options: tuple[Option, ...], usage: str = "[options]") -> str:
    """The text of --help."""
    lines = [f"{command} - {summary}", "", f"Usage: {command} {usage}", ""]
    section = None
    for option in options:
        if not option.help:
            continue
        if option.section != section:
            lines += ([""] if section is not None else []) + (
                [f"{option.section}:"] if option.section else ["Options:"]
            )
            section = option.section
        value = ""
        if option.value != NONE:
            metavar = option.metavar or "VALUE"
            value = f"={metavar}" if option.value == REQUIRED else f"[={metavar}]"
        names = ", ".join(option.names) + value
        lines.append(f"  {names:<34} {option.help}" if len(names) < 34 else f"  {names}\n{'':37}{option.help}")
    return "\n".join(lines) + "\n"
