"""The prompt: history, completion, colours and marks of errors while typing, several lines with a backslash."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import ANSI, AnyFormattedText, StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import Lexer
from prompt_toolkit.styles import Style

from crmsh.completion import complete_line
from crmsh.language.errors import LanguageError
from crmsh.language.words import UnbalancedQuote, split_words
from crmsh.levels.framework import Leave, Session

STYLE = Style.from_dict(
    {
        "keyword": "ansiyellow",
        "name": "ansicyan",
        "value": "ansired",
        "score": "ansimagenta",
        "error": "underline ansired",
        "bottom-toolbar": "noreverse ansigray",
    }
)


class ShellCompleter(Completer):
    """Completes from the levels' tables and the grammar."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Candidates for the word before the cursor."""
        text = document.text_before_cursor
        words = split_words(text, partial=True)
        start = 0 if not words or text[-1:].isspace() else words[-1].start - len(text)
        for candidate in complete_line(self._session, text):
            yield Completion(candidate.text, start_position=start, display_meta=candidate.help[:60])


class ShellLexer(Lexer):
    """Colours configuration lines, and underlines the first word that cannot stand where it is."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def lex_document(self, document: Document) -> _LineLexer:
        """A function from line number to styled text."""
        return _LineLexer(self._session, document)


class _LineLexer:
    """The styled text of each line of one document."""

    def __init__(self, session: Session, document: Document) -> None:
        self._session = session
        self._lines = document.lines

    def __call__(self, number: int) -> StyleAndTextTuples:
        line = self._lines[number]
        try:
            words = split_words(line, partial=True)
        except UnbalancedQuote:
            return [("", line)]
        bad = self._bad_place(line) if len(self._lines) == 1 else None
        styled: StyleAndTextTuples = []
        at = 0
        for place, word in enumerate(words):
            styled.append(("", line[at : word.start]))
            style = "class:error" if bad is not None and word.start == bad else _style_of(word.text, place)
            styled.append((style, line[word.start : word.end]))
            at = word.end
        styled.append(("", line[at:]))
        return styled

    def _bad_place(self, line: str) -> int | None:
        """Where the line is wrong; a line that merely ends early is not (it is being typed)."""
        level = self._session.path[-1]
        head = line.split(maxsplit=1)[0] if line.strip() else ""
        if level.is_object is None or not level.is_object(head):
            return None
        from crmsh.language.parse import parse_line

        try:
            parse_line(line)
        except LanguageError as error:
            return error.start if 0 <= error.start < len(line.rstrip()) and line[-1:].isspace() else None
        return None


_KEYWORDS = frozenset(
    {"params", "meta", "op", "utilization", "operations", "rule", "attributes", "and", "or", "to", "select"}
)


def _style_of(text: str, place: int) -> str:
    if place == 0 or text.lower() in _KEYWORDS:
        return "class:keyword"
    if "=" in text:
        return "class:name"
    return "class:score" if text.endswith(":") else ""


def _history() -> History:
    """The history file in the user's cache directory; in memory where it cannot be written."""
    directory = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "crm"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / "history"
        path.touch(mode=0o600, exist_ok=True)
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))


def prompt_text(session: Session) -> str:
    """`crm(live/node1)configure# `, a star before the sign where changes are pending."""
    names = "/".join(level.name for level in session.path[1:])
    pending = "*" if session.has_copy and session.copy.changed else ""
    return f"crm({session.backend.name}/{os.uname().nodename}){names}{pending}# "


def _toolbar(session: Session, prompt: PromptSession[str]) -> AnyFormattedText:
    """What is wrong with the line, where the grammar can tell before Enter."""
    text = prompt.default_buffer.text
    level = session.path[-1]
    head = text.split(maxsplit=1)[0] if text.strip() else ""
    if level.is_object is None or not level.is_object(head) or not text[-1:].isspace():
        return ""
    from crmsh.language.parse import parse_line

    try:
        parse_line(text)
    except LanguageError as error:
        return str(error).partition(": ")[2][:200]
    return ""


def _bindings() -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.complete_state is not None and buffer.complete_state.current_completion is not None:
            buffer.complete_state = None
            return
        if buffer.document.current_line.rstrip().endswith("\\"):
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    return bindings


def run_prompt(session: Session) -> int:
    """Read and run commands until `quit` or Ctrl-D; returns the exit status."""
    dumb = os.environ.get("TERM") in (None, "", "dumb") or not sys.stdin.isatty()
    if dumb:
        return _run_plain(session)
    colours = session.colours
    prompt: PromptSession[str] = PromptSession(
        history=_history(),
        completer=ShellCompleter(session),
        complete_while_typing=False,
        enable_history_search=True,
        key_bindings=_bindings(),
        lexer=ShellLexer(session) if colours else None,
        style=STYLE if colours else None,
        multiline=True,
        prompt_continuation=lambda width, number, wrapped: "   > ",
    )
    prompt.bottom_toolbar = lambda: _toolbar(session, prompt) or None
    session.ask = lambda question: _ask(question)
    return _loop(session, lambda: prompt.prompt(_coloured_prompt(session, colours)))


def _ask(question: str) -> str:
    try:
        return input(question)
    except (EOFError, KeyboardInterrupt):
        return ""


def _coloured_prompt(session: Session, colours: bool) -> AnyFormattedText:
    text = prompt_text(session)
    return ANSI(f"\x1b[32m{text}\x1b[0m") if colours else text


def _run_plain(session: Session) -> int:
    """Without cursor movement: a plain line at a time."""
    session.ask = _ask
    return _loop(session, lambda: input(prompt_text(session)))


def _loop(session: Session, read: object) -> int:
    from crmsh.levels.dispatch import leave_all, run_line

    assert callable(read)
    while True:
        try:
            text = read()
        except KeyboardInterrupt:
            continue
        except EOFError:
            break
        lines = joined_lines(text)
        try:
            for line in lines:
                session.failed = False
                try:
                    run_line(session, line)
                except KeyboardInterrupt:
                    sys.stderr.write("\ninterrupted\n")
                    break
        except Leave:
            break
        sys.stderr.flush()
    leave_all(session)
    return 0


def joined_lines(text: str) -> list[str]:
    """The commands of what was typed or pasted: backslashes at line ends join lines."""
    from crmsh.levels.script import logical_lines

    return [line for _, line in logical_lines(text)]
