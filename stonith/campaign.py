"""What the fencer remembers of one target that is being fenced."""

from dataclasses import dataclass, field
from enum import Enum

import msgspec

from stonith.device import FenceAction
from stonith.messages import FenceRecord
from stonith.plan import Alternative, Step


class Stage(Enum):
    """How far a campaign is; it only moves down this list, except that FORWARDED follows any of them."""

    QUEUED = "queued"
    """Another campaign has to end first: of the same target, or any, where fencing is not concurrent."""
    GATHERING = "gathering"
    """Agents are asked for their metadata and which nodes they reach."""
    DELAYING = "delaying"
    """The devices' or the request's delay passes."""
    ACTING = "acting"
    """A step of an alternative is going on."""
    FORWARDED = "forwarded"
    """Another member was asked to do it."""


class LocalWaiter(msgspec.Struct, frozen=True):
    """A FenceRequested of this node."""

    id: int


class RemoteWaiter(msgspec.Struct, frozen=True):
    """A ForwardRequest of another member."""

    sender: str
    key: str


Waiter = LocalWaiter | RemoteWaiter


@dataclass(slots=True)
class Campaign:
    """One target, one action, everybody who waits for it."""

    number: int
    target: str
    action: FenceAction
    timeout_ms: int
    delay_ms: int
    record: FenceRecord
    waiters: list[Waiter]
    stage: Stage = Stage.QUEUED
    wanted: set[int] = field(default_factory=set)
    """Runs whose answers are needed before there is a plan; only their number matters, never their order."""
    can_fence: dict[str, bool] = field(default_factory=dict)
    """By device: what its query said."""
    plan: list[Alternative] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    """What is left of the alternative that is being tried, the step that is going on at the front."""
    devices: list[str] = field(default_factory=list)
    """The devices of the alternative that is being tried."""
    attempt: int = 0
    """Of the step that is going on, from 1."""
    step_deadline: int = 0
    """When the step may not be tried again (monotonic milliseconds)."""
    asked: list[str] = field(default_factory=list)
    """Members that were asked to do it, the last one being asked now."""
    problems: list[str] = field(default_factory=list)
    """Why what was tried did not work, in order; the outcome's reason."""

    @property
    def delay_timer(self) -> str:
        """Name of the timer that ends DELAYING."""
        return f"fence:delay:{self.number}"

    @property
    def forward_timer(self) -> str:
        """Name of the timer that gives up on a member that was asked."""
        return f"fence:forward:{self.number}"

    @property
    def local(self) -> bool:
        """Whether somebody on this node waits (then other members may be asked for help)."""
        return any(isinstance(waiter, LocalWaiter) for waiter in self.waiters)
