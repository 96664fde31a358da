"""`crm_mon` live: the status is drawn again when something changed; nothing is polled."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from crmsh import exit_codes
from crmsh.backend import Backend

if TYPE_CHECKING:
    from crmd.client import WatchEvent
    from crmsh.status.live_parts import LiveParts

REDRAW_EVERY_S = 0.1
"""Changes that come in a burst are drawn together."""
Render = Callable[[bytes, "LiveParts | None"], str]


class LiveDocument:
    """The document as the watch keeps it: patches are applied, anything unfitting asks for it anew."""

    def __init__(self) -> None:
        self._document: Document | None = None
        self.advice: list[str] = []
        self.stale = True

    def take(self, event: WatchEvent) -> None:
        """Bring the document up to an event of the watch."""
        from cib.document import Document
        from cib.errors import CibError
        from cib.patch import Patch
        from crmd.messages import CibChanged, CibContent, ClusterState

        match event:
            case CibContent():
                self._document = Document.from_bytes(event.xml, "the CIB")
                self.stale = False
            case CibChanged():
                try:
                    if not event.patch or self._document is None:
                        self.stale = True
                    else:
                        self._document.apply(Patch.from_xml(event.patch))
                except CibError:
                    self.stale = True
            case ClusterState():
                self.advice = list(event.advice)

    def data(self, backend: Backend) -> bytes:
        """The document's text; read again when the patches did not lead on."""
        from cib.document import Document

        if self.stale or self._document is None:
            data = backend.read()
            self._document = Document.from_bytes(data, "the CIB")
            self.stale = False
            return data
        return self._document.to_compact_bytes()


def watch(backend: Backend, render: Render, out: TextIO) -> int:
    """Draw until q or Ctrl-C, or until the cluster on this node goes away."""
    from crmd.client import ClientError
    from crmsh.status.live_parts import LiveParts, fencing_views

    document = LiveDocument()
    lock = threading.Lock()
    changed = threading.Event()
    ended: list[ClientError] = []
    left = threading.Event()

    def follow() -> None:
        try:
            for event in backend.client().watch():
                with lock:
                    document.take(event)
                changed.set()
        except ClientError as error:
            ended.append(error)
            changed.set()

    def leave() -> None:
        left.set()
        changed.set()

    threading.Thread(target=follow, daemon=True).start()
    try:
        with _keys(leave):
            while True:
                changed.wait()
                if left.is_set():
                    return exit_codes.OK
                if ended:
                    sys.stderr.write(f"crm_mon: {ended[0].text}\n")
                    return ended[0].rc
                changed.clear()
                with lock:
                    data, advice = document.data(backend), list(document.advice)
                fencing = fencing_views(backend.client().fence_history())
                _draw(render(data, LiveParts(advice, fencing)), out)
                left.wait(REDRAW_EVERY_S)
    except KeyboardInterrupt:
        return exit_codes.OK
    except ClientError as error:
        sys.stderr.write(f"crm_mon: {error.text}\n")
        return error.rc


@contextmanager
def _keys(leave: Callable[[], None]) -> Iterator[None]:
    """While it lasts, q on the terminal calls `leave`, without a return key and without an echo."""
    if not sys.stdin.isatty():
        yield
        return
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)

    def read() -> None:
        while (key := os.read(terminal, 1)) and key not in (b"q", b"Q"):
            pass
        leave()

    tty.setcbreak(terminal)
    threading.Thread(target=read, daemon=True).start()
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _draw(text: str, out: TextIO) -> None:
    """On a terminal: in place of the old picture, cut to its height; elsewhere one picture after the other."""
    if not out.isatty():
        out.write(text + "\n")
        out.flush()
        return
    size = os.get_terminal_size(out.fileno())
    # Home and erase in one write with the picture: tabs would leave parts of the old one standing.
    out.write("\x1b[H\x1b[J" + "".join(f"{line}\n" for line in fitting(text.splitlines(), size.columns, size.lines)))
    out.flush()


def fitting(lines: list[str], columns: int, rows: int) -> list[str]:
    """The lines that fit on a terminal, on which long ones take several rows; with a last one that says what is cut."""
    room = rows - 1
    needed = [max(1, -(-len(_COLOUR.sub("", line).expandtabs(8)) // columns)) for line in lines]
    if sum(needed) <= room:
        return lines
    taken = count = 0
    while taken + needed[count] < room:
        taken += needed[count]
        count += 1
    return [*lines[:count], f"… {len(lines) - count} more lines: crm_mon -1 shows all"]


_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


if TYPE_CHECKING:
    from cib.document import Document
