"""`crm`: the cluster's shell; one command, a file or standard input of commands, or the prompt."""

from __future__ import annotations

import sys

from crmsh.backend import open_backend
from crmsh.levels.framework import Leave, Session
from crmsh.options import REQUIRED, Option, UsageError, help_text, parse

OPTIONS = (
    Option("file", ("-f", "--file"), "read commands from FILE (- is standard input)", REQUIRED, "FILE"),
    Option("cib", ("-c", "--cib"), "start in the shadow CIB NAME", REQUIRED, "NAME"),
    Option("display", ("-D", "--display"), "plain, color, color-always or uppercase", REQUIRED, "STYLE"),
    Option("force", ("-F", "--force"), "answer yes to everything, commit in spite of errors"),
    Option("no", ("-n", "--no"), "answer no to everything"),
    Option("wait", ("-w", "--wait"), "wait for the cluster after each command that changes something"),
    Option("history", ("-H", "--history"), "", REQUIRED, "FILE"),
    Option("debug", ("-d", "--debug"), "show the place in the program of an unexpected error"),
    Option("regression", ("-R", "--regression-tests"), ""),
    Option("option", ("-o", "--opt"), "set a preference", REQUIRED, "NAME=VALUE"),
    Option("compgen", ("--compgen",), "print completions of LINE", REQUIRED, "LINE"),
    Option("version", ("--version",), "print the version"),
    Option("help", ("-h", "--help"), "this text"),
)
DISPLAYS = ("plain", "color", "color-always", "uppercase")


def main(argv: list[str] | None = None) -> int:
    """Run the shell; returns 0 when all went well, 1 when a command failed, 2 for a wrong command line."""
    arguments = sys.argv[1:] if argv is None else argv
    own, words = _split(arguments)
    try:
        given = parse(OPTIONS, own)
    except UsageError as error:
        sys.stderr.write(f"crm: {error}\n")
        return 2
    if given.has("help"):
        sys.stdout.write(help_text("crm", "the cluster's shell", OPTIONS, "[options] [level] [command] [arguments]"))
        return 0
    if given.has("version"):
        sys.stdout.write("crm 0.1.0 (Pacekeeper)\n")
        return 0
    display = given.get("display")
    if display and display not in DISPLAYS:
        sys.stderr.write(f"crm: unknown display '{display}': expected {', '.join(DISPLAYS)}\n")
        return 2
    session = Session(
        open_backend(given.get("cib")),
        force=given.has("force"),
        decline=given.has("no"),
        wait=given.has("wait"),
        display=display,
    )
    from crmsh.levels.root import LEVEL as ROOT

    session.path = [ROOT]
    if given.has("compgen"):
        from crmsh.completion import complete_line

        sys.stdout.write("".join(f"{word.text}\n" for word in complete_line(session, given.get("compgen"))))
        return 0
    try:
        if given.has("file"):
            return _run_file(session, given.get("file"), words)
        if words:
            return _run_words(session, words)
        if not sys.stdin.isatty():
            return _run_stream(session, sys.stdin.read())
        return _run_prompt(session)
    except BrokenPipeError:
        return _broken_pipe()


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """The shell's own options, and the words of the command: from the first word that is no option."""
    with_value = {name for option in OPTIONS if option.value == REQUIRED for name in option.names}
    at = 0
    while at < len(arguments) and arguments[at].startswith("-") and len(arguments[at]) > 1:
        if arguments[at] == "--":
            return arguments[:at], arguments[at + 1 :]
        at += 2 if arguments[at] in with_value else 1
    return arguments[:at], arguments[at:]


def _run_words(session: Session, words: list[str]) -> int:
    """One command from the command line; the name of a level alone starts the prompt there."""
    from crmsh.language.words import quote
    from crmsh.levels.dispatch import leave_all, run_line

    depth = len(session.path)
    try:
        succeeded = run_line(session, " ".join(quote(word) for word in words))
        if succeeded and len(session.path) > depth:
            return _run_prompt(session) if sys.stdin.isatty() else _run_stream(session, sys.stdin.read())
        leave_all(session)
    except Leave:
        pass
    return 1 if session.failed or not succeeded else 0


def _run_file(session: Session, name: str, words: list[str]) -> int:
    from pathlib import Path

    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"ERROR: cannot read {name}: {error}\n")
        return 2
    if words:
        from crmsh.language.words import quote
        from crmsh.levels.dispatch import run_line

        if not run_line(session, " ".join(quote(word) for word in words)):
            return 1
    return _run_stream(session, text)


def _run_stream(session: Session, text: str) -> int:
    """Commands, one a line; a failed one does not stop the rest."""
    from crmsh.levels.dispatch import leave_all, run_line
    from crmsh.levels.script import logical_lines

    try:
        for number, line in logical_lines(text):
            session.line_number = number
            run_line(session, line)
        session.line_number = 0
    except Leave:
        pass
    leave_all(session)
    session.out_stream.flush()
    return 1 if session.failed else 0


def _run_prompt(session: Session) -> int:
    from crmsh.interactive import run_prompt

    session.interactive = True
    return run_prompt(session)


def _broken_pipe() -> int:
    """The reader of our output went away: say nothing, not even at the interpreter's end."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


if __name__ == "__main__":
    sys.exit(main())
