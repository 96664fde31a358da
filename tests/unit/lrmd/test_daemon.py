"""The executor as a process: real agents, real signals, and what is left when it dies."""

import asyncio
import os
import signal
import time
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path

import pytest

from ipc import unix
from ipc.supervision import Attach, ExecutorState, StopEverything
from lrmd.messages import (
    AgentName,
    Agents,
    AgentTraits,
    Execute,
    Finished,
    ListAgents,
    OcfExit,
    Operation,
    OperationStatus,
    OrderStamp,
    Ran,
    Refused,
    ResourceTable,
    RunOnce,
)
from lrmd.traits_keeper import LIMIT_S
from tests.unit.lrmd.process import STAMP, ExecutorProcess, eventually, ocf_agent, script

DUMMY = AgentName("ocf", "heartbeat", "Dummy")


def test_type(name: str) -> AgentName:
    return AgentName("ocf", "test", name)


test_type.__test__ = False  # type: ignore[attr-defined]


def run(test: Coroutine[None, None, None]) -> None:
    asyncio.run(test)


def is_alive(pid: int) -> bool:
    with suppress(ProcessLookupError, FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in ("Z", "X")
    return False


async def gone(pid: int) -> None:
    await eventually(lambda: not is_alive(pid))


async def appears(path: Path) -> str:
    def text() -> str:
        return path.read_text(encoding="utf-8") if path.exists() else ""

    await eventually(lambda: text().endswith("\n"))
    return text()


def test_a_shipped_agent_goes_through_its_life(tmp_path: Path) -> None:
    async def body() -> None:
        async with ExecutorProcess.running(tmp_path) as node:
            codes = [(await node.run(DUMMY, action)).exit_code for action in ("monitor", "start", "monitor", "stop")]
            assert codes == [OcfExit.NOT_RUNNING, OcfExit.OK, OcfExit.OK, OcfExit.OK]
            assert isinstance(node.heard[0], Attach)
            assert node.heard[0].pid == node.pid
            await eventually(lambda: node.heard[-1] == ExecutorState(empty=True, settled=True))

    run(body())


def test_an_operation_ends_with_its_leader_although_a_daemon_holds_the_pipe(tmp_path: Path) -> None:
    async def body() -> None:
        async with ExecutorProcess.running(tmp_path) as node:
            pid_file = tmp_path / "daemon.pid"
            ocf_agent(tmp_path / "ocf/resource.d/test/Holder", f"sleep 30 &\necho $! >{pid_file}\necho started\nexit 0")
            begun = time.monotonic()
            result = await node.run(test_type("Holder"), "start")
            assert time.monotonic() - begun < 5
            assert (result.exit_code, result.output) == (0, "started")
            os.kill(int(await appears(pid_file)), signal.SIGKILL)

    run(body())


def test_a_timeout_ends_the_whole_process_group(tmp_path: Path) -> None:
    async def body() -> None:
        async with ExecutorProcess.running(tmp_path) as node:
            pid_file = tmp_path / "child.pid"
            text = f"trap '' TERM\nsh -c 'trap \"\" TERM; echo $$ >{pid_file}; while :; do sleep 1; done' &\nwait\nwait"
            ocf_agent(tmp_path / "ocf/resource.d/test/Stubborn", text)
            node.order(test_type("Stubborn"), "start", timeout_ms=300)
            child = int(await appears(pid_file))
            result = await node.expect(Finished)
            assert (result.status, result.exit_code) == (OperationStatus.TIMEOUT, OcfExit.GENERIC)
            assert "300 ms" in result.exit_reason
            await gone(child)

    run(body())


def test_the_end_of_the_output_is_kept_and_the_exit_reason_is_read(tmp_path: Path) -> None:
    async def body() -> None:
        async with ExecutorProcess.running(tmp_path) as node:
            text = (
                'seq 1 5000\necho ocf-exit-reason:first >&2\necho "${OCF_EXIT_REASON_PREFIX}disk is full" >&2\nexit 1'
            )
            ocf_agent(tmp_path / "ocf/resource.d/test/Talker", text)
            result = await node.run(test_type("Talker"), "monitor")
            assert (result.exit_code, result.exit_reason) == (1, "disk is full")
            assert "\n5000\n" in result.output
            assert "\n1000\n" not in result.output
            assert len(result.output) < 2 * 4096 + 2

    run(body())


def test_an_agent_sees_the_ocf_environment_and_nothing_of_our_interpreter(tmp_path: Path) -> None:
    async def body() -> None:
        async with ExecutorProcess.running(tmp_path) as node:
            seen = tmp_path / "environment"
            ocf_agent(tmp_path / "ocf/resource.d/test/Env", f"env >{seen}; ls /proc/self/fd | tr '\\n' ' '")
            result = await node.run(test_type("Env"), "start", {"ip": "10.0.0.1", "OCF_CHECK_LEVEL": "20"})
            # 3 is the directory that ls itself reads
            assert result.output.split() == ["0", "1", "2", "3"]
            lines = seen.read_text(encoding="utf-8").splitlines()
            environment = dict(line.split("=", 1) for line in lines if "=" in line)
            assert environment["OCF_RESKEY_ip"] == "10.0.0.1"
            assert environment["OCF_CHECK_LEVEL"] == "20"
            assert environment["OCF_RESOURCE_INSTANCE"] == "Env"
            assert environment["OCF_ROOT"] == str(tmp_path / "ocf")
            assert environment["PATH"].startswith(f"{tmp_path}/run/commands:")
            assert not [name for name in environment if name.startswith(("PYTHON", "LD_")) or name == "VIRTUAL_ENV"]

    run(body())


def test_scripts_of_the_lsb_and_of_version_1_run_with_their_own_words(tmp_path: Path) -> None:
    async def body() -> None:
        async with ExecutorProcess.running(tmp_path) as node:
            script(tmp_path / "init.d/web", '[ "$1" = status ] && exit 3\nexit 0')
            script(tmp_path / "config/resource.d/Old", '[ "$3" = status ] && echo "$1 is stopped"\n[ "$2" = b ]')
            web, old = AgentName("lsb", "", "web"), AgentName("heartbeat", "", "Old")
            assert (await node.run(web, "monitor")).exit_code == OcfExit.NOT_RUNNING
            assert (await node.run(web, "start")).exit_code == OcfExit.OK
            parameters = {"2": "b", "1": "a"}
            assert (await node.run(old, "monitor", parameters)).exit_code == OcfExit.NOT_RUNNING
            assert (await node.run(old, "start", parameters)).exit_code == OcfExit.OK
            assert (await node.run(old, "start", {"1": "a"})).exit_code == OcfExit.GENERIC

    run(body())


def test_a_fence_agent_gets_its_options_on_standard_input(tmp_path: Path) -> None:
    async def body() -> None:
        async with ExecutorProcess.running(tmp_path) as node:
            script(tmp_path / "fence/fence_lab", "cat; echo done >&2; exit 2")
            agent = AgentName("stonith", "", "fence_lab")
            node.say(RunOnce(9, agent, "reboot", 5_000, {"port": "n2", "pcmk_host_list": "n2", "password": "a b"}))
            answer = await node.expect(Ran)
            assert (answer.request, answer.exit_code, answer.status) == (9, 2, OperationStatus.DONE)
            assert answer.output == "action=reboot\nport=n2\npassword=a b\n"
            assert answer.errors == "done\n"

    run(body())


def test_an_agent_that_is_missing_or_broken_is_named_with_the_reason(tmp_path: Path) -> None:
    async def body() -> None:
        async with ExecutorProcess.running(tmp_path) as node:
            result = await node.run(test_type("Ghost"), "start")
            assert (result.exit_code, result.status) == (OcfExit.NOT_INSTALLED, OperationStatus.NOT_INSTALLED)
            assert str(tmp_path / "ocf/resource.d/test/Ghost") in result.exit_reason
            (tmp_path / "ocf/resource.d/test/Plain").write_text("#!/bin/sh\n", encoding="utf-8")
            assert (await node.run(test_type("Plain"), "start")).exit_code == OcfExit.PERMISSION
            ocf_agent(tmp_path / "ocf/resource.d/test/Odd", "").write_text("#!/no/such/shell\n", encoding="utf-8")
            assert (await node.run(test_type("Odd"), "start")).exit_code == OcfExit.NOT_INSTALLED

    run(body())


def test_killed_in_the_middle_its_successor_waits_for_what_runs_and_keeps_the_monitors(tmp_path: Path) -> None:
    async def body() -> None:
        async with ExecutorProcess.running(tmp_path) as node:
            log = tmp_path / "agent.log"
            text = f'echo "$1 begin" >>{log}\n[ "$1" = start ] && sleep 1.5\n'
            text += f'echo "$1 end" >>{log}\nexit 0'
            ocf_agent(tmp_path / "ocf/resource.d/test/Slow", text)
            await node.run(DUMMY, "start")
            node.order(DUMMY, "monitor", interval_ms=200)
            await node.expect(Finished)
            node.order(test_type("Slow"), "start")
            await appears(log)
            node.kill()
            node.heard.clear()
            node.start()
            table = await node.attach()
            states = {state.resource: state for state in table.resources}
            assert [each.action for each in states["Slow"].in_flight] == ["start"]
            assert [each.operation.interval_ms for each in states["Dummy"].recurring] == [200]
            assert not states["Dummy"].unknown
            node.order(test_type("Slow"), "monitor")
            results = [await node.expect(Finished) for _ in range(3)]
            slow = [each for each in results if each.operation.resource == "Slow"]
            assert (slow[0].operation.action, slow[0].exit_code) == ("start", OcfExit.UNKNOWN)
            assert (slow[1].operation.action, slow[1].exit_code) == ("monitor", OcfExit.OK)
            assert log.read_text(encoding="utf-8").split("\n")[:3] == ["start begin", "start end", "monitor begin"]
            # the monitor of the healthy resource still works: it sees the resource disappear
            (tmp_path / "run/resource-agents/Dummy-Dummy.state").unlink()
            while (result := await node.expect(Finished)).exit_code != OcfExit.NOT_RUNNING:
                pass
            assert (result.operation.resource, result.operation.interval_ms) == ("Dummy", 200)

    run(body())


def test_an_agent_goes_on_printing_after_the_executor_died(tmp_path: Path) -> None:
    async def body() -> None:
        async with ExecutorProcess.running(tmp_path) as node:
            log = tmp_path / "agent.log"
            flood = "for i in $(seq 1 20); do seq 1 2000; sleep 0.02; done; seq 1 2000 >&2"
            ocf_agent(tmp_path / "ocf/resource.d/test/Talker", f"echo begin >>{log}\n{flood}\necho end >>{log}")
            node.order(test_type("Talker"), "start")
            await appears(log)
            worker = node.worker()
            node.kill()
            await eventually(lambda: log.read_text(encoding="utf-8") == "begin\nend\n")
            await gone(worker)

    run(body())


def test_a_worker_that_dies_is_replaced_and_what_it_watched_is_unknown(tmp_path: Path) -> None:
    async def body() -> None:
        async with ExecutorProcess.running(tmp_path) as node:
            log = tmp_path / "agent.log"
            ocf_agent(tmp_path / "ocf/resource.d/test/Slow", f"echo begin >>{log}\nsleep 1\nexit 0")
            node.order(test_type("Slow"), "start")
            await appears(log)
            os.kill(node.worker(), signal.SIGKILL)
            assert (await node.expect(Finished)).exit_code == OcfExit.UNKNOWN
            assert (await node.run(DUMMY, "monitor")).exit_code == OcfExit.NOT_RUNNING
            assert log.read_text(encoding="utf-8") == "begin\n"

    run(body())


def test_without_supervisor_and_controller_everything_is_stopped_and_the_lock_is_free(tmp_path: Path) -> None:
    async def body() -> None:
        async with ExecutorProcess.running(tmp_path) as node:
            log = tmp_path / "agent.log"
            ocf_agent(tmp_path / "ocf/resource.d/test/Log", f'echo "$OCF_RESOURCE_INSTANCE $1" >>{log}')
            for name in ("a", "b", "c"):
                node.order(test_type("Log"), "start", resource=name)
                await node.expect(Finished)
            assert (tmp_path / "state/lrmd/start-order").read_text(encoding="utf-8") == "a\nb\nc\n"
            node.detach()
            await node.supervisor_dies()
            assert await node.exit_code() == 0
            assert log.read_text(encoding="utf-8").split("\n")[3:6] == ["c stop", "b stop", "a stop"]
            assert (tmp_path / "state/lrmd/start-order").read_text(encoding="utf-8") == ""

    run(body())


def test_asked_to_leave_it_stops_what_is_left_and_ends(tmp_path: Path) -> None:
    async def body() -> None:
        async with ExecutorProcess.running(tmp_path) as node:
            await node.run(DUMMY, "start")
            node.tell(StopEverything("the node leaves"))
            assert await node.exit_code() == 0
            assert not (tmp_path / "run/resource-agents/Dummy-Dummy.state").exists()
            await eventually(lambda: node.heard[-1] == ExecutorState(empty=True, settled=False))

    run(body())


def test_ended_by_a_signal_it_leaves_the_resources_running(tmp_path: Path) -> None:
    async def body() -> None:
        async with ExecutorProcess.running(tmp_path) as node:
            await node.run(DUMMY, "start")
            os.kill(node.pid, signal.SIGTERM)
            assert await node.exit_code() == 0
            assert (tmp_path / "run/resource-agents/Dummy-Dummy.state").exists()

    run(body())


def test_ended_by_a_signal_it_does_not_disturb_an_agent_that_runs(tmp_path: Path) -> None:
    async def body() -> None:
        async with ExecutorProcess.running(tmp_path) as node:
            log = tmp_path / "agent.log"
            work = "for i in 1 2 3 4 5 6; do sleep 0.5; echo $i; done"
            ocf_agent(tmp_path / "ocf/resource.d/test/Slow", f"echo begin >>{log}\n{work}\necho end >>{log}")
            node.order(test_type("Slow"), "start")
            await appears(log)
            os.kill(node.pid, signal.SIGTERM)
            assert await node.exit_code() == 0
            await eventually(lambda: log.read_text(encoding="utf-8") == "begin\nend\n")

    run(body())


def test_a_second_executor_finds_the_lock_held_and_ends(tmp_path: Path) -> None:
    async def body() -> None:
        async with ExecutorProcess.running(tmp_path) as node:
            assert node.start_another() == 75
            assert "another executor holds" in node.log()

    run(body())


def test_tools_may_ask_for_agents_and_meta_data_but_not_order(tmp_path: Path) -> None:
    async def body() -> None:
        async with ExecutorProcess.running(tmp_path) as node:
            script(tmp_path / "init.d/web", "### BEGIN INIT INFO\n# Short-Description: a web server\n### END INIT INFO")
            tool = await node.connect()
            events = tool.events()
            tool.send(ListAgents(1, "lsb"))
            found = await anext(events)
            assert isinstance(found, Agents)
            assert found.request == 1
            assert AgentName("lsb", "", "web") in found.names
            tool.send(RunOnce(2, AgentName("lsb", "", "web"), "meta-data", 5_000))
            answer = await anext(events)
            assert isinstance(answer, Ran)
            assert '<shortdesc lang="en">a web server</shortdesc>' in answer.output
            tool.send(RunOnce(3, DUMMY, "meta-data", 5_000))
            answer = await anext(events)
            assert isinstance(answer, Ran)
            assert answer.output.startswith("<?xml")
            assert answer.output.endswith("</resource-agent>\n")
            tool.send(Execute(4, STAMP, Operation("vip", DUMMY, "start", 0, 1_000, {})))
            refused = await anext(events)
            assert isinstance(refused, Refused)
            assert refused.request == 4
            tool.close()

    run(body())


def test_a_frame_that_is_no_message_ends_the_connection_and_nothing_else(tmp_path: Path) -> None:
    async def body() -> None:
        async with ExecutorProcess.running(tmp_path) as node:
            stranger = await unix.connect(node.directories.lrmd_socket)
            stranger.send(b"\xc1nonsense")
            assert await stranger.receive() is None
            stranger.close()
            assert (await node.run(DUMMY, "monitor")).exit_code == OcfExit.NOT_RUNNING

    run(body())


def test_a_new_controller_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    async def body() -> None:
        async with ExecutorProcess.running(tmp_path) as node:
            node.order(DUMMY, "start")
            await node.expect(Finished)
            node.detach()
            table = await node.attach()
            assert isinstance(table, ResourceTable)
            assert table.active_order == ("Dummy",)
            assert table.newest_stamp == OrderStamp(1, 1, "n1", 1)
            assert (await node.expect(Finished)).request == 0

    run(body())


RELOADING = """echo "$1" >>{log}
case $1 in
    meta-data)
        {metadata}
        cat <<END
<resource-agent name="R"><version>{version}</version><parameters>
<parameter name="file" unique="1"/><parameter name="level" reloadable="1"/></parameters>
<actions><action name="{action}"/></actions></resource-agent>
END
        ;;
    monitor) exit 7 ;;
esac
exit 0
"""


def reloading_agent(tmp_path: Path, version: str, action: str, metadata: str = "") -> Path:
    log = tmp_path / "agent.log"
    text = RELOADING.format(log=log, version=version, action=action, metadata=metadata)
    script(tmp_path / "ocf/resource.d/test/Reloading", text)
    return log


def test_results_say_which_parameters_need_a_restart_and_the_agent_is_asked_once(tmp_path: Path) -> None:
    async def body() -> None:
        async with ExecutorProcess.running(tmp_path) as node:
            log = reloading_agent(tmp_path, "1.1", "reload-agent")
            results = [await node.run(test_type("Reloading"), action) for action in ("monitor", "start", "stop")]
            told = [result.traits for result in results]
            assert told == [AgentTraits(("file",), ()), AgentTraits(("file",), ()), None]
            assert sorted(log.read_text(encoding="utf-8").split()) == ["meta-data", "monitor", "start", "stop"]

    run(body())


@pytest.mark.parametrize(("version", "action"), [("1.1", "reload-agent"), ("1.0", "reload")])
def test_a_reload_calls_the_action_that_the_agent_has_also_after_the_executor_was_replaced(
    tmp_path: Path, version: str, action: str
) -> None:
    async def body() -> None:
        async with ExecutorProcess.running(tmp_path) as node:
            log = reloading_agent(tmp_path, version, action)
            await node.run(test_type("Reloading"), "start")
            node.kill()
            node.heard.clear()
            node.start()
            await node.attach()
            node.order(test_type("Reloading"), "reload-agent", {"level": "2"})
            while (result := await node.expect(Finished)).operation.action == "start":
                pass  # the replaced executor may have died before it read that this result is known
            assert (result.operation.action, result.exit_code) == ("reload-agent", OcfExit.OK)
            assert result.traits == AgentTraits(("file",), ())
            assert [line for line in log.read_text(encoding="utf-8").split() if line.startswith("reload")] == [action]

    run(body())


def test_meta_data_that_does_not_come_holds_a_result_up_for_half_of_its_time_at_most(tmp_path: Path) -> None:
    async def body() -> None:
        async with ExecutorProcess.running(tmp_path) as node:
            reloading_agent(tmp_path, "1.1", "reload-agent", metadata="sleep 60")
            node.order(test_type("Reloading"), "start", timeout_ms=2000)
            result = await node.expect(Finished)
            assert (result.exit_code, result.status) == (OcfExit.OK, OperationStatus.DONE)
            assert result.traits is None
            # killed after its own limit, it is asked again and not waited for any more
            await eventually(lambda: "did not end within 5 s" in node.log())
            begun = time.monotonic()
            node.order(test_type("Reloading"), "start", timeout_ms=60_000)
            await node.expect(Finished)
            assert time.monotonic() - begun < LIMIT_S

    run(body())


def test_a_meta_data_action_that_hangs_does_not_outlive_the_executor(tmp_path: Path) -> None:
    async def body() -> None:
        async with ExecutorProcess.running(tmp_path) as node:
            pid_file = tmp_path / "hangs.pid"
            reloading_agent(tmp_path, "1.1", "reload-agent", metadata=f"echo $$ >{pid_file}; exec sleep 60")
            node.order(test_type("Reloading"), "start", timeout_ms=60_000)
            pid = int(await appears(pid_file))
            os.kill(node.pid, signal.SIGTERM)
            await node.exit_code()
            await gone(pid)

    run(body())


def test_a_device_is_asked_for_its_meta_data_where_it_is_started_and_not_where_it_is_only_probed(
    tmp_path: Path,
) -> None:
    async def body() -> None:
        async with ExecutorProcess.running(tmp_path) as node:
            log = tmp_path / "agent.log"
            metadata = '<resource-agent name="f"><parameters><parameter name="password"/></parameters></resource-agent>'
            text = f"read -r line; echo $line >>{log}\n[ $line = action=metadata ] && echo '{metadata}'\nexit 0"
            script(tmp_path / "fence/fence_lab", text)
            device = AgentName("stonith", "", "fence_lab")
            assert (await node.run(device, "monitor")).traits is None
            assert not log.exists()
            assert (await node.run(device, "start", {"password": "x"})).traits == AgentTraits(None, ("password",))
            assert sorted(log.read_text(encoding="utf-8").split()) == ["action=metadata", "action=monitor"]

    run(body())


def test_an_agent_without_meta_data_works_and_the_log_says_once_what_that_means(tmp_path: Path) -> None:
    async def body() -> None:
        async with ExecutorProcess.running(tmp_path) as node:
            script(tmp_path / "ocf/resource.d/test/Silent", "exit 0")
            for action in ("start", "monitor", "stop", "start"):
                result = await node.run(test_type("Silent"), action)
                assert (result.exit_code, result.traits) == (OcfExit.OK, None)
            assert node.log().count("a change of its parameters will restart its resources") == 1

    run(body())
