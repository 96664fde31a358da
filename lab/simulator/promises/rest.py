"""What must be true when the cluster says that nothing is left to do: every result is in the CIB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cib.status_view import HistoryEntryView, node_history
from lab.simulator.promises.broken import Watch

if TYPE_CHECKING:
    from lab.simulator.cluster import Cluster
    from lab.simulator.controller import ControllerProcess
    from lab.simulator.machine import Machine
    from lrmd.events import SavedResource
    from lrmd.messages import Finished

REST_MS = 6_000
"""A cluster that was idle for so long has had the time to send again what was lost on the way."""
_NOT_KEPT = ("notify", "meta-data", "validate-all")


class RestWatch(Watch):
    """Compares what executors have on record with the CIB of a DC that has been idle for a while."""

    def check(self, cluster: Cluster) -> None:
        """Look at every DC that rests."""
        for machine in cluster.machines.values():
            controller = machine.controller
            if controller is None or controller.state is None or not controller.is_dc() or not self._rests(controller):
                continue
            self.world.reached["checks at rest"] += 1
            for name in controller.state.members:
                self._check_node(machine, cluster.machines[name])

    def _check_node(self, dc: Machine, node: Machine) -> None:
        if (
            node.executor is None
            or node.executor.stalled
            or node.controller is None
            or not self._rests(node.controller)
        ):
            return
        assert dc.controller is not None
        recorded: dict[str, list[HistoryEntryView]] = {}
        for entry in node_history(dc.controller.core.document, node.name):
            recorded.setdefault(entry.resource, []).append(entry)
        run = node.disk.run
        for record in run.resources.values():
            if self.world.now - run.saved_at[record.resource] < REST_MS:
                continue
            for result in _results_that_count(record):
                if not _is_recorded(result, recorded.get(record.resource, [])):
                    operation = result.operation
                    self.fail(
                        6,
                        f"{node.name} has the result {result.exit_code} ({result.status.name}) of {operation.action} "
                        f"{operation.resource} [{operation.interval_ms}], call {result.call_id}, but the CIB of "
                        f"{dc.name}, which has been idle for {REST_MS} ms, does not",
                    )

    def _rests(self, controller: ControllerProcess) -> bool:
        since = controller.idle_since
        return since is not None and self.world.now - since >= REST_MS and not controller.stalled


def _results_that_count(record: SavedResource) -> list[Finished]:
    """The newest result of single operations, and that of each recurring one."""
    if record.pending:
        return []
    single = [one for one in record.history if not one.operation.interval_ms and one.operation.action not in _NOT_KEPT]
    recurring = {(each.operation.action, each.operation.interval_ms): each for each in record.recurring}
    newest: list[Finished] = [max(single, key=lambda one: one.call_id)] if single else []
    for (action, interval_ms), each in recurring.items():
        newest += [
            one
            for one in record.history
            if (one.operation.action, one.operation.interval_ms) == (action, interval_ms)
            and (one.exit_code, one.status) == (each.last_exit_code, each.last_status)
            and one.call_id == each.call_id
        ]
    return newest


def _is_recorded(result: Finished, entries: list[HistoryEntryView]) -> bool:
    """Whether exactly this result is in the CIB, or that of a single operation (a probe, too) that began after it."""
    same = any((entry.call_id, entry.rc) == (result.call_id, result.exit_code) for entry in entries)
    later = any(entry.call_id > result.call_id and not entry.interval_ms for entry in entries)
    return same or later
