"""What happens when a transition graph is carried out on paper: events, for people, and changes of the status."""

from __future__ import annotations

from pengine.state import HistoryEntry, ResourceHistory


class PseudoActionDone:
    """A point of the graph was passed; `node` only where the point belongs to one."""

    __slots__ = ("node", "task_key")

    def __init__(self, task_key: str, node: str | None) -> None:
        self.task_key = task_key
        self.node = node


class ResourceActionDone:
    """A node was told to do an operation of a resource; `interval_ms` is 0 where it does not recur."""

    __slots__ = ("interval_ms", "node", "resource", "task")

    def __init__(self, resource: str, task: str, node: str, interval_ms: int) -> None:
        self.resource = resource
        self.task = task
        self.node = node
        self.interval_ms = interval_ms


class ClusterActionDone:
    """The controller of a node did something itself, for a resource or not."""

    __slots__ = ("node", "resource", "task")

    def __init__(self, task: str, resource: str | None, node: str) -> None:
        self.task = task
        self.resource = resource
        self.node = node


class FencingDone:
    """A node was fenced; `operation` is reboot, off or on."""

    __slots__ = ("node", "operation")

    def __init__(self, node: str, operation: str) -> None:
        self.node = node
        self.operation = operation


class ResultPretended:
    """The result of an action of the graph is not the expected one, as was asked for."""

    __slots__ = ("action_id", "rc")

    def __init__(self, action_id: int, rc: int) -> None:
        self.action_id = action_id
        self.rc = rc


class AttributeSet:
    """A transient attribute of a node got a value."""

    __slots__ = ("name", "node_id", "node_name", "value")

    def __init__(self, node_id: str, node_name: str, name: str, value: str) -> None:
        self.node_id = node_id
        self.node_name = node_name
        self.name = name
        self.value = value


class NodeDown:
    """A node is down: of its state only that is left."""

    __slots__ = ("node_id", "node_name")

    def __init__(self, node_id: str, node_name: str) -> None:
        self.node_id = node_id
        self.node_name = node_name


class ResultsRecorded:
    """The history of a resource on a node got new entries; `history` holds them already."""

    __slots__ = ("entries", "history", "node_id", "node_name")

    def __init__(
        self, node_id: str, node_name: str, history: ResourceHistory, entries: tuple[HistoryEntry, ...]
    ) -> None:
        self.node_id = node_id
        self.node_name = node_name
        self.history = history
        self.entries = entries


Event = PseudoActionDone | ResourceActionDone | ClusterActionDone | FencingDone | ResultPretended | AttributeSet
Change = ResultsRecorded | AttributeSet | NodeDown
