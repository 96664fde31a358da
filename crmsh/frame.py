"""The frame around every tool: the options that all have, how a run ends, how errors are told, where output goes.

Agents call some of these tools inside monitors, so this imports only what reading a command line needs. The module of
XML output is loaded when XML is asked for.
"""

from __future__ import annotations

import sys
from errno import EDQUOT, EFBIG, EIO, ENOSPC

from crmsh.failure import Failure
from crmsh.options import REQUIRED, VERSION_LINE, Option, Parsed, UsageError, help_text, parse

TYPE_CHECKING = False  # typing itself is too slow to import here
if TYPE_CHECKING:
    from collections.abc import Callable

    from crmsh.envelope import Tag

OK, UNIMPLEMENTED, USAGE, CANNOT_CREATE, INTERRUPTED = 0, 3, 64, 73, 130
_FULL = (EDQUOT, EFBIG, EIO, ENOSPC)
"""What a write says where the answer does not fit, or the disk is broken."""
_GENERAL = "General"
COMMON = (
    Option("output-as", ("--output-as",), "", REQUIRED, "FORMAT", section=_GENERAL),
    Option("output-to", ("--output-to",), "write the answer to FILE (- is standard output)", REQUIRED, "FILE",
           section=_GENERAL),
    Option("verbose", ("-V", "--verbose"), "accepted; the log of the daemons has the details", section=_GENERAL),
    Option("version", ("-$", "--version"), "print the version", section=_GENERAL),
    Option("help", ("-?", "--help", "--help-all"), "this text", section=_GENERAL),
)  # fmt: skip
"""Options of every tool; a tool's own option of the same key is used in place of one of these."""


class Tool:
    """A tool: its name, what it is for, its options, and the formats of its answers (the first is the default)."""

    __slots__ = ("about", "formats", "name", "notes", "options", "refused", "summary", "usage", "words")

    def __init__(
        self,
        name: str,
        summary: str,
        options: tuple[Option, ...],
        *,
        usage: str = "[options]",
        formats: tuple[str, ...] = ("text", "xml"),
        words: bool = False,
        refused: dict[str, str] | None = None,
        notes: str = "",
        about: Callable[[], str] | None = None,
    ) -> None:
        own = {option.key for option in options}
        self.name, self.summary, self.usage, self.formats = name, summary, usage, formats
        self.options = (*options, *(_common(option, formats) for option in COMMON if option.key not in own))
        self.words = words
        """Whether words that are no options mean something to it."""
        self.refused = refused or {}
        """Options of the classic tool that this one does not have, with the sentence that says what to do."""
        self.notes = notes
        """What the help says after the options."""
        self.about = about
        """What `--version` says after the version."""


def _common(option: Option, formats: tuple[str, ...]) -> Option:
    if option.key != "output-as":
        return option
    listed = f"{', '.join(formats[:-1])} or {formats[-1]}" if formats[1:] else formats[0]
    return Option(option.key, option.names, f"form of the answer: {listed}", option.value, option.metavar,
                  option.section)  # fmt: skip


class Call:
    """One run of a tool: what was given, and the envelope that an answer in XML goes into."""

    __slots__ = ("_root", "arguments", "errors", "form", "given", "tool", "whole")

    def __init__(self, tool: Tool, arguments: list[str], given: Parsed) -> None:
        self.tool, self.arguments, self.given = tool, arguments, given
        self.form = given.get("output-as", tool.formats[0])
        self.errors: list[str] = []
        """Lines for the answer's list of errors, although the call did not fail."""
        self._root: Tag | None = None
        self.whole = False
        """Set by a tool that has written its XML with envelope and status itself."""

    @property
    def as_xml(self) -> bool:
        """True where the answer is to be XML."""
        return self.form == "xml"

    @property
    def request(self) -> str:
        """The command line, as the envelope shows it: words with blanks in quotes."""
        return " ".join([self.tool.name, *(_quoted(word) for word in self.arguments)])

    @property
    def root(self) -> Tag:
        """The envelope."""
        if self._root is None:
            from crmsh.envelope import envelope

            self._root = envelope(self.request)
        return self._root

    def write(self, text: str) -> None:
        """Text that is the answer as it is: in XML it becomes an element `output`."""
        if not self.as_xml:
            sys.stdout.write(text)
        elif text:
            self.root.add("output").raw = text

    def say(self, text: str) -> None:
        """A sentence for people: in XML only the status says that all went well."""
        if not self.as_xml:
            sys.stdout.write(text)

    def fail(self, rc: int, lines: tuple[str, ...]) -> int:
        """Tell an error: on standard error, in XML in the answer. Returns the exit code."""
        if not self.as_xml:
            sys.stderr.write("".join(f"{line}\n" for line in lines))
            return rc
        from crmsh.envelope import finish

        told = [part for line in (*self.errors, *lines) for part in line.splitlines()]
        sys.stdout.write(finish(self.root, rc, told))
        return rc


def _quoted(word: str) -> str:
    if word and not any(letter in word for letter in " \t\n'\"\\"):
        return word
    escaped = word.replace("'", "'\\''")
    return f"'{escaped}'"


def run(tool: Tool, argv: list[str] | None, body: Callable[[Call], int]) -> int:
    """Run a tool: `body` answers and returns the exit code, or raises UsageError, Failure or ClientError."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        given = parse(tool.options, arguments)
    except UsageError as error:
        sys.stderr.write(f"{tool.name}: {error}\n")
        return USAGE
    if given.has("help"):
        sys.stdout.write(help_text(tool.name, tool.summary, tool.options, tool.usage) + tool.notes)
        return OK
    if given.has("version"):
        sys.stdout.write(VERSION_LINE + (tool.about() if tool.about is not None else ""))
        return OK
    call = Call(tool, arguments, given)
    if call.form not in tool.formats:
        sys.stderr.write(f"{tool.name}: Unknown output format {call.form}: expected {', '.join(tool.formats)}\n")
        return USAGE
    target = given.get("output-to", "-")
    if target == "-":
        return _guarded(call, body)
    from contextlib import redirect_stdout

    try:
        with open(target, "w", encoding="utf-8") as file, redirect_stdout(file):
            return _guarded(call, body)
    except OSError as error:
        sys.stderr.write(f"{tool.name}: cannot write {target}: {error.strerror}\n")
        return CANNOT_CREATE


def _guarded(call: Call, body: Callable[[Call], int]) -> int:
    try:
        code = _carried_out(call, body)
        sys.stdout.flush()
    except BrokenPipeError:
        return _write_no_more(1)
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        if error.errno not in _FULL:
            raise
        sys.stderr.write(f"{call.tool.name}: cannot write the answer: {error.strerror}\n")
        return _write_no_more(CANNOT_CREATE)
    return code


def _carried_out(call: Call, body: Callable[[Call], int]) -> int:
    name, given = call.tool.name, call.given
    try:
        if given.words and not call.tool.words:
            count = len(given.words)
            listed = "\n".join(f"[{place} of {count}] {word}" for place, word in enumerate(given.words, 1))
            raise UsageError(f"non-option ARGV-elements:\n{listed}")
        for key, _ in given.given:
            if key in call.tool.refused:
                raise Failure(UNIMPLEMENTED, f"option --{key}: {call.tool.refused[key]}")
        code = body(call)
    except UsageError as error:
        return call.fail(USAGE, (f"{name}: {error}",))
    except Failure as error:
        return call.fail(error.rc, (f"{name}: {error.text}", *error.details))
    except Exception as error:
        from crmd.client_errors import ClientError

        if not isinstance(error, ClientError):
            raise
        return call.fail(error.rc, (f"{name}: {error.text}", *error.details))
    if call.as_xml and not call.whole:
        return call.fail(code, ())
    return code


def _write_no_more(code: int) -> int:
    """Nobody can have our output: nothing more is said about it, not even at the interpreter's end."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code
