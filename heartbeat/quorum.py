"""Quorum: what the votes of the installed view are worth.

Votes are counted against all nodes of the node list, never against a view: otherwise a cluster could shrink, view by
view, into two halves that both believe in themselves. The rules for two nodes are in docs/design/0003-quorum.md.
"""

from heartbeat.messages import NO_QUORUM, Quorum, View
from ipc.units import Milliseconds


class QuorumCore:
    """Keeps what this life of the node has to remember for the two-node rule."""

    def __init__(self, me: str, nodes: tuple[str, ...], initdead_ms: int) -> None:
        self._me = me
        self._nodes = nodes
        self._initdead_ms = initdead_ms
        self._view: View | None = None
        self._partners: set[str] = set()
        """Voters that this life was in a quorate view with, and that did not go on without it since."""
        self._started_alone = False
        self._left_behind = False
        """A voter went on without this node in this life: it is no node that starts alone."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes with a vote."""
        return self._nodes

    def count_by(self, nodes: tuple[str, ...]) -> None:
        """The node list changed."""
        self._nodes = nodes

    def new_life(self) -> None:
        """This node begins a new life: it knows of no partner, as if the machine had been started just now."""
        self._view = None
        self._partners.clear()
        self._started_alone = self._left_behind = False

    def installed(self, view: View, still_heard: tuple[str, ...]) -> None:
        """A view was installed. `still_heard`: members of the one before that went on without this node.

        They do not hear us and are alive, so they keep the quorum of two nodes, and we must not: that decides a link
        that is cut in one direction.
        """
        self._view = view
        if any(name in self._nodes for name in still_heard):
            self._partners.difference_update(still_heard)
            self._started_alone = False
            self._left_behind = True
        if self._has_majority(view):
            self._partners.update(self._other_voters(view))
            self._started_alone = self._left_behind = False

    def left_view(self) -> None:
        """This node is in no view: others decide without it from now on."""
        self._view = None
        self._partners.clear()
        self._started_alone = False

    def result(self, silent_since: Milliseconds, now: Milliseconds) -> Quorum:
        """What the view is worth. `silent_since`: when another voter was heard last, or when this life began."""
        view = self._view
        votes = 0 if view is None else sum(name in self._nodes for name in view.names)
        expected = len(self._nodes)
        if view is None or not votes:
            return Quorum(False, NO_QUORUM.basis, votes, expected, config_writes=False)
        if self._has_majority(view):
            return Quorum(True, "majority", votes, expected, config_writes=True)
        if expected == 2:
            # Members without a vote judge as the one voter among them does: a view should be of one mind.
            if self._absent_voters(view)[0] in self._partners:
                return Quorum(True, "two_node", votes, expected, config_writes=True)
            if not self._left_behind and now >= self.alone_at(silent_since):
                self._started_alone = True
            if self._started_alone:
                return Quorum(True, "alone", votes, expected, config_writes=False)
        return Quorum(False, "none", votes, expected, config_writes=False)

    def alone_at(self, silent_since: Milliseconds) -> Milliseconds:
        """When a node of two that hears nothing of the other may run resources on its own."""
        return Milliseconds(silent_since + self._initdead_ms)

    def may_become_alone(self, result: Quorum) -> bool:
        """Whether time alone can give this view a quorum."""
        if self._view is None or self._left_behind:
            return False
        return not result.quorate and result.expected == 2 and result.votes == 1

    @property
    def is_left_behind(self) -> bool:
        """Whether a voter that is alive went on without this node, so that this one has no quorum until they meet."""
        return self._left_behind

    def absent_voters(self) -> tuple[str, ...]:
        """The nodes with a vote that are neither this one nor in the view."""
        names = () if self._view is None else self._view.names
        return tuple(name for name in self._nodes if name != self._me and name not in names)

    def _has_majority(self, view: View) -> bool:
        return 2 * sum(name in self._nodes for name in view.names) > len(self._nodes)

    def _absent_voters(self, view: View) -> list[str]:
        return [name for name in self._nodes if name not in view.names]

    def _other_voters(self, view: View) -> list[str]:
        return [name for name in view.names if name != self._me and name in self._nodes]
