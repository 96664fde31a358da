"""All machines of a simulated cluster, the network and the power switch between them, and the people who use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.simulator.clients import Clients
from lab.simulator.faults import Injector
from lab.simulator.invariants import Invariants
from lab.simulator.machine import Machine
from lab.simulator.network import Network
from lab.simulator.power import Power
from lab.simulator.scenario import configuration

if TYPE_CHECKING:
    from lab.simulator.scenario import Scenario
    from lab.simulator.world import World


CHECK_REST_MS = 1_000
"""How often a cluster that says that it is idle is looked at."""


class Cluster:
    """Made from a scenario; `start` begins it."""

    def __init__(self, world: World, scenario: Scenario) -> None:
        self.world = world
        self.scenario = scenario
        self.network = Network(world)
        self.invariants = Invariants(world, scenario)
        self.power = Power(self)
        self.machines = {name: Machine(name, self) for name in scenario.nodes}
        self.clients = Clients(self)
        self.injector = Injector(self)
        content = configuration(scenario)
        for machine in self.machines.values():
            machine.disk.write_first_cib(content)

    def start(self) -> None:
        """Power on within a second of each other, and queue what the scenario says."""
        for machine in self.machines.values():
            self.world.after(self.world.rng.randint(0, 1000), machine.power_on)
        for fault in self.scenario.faults:
            self.world.after(fault.at_ms, lambda fault=fault: self.injector.inject(fault))  # type: ignore[misc]
        self.world.after(CHECK_REST_MS, self._check_rest)
        for number, at_ms in enumerate(self.scenario.marks_at_ms):
            self.world.after(at_ms, lambda number=number: self.clients.write_mark(number))  # type: ignore[misc]

    def _check_rest(self) -> None:
        self.invariants.rest.check(self)
        self.world.after(CHECK_REST_MS, self._check_rest)

    def boot_later(self, machine: Machine, delay_ms: int) -> None:
        """Power comes back after the delay, unless it did meanwhile."""

        def boot() -> None:
            if not machine.powered:
                machine.power_on()

        self.world.after(delay_ms, boot)

    def dc(self) -> Machine | None:
        """The machine whose controller acts as DC (the first, where two partitions have one each)."""
        for machine in self.machines.values():
            if machine.controller is not None and machine.controller.is_dc():
                return machine
        return None

    def heal(self) -> None:
        """No more faults: power, network, clocks, disks and agents are well from now on."""
        self.world.trace("fault", "everything heals")
        self.network.heal()
        self.power.failures_left = 0
        self.power.delay_ms = (100, 500)
        self.power.report_ms = (0, 200)
        for machine in self.machines.values():
            machine.resources.faults.clear()
            machine.disk.full = machine.disk.slow = False
            machine.worker_deaths = 0
            machine.set_clock(0)
            machine.resume()
            for process in machine.processes():
                process.go_on()
            machine.wanted = True
            if not machine.powered:
                machine.power_on()
            else:
                machine.start_messaging()

    def unsettled(self) -> str:
        """Why the cluster is not yet where promise 7 wants it; empty when it is."""
        for machine in self.machines.values():
            if machine.controller is None or machine.messaging is None or machine.executor is None:
                return f"{machine.name}: a daemon is missing"
        states = {name: machine.controller_state() for name, machine in self.machines.items()}
        everyone = tuple(sorted(self.machines))
        for name, state in states.items():
            if state is None or state.members != everyone:
                return f"{name} sees {state.members if state else 'no view'}"
            if not state.idle:
                return f"{name} says {state.fsa_state}, not idle"
        if len({state.dc for state in states.values() if state is not None}) != 1:
            return "the nodes do not agree on a DC"
        return self._missing_resources()

    def _missing_resources(self) -> str:
        for name in self.clients.expected_resources():
            holders = [machine.name for machine in self.machines.values() if name in machine.resources.active]
            if len(holders) != 1:
                return f"{name} is active on {holders or 'no node'}"
        return ""
