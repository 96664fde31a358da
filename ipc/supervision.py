"""What the supervisor (`heartbeat`) and its children tell each other over the heartbeat socket.

A child connects and sends `Attach` first. A connection's end is the sign that the other side died. `lrmd` needs only
these types; what crmd gets in addition is in heartbeat.messages.
"""

from typing import Literal

import msgspec

ProcessName = Literal["crmd", "lrmd"]


class Attach(msgspec.Struct, frozen=True, tag=True):
    """Child to supervisor, first message of a connection: who is calling."""

    process: ProcessName
    pid: int


class ViewState(msgspec.Struct, frozen=True, tag=True):
    """Supervisor to lrmd at once after Attach and at each change: the installed view, 0 when outside any view.

    lrmd refuses every order while `number` is 0, and orders whose stamp is older than the newest it has seen.
    """

    number: int
    generation: int


class ExecutorState(msgspec.Struct, frozen=True, tag=True):
    """lrmd to supervisor after Attach and at each change: whether anything is active or in flight here.

    A restarted heartbeat joins only when `empty` is true or `settled` is true (leftovers are known and will be
    probed).
    """

    empty: bool
    settled: bool


class StopEverything(msgspec.Struct, frozen=True, tag=True):
    """Supervisor to lrmd: the node leaves in good order; stop what is left in reverse order of start, then exit."""

    reason: str


SupervisorToChild = ViewState | StopEverything
ChildToSupervisor = Attach | ExecutorState
