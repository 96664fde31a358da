"""Dummy: does nothing but remember whether it runs. For tests, and as a pattern for agents of one's own."""

import sys
from collections.abc import Sequence

from ocf import agent
from ocf.agent import Action, Agent, Call, Exit, Parameter, fail
from ocf.state_file import read_state, state_path, write_state


def _start(call: Call) -> Exit:
    write_state(state_path(call, "Dummy", "state"), "")
    return Exit.OK


def _stop(call: Call) -> Exit:
    state_path(call, "Dummy", "state").unlink(missing_ok=True)
    return Exit.OK


def _monitor(call: Call) -> Exit:
    running = read_state(state_path(call, "Dummy", "state")) is not None
    if not running and not call.is_probe and call.meta("name") == "monitor":
        fail(Exit.NOT_RUNNING, "the state file is gone")
    return Exit.OK if running else Exit.NOT_RUNNING


AGENT = Agent(
    name="Dummy",
    version="1.0",
    short="Example stateless resource agent",
    long="Does nothing except keep track of whether it is running.\nFor tests, and as a template for agents.",
    parameters=(
        Parameter("state", "State file", "Where to store the state of the resource.", unique=True),
        Parameter(
            "fake",
            "Attribute for reloads",
            "Has no effect; changing it causes a reload.",
            default="dummy",
        ),
    ),
    actions=(
        Action("start", 20),
        Action("stop", 20),
        Action("monitor", 20, interval_s=10, depth=0),
        Action("reload", 20),
        Action("migrate_to", 20),
        Action("migrate_from", 20),
        Action("meta-data", 5),
        Action("validate-all", 20),
    ),
    handlers={
        "start": _start,
        "stop": _stop,
        "monitor": _monitor,
        "reload": lambda _: Exit.OK,
        "migrate_to": _stop,
        "migrate_from": _start,
    },
)


def main(argv: Sequence[str]) -> int:
    """The agent as a command."""
    return agent.main(AGENT, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
