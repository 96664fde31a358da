"""The lab's power switch: a Unix socket to which the lab's fence agent says whom to cut off.

One line a request, `off node1`; the answer is `ok` after the power is off, or `error REASON`. The switch does one thing
at a time, and nothing for an agent whose node lost its power while it waited: of two nodes that fence each other at the
same instant one survives.
"""

import socket
import threading
from collections.abc import Callable
from pathlib import Path

ANSWER_S = 5
"""How long an agent may take to say what it wants, and to take the answer."""

ACTIONS = ("off", "on", "reboot", "status", "list")


class PowerSwitch:
    """Serves fence requests in a thread until it is closed."""

    def __init__(self, path: Path, perform: Callable[[str, str], str]) -> None:
        """`perform(action, node)` does it and returns a line to answer with; raises ValueError with the reason."""
        self._perform = perform
        self._busy = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        self._socket.listen(16)
        self._thread = threading.Thread(target=self._serve, name="power-switch", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with client:
            client.settimeout(ANSWER_S)
            try:
                action, _, node = client.makefile("r").readline().strip().partition(" ")
                if action not in ACTIONS:
                    raise ValueError(f"unknown action {action!r}")
                with self._busy:
                    if _is_gone(client):
                        return
                    reply = self._perform(action, node)
            except (OSError, ValueError) as error:
                reply = f"error {error}"
            try:
                client.sendall(f"{reply}\n".encode())
            except OSError:
                return

    def close(self) -> None:
        """Stop serving."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def _is_gone(client: socket.socket) -> bool:
    """Whether the agent at the other end has died."""
    client.setblocking(False)
    try:
        return client.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        client.settimeout(ANSWER_S)
