"""The real prompt on a pseudo-terminal: completion, marks of errors, several lines, history, Ctrl-C and Ctrl-D."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pyte
import pytest

from crmsh import crm
from tests.unit.crmsh.samples import TWO_NODES

ROOT = str(Path(crm.__file__).parent.parent)
PROGRAM = f"import sys; sys.path.insert(0, {ROOT!r}); from crmsh.crm import main; sys.exit(main())"
WAIT_S = 20.0

pytestmark = pytest.mark.slow


class Terminal:
    """The shell with a screen that can be read."""

    def __init__(self, directory: Path, term: str = "xterm", columns: int = 90) -> None:
        self.cib = directory / "cib.xml"
        self.cib.write_text(TWO_NODES)
        self.screen = pyte.Screen(columns, 30)
        self._stream = pyte.Stream(self.screen)
        environment = {
            "CIB_file": str(self.cib),
            "HOME": str(directory),
            "TERM": term,
            "LC_ALL": "C.UTF-8",
            "PATH": "/usr/bin:/bin",
        }
        self.child: pexpect.spawn[str] = pexpect.spawn(
            sys.executable, ["-c", PROGRAM], env=environment, dimensions=(30, columns), encoding="utf-8", timeout=WAIT_S
        )

        # The terminal answers questions about the cursor, as a real one does.
        self.screen.write_process_input = self.child.send  # type: ignore[method-assign]

    def text(self) -> str:
        """What the screen shows."""
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def wait(self, shown: Callable[[str], bool]) -> str:
        """Read until the screen shows it."""
        deadline = time.monotonic() + WAIT_S
        while not shown(self.text()):
            assert time.monotonic() < deadline, self.text()
            try:
                self._stream.feed(self.child.read_nonblocking(65536, timeout=0.1))
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                assert shown(self.text()), self.text()
        return self.text()

    def type(self, keys: str, until: str) -> str:
        """Send keys and wait for a text on the screen."""
        self.child.send(keys)
        return self.wait(lambda text: until in text)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    terminal.wait(lambda text: text.endswith("#"))
    yield terminal
    terminal.child.close(force=True)


def test_a_whole_session_with_completion_several_lines_and_a_question_at_the_end(terminal: Terminal) -> None:
    terminal.type("confi\t", "# configure")
    terminal.type("\r", "configure#")
    terminal.type("primitive p IPaddr2 \\\r", "   >")
    terminal.type("ip=192.0.2.77\r", "configure*#")
    terminal.type("show p\r", "params ip=192.0.2.77")
    terminal.type("quit\r", "(y/n)")
    terminal.child.send("y\r")
    terminal.child.expect(pexpect.EOF)
    assert "192.0.2.77" in terminal.cib.read_text()


def test_changes_whose_commit_was_refused_are_asked_about_when_one_leaves(terminal: Terminal) -> None:
    terminal.type("configure\r", "configure#")
    terminal.type("location l nosuch 5: alpha\r", "configure*#")
    terminal.type("commit\r", "(y/n)")
    terminal.type("n\r", "put the errors right")
    terminal.type("quit\r", "changes pending")
    terminal.child.send("n\r")
    terminal.child.expect(pexpect.EOF)
    assert "nosuch" not in terminal.cib.read_text()


def test_what_is_wrong_is_said_while_the_line_is_typed(terminal: Terminal) -> None:
    terminal.type("configure\r", "configure#")
    terminal.type("colocation c db ", "'db' cannot stand here")
    terminal.type("\x03", "configure#")
    terminal.type("order o Mandatory: db \t\t", "site")


def test_ctrl_c_drops_the_line_and_ctrl_d_leaves(terminal: Terminal) -> None:
    terminal.type("frobnicate", "frobnicate")
    terminal.child.send("\x03")
    terminal.type("ls\r", "configure")
    terminal.child.send("\x04")
    terminal.child.expect(pexpect.EOF)


def test_an_earlier_command_comes_back_from_the_history(terminal: Terminal) -> None:
    terminal.type("resource locate vip\r", "running on: alpha")
    terminal.type("\x1b[A", "# resource locate vip")


def test_a_dumb_terminal_gets_plain_lines(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, term="dumb", columns=40)
    terminal.wait(lambda text: "#" in text)
    terminal.type("resource locate vip\r", "is running on")
    assert "\x1b" not in terminal.text()
    terminal.child.send("quit\r")
    terminal.child.expect(pexpect.EOF)
    terminal.child.close()
