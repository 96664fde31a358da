"""All promises of one run together; each kind has a module of its own in `promises`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.simulator.promises.cib import CibWatch
from lab.simulator.promises.membership import MembershipWatch
from lab.simulator.promises.orders import OrderWatch
from lab.simulator.promises.resources import ResourceWatch
from lab.simulator.promises.rest import RestWatch

if TYPE_CHECKING:
    from lab.simulator.scenario import Scenario
    from lab.simulator.world import World


class Invariants:
    """Each part is told of what matters to it, and raises InvariantBroken at the step that breaks a promise."""

    def __init__(self, world: World, scenario: Scenario) -> None:
        self.membership = MembershipWatch(world, scenario)
        self.resources = ResourceWatch(world, scenario)
        self.orders = OrderWatch(world, scenario, self.membership)
        self.cib = CibWatch(world, scenario, self.membership)
        self.rest = RestWatch(world, scenario)
