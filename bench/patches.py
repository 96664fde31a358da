"""The policy engine's warm worker, given one small change of a large cluster after the other.

usage: python -m bench.patches [--largest N] [--repeat N]

Clusters at rest with resources of every kind (see bench.mixed); for each kind of change, in processor milliseconds:
`follow`, to apply the patch and have the state of the result (measured in this process); `answer`, all that the worker
process does from the patch to the outcome; and, for comparison, `whole`, the outcome of the same document loaded as a
whole. Every change is taken back before the next one. The outcome must be that of the whole document.
"""

import argparse
import gc
import statistics
import sys
import time
from collections.abc import Callable

import msgspec

from bench.figures import clean_up_on_sigterm, machine, say, table
from bench.mixed import mixed
from bench.scheduling import NOW, WarmWorker
from cib.document import Document
from cib.patchset import Change, Create, Delete, Modify, Patch
from cib.version import CibVersion
from pengine.unpack import LiveDocument
from pengine.wire import ApplyPatch, LoadDocument, Schedule

SIZES = ((3, 20), (16, 1000), (32, 2000))
_NODE = "/cib/status/node_state[@id='2']"
_FAILED = (
    b'<lrm_rsc_op id="r0_last_failure_0" operation_key="r0_monitor_10000" operation="monitor" interval="10000" '
    b'call-id="90000" rc-code="1" op-status="0" last-rc-change="1699999990" '
    b'transition-key="1:2:0:90000000-0000-4000-8000-000000000000" '
    b'transition-magic="0:1;1:2:0:90000000-0000-4000-8000-000000000000"/>'
)
_FAIL_COUNT = b'<nvpair id="status-2-fail" name="fail-count-r0#monitor_10000" value="1"/>'
_STOPPED = b'<meta_attributes id="r0-m"><nvpair id="r0-m-role" name="target-role" value="Stopped"/></meta_attributes>'
_BAN = b'<rsc_location id="ban" rsc="r0" node="node1" score="-INFINITY"/>'


class Kind(msgspec.Struct, frozen=True):
    """A kind of change: what makes it, and what takes it back."""

    name: str
    there: Callable[[Document], Change]
    back: Callable[[Document], Change]


def _attributes(document: Document, path: str, **other: str) -> Modify:
    element = document.find(path)
    assert element is not None
    values = {**{str(name): str(value) for name, value in element.attrib.items()}, **other}
    return Modify(path, tuple(values.items()))


def _home(document: Document) -> str:
    """Where the history of r0 is: on the node on which it runs."""
    history = next(item for item in document.root.iter("lrm_resource") if item.get("id") == "r0" and len(item) > 1)
    return document.path(history)


_TRANSIENT = f"{_NODE}/transient_attributes[@id='2']/instance_attributes[@id='status-2']"
_CONSTRAINTS = "/cib/configuration/constraints"
_PRIMITIVE = "/cib/configuration/resources/primitive[@id='r0']"
KINDS = (
    Kind(
        "a failed monitor",
        lambda document: Create(_home(document), 2, _FAILED),
        lambda document: Delete(f"{_home(document)}/lrm_rsc_op[@id='r0_last_failure_0']"),
    ),
    Kind(
        "a fail count",
        lambda _: Create(_TRANSIENT, 0, _FAIL_COUNT),
        lambda _: Delete(f"{_TRANSIENT}/nvpair[@id='status-2-fail']"),
    ),
    Kind(
        "a node is lost",
        lambda document: _attributes(document, _NODE, in_ccm="false", crmd="offline", join="down"),
        lambda document: _attributes(document, _NODE, in_ccm="true", crmd="online", join="member"),
    ),
    Kind(
        "a constraint",
        lambda _: Create(_CONSTRAINTS, 0, _BAN),
        lambda _: Delete(f"{_CONSTRAINTS}/rsc_location[@id='ban']"),
    ),
    Kind(
        "a meta-attribute",
        lambda _: Create(_PRIMITIVE, 0, _STOPPED),
        lambda _: Delete(f"{_PRIMITIVE}/meta_attributes[@id='r0-m']"),
    ),
)


class _Cluster:
    """A document, a worker that has it, and the state that follows it here."""

    def __init__(self, nodes: int, primitives: int) -> None:
        self._document = Document.from_bytes(mixed(nodes, primitives).encode())
        self._live = LiveDocument(Document.from_bytes(self._document.to_compact_bytes()))
        self._live.state()

    def patch(self, change: Callable[[Document], Change]) -> Patch:
        """A patch of the document as it is now, applied to it."""
        version = self._document.version
        patch = Patch((change(self._document),))
        if patch.changes_configuration:
            target = CibVersion(version.admin_epoch, version.epoch + 1, 0)
        else:
            target = CibVersion(version.admin_epoch, version.epoch, version.num_updates + 1)
        patch = Patch(patch.changes, version, target)
        self._document.apply(patch)
        return patch

    def follow_ms(self, patch: Patch) -> float:
        """Processor milliseconds until the state of the patched document is there."""
        begun = time.process_time()
        self._live.take(patch)
        self._live.state()
        return (time.process_time() - begun) * 1000

    def question(self) -> Schedule:
        """What a controller asks."""
        return Schedule(1, NOW, self._document.version, self._document.configuration_digest())

    def whole(self) -> LoadDocument:
        """The whole document."""
        return LoadDocument(self._document.to_compact_bytes())


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.patches", description=__doc__)
    parser.add_argument("--largest", type=int, default=SIZES[-1][1], help="the most primitives")
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    clean_up_on_sigterm()
    say(machine())
    rows: list[tuple[str, ...]] = [("processor ms", "follow", "answer", "whole", "actions")]
    for nodes, primitives in SIZES:
        if primitives <= options.largest:
            rows += _measure(nodes, primitives, options.repeat)
    say("\n" + table(rows))
    return 0


def _measure(nodes: int, primitives: int, repeat: int) -> list[tuple[str, ...]]:
    cluster = _Cluster(nodes, primitives)
    rows: list[tuple[str, ...]] = []
    gc.freeze()
    with WarmWorker() as worker, WarmWorker() as other:
        worker.ask(Schedule(0, NOW), cluster.whole())
        for kind in KINDS:
            follow, answer, whole = [], [], []
            for _ in range(repeat):
                patch = cluster.patch(kind.there)
                follow.append(cluster.follow_ms(patch))
                milliseconds, outcome = worker.timed(cluster.question(), ApplyPatch(patch.to_xml()))
                answer.append(milliseconds)
                milliseconds, expected = other.timed(cluster.question(), cluster.whole())
                whole.append(milliseconds)
                if outcome.graph != expected.graph:
                    raise RuntimeError(f"not the decision about the whole document: {kind.name}, {nodes} nodes")
                back = cluster.patch(kind.back)
                cluster.follow_ms(back)
                worker.ask(cluster.question(), ApplyPatch(back.to_xml()))
            figures = (statistics.median(values) for values in (follow, answer, whole))
            actions = str(len(outcome.graph.synapses))
            name = f"{kind.name}: {primitives} primitives, {nodes} nodes"
            rows.append((name, *(f"{figure:.1f}" for figure in figures), actions))
            say(f"  {rows[-1]}")
    return rows


if __name__ == "__main__":
    sys.exit(main())
