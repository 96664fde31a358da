"""Nothing on the path of a status update walks the whole document: the controllers' work does not grow with it.

What is counted is lines of Python, so that every loop over elements shows on any machine; and how much is serialised,
which libxml2 does without executing a line.
"""

import copy
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

import pytest

from cib import xml
from cib.requests import Request
from crmd.controller import Controller
from crmd.events import Effect, Event
from crmd.messages import ApplyCib, CibApplied, Done, UpdateAttribute
from ipc.units import Milliseconds
from tests.unit.crmd.cluster import Cluster, cib, dummy, option, running_cluster

FEW, MANY = 10, 300
SERIALISED_MAX = 4096
"""Bytes; a patch of one attribute, or of one result, has some hundred."""
WALKING: dict[CodeType, str] = {
    copy.deepcopy.__code__: "a copy",
    xml.select.__code__: "an XPath",
    xml.parse.__code__: "parsing",
}
"""What goes through all that it is given."""


class Counter:
    """Counts what is executed in the controllers' cores."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lines = 0
        self.serialised = 0
        self.walked: list[str] = []
        handle = Controller.handle

        def traced(controller: Controller, event: Event, now: Milliseconds) -> list[Effect]:
            trace: Any = self._trace
            sys.settrace(trace)
            try:
                return handle(controller, event, now)
            finally:
                sys.settrace(None)

        monkeypatch.setattr(Controller, "handle", traced)

    def _trace(self, frame: FrameType, event: str, returned: object) -> Callable[[FrameType, str, Any], object]:
        if event == "line":
            self.lines += 1
        elif event == "call" and frame.f_code in WALKING and self._is_large(frame):
            self.walked.append(f"{WALKING[frame.f_code]} in {frame.f_back.f_code.co_name if frame.f_back else ''}")
        elif event == "return" and frame.f_code is xml.serialise.__code__ and isinstance(returned, bytes):
            self.serialised = max(self.serialised, len(returned))
        return self._trace

    @staticmethod
    def _is_large(frame: FrameType) -> bool:
        data = frame.f_locals.get("data")
        return not isinstance(data, bytes) or len(data) > SERIALISED_MAX


def cluster_with(primitives: int) -> Cluster:
    """Two idle nodes; every resource is stopped, and was looked for everywhere."""
    names = [f"r{number}" for number in range(primitives)]
    options = option("stop-all-resources", "true") + option("enable-startup-probes", "false")
    cluster = running_cluster("n1", "n2", cib=cib(*(dummy(name) for name in names), options=options))
    for node in ("n1", "n2"):
        histories = "".join(history(name, node, call) for call, name in enumerate(names, 1))
        state = (
            f'<node_state id="{node}"><lrm id="{node}"><lrm_resources>{histories}</lrm_resources></lrm></node_state>'
        )
        cluster.ask("n1", ApplyCib(1, (Request("modify", section="status", xml=state.encode()),)))
        cluster.settle()
    assert sum(isinstance(reply, CibApplied) for _, _, reply in cluster.answers) == 2
    return cluster


def history(name: str, node: str, call: int) -> str:
    key = f"{call}:1:7:00000000-0000-4000-8000-000000000000"
    return (
        f'<lrm_resource id="{name}" class="ocf" provider="pacekeeper" type="Dummy"><lrm_rsc_op id="{name}_last_0" '
        f'operation_key="{name}_monitor_0" operation="monitor" transition-key="{key}" transition-magic="0:7;{key}" '
        f'on_node="{node}" call-id="{call}" rc-code="7" op-status="0" interval="0"/></lrm_resource>'
    )


def work_of_an_update(primitives: int, monkeypatch: pytest.MonkeyPatch) -> Counter:
    """What both controllers do from a tool's new attribute until the cluster is idle again."""
    cluster = cluster_with(primitives)
    for number, value in enumerate(("1", "2", "3")):
        # The first ones make the indexes, and the attribute.
        with monkeypatch.context() as patches:
            counter = Counter(patches)
            cluster.ask("n2", UpdateAttribute(10 + number, "load", value, "n2", "reboot"))
            cluster.run(50)
            cluster.settle()
    assert sum(isinstance(reply, Done) for _, _, reply in cluster.answers) == 3
    return counter


def test_the_work_for_a_status_update_does_not_grow_with_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = (work_of_an_update(primitives, monkeypatch) for primitives in (FEW, MANY))
    assert few.lines > 1000
    assert many.walked == []
    assert 0 < many.serialised <= SERIALISED_MAX
    assert abs(many.lines - few.lines) < MANY - FEW, "not one line for each resource more"
