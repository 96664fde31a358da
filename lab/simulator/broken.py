"""Cores with one defect each, to prove that the simulator would see it.

Each is the real core with one method replaced by a wrong one while the context lasts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import cib.patch_apply
import crmd.coordinator
from cib.document import Document
from cib.history import HistoryPoint
from cib.keeper import Keeper, KeeperEffect
from cib.replica import Effect, Replica
from cib.replica_messages import Announce, Update
from cib.requests import Request
from crmd.cib_view import CibView
from crmd.conductor import Conductor
from crmd.join import Allegiance
from crmd.recorder import Recorder, RecorderEffect
from crmd.transition import Transition
from crmd.workbook import Workbook
from heartbeat.events import Persist
from heartbeat.messages import Quorum
from heartbeat.promises import Promises
from heartbeat.quorum import QuorumCore
from ipc.units import Milliseconds
from lrmd.executor import Executor
from lrmd.messages import Finished
from lrmd.orders import OrderGate
from pengine.graph import Action, Synapse

Wrong = Callable[..., object]


@contextmanager
def _replaced(*replacements: tuple[object, str, Wrong]) -> Iterator[None]:
    originals = [(owner, name, getattr(owner, name)) for owner, name, _ in replacements]
    for owner, name, wrong in replacements:
        setattr(owner, name, wrong)
    try:
        yield
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


def no_quorum_check() -> AbstractContextManager[None]:
    """Every view has quorum."""

    def result(core: QuorumCore, *_: object) -> Quorum:
        return Quorum(True, "majority", len(core.nodes), len(core.nodes), config_writes=True)

    return _replaced((QuorumCore, "result", result))


def start_before_fencing_is_confirmed() -> AbstractContextManager[None]:
    """A node counts as down as soon as its fencing was asked for."""
    real = Conductor._fire_fencing  # noqa: SLF001

    def fire(conductor: Conductor, action: Action, now: Milliseconds) -> None:
        real(conductor, action, now)
        for identity in list(conductor._fencing):  # noqa: SLF001
            conductor.fencing_done(identity, True, "", now)

    return _replaced((Conductor, "_fire_fencing", fire))


def a_silent_node_counts_as_down() -> AbstractContextManager[None]:
    """A lost node is recorded as one that was fenced."""

    def gone(view: CibView, name: str, *, clean: bool) -> list[Request]:
        return view.fenced(name)

    return _replaced((CibView, "member_gone", gone))


def acknowledge_before_fsync() -> AbstractContextManager[None]:
    """What is being written counts as kept, and is announced as such before the disk has it."""
    real = Keeper._write  # noqa: SLF001

    def write(keeper: Keeper, document: Document, point: HistoryPoint) -> list[KeeperEffect]:
        effects = real(keeper, document, point)
        keeper.kept = keeper._writing  # noqa: SLF001
        return effects

    real_updated = Replica._updated  # noqa: SLF001

    def updated(replica: Replica, message: Update, now: Milliseconds) -> list[Effect]:
        return [*real_updated(replica, message, now), *replica._disk_changed()]  # noqa: SLF001

    return _replaced((Keeper, "_write", write), (Replica, "_updated", updated))


def reused_generation() -> AbstractContextManager[None]:
    """A new life has the generation of the one before."""

    def begin(promises: Promises) -> Persist:
        asked = promises.asked
        return promises._save(max(1, asked.generation), asked.voted + 16, asked.nodes)  # noqa: SLF001

    return _replaced((Promises, "begin_life", begin))


def vote_before_fsync() -> AbstractContextManager[None]:
    """A vote counts before it is on disk, so that a crash lets the node vote again for the same number."""
    return _replaced((Promises, "covers", lambda _promises, _number: True))


def stale_orders_accepted() -> AbstractContextManager[None]:
    """Neither the member nor its executor looks at who orders, and when that was."""
    return _replaced(
        (Allegiance, "obeys", lambda _allegiance, _term: True),
        (OrderGate, "refusal", lambda _gate, _stamp, *, stops: None),
    )


def operations_in_flight_forgotten() -> AbstractContextManager[None]:
    """A new DC is not told what is in flight, and does it once more."""
    return _replaced((Workbook, "in_flight", lambda _workbook: ()))


def results_lost() -> AbstractContextManager[None]:
    """Every fifth result goes nowhere."""
    real = Recorder.keep

    def keep(recorder: Recorder, result: Finished, now: Milliseconds) -> list[RecorderEffect]:
        return [] if result.call_id % 5 == 0 else real(recorder, result, now)

    return _replaced((Recorder, "keep", keep))


def patches_without_a_version_check() -> AbstractContextManager[None]:
    """A member takes itself for being in step, and applies whatever patch comes."""

    def announced(replica: Replica, message: Announce, _now: Milliseconds) -> list[Effect]:
        return replica._now_in_step(message.point)  # noqa: SLF001

    return _replaced(
        (cib.patch_apply, "_check_versions", lambda _current, _patch: None), (Replica, "_announced", announced)
    )


def the_dcs_own_cib_always_wins() -> AbstractContextManager[None]:
    """When nodes meet, the DC does not look at the others' histories."""
    return _replaced((crmd.coordinator, "choose", lambda _points, *, cold_start: 0))


def actions_do_not_wait_for_their_inputs() -> AbstractContextManager[None]:
    """A start does not wait for the stop elsewhere."""
    real = Transition._read  # noqa: SLF001

    def read(transition: Transition, position: int, synapse: Synapse) -> None:
        real(transition, position, Synapse(synapse.id, synapse.priority, synapse.actions, ()))

    return _replaced((Transition, "_read", read))


def leftovers_not_awaited() -> AbstractContextManager[None]:
    """A new executor does not care for the agents that an earlier one left running."""
    return _replaced((Executor, "_adopt", lambda _executor, _leftover, _saved: None))


CORES: dict[str, Callable[[], AbstractContextManager[None]]] = {
    make.__name__: make
    for make in (
        no_quorum_check,
        start_before_fencing_is_confirmed,
        a_silent_node_counts_as_down,
        acknowledge_before_fsync,
        reused_generation,
        vote_before_fsync,
        stale_orders_accepted,
        operations_in_flight_forgotten,
        results_lost,
        patches_without_a_version_check,
        the_dcs_own_cib_always_wins,
        actions_do_not_wait_for_their_inputs,
        leftovers_not_awaited,
    )
}
