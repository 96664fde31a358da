"""The controller's states and inputs, and the table of what an input does in a state.

The states keep the names that Pacemaker's users know. A node walks the left way as DC, the right one as member:

    S_STARTING -> S_ELECTION -> S_INTEGRATION -> S_FINALIZE_JOIN -> S_POLICY_ENGINE <-> S_TRANSITION_ENGINE -> S_IDLE
                      |
                      +-------> S_PENDING -> S_NOT_DC

A new view (VIEW) leads to an election from everywhere, the loss of the view (VIEW_LOST) back to S_STARTING.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class State(Enum):
    """Where the controller is; the value is what tools show."""

    STARTING = "S_STARTING"
    """In no view."""
    ELECTION = "S_ELECTION"
    """In a view; its members choose their DC."""
    PENDING = "S_PENDING"
    """Another node is to be DC, or is; this one has not yet joined it."""
    NOT_DC = "S_NOT_DC"
    """Joined: takes orders from the DC."""
    INTEGRATION = "S_INTEGRATION"
    """DC: waits for the members' join requests."""
    FINALIZE_JOIN = "S_FINALIZE_JOIN"
    """DC: distributes the agreed CIB and waits for the members' confirmation."""
    POLICY_ENGINE = "S_POLICY_ENGINE"
    """DC: something must be computed: waits for what is in flight, then for the policy engine."""
    TRANSITION_ENGINE = "S_TRANSITION_ENGINE"
    """DC: carries out a transition."""
    IDLE = "S_IDLE"
    """DC: nothing to do."""
    STOPPING = "S_STOPPING"
    """This node said that it is ready to leave; nothing of the cluster's runs here."""


class Input(Enum):
    """What can happen to the state machine."""

    VIEW = "I_VIEW"
    """A view was installed."""
    VIEW_LOST = "I_VIEW_LOST"
    """This node is in no view any more."""
    ELECTION = "I_ELECTION"
    """A new round of election began in the same view."""
    WON = "I_WON"
    """This node is to be DC."""
    LOST = "I_LOST"
    """Another node is to be DC."""
    OFFER = "I_OFFER"
    """A DC's offer was accepted."""
    JOINED = "I_JOINED"
    """The DC said that this node is in, and its CIB is here."""
    REQUESTS_IN = "I_REQUESTS_IN"
    """DC: every member that is waited for has told its state, and the CIB is agreed."""
    CONFIRMED = "I_CONFIRMED"
    """DC: every member confirmed."""
    REJOIN = "I_REJOIN"
    """DC: a member must join (again) before anything else is decided."""
    COMPUTE = "I_COMPUTE"
    """DC: the last computation is out of date."""
    GRAPH = "I_GRAPH"
    """DC: the policy engine's answer is up to date and has actions."""
    NOTHING_TO_DO = "I_NOTHING_TO_DO"
    """DC: the graph was carried out, or was empty."""
    LEAVE = "I_LEAVE"
    """This node leaves in good order."""


class Action(Enum):
    """What is done on the way from one state to the next; each names a method of the controller."""

    VOTE = "start the election of this view"
    RESIGN = "give up what only a DC does"
    FORGET_DC = "take orders from nobody"
    OFFER = "take office: offer the members to join"
    WAIT_FOR_OFFER = "wait for the winner's offer"
    REQUEST = "tell the DC this node's state"
    SERVE = "take orders of the DC"
    INTEGRATE = "wait for the members' state"
    FINALIZE = "distribute the agreed CIB"
    RECORD = "write the members' state into the CIB"
    COMPUTE = "ask the policy engine as soon as nothing is in flight"
    EXECUTE = "carry out the graph"
    REST = "set the recheck timer"
    DEPART = "order and take nothing any more"


class Step(NamedTuple):
    """What an input does: the next state and what is done, in order."""

    state: State
    actions: tuple[Action, ...] = ()


class Impossible(NamedTuple):
    """A pair that cannot happen; that it does is a programming error."""

    reason: str


_BEGIN = Step(State.ELECTION, (Action.RESIGN, Action.FORGET_DC, Action.VOTE))
_BEGIN_AGAIN = Step(State.ELECTION, (Action.RESIGN, Action.FORGET_DC))
_OUT = Step(State.STARTING, (Action.RESIGN, Action.FORGET_DC))
_ACCEPT = Step(State.PENDING, (Action.RESIGN, Action.REQUEST))
_DEPART = Step(State.STOPPING, (Action.RESIGN, Action.FORGET_DC, Action.DEPART))

_NO_VIEW = Impossible("there is no view, so nobody can be elected, join or compute")
_NOT_ELECTING = Impossible("an election ends once in each round")
_NOT_DC = Impossible("only a DC does this")
_NOT_YET = Impossible("the members have not joined")
_ONCE = Impossible("it was done in an earlier state of this term")
_OWN_OFFER = Impossible("a DC accepts another's offer only after it resigned, which begins an election")
_LEFT = Impossible("this node has left and takes part in nothing")

_DC_STATES = (
    State.INTEGRATION,
    State.FINALIZE_JOIN,
    State.POLICY_ENGINE,
    State.TRANSITION_ENGINE,
    State.IDLE,
)

_DC_INPUTS = (
    Input.REQUESTS_IN,
    Input.CONFIRMED,
    Input.REJOIN,
    Input.COMPUTE,
    Input.GRAPH,
    Input.NOTHING_TO_DO,
)

_REJOIN = Step(State.INTEGRATION, (Action.INTEGRATE,))
_COMPUTE = Step(State.POLICY_ENGINE, (Action.COMPUTE,))
_REST = Step(State.IDLE, (Action.REST,))

_DC_ROWS: dict[State, dict[Input, Step | Impossible]] = {
    State.INTEGRATION: {
        Input.REQUESTS_IN: Step(State.FINALIZE_JOIN, (Action.FINALIZE,)),
        Input.CONFIRMED: Impossible("confirmations come after the agreed CIB was distributed"),
        Input.REJOIN: Step(State.INTEGRATION),
        Input.COMPUTE: Step(State.INTEGRATION),
        Input.GRAPH: _NOT_YET,
        Input.NOTHING_TO_DO: _NOT_YET,
    },
    State.FINALIZE_JOIN: {
        Input.REQUESTS_IN: _ONCE,
        Input.CONFIRMED: Step(State.POLICY_ENGINE, (Action.RECORD, Action.COMPUTE)),
        Input.REJOIN: _REJOIN,
        Input.COMPUTE: Step(State.FINALIZE_JOIN),
        Input.GRAPH: _NOT_YET,
        Input.NOTHING_TO_DO: _NOT_YET,
    },
    State.POLICY_ENGINE: {
        Input.REQUESTS_IN: _ONCE,
        Input.CONFIRMED: _ONCE,
        Input.REJOIN: _REJOIN,
        Input.COMPUTE: _COMPUTE,
        Input.GRAPH: Step(State.TRANSITION_ENGINE, (Action.EXECUTE,)),
        Input.NOTHING_TO_DO: _REST,
    },
    State.TRANSITION_ENGINE: {
        Input.REQUESTS_IN: _ONCE,
        Input.CONFIRMED: _ONCE,
        Input.REJOIN: _REJOIN,
        Input.COMPUTE: _COMPUTE,
        Input.GRAPH: Impossible("a graph is asked for only in S_POLICY_ENGINE"),
        Input.NOTHING_TO_DO: _REST,
    },
    State.IDLE: {
        Input.REQUESTS_IN: _ONCE,
        Input.CONFIRMED: _ONCE,
        Input.REJOIN: _REJOIN,
        Input.COMPUTE: _COMPUTE,
        Input.GRAPH: Impossible("a graph is asked for only in S_POLICY_ENGINE"),
        Input.NOTHING_TO_DO: Impossible("it is idle already"),
    },
}


def _dc_row(state: State) -> dict[Input, Step | Impossible]:
    return {
        Input.VIEW: _BEGIN,
        Input.VIEW_LOST: _OUT,
        Input.ELECTION: _BEGIN_AGAIN,
        Input.WON: _NOT_ELECTING,
        Input.LOST: _NOT_ELECTING,
        Input.OFFER: _OWN_OFFER,
        Input.JOINED: _OWN_OFFER,
        Input.LEAVE: _DEPART,
        **_DC_ROWS[state],
    }


def _refused(inputs: tuple[Input, ...], why: Impossible) -> dict[Input, Step | Impossible]:
    return dict.fromkeys(inputs, why)


TABLE: dict[State, dict[Input, Step | Impossible]] = {
    State.STARTING: {
        Input.VIEW: _BEGIN,
        Input.VIEW_LOST: Step(State.STARTING),
        Input.LEAVE: _DEPART,
        **_refused((Input.ELECTION, Input.WON, Input.LOST, Input.OFFER, Input.JOINED, *_DC_INPUTS), _NO_VIEW),
    },
    State.ELECTION: {
        Input.VIEW: _BEGIN,
        Input.VIEW_LOST: _OUT,
        Input.ELECTION: Step(State.ELECTION),
        Input.WON: Step(State.INTEGRATION, (Action.OFFER, Action.INTEGRATE)),
        Input.LOST: Step(State.PENDING, (Action.WAIT_FOR_OFFER,)),
        Input.OFFER: _ACCEPT,
        Input.JOINED: Impossible("an acknowledgement answers a request, which is made in S_PENDING"),
        Input.LEAVE: _DEPART,
        **_refused(_DC_INPUTS, _NOT_DC),
    },
    State.PENDING: {
        Input.VIEW: _BEGIN,
        Input.VIEW_LOST: _OUT,
        Input.ELECTION: _BEGIN_AGAIN,
        Input.WON: _NOT_ELECTING,
        Input.LOST: _NOT_ELECTING,
        Input.OFFER: _ACCEPT,
        Input.JOINED: Step(State.NOT_DC, (Action.SERVE,)),
        Input.LEAVE: _DEPART,
        **_refused(_DC_INPUTS, _NOT_DC),
    },
    State.NOT_DC: {
        Input.VIEW: _BEGIN,
        Input.VIEW_LOST: _OUT,
        Input.ELECTION: _BEGIN_AGAIN,
        Input.WON: _NOT_ELECTING,
        Input.LOST: _NOT_ELECTING,
        Input.OFFER: _ACCEPT,
        Input.JOINED: Step(State.NOT_DC),
        Input.LEAVE: _DEPART,
        **_refused(_DC_INPUTS, _NOT_DC),
    },
    **{state: _dc_row(state) for state in _DC_STATES},
    State.STOPPING: {
        Input.VIEW: Step(State.STOPPING),
        # Only when the messaging layer died before it could leave: a new one begins anew.
        Input.VIEW_LOST: Step(State.STARTING),
        Input.LEAVE: Step(State.STOPPING),
        **_refused((Input.ELECTION, Input.WON, Input.LOST, Input.OFFER, Input.JOINED, *_DC_INPUTS), _LEFT),
    },
}
"""Complete: every input in every state. Pairs that cannot happen are written as such, with the reason."""


def step(state: State, happened: Input) -> Step:
    """Look a pair up; an impossible one is an AssertionError that names the reason."""
    entry = TABLE[state][happened]
    if isinstance(entry, Impossible):
        raise AssertionError(f"{happened.value} in {state.value}: {entry.reason}")
    return entry
