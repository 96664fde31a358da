"""The controller's state machine is complete, and every state can be reached and left."""

import itertools
from pathlib import Path

import pytest

from crmd.states import TABLE, Action, Impossible, Input, State, Step, step


@pytest.mark.parametrize(("state", "happened"), list(itertools.product(State, Input)))
def test_every_input_has_an_entry_in_every_state(state: State, happened: Input) -> None:
    entry = TABLE[state][happened]

    assert isinstance(entry, Step) or entry.reason


def test_every_state_is_reached_from_the_start() -> None:
    reached = {State.STARTING}
    while True:
        more = {entry.state for state in reached for entry in TABLE[state].values() if isinstance(entry, Step)}
        if more <= reached:
            break
        reached |= more

    assert reached == set(State)


def test_every_action_is_used_somewhere() -> None:
    used = {
        action
        for row in TABLE.values()
        for entry in row.values()
        if isinstance(entry, Step)
        for action in entry.actions
    }

    assert used == set(Action)


def test_a_new_view_leads_to_an_election_from_every_state_but_the_last() -> None:
    for state in State:
        if state is not State.STOPPING:
            assert step(state, Input.VIEW).state is State.ELECTION


def test_whoever_may_be_dc_resigns_when_the_view_is_lost() -> None:
    for state in (State.INTEGRATION, State.FINALIZE_JOIN, State.POLICY_ENGINE, State.TRANSITION_ENGINE, State.IDLE):
        assert step(state, Input.VIEW_LOST) == Step(State.STARTING, (Action.RESIGN, Action.FORGET_DC))


def test_an_impossible_pair_ends_the_process_with_its_reason() -> None:
    assert isinstance(TABLE[State.NOT_DC][Input.GRAPH], Impossible)
    with pytest.raises(AssertionError, match="only a DC does this"):
        step(State.NOT_DC, Input.GRAPH)


def test_the_table_in_the_design_page_is_current() -> None:
    page = Path(__file__).parents[3] / "docs" / "design" / "0011-election-and-join.md"
    rows = []
    for state in State:
        for happened in Input:
            entry = TABLE[state][happened]
            if isinstance(entry, Step) and entry != Step(state):
                actions = ", ".join(action.name.lower() for action in entry.actions)
                rows.append(f"| {state.value} | {happened.value} | {entry.state.value} | {actions} |")

    assert "\n".join(rows) in page.read_text(encoding="utf-8"), "write these rows into the page:\n" + "\n".join(rows)
