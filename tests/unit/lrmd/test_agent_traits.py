"""What meta-data says of a reload: which parameters need a restart, which are secret, and what the action is called."""

import os
import subprocess
from pathlib import Path

import pytest

from lrmd.agent_traits import Described, NoTraits, describe
from lrmd.agents import Launch
from lrmd.messages import AgentName, AgentTraits
from lrmd.traits_keeper import TraitsKeeper, is_own

AGENT = AgentName("ocf", "test", "Agent")


def metadata(version: str, parameters: str, *actions: str) -> str:
    names = "".join(f'<action name="{name}" timeout="20s"/>' for name in actions)
    return (
        '<?xml version="1.0"?>\n<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd">\n'
        f'<resource-agent name="Agent" version="2.5"><version>{version}</version>'
        f"<parameters>{parameters}</parameters><actions>{names}</actions></resource-agent>"
    )


PARAMETERS = (
    '<parameter name="config" unique="1"/><parameter name="level" unique="0" reloadable="1"/>'
    '<parameter name="mode"/><parameter name="passwd" private="1"/><parameter name="user"/>'
)


def test_an_agent_of_ocf_1_1_reloads_what_it_marks_as_reloadable() -> None:
    told = describe(metadata("1.1", PARAMETERS, "start", "reload", "reload-agent"))
    assert told == Described(AgentTraits(("user", "passwd", "mode", "config"), ("passwd",)), "reload-agent")


def test_an_agent_of_ocf_1_0_with_a_reload_takes_over_everything_that_is_not_unique() -> None:
    told = describe(metadata("1.0", PARAMETERS, "start", "reload"))
    assert told == Described(AgentTraits(("config",), ("passwd",)), "reload")


@pytest.mark.parametrize(("version", "actions"), [("1.0", ("start",)), ("1.1", ("start", "reload"))])
def test_without_the_action_of_its_version_an_agent_can_not_reload(version: str, actions: tuple[str, ...]) -> None:
    told = describe(metadata(version, PARAMETERS, *actions))
    assert (told.traits.restart_parameters, told.reload) == (None, "")


def test_where_all_parameters_are_reloadable_the_list_is_empty_and_not_missing() -> None:
    told = describe(metadata("1.1", '<parameter name="level" reloadable="true"/>', "reload-agent"))
    assert told.traits.restart_parameters == ()


def test_the_usual_names_are_secrets_where_nothing_is_marked_as_private() -> None:
    told = describe(metadata("1.0", '<parameter name="user"/><parameter name="ip"/><parameter name="passwd"/>'))
    assert told.traits.private_parameters == ("passwd", "user")


@pytest.mark.parametrize("version", ["", "one", "1", "1.0.9", "1.."])
def test_a_version_that_is_none_counts_as_the_oldest(version: str) -> None:
    assert describe(metadata(version, PARAMETERS, "reload")).reload == "reload"


@pytest.mark.parametrize("text", ["", "usage: Agent {start|stop}", "<resource-agent>", "<other/>"])
def test_what_is_no_meta_data_is_refused(text: str) -> None:
    with pytest.raises(NoTraits):
        describe(text)


@pytest.mark.parametrize(
    ("name", "restart", "private"),
    [
        ("heartbeat/Dummy", ("state",), ()),
        ("pacemaker/Dummy", ("state",), ("passwd",)),
        ("heartbeat/IPaddr2", None, ()),
    ],
)
def test_agents_of_the_distribution_are_understood(
    name: str, restart: tuple[str, ...] | None, private: tuple[str, ...]
) -> None:
    agent = Path("/usr/lib/ocf/resource.d") / name
    if not agent.exists():
        pytest.skip(f"{agent} is not installed")
    environ = {**os.environ, "OCF_ROOT": "/usr/lib/ocf"}
    done = subprocess.run([str(agent), "meta-data"], env=environ, capture_output=True, text=True, check=True)
    traits = describe(done.stdout).traits
    assert traits == AgentTraits(restart, private)


class Keeper:
    """A keeper, the runs that it began and what it complained of."""

    def __init__(self, path: Path) -> None:
        self.runs: list[int] = []
        self.complaints: list[str] = []
        self.path = path
        self.path.write_text("")
        self.keeper = TraitsKeeper(
            lambda run_id, _launch: self.runs.append(run_id), lambda _agent, why: self.complaints.append(why)
        )

    def learn(self) -> int:
        return self.keeper.learn(AGENT, Launch((str(self.path), "meta-data"), {}))

    def answer(self, text: str, code: int = 0) -> None:
        self.keeper.ended(self.runs[-1], code, text)


def test_an_agent_is_asked_once_and_again_when_its_file_is_another(tmp_path: Path) -> None:
    world = Keeper(tmp_path / "Agent")
    world.learn()
    assert world.learn() == 0
    world.answer(metadata("1.1", PARAMETERS, "reload-agent"))
    assert world.learn() == 0
    assert world.keeper.reload_action(AGENT) == "reload-agent"

    world.path.write_text("a new version")
    assert is_own(world.learn())
    assert world.keeper.traits(AGENT) is None
    world.answer(metadata("1.0", PARAMETERS, "reload"))
    assert world.keeper.traits(AGENT) == AgentTraits(("config",), ("passwd",))


def test_who_waits_is_told_when_the_meta_data_came_and_when_it_will_not_come(tmp_path: Path) -> None:
    world = Keeper(tmp_path / "Agent")
    told: list[str] = []
    assert not world.keeper.when_learned(AGENT, lambda: told.append("too early"))
    world.learn()
    assert world.keeper.when_learned(AGENT, lambda: told.append("failed"))
    world.keeper.lost(world.runs[-1], "the worker died")
    assert told == ["failed"]
    assert world.keeper.traits(AGENT) is None


def test_an_agent_without_meta_data_is_asked_again_but_not_waited_for_until_it_has_answered(tmp_path: Path) -> None:
    world = Keeper(tmp_path / "Agent")
    world.learn()
    world.answer("", 1)
    assert world.learn()
    assert not world.keeper.when_learned(AGENT, lambda: None)
    world.answer(metadata("1.1", PARAMETERS, "reload-agent"))
    assert world.keeper.traits(AGENT) is not None
    world.path.write_text("a new version")
    world.learn()
    assert world.keeper.when_learned(AGENT, lambda: None)


def test_what_is_wrong_with_an_agent_is_said_once(tmp_path: Path) -> None:
    world = Keeper(tmp_path / "Agent")
    for _ in range(3):
        world.learn()
        world.answer("", 3)
    assert world.complaints == ["its meta-data action exited with 3"]
