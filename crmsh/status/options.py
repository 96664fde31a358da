"""What of a status is shown, and how; made from the options of crm_mon."""

from __future__ import annotations

import msgspec

from crmsh.status.model import ClusterStatus, NodeView, ResourceView

SECTIONS = ("attributes", "bans", "counts", "dc", "failcounts", "failures", "fencing-failed", "fencing-pending",
            "fencing-succeeded", "maint-mode", "nodes", "operations", "options", "resources", "stack", "summary",
            "tickets", "times")  # fmt: skip
SUMMARY = ("stack", "dc", "times", "counts", "maint-mode")
GROUPS = {
    "summary": SUMMARY,
    "fencing": ("fencing-failed", "fencing-pending", "fencing-succeeded"),
    "all": SECTIONS,
    "none": (),
    "default": (*SUMMARY, "nodes", "resources", "failures", "fencing-failed", "fencing-pending", "advice"),
}
ALWAYS_KNOWN = (*SECTIONS, "advice")


class ShowOptions(msgspec.Struct):
    """The choice of sections and of detail."""

    sections: set[str] = msgspec.field(default_factory=lambda: set(GROUPS["default"]))
    inactive: bool = False
    by_node: bool = False
    brief: bool = False
    detail: bool = False
    description: bool = False
    timing: bool = False
    headers: bool = True
    ban_prefix: str = ""
    only_nodes: tuple[str, ...] | None = None
    only_resources: tuple[str, ...] | None = None
    parts: frozenset[str] = frozenset()
    """All primitives of the named resources: whose histories are shown."""
    options_named: bool = False
    """The cluster's options were asked for by name: only then the text has them."""

    def shows(self, section: str) -> bool:
        """Whether the section is wanted."""
        return section in self.sections


def nodes_named(status: ClusterStatus, name: str) -> tuple[str, ...]:
    """The nodes that a name means: itself, or the members of a tag. Empty where there is none."""
    names = {node.name for node in status.nodes}
    if name in names:
        return (name,)
    by_id = {node.id: node.name for node in status.nodes}
    return tuple(
        by_id.get(member, member) for member in status.tags.get(name, ()) if member in by_id or member in names
    )


def resources_named(status: ClusterStatus, name: str) -> tuple[str, ...]:
    """The resources that a name means: itself, or the members of a tag. Empty where there is none."""
    known: set[str] = set()
    for resource in status.resources:
        known |= _names(resource)
    if name in known:
        return (name,)
    return tuple(member for member in status.tags.get(name, ()) if member in known)


def _names(resource: ResourceView) -> set[str]:
    found = {resource.id, resource.full_id}
    for child in resource.children:
        found |= _names(child)
    return found


def shown_node(options: ShowOptions, node: NodeView) -> bool:
    """Whether the filter lets a node through."""
    return options.only_nodes is None or node.name in options.only_nodes


def shown_resource(options: ShowOptions, resource: ResourceView, parent_shown: bool = False) -> bool:
    """Whether the filter lets a resource through: it, a part of it, or what contains it is named."""
    if options.only_resources is None or parent_shown:
        return True
    if resource.id in options.only_resources or resource.full_id in options.only_resources:
        return True
    return any(shown_resource(options, child) for child in resource.children)


def parts_of(status: ClusterStatus, names: tuple[str, ...]) -> frozenset[str]:
    """The primitives of the named resources, wherever these are in the tree; of a bundle's part: all of the bundle."""
    found: set[str] = set()
    pending = list(status.resources)
    while pending:
        resource = pending.pop()
        if resource.kind == "bundle":
            if _names(resource) & set(names):
                found |= {primitive.id for primitive in resource.primitives()}
            continue
        if {resource.id, resource.full_id} & set(names):
            found |= {primitive.id for primitive in resource.primitives()}
        pending += resource.children
    return frozenset(found)


def shown_history(options: ShowOptions, resource: str) -> bool:
    """Whether the filter lets the history of a primitive through."""
    return options.only_resources is None or resource in options.parts


def named_itself(options: ShowOptions, resource: ResourceView) -> bool:
    """Whether the filter names this very resource."""
    return options.only_resources is None or bool({resource.id, resource.full_id} & set(options.only_resources))
