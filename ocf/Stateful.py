"""Stateful: like Dummy, with promotion. It runs promoted or not, remembers which, and tells its promotion score."""

import sys
from collections.abc import Sequence

from ocf import agent
from ocf.agent import Action, Agent, Call, Exit, Parameter, fail
from ocf.promotion import delete_score, set_score
from ocf.state_file import read_state, state_path, write_state

_PROMOTED = "promoted"
_UNPROMOTED = "unpromoted"
_SCORES = {_PROMOTED: 10, _UNPROMOTED: 5}
"""The one that is promoted stays so as long as it can."""


def _state(call: Call) -> str | None:
    return read_state(state_path(call, "Stateful", "state"))


def _become(call: Call, role: str) -> Exit:
    write_state(state_path(call, "Stateful", "state"), role)
    set_score(_SCORES[role])
    return Exit.OK


def _start(call: Call) -> Exit:
    if _state(call) == _PROMOTED:
        fail(Exit.GENERIC, "it is promoted already; a start must not demote it")
    return _become(call, _UNPROMOTED)


def _stop(call: Call) -> Exit:
    state_path(call, "Stateful", "state").unlink(missing_ok=True)
    delete_score()
    return Exit.OK


def _promote(call: Call) -> Exit:
    if _state(call) is None:
        fail(Exit.NOT_RUNNING, "it is not running")
    return _become(call, _PROMOTED)


def _demote(call: Call) -> Exit:
    if _state(call) is None:
        fail(Exit.NOT_RUNNING, "it is not running")
    return _become(call, _UNPROMOTED)


def _monitor(call: Call) -> Exit:
    state = _state(call)
    if state is None:
        return Exit.NOT_RUNNING
    # again each time: scores are lost with the cluster's status, which a running resource may outlive
    set_score(_SCORES.get(state, _SCORES[_UNPROMOTED]))
    return Exit.RUNNING_PROMOTED if state == _PROMOTED else Exit.OK


AGENT = Agent(
    name="Stateful",
    version="1.0",
    short="Example stateful resource agent",
    long="Does nothing except keep track of whether it is running, and whether it is promoted.\n"
    "Its promotion score is 10 where it is promoted, and 5 elsewhere.",
    parameters=(Parameter("state", "State file", "Where to store the state of the resource.", unique=True),),
    actions=(
        Action("start", 20),
        Action("stop", 20),
        Action("promote", 10),
        Action("demote", 10),
        Action("monitor", 20, interval_s=10, depth=0),
        Action("notify", 5),
        Action("meta-data", 5),
        Action("validate-all", 20),
    ),
    handlers={
        "start": _start,
        "stop": _stop,
        "promote": _promote,
        "demote": _demote,
        "monitor": _monitor,
        "notify": lambda _: Exit.OK,
    },
)


def main(argv: Sequence[str]) -> int:
    """The agent as a command."""
    return agent.main(AGENT, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
