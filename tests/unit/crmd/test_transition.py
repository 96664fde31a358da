"""A graph is carried out in order, every action once, and an abort lets nothing new start."""

from crmd.transition import ACTION_TIMER, NODE_JOBS_MAX, Completed, Fire, Progress, Transition, TransitionEffect
from ipc.timers import CancelTimer, SetTimer
from ipc.units import Milliseconds
from pengine.graph import CRM_EVENT, PSEUDO_EVENT, RSC_OP, Action, Graph, ResourceRef, Synapse

T0 = Milliseconds(0)


def operation(identity: int, task: str, node: str = "n1", **meta: str) -> Action:
    attributes = {f"CRM_meta_{name}": value for name, value in meta.items()}
    return Action(
        identity,
        RSC_OP,
        task,
        f"r_{task}_0",
        node,
        node,
        resource=ResourceRef(f"r{identity}", "ocf", "pacekeeper", "Dummy"),
        attributes=attributes,
    )


def pseudo(identity: int) -> Action:
    return Action(identity, PSEUDO_EVENT, "done", f"pseudo{identity}")


def graph(
    *steps: tuple[Action, tuple[int, ...]],
    batch_limit: int = 0,
    migration_limit: int = 0,
    priorities: dict[int, int] | None = None,
) -> Graph:
    synapses = tuple(
        Synapse(number, (priorities or {}).get(action.id, 0), (action,), inputs)
        for number, (action, inputs) in enumerate(steps)
    )
    return Graph(1, 60_000, 60_000, "INFINITY", "INFINITY", batch_limit, migration_limit, None, synapses)


def fired(effects: list[TransitionEffect]) -> list[int]:
    return [effect.action.id for effect in effects if isinstance(effect, Fire)]


def test_an_action_starts_when_all_its_inputs_are_confirmed() -> None:
    transition = Transition(
        3, graph((operation(1, "stop"), ()), (operation(2, "stop"), ()), (operation(3, "start"), (1, 2))), "u"
    )

    assert fired(transition.start(T0)) == [1, 2]
    assert fired(transition.confirm(1, T0)) == []
    assert fired(transition.confirm(2, T0)) == [3]
    assert Completed(3, "", 0) in transition.confirm(3, T0)


def test_a_transition_is_in_vain_when_something_failed_and_nothing_but_pseudo_actions_was_done() -> None:
    transition = Transition(1, graph((pseudo(1), ()), (operation(2, "monitor"), (1,)), (operation(3, "stop"), ())), "u")
    transition.start(T0)
    assert not transition.in_vain
    transition.fail(2, T0)
    assert transition.in_vain
    transition.confirm(3, T0)
    assert not transition.in_vain


def test_a_pseudo_action_is_done_at_once() -> None:
    transition = Transition(1, graph((pseudo(1), ()), (pseudo(2), (1,)), (operation(3, "start"), (2,))), "u")

    assert fired(transition.start(T0)) == [3]
    assert transition.progress(2) is Progress.CONFIRMED


def test_what_needs_a_failed_action_never_starts() -> None:
    transition = Transition(1, graph((operation(1, "start"), ()), (operation(2, "start"), (1,))), "u")
    transition.start(T0)

    effects = transition.fail(1, T0)

    assert fired(effects) == []
    assert Completed(1, "", 2) in effects


def test_after_an_abort_nothing_new_starts_and_what_is_in_flight_is_awaited() -> None:
    transition = Transition(
        1, graph((operation(1, "stop"), ()), (operation(2, "stop"), ()), (operation(3, "start"), (1,))), "u"
    )
    transition.start(T0)

    assert transition.abort("configuration changed", T0) == []
    assert fired(transition.confirm(1, T0)) == []
    assert transition.confirm(2, T0)[-1] == Completed(1, "configuration changed", 1)


def test_an_abort_lets_pass_what_has_at_least_its_priority() -> None:
    transition = Transition(
        1,
        graph((operation(1, "stop"), ()), (operation(2, "notify"), (1,)), priorities={2: 1_000_000}),
        "u",
    )
    transition.start(T0)
    transition.abort("x", T0)

    assert fired(transition.confirm(1, T0)) == [2]


def test_batch_limit_bounds_what_is_in_flight() -> None:
    transition = Transition(1, graph(*((operation(n, "monitor"), ()) for n in range(1, 6)), batch_limit=2), "u")

    assert fired(transition.start(T0)) == [1, 2]
    assert fired(transition.confirm(2, T0)) == [3]


def test_a_node_gets_no_more_than_its_executor_runs_at_once_and_others_need_not_wait_for_it() -> None:
    steps: list[tuple[Action, tuple[int, ...]]] = [(operation(n, "monitor"), ()) for n in range(NODE_JOBS_MAX + 2)]
    transition = Transition(1, graph(*steps, (operation(999, "monitor", "n2"), ())), "u")

    started = fired(transition.start(T0))

    assert len(started) == NODE_JOBS_MAX + 1
    assert 999 in started
    assert fired(transition.confirm(0, T0)) == [NODE_JOBS_MAX]


def test_migration_limit_counts_source_and_target() -> None:
    first = operation(1, "migrate_to", "n1", migrate_source="n1", migrate_target="n2")
    second = operation(2, "migrate_to", "n3", migrate_source="n3", migrate_target="n2")
    transition = Transition(1, graph((first, ()), (second, ()), migration_limit=1), "u")

    assert fired(transition.start(T0)) == [1]
    assert fired(transition.confirm(1, T0)) == [2]


def test_a_result_that_comes_twice_counts_once() -> None:
    transition = Transition(1, graph((operation(1, "start"), ()), (operation(2, "monitor"), (1,))), "u")
    transition.start(T0)
    assert fired(transition.confirm(1, T0)) == [2]

    assert transition.confirm(1, T0) == []
    assert transition.fail(1, T0) == []


def test_a_lost_action_has_a_timer_of_its_timeout_and_the_cluster_delay() -> None:
    transition = Transition(1, graph((operation(1, "start", timeout="10000", start_delay="500"), ())), "u")

    assert SetTimer(f"{ACTION_TIMER}1.1", Milliseconds(5_070_500)) in transition.start(Milliseconds(5_000_000))
    assert CancelTimer(f"{ACTION_TIMER}1.1") in transition.confirm(1, T0)


def test_fencing_is_waited_for_without_a_timer_of_the_engine() -> None:
    fence = Action(1, CRM_EVENT, "stonith", "stonith-n2-reboot", "n2", "n2")
    transition = Transition(1, graph((fence, ()), (operation(2, "start"), (1,))), "u")

    effects = transition.start(T0)

    assert fired(effects) == [1]
    assert not any(isinstance(effect, SetTimer) for effect in effects)


def test_clearing_a_fail_count_is_not_waited_for() -> None:
    clear = Action(1, CRM_EVENT, "clear_failcount", "r_clear_failcount_0", "n1", "n1")
    transition = Transition(1, graph((clear, ()), (operation(2, "start"), (1,))), "u")

    assert fired(transition.start(T0)) == [1, 2]


def test_an_input_that_is_not_in_the_graph_keeps_an_action_from_starting() -> None:
    transition = Transition(1, graph((operation(1, "start"), (99,))), "u")

    assert transition.start(T0) == [Completed(1, "", 1)]


def test_an_empty_graph_is_over_at_once() -> None:
    assert Transition(1, graph(), "u").start(T0) == [Completed(1, "", 0)]


def test_the_transition_key_names_action_transition_expected_code_and_controller() -> None:
    transition = Transition(17, graph((operation(4, "monitor", op_target_rc="7"), ())), "uuid")

    effect = transition.start(T0)[0]

    assert isinstance(effect, Fire)
    assert effect.key == "4:17:7:uuid"
