"""How a broken promise ends a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from lab.simulator.scenario import Scenario
    from lab.simulator.world import World


class InvariantBroken(AssertionError):
    """A promise does not hold; the message tells which, when and where."""

    def __init__(self, number: int, at_ms: int, text: str) -> None:
        super().__init__(f"promise {number} broken at {at_ms / 1000:.3f} s: {text}")
        self.number = number


class Watch:
    """Base of those that watch over promises."""

    def __init__(self, world: World, scenario: Scenario) -> None:
        self.world = world
        self.scenario = scenario

    def fail(self, number: int, text: str) -> NoReturn:
        """A promise is broken."""
        raise InvariantBroken(number, self.world.now, text)
