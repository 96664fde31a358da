"""What the stages of assignment know of each other: somebody who can assign any resource.

Assigning a resource may pull in others (a parent, the primary of a colocation), of any kind; the modules
for the kinds reach each other through this interface, so that none has to import another.
"""

from __future__ import annotations

from typing import Protocol

from pengine.working import Node, Resource


class Assigner(Protocol):
    """Chooses nodes for resources."""

    def assign(self, resource: Resource, prefer: Node | None, stop_if_fail: bool) -> Node | None:
        """Assign a resource, and what it depends on; return its node.

        `prefer` is tried first where its score is as good as the best. With `stop_if_fail` a resource
        without a node is going to be stopped; without, it merely has no node yet.
        """
