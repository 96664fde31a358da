"""Finding the command of a line and running it; what works at every level."""

from __future__ import annotations

from crmsh.backend import BackendError
from crmsh.language.errors import LanguageError, did_you_mean
from crmsh.language.words import UnbalancedQuote, Word, split_words
from crmsh.levels.framework import Command, CommandError, Leave, Level, Session, level_below

EVERYWHERE = ("help", "cd", "up", "back", "ls", "quit", "exit", "bye", "end", "?")
"""Commands of every level."""


def run_line(session: Session, line: str) -> bool:
    """Run one line at the session's level; errors are reported. Returns whether it succeeded."""
    try:
        _run(session, line)
    except Leave:
        raise
    except UnbalancedQuote as error:
        session.error(str(error), [f"  {line}", "  " + " " * error.column + "^"])
    except LanguageError as error:
        session.error(str(error), error.pointer())
    except CommandError as error:
        session.error(error.text, error.details)
    except BackendError as error:
        session.error(error.text, error.details)
    else:
        return True
    finally:
        session.out_stream.flush()
    return False


def _run(session: Session, line: str) -> None:
    text = line.strip()
    if not text:
        return
    level = session.path[-1]
    if text.startswith("#"):
        if level.enter_line is not None:
            level.enter_line(session, text)
        return
    words = split_words(line)
    _walk(session, line, words)


def _walk(session: Session, line: str, words: list[Word]) -> None:
    """Follow level names; the last word of a line that is one enters the level, what follows runs inside it."""
    entered: list[Level] = []
    path_before = list(session.path)
    try:
        stays = _follow(session, line, words, entered)
    except Leave:
        raise
    except Exception:
        # A line that failed leaves the session where it was, not in the levels that it named on its way.
        if session.path[: len(path_before)] == path_before:
            session.path[:] = path_before
        raise
    if stays:
        session.previous_path = path_before
    else:
        _return_to(session, path_before, entered)


def _follow(session: Session, line: str, words: list[Word], entered: list[Level]) -> bool:
    """Enter the levels that the words name and run what follows; returns whether the session stays inside."""
    for place, word in enumerate(words):
        level, name = session.path[-1], word.text
        if name in EVERYWHERE and not (level.is_object and level.is_object(name)):
            _everywhere(session, name, [word.text for word in words[place + 1 :]])
            return False
        if level.is_object is not None and level.is_object(name) and name not in level.commands:
            assert level.enter_line is not None
            level.enter_line(session, line[word.start :])
            return False
        full = _full_name(session, level, name)
        below = level_below(level, full)
        if below is None:
            _command(session, level.commands[full], level, [word.text for word in words[place + 1 :]])
            return False
        session.path.append(below)
        entered.append(below)
    return True


def _return_to(session: Session, path: list[Level], entered: list[Level]) -> None:
    """After a command inside levels that its own line entered: leave them again, innermost first."""
    if entered and session.path[: len(path)] == path:
        for level in reversed(entered):
            if level.on_leave is not None:
                level.on_leave(session)
        session.path[:] = path


def _command(session: Session, command: Command, level: Level, arguments: list[str]) -> None:
    if arguments and arguments[-1] in ("-h", "--help"):
        from crmsh.levels.help import command_help

        session.out(command_help(level, command))
        return
    if len(arguments) < command.minimum or (command.maximum is not None and len(arguments) > command.maximum):
        raise CommandError(f"{level.name}.{command.name}: wrong number of arguments: usage: {command.usage}")
    if session.has_copy:
        session.copy.forget_comments()
    command.run(session, arguments)
    if command.changes and session.wait and session.backend.live:
        from crmsh.levels.waiting import wait_until_idle

        wait_until_idle(session)


def _full_name(session: Session, level: Level, name: str) -> str:
    """The command or level that a name means: exact, an alias, the only beginning, the only subsequence."""
    aliases = {alias: command.name for command in level.commands.values() for alias in command.aliases}
    names = [*level.below, *level.commands]
    if name in names:
        return name
    if name in aliases:
        return aliases[name]
    for fits in (str.startswith, _is_subsequence):
        found = [known for known in names if fits(known, name) and not known.startswith("_")]
        if len(found) == 1:
            session.info(f'"{name}" is accepted as "{found[0]}"')
            return found[0]
    prefix = f"{level.name}." if level.name else ""
    known = [*names, *aliases, *EVERYWHERE]
    if level.is_object is not None:
        from crmsh.language.parse import OBJECT_WORDS

        known += OBJECT_WORDS
    raise CommandError(f"{prefix}{name}: No such command{did_you_mean(name, known)}")


def _is_subsequence(known: str, letters: str) -> bool:
    """`cfg` for configure: the letters in order, the first one the same."""
    rest = iter(known)
    return len(letters) > 1 and known[0] == letters[0] and all(letter in rest for letter in letters)


def _everywhere(session: Session, name: str, arguments: list[str]) -> None:
    match name:
        case "quit" | "exit" | "bye":
            raise Leave
        case "up" | "back" | "end":
            change_level(session, "..")
        case "cd":
            change_level(session, arguments[0] if arguments else "..")
        case "ls":
            level = session.path[-1]
            session.out("  ".join([*sorted(level.below), *sorted(level.commands)]))
        case _:
            from crmsh.levels.help import help_for

            session.out(help_for(session.path[-1], arguments))


def change_level(session: Session, path: str) -> None:
    """`cd`: `..`, `/`, names of levels, or a path of them. `-` goes where the session was before."""
    before = list(session.path)
    if path == "-":
        _move(session, session.previous_path or session.path[:1])
        session.previous_path = before
        return
    target = session.path[:1] if path.startswith("/") else list(session.path)
    for part in [part for part in path.split("/") if part]:
        if part == "..":
            target = target[:-1] if len(target) > 1 else target
            continue
        below = level_below(target[-1], part)
        if below is None:
            raise CommandError(f"there is no level '{part}' below here{did_you_mean(part, list(target[-1].below))}")
        target.append(below)
    _move(session, target)
    session.previous_path = before


def _move(session: Session, target: list[Level]) -> None:
    common = 0
    while common < min(len(target), len(session.path)) and target[common] is session.path[common]:
        common += 1
    for level in reversed(session.path[common:]):
        if level.on_leave is not None:
            level.on_leave(session)
    session.path[:] = target


def leave_all(session: Session) -> None:
    """At the end of the session: leave every level, so that changes are written or asked about."""
    try:
        _move(session, session.path[:1])
    except (CommandError, BackendError) as error:
        session.error(error.text, error.details)
    except LanguageError as error:
        session.error(str(error), error.pointer())
