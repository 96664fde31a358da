"""The supervisor: children stay alive, the peers learn what became of crmd, and a goodbye is never a lie."""

from heartbeat.events import (
    Booted,
    ChildAttached,
    ChildDetached,
    CompanyChanged,
    ControllerSaid,
    ExecutorReported,
    Exit,
    KillProcess,
    Leave,
    ProcessExited,
    ProcessStarted,
    StartProcess,
    StopNodeAsked,
    SupervisorEffect,
    SupervisorEvent,
    ToController,
    ToExecutor,
)
from heartbeat.messages import PeerState, StillHere, StopReady, StopRequested
from heartbeat.supervisor import ATTACH_MS, HANG_MS, MOVING_MS_MAX, SURRENDER_MS_MAX, Supervisor
from ipc.note import Note
from ipc.supervision import ExecutorState, ProcessName, StopEverything
from ipc.timers import CancelTimer, SetTimer, TimerFired
from ipc.units import Milliseconds

EMPTY = ExecutorState(empty=True, settled=True)
BUSY = ExecutorState(empty=False, settled=True)
UNKNOWN = ExecutorState(empty=False, settled=False)


class Node:
    """A supervisor with a clock, its timers, and children with growing process numbers."""

    def __init__(self) -> None:
        self.core = Supervisor(crmd_restart_bound_ms=5000)
        self.now = 0
        self.timers: dict[str, int] = {}
        self.pids: dict[ProcessName, int] = {}
        self.next_pid = 100

    def give(self, event: SupervisorEvent) -> list[SupervisorEffect]:
        effects = self.core.handle(event, Milliseconds(self.now))
        for effect in effects:
            match effect:
                case SetTimer(name, at):
                    self.timers[name] = at
                case CancelTimer(name):
                    self.timers.pop(name, None)
        return [e for e in effects if not isinstance(e, Note | SetTimer | CancelTimer)]

    def controller(self) -> PeerState:
        return self.core.controller

    def wait(self, milliseconds: int) -> list[SupervisorEffect]:
        end = self.now + milliseconds
        effects: list[SupervisorEffect] = []
        while due := [(at, name) for name, at in self.timers.items() if at <= end]:
            self.now, name = min(due)
            del self.timers[name]
            effects += self.give(TimerFired(name))
        self.now = end
        return effects

    def run(self, process: ProcessName) -> None:
        self.next_pid += 1
        self.pids[process] = self.next_pid
        self.give(ProcessStarted(process, self.next_pid))

    def attach(self, process: ProcessName) -> list[SupervisorEffect]:
        self.run(process)
        return self.give(ChildAttached(process, self.pids[process]))

    def die(self, process: ProcessName, status: str = "signal KILL") -> list[SupervisorEffect]:
        pid = self.pids[process]
        return self.give(ChildDetached(process, pid)) + self.give(ProcessExited(process, pid, status))


def running() -> Node:
    node = Node()
    node.give(Booted())
    node.attach("lrmd")
    node.give(ExecutorReported(EMPTY))
    node.attach("crmd")
    return node


def test_lrmd_is_started_before_crmd() -> None:
    assert Node().give(Booted()) == [StartProcess("lrmd"), StartProcess("crmd")]


def test_the_node_may_join_when_the_executor_is_settled_and_the_controller_is_there() -> None:
    node = Node()
    node.give(Booted())
    node.attach("crmd")
    assert not node.core.ready
    node.attach("lrmd")
    node.give(ExecutorReported(UNKNOWN))
    assert not node.core.ready
    node.give(ExecutorReported(BUSY))
    assert node.core.ready


def test_a_child_that_dies_is_started_again_at_once_and_the_node_stays() -> None:
    node = running()
    assert node.die("lrmd") == [StartProcess("lrmd")]
    assert node.die("crmd") == [StartProcess("crmd")]
    assert node.core.ready


def test_the_peers_learn_that_crmd_restarts_and_that_it_is_back() -> None:
    node = running()
    assert node.controller() == "up"
    node.die("crmd")
    assert node.controller() == "restarting"
    node.wait(4900)
    node.attach("crmd")
    assert node.controller() == "up"
    node.wait(10_000)
    assert node.controller() == "up"


def test_crmd_counts_as_gone_when_it_is_not_back_within_the_bound() -> None:
    node = running()
    node.die("crmd")
    node.wait(4999)
    assert node.controller() == "restarting"
    node.wait(1)
    assert node.controller() == "gone"
    node.attach("crmd")
    assert node.controller() == "up"


def test_crmd_counts_as_gone_after_three_deaths_within_a_minute_and_waits_before_it_is_started_again() -> None:
    node = running()
    for _ in range(2):
        assert node.die("crmd") == [StartProcess("crmd")]
        node.attach("crmd")
        node.wait(10_000)
    assert node.die("crmd") == []
    assert node.controller() == "gone"
    assert node.wait(999) == []
    assert node.wait(1) == [StartProcess("crmd")]


def test_deaths_further_apart_than_a_minute_are_not_counted_together() -> None:
    node = running()
    for _ in range(6):
        assert node.die("crmd") == [StartProcess("crmd")]
        node.attach("crmd")
        node.wait(31_000)
    assert node.controller() == "up"


def test_a_death_long_after_three_others_is_a_restart_again() -> None:
    node = running()
    for _ in range(3):
        node.die("crmd")
        node.wait(1000)
        node.attach("crmd")
    node.wait(120_000)
    node.die("crmd")
    assert node.controller() == "restarting"


def test_a_crmd_that_stops_saying_that_it_turns_is_killed_and_replaced() -> None:
    node = running()
    node.give(ControllerSaid(StillHere()))
    node.wait(HANG_MS - 1)
    node.give(ControllerSaid(StillHere()))
    assert node.wait(HANG_MS - 1) == []
    assert node.wait(1) == [KillProcess("crmd", node.pids["crmd"])]
    assert node.die("crmd") == [StartProcess("crmd")]
    assert node.wait(ATTACH_MS - 1) == []


def test_a_child_that_can_not_be_started_is_tried_again_later_and_later() -> None:
    node = Node()
    node.give(Booted())
    attempts = 0
    for _ in range(2):
        attempts += node.give(ProcessExited("crmd", 0, "cannot be started: no such file")) == [StartProcess("crmd")]
    assert attempts == 2
    assert node.give(ProcessExited("crmd", 0, "cannot be started: no such file")) == []
    assert node.wait(1000) == [StartProcess("crmd")]


def test_a_child_that_does_not_attach_is_killed() -> None:
    node = Node()
    node.give(Booted())
    node.run("lrmd")
    assert node.wait(ATTACH_MS) == [KillProcess("lrmd", node.pids["lrmd"])]
    assert node.give(ProcessExited("lrmd", node.pids["lrmd"], "signal KILL")) == [StartProcess("lrmd")]


def test_a_child_of_an_earlier_life_that_attaches_is_kept_and_its_successor_is_not_missed() -> None:
    node = Node()
    node.give(Booted())
    node.give(ChildAttached("lrmd", 7))
    assert node.give(ProcessStarted("lrmd", 101)) == []
    assert node.give(ProcessExited("lrmd", 101, "exit code 1")) == []
    node.give(ChildDetached("lrmd", 7))
    assert node.give(ProcessExited("lrmd", 7, "ended")) == [StartProcess("lrmd")]


def test_a_new_lrmd_must_speak_for_itself() -> None:
    node = Node()
    node.give(Booted())
    node.attach("lrmd")
    node.give(ExecutorReported(EMPTY))
    node.die("lrmd")
    node.attach("lrmd")
    node.attach("crmd")
    assert not node.core.ready


def test_stopping_in_good_order() -> None:
    node = running()
    node.give(ExecutorReported(BUSY))
    assert node.give(StopNodeAsked("stop")) == [ToController(StopRequested("stop"))]
    assert node.give(ControllerSaid(StopReady())) == [ToExecutor(StopEverything("stop"))]
    node.give(ExecutorReported(EMPTY))
    assert node.core.ready
    assert node.die("lrmd", "exit code 0") == [Leave("stop")]
    assert not node.core.ready
    assert node.die("crmd", "exit code 0") == []


def test_asking_twice_to_stop_changes_nothing() -> None:
    node = running()
    node.give(StopNodeAsked("stop"))
    assert node.give(StopNodeAsked("again")) == []


def test_a_crmd_that_returns_while_the_node_stops_is_asked_again() -> None:
    node = running()
    node.give(StopNodeAsked("stop"))
    assert node.die("crmd") == [StartProcess("crmd")]
    assert node.attach("crmd") == [ToController(StopRequested("stop"))]


def test_lrmd_stops_what_is_left_when_crmd_does_not_come_back() -> None:
    node = running()
    node.give(StopNodeAsked("stop"))
    node.die("crmd")
    assert node.wait(5000) == [ToExecutor(StopEverything("stop"))]


def test_lrmd_stops_what_is_left_when_crmd_is_gone_already() -> None:
    node = running()
    node.die("crmd")
    node.wait(5000)
    assert node.give(StopNodeAsked("stop")) == [ToExecutor(StopEverything("stop"))]


def test_lrmd_stops_what_is_left_when_crmd_takes_too_long() -> None:
    node = running()
    node.give(StopNodeAsked("stop"))
    assert node.wait(MOVING_MS_MAX) == [ToExecutor(StopEverything("stop"))]


def test_no_goodbye_is_said_when_lrmd_ended_without_being_empty() -> None:
    node = running()
    node.give(StopNodeAsked("stop"))
    node.give(ControllerSaid(StopReady()))
    node.give(ExecutorReported(BUSY))
    assert node.die("lrmd", "exit code 0") == [StartProcess("lrmd")]
    assert node.attach("lrmd") == [ToExecutor(StopEverything("stop"))]


def test_a_node_whose_lrmd_dies_over_its_resources_leaves_without_a_goodbye() -> None:
    node = running()
    node.give(StopNodeAsked("stop"))
    node.give(ControllerSaid(StopReady()))
    node.give(ExecutorReported(BUSY))
    effects: list[SupervisorEffect] = []
    for _ in range(3):
        effects += node.die("lrmd")
        node.attach("lrmd")
        node.give(ExecutorReported(BUSY))
    assert [effect for effect in effects if isinstance(effect, Exit | Leave)] == [
        Exit(1, "lrmd died 3 times while it stopped resources")
    ]


def test_a_node_that_can_not_stop_its_resources_leaves_without_a_goodbye() -> None:
    node = running()
    node.give(ExecutorReported(BUSY))
    node.give(StopNodeAsked("stop"))
    node.give(ControllerSaid(StopReady()))
    assert node.wait(20 * 60_000) == [Exit(1, "lrmd did not stop all resources in time")]


def test_the_states_of_the_children_and_of_a_stop_are_shown_in_words() -> None:
    node = running()
    assert node.core.processes == (("lrmd", "running (pid 101)"), ("crmd", "running (pid 102)"))
    node.give(StopNodeAsked("stop"))
    assert node.core.processes[0] == ("node", "moving resources away")


def unfenced(*, accompanied: bool = True) -> Node:
    node = running()
    node.give(CompanyChanged(accompanied=accompanied))
    node.give(ControllerSaid(StillHere(fencing=False)))
    node.give(ExecutorReported(BUSY))
    return node


def surrendering() -> Node:
    node = unfenced()
    for _ in range(2):
        node.die("crmd")
        node.attach("crmd")
    assert [type(effect) for effect in node.die("crmd")] == [ToExecutor]
    return node


def test_without_fencing_everything_is_stopped_before_the_peers_hear_that_crmd_is_gone() -> None:
    node = surrendering()
    assert node.controller() == "emptying"
    assert node.wait(5000) == []
    node.give(ExecutorReported(EMPTY))
    assert node.controller() == "emptying"
    assert node.die("lrmd", "exit code 0") == [StartProcess("lrmd"), StartProcess("crmd")]
    assert node.controller() == "gone"
    node.attach("lrmd")
    node.attach("crmd")
    assert node.controller() == "up"
    assert node.core.ready


def test_without_fencing_a_crmd_that_is_not_back_in_time_counts_as_gone_only_when_everything_is_stopped() -> None:
    node = unfenced()
    node.die("crmd")
    assert [type(effect) for effect in node.wait(5000)] == [ToExecutor]
    assert node.controller() == "emptying"
    node.give(ExecutorReported(EMPTY))
    node.die("lrmd", "exit code 0")
    assert node.controller() == "gone"


def test_a_crmd_that_comes_back_while_everything_is_being_stopped_begins_anew_afterwards() -> None:
    node = unfenced()
    node.die("crmd")
    node.wait(5000)
    assert node.attach("crmd") == [KillProcess("crmd", node.pids["crmd"])]
    assert node.die("crmd") == []
    node.give(ExecutorReported(EMPTY))
    assert node.die("lrmd", "exit code 0") == [StartProcess("lrmd"), StartProcess("crmd")]


def test_an_lrmd_that_dies_while_it_stops_everything_is_told_again() -> None:
    node = surrendering()
    assert node.die("lrmd") == [StartProcess("lrmd")]
    assert [type(effect) for effect in node.attach("lrmd")] == [ToExecutor]
    assert node.controller() == "emptying"


def test_the_peers_wait_no_longer_than_a_bound_for_a_node_that_can_not_stop_everything() -> None:
    node = surrendering()
    effects = node.wait(SURRENDER_MS_MAX)
    assert effects == [StartProcess("crmd")]
    assert node.controller() == "gone"


def test_without_fencing_a_node_that_is_alone_keeps_what_it_runs_until_others_come() -> None:
    node = unfenced(accompanied=False)
    node.die("crmd")
    assert node.wait(5000) == []
    assert node.controller() == "gone"
    assert [type(effect) for effect in node.give(CompanyChanged(accompanied=True))] == [ToExecutor]
    assert node.controller() == "emptying"


def test_with_fencing_the_peers_hear_at_once_that_crmd_is_gone_and_nothing_is_stopped() -> None:
    node = running()
    node.give(CompanyChanged(accompanied=True))
    node.give(ControllerSaid(StillHere(fencing=True)))
    node.die("crmd")
    assert node.wait(5000) == []
    assert node.controller() == "gone"


def test_a_node_that_is_asked_to_stop_while_it_surrenders_says_goodbye_when_it_is_empty() -> None:
    node = surrendering()
    assert [type(effect) for effect in node.give(StopNodeAsked("stop"))] == [ToExecutor]
    node.give(ExecutorReported(EMPTY))
    assert node.die("lrmd", "exit code 0") == [Leave("stop")]


def test_without_fencing_a_leaving_node_whose_crmd_dies_is_not_taken_over_before_it_is_empty() -> None:
    node = unfenced()
    node.give(StopNodeAsked("stop"))
    node.die("crmd")
    node.wait(5000)
    assert node.controller() == "emptying"
    node.give(ExecutorReported(EMPTY))
    assert node.die("lrmd", "exit code 0") == [Leave("stop")]
