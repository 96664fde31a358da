"""The lab's power switch: a Unix socket to which the lab's fence agent says whom to cut off.

One line a request, `off node1`; the answer is `ok` after the power is off, or `error REASON`.
"""

import socket
import threading
from collections.abc import Callable
from pathlib import Path

ACTIONS = ("off", "on", "reboot", "status", "list")


class PowerSwitch:
    """Serves fence requests in a thread until it is closed."""

    def __init__(self, path: Path, perform: Callable[[str, str], str]) -> None:
        """`perform(action, node)` does it and returns a line to answer with; raises ValueError with the reason."""
        self._perform = perform
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
            client.settimeout(5)
            try:
                action, _, node = client.makefile("r").readline().strip().partition(" ")
                if action not in ACTIONS:
                    raise ValueError(f"unknown action {action!r}")
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
