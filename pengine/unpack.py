"""Reads a document into a `ClusterState`: the only module of the policy engine that sees XML.

Differences between schema versions end here: old elements become what replaced them, so that the later
stages know one form of each thing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from cib.namevalue import BOOTSTRAP_OPTIONS
from cib.rule_parse import parse_rule
from cib.rules import Rule, uses_node_attributes
from cib.values import interval_ms_or, is_false, is_true, leading_integer, score_or
from cib.xml import Element
from pengine.state import (
    EMPTY_BLOCK,
    ClusterState,
    HistoryEntry,
    NameValueBlock,
    NameValueSet,
    NodeDefinition,
    NodeStatus,
    OperationDefinition,
    ResourceDefinition,
    ResourceHistory,
    TicketStatus,
)
from pengine.unpack_bundle import unpack_bundle
from pengine.unpack_constraints import unpack_constraints

if TYPE_CHECKING:
    from cib.document import Document
    from cib.patchset import Patch

_RESOURCE_TAGS = frozenset({"primitive", "group", "clone", "master", "bundle"})
_REMOVED_STANDARDS = frozenset({"upstart", "nagios"})
_SAME_ROLE = {None: "Started", "Slave": "Started", "Unpromoted": "Started", "Master": "Promoted"}


def unpack(document: Document, zone: tzinfo = UTC) -> ClusterState:
    """Return the typed state of a document, which the state owns from now on.

    Dates in rules that have no offset are in `zone`.
    """
    state = unpack_element(document.root, zone)
    state.source = _DocumentSource(document, zone)
    return state


def unpack_element(root: Element, zone: tzinfo = UTC) -> ClusterState:
    """Return the typed state of a `cib` element (for work on files, where no patch will follow)."""
    return _Unpacker(root, zone).unpack()


class _DocumentSource:
    """Applies patches to the document, and reads it anew."""

    def __init__(self, document: Document, zone: tzinfo) -> None:
        self._document = document
        self._zone = zone

    def apply(self, *patches: Patch) -> ClusterState:
        """See `ClusterState.apply`."""
        from cib.patch_apply import apply_patch  # who works on files has no use for patches, which are slow to import

        for patch in patches:
            apply_patch(self._document, patch)
            self._document.forget_journal()
        return unpack(self._document, self._zone)


class _Unpacker:
    """One pass over a document; knows where its ids are, for references."""

    def __init__(self, root: Element, zone: tzinfo) -> None:
        self._root = root
        self.zone = zone
        self._ids: dict[str, Element] | None = None
        self._templates: dict[str, Element] = {}
        self._derived: dict[str, list[str]] = {}

    def unpack(self) -> ClusterState:
        configuration = self._root.find("configuration")
        status = self._root.find("status")
        nodes = tuple(self._nodes(_section(configuration, "nodes")))
        resources_element = _section(configuration, "resources")
        self._templates = {child.get("id") or "": child for child in resources_element if child.tag == "template"}
        resources = tuple(self._resources(resources_element))
        tags: dict[str, tuple[str, ...]] = {name: tuple(ids) for name, ids in self._derived.items()}
        for tag in _section(configuration, "tags"):
            if tag.tag == "tag":
                tags[tag.get("id") or ""] = tuple(ref.get("id") or "" for ref in tag if ref.tag == "obj_ref")
        defaults = _section(configuration, "rsc_defaults")
        return ClusterState(
            source=None,
            attributes=_attributes(self._root),
            options=self.block(_section(configuration, "crm_config"), "cluster_property_set", True),
            nodes=nodes,
            resources=resources,
            constraints=tuple(unpack_constraints(_section(configuration, "constraints"), self, nodes)),
            tags=tags,
            resource_defaults=self.block(defaults, "meta_attributes"),
            operation_defaults=self.block(_section(configuration, "op_defaults"), "meta_attributes"),
            tickets=tuple(_tickets(status)),
            node_status=tuple(self._node_status(status)),
            zone=self.zone,
            any_unfencing=_mentions_unfencing(resources_element, defaults),
        )

    # Name/value sets

    def resolve(self, element: Element) -> Element:
        """Return the element that `id-ref` names, or the element itself."""
        reference = element.get("id-ref")
        if reference is None:
            return element
        if self._ids is None:
            self._ids = {}
            for candidate in self._root.iter():
                identifier = candidate.get("id")
                if identifier is not None:
                    self._ids.setdefault(identifier, candidate)
        return self._ids.get(reference, element)

    def block(self, parent: Iterable[Element], tag: str, bootstrap_first: bool = False) -> NameValueBlock:
        """Return the sets of one kind under `parent`, last in the document first, then by score."""
        return self.block_of([child for child in parent if child.tag == tag], bootstrap_first)

    def block_of(self, elements: list[Element], bootstrap_first: bool = False) -> NameValueBlock:
        """Return the block of these set elements, given in document order."""
        if not elements:
            return EMPTY_BLOCK
        resolved = [self.resolve(element) for element in elements]
        resolved.reverse()
        if len(resolved) > 1:
            resolved.sort(key=lambda element: -score_or(element.get("score")))
            if bootstrap_first:
                resolved.sort(key=lambda element: element.get("id") != BOOTSTRAP_OPTIONS)
        sets = tuple(self._set(element) for element in resolved)
        rules = [item.rule for item in sets if item.rule is not None]
        return NameValueBlock(sets, bool(rules), any(uses_node_attributes(rule) for rule in rules))

    def _set(self, element: Element) -> NameValueSet:
        rule: Rule | None = None
        pairs: list[tuple[str, str]] = []
        self._pairs(element, pairs)
        rule_element = element.find("rule")
        if rule_element is not None:
            rule = parse_rule(self.resolve(rule_element), self.zone)
        return NameValueSet(element.get("id") or "", rule, tuple(pairs))

    def _pairs(self, element: Element, pairs: list[tuple[str, str]]) -> None:
        for child in element:
            if child.tag == "nvpair":
                target = self.resolve(child)
                name = child.get("name") or target.get("name")
                value = target.get("value")
                if name is not None and value is not None:
                    pairs.append((name, value))
            elif child.tag == "attributes":
                self._pairs(child, pairs)

    # Nodes

    def _nodes(self, section: list[Element]) -> Iterator[NodeDefinition]:
        for element in section:
            if element.tag != "node":
                continue
            identifier = element.get("id")
            if identifier is None:
                continue
            kind = (element.get("type") or "member").lower()
            if kind not in ("member", "remote", "ping"):
                break
            yield NodeDefinition(
                id=identifier,
                name=element.get("uname") or identifier,
                kind=kind,
                score=score_or(element.get("score")),
                attributes=self.block(element, "instance_attributes"),
                utilization=self.block(element, "utilization"),
            )

    # Resources

    def _resources(self, section: list[Element]) -> Iterator[ResourceDefinition]:
        for element in section:
            definition = self._resource(element)
            if definition is not None:
                yield definition

    def _resource(self, element: Element) -> ResourceDefinition | None:
        if element.tag not in _RESOURCE_TAGS:
            return None
        template = self._template_of(element)
        children = [*template, *element] if template is not None else list(element)
        attributes = _attributes(element)
        if template is not None:
            attributes = {**_attributes(template), **attributes}
        standard = attributes.get("class") or ""
        if standard in _REMOVED_STANDARDS:
            return None
        return ResourceDefinition(
            tag="clone" if element.tag == "master" else str(element.tag),
            id=attributes.get("id") or "",
            standard=standard,
            provider=attributes.get("provider"),
            type=attributes.get("type") or "",
            attributes=attributes,
            meta=self._child_block(children, "meta_attributes"),
            parameters=self._child_block(children, "instance_attributes"),
            utilization=self._child_block(children, "utilization"),
            operations=self._operations(template, element),
            children=tuple(child for child in (self._resource(item) for item in element) if child is not None),
            bundle=unpack_bundle(element) if element.tag == "bundle" else None,
            promotable_element=element.tag == "master",
        )

    def _template_of(self, element: Element) -> Element | None:
        name = element.get("template")
        if name is None:
            return None
        self._derived.setdefault(name, []).append(element.get("id") or "")
        return self._templates.get(name)

    def _child_block(self, children: list[Element], tag: str) -> NameValueBlock:
        return self.block_of([child for child in children if child.tag == tag])

    def _operations(self, template: Element | None, element: Element) -> tuple[OperationDefinition, ...]:
        own = [op for container in element if container.tag == "operations" for op in self._ops(container)]
        if template is None:
            return tuple(self._operation(op) for op in own)
        inherited = [op for container in template if container.tag == "operations" for op in self._ops(container)]
        taken = {_operation_key(op) for op in own}
        own.extend(op for op in inherited if _operation_key(op) not in taken)
        return tuple(self._operation(op) for op in own)

    def _ops(self, container: Element) -> Iterable[Element]:
        return [self.resolve(op) for op in self.resolve(container) if op.tag == "op"]

    def _operation(self, element: Element) -> OperationDefinition:
        attributes = _attributes(element)
        identifier = attributes.pop("id", "")
        return OperationDefinition(
            id=identifier,
            name=attributes.get("name") or "",
            interval_ms=interval_ms_or(attributes.get("interval")),
            enabled=not is_false(attributes.get("enabled")),
            attributes=attributes,
            meta=self.block(element, "meta_attributes"),
            parameters=self.block(element, "instance_attributes"),
        )

    # Status

    def _node_status(self, status: Element | None) -> Iterator[NodeStatus]:
        if status is None:
            return
        for element in status:
            if element.tag != "node_state":
                continue
            transient: list[Element] = []
            utilization: list[Element] = []
            resources: list[ResourceHistory] = []
            for child in element:
                if child.tag == "transient_attributes":
                    transient.extend(item for item in child if item.tag == "instance_attributes")
                    utilization.extend(item for item in child if item.tag == "utilization")
                elif child.tag == "lrm":
                    for listing in child:
                        if listing.tag == "lrm_resources":
                            resources.extend(read_history(item) for item in listing if item.tag == "lrm_resource")
            yield NodeStatus(
                id=element.get("id"),
                name=element.get("uname"),
                attributes=_attributes(element),
                transient=self.block_of(transient),
                utilization=self.block_of(utilization),
                resources=tuple(resources),
            )


def _section(parent: Element | None, tag: str) -> list[Element]:
    """Return the elements of a section; of one that is missing none."""
    found = parent.find(tag) if parent is not None else None
    return list(found) if found is not None else []


def _attributes(element: Element) -> dict[str, str]:
    return {str(name): str(value) for name, value in element.attrib.items()}


def _operation_key(op: Element) -> tuple[str | None, str]:
    role = op.get("role")
    return op.get("name"), _SAME_ROLE.get(role, role or "Started")


def _mentions_unfencing(*sections: list[Element]) -> bool:
    return any(
        pair.get("value") == "unfencing" and pair.get("name") in ("provides", "requires")
        for section in sections
        for element in section
        for pair in element.iter("nvpair")
    )


def _tickets(status: Element | None) -> Iterator[TicketStatus]:
    if status is None:
        return
    for section in status:
        if section.tag != "tickets":
            continue
        for element in section:
            if element.tag == "ticket_state":
                yield TicketStatus(
                    id=element.get("id") or "",
                    granted=is_true(element.get("granted")),
                    standby=is_true(element.get("standby")),
                    attributes=_attributes(element),
                )


def read_history(element: Element) -> ResourceHistory:
    """Return what an `lrm_resource` says."""
    return ResourceHistory(
        id=element.get("id") or "",
        standard=element.get("class") or "",
        provider=element.get("provider"),
        type=element.get("type") or "",
        container=element.get("container"),
        shutdown_lock=leading_integer(element.get("shutdown-lock")),
        entries=tuple(_history_entry(op) for op in element if op.tag == "lrm_rsc_op"),
    )


def _history_entry(op: Element) -> HistoryEntry:
    get = op.get
    identifier = get("id") or ""
    call_id = leading_integer(get("call-id"))
    return HistoryEntry(
        id=identifier,
        task=get("operation") or "",
        key=get("operation_key") or identifier,
        interval_ms=leading_integer(get("interval")) or 0,
        call_id=-1 if call_id is None else call_id,
        rc=leading_integer(get("rc-code")),
        status=leading_integer(get("op-status")),
        last_change=leading_integer(get("last-rc-change")),
        transition_key=get("transition-key"),
        transition_magic=get("transition-magic"),
        digest=get("op-digest"),
        restart_digest=get("op-restart-digest"),
        secure_digest=get("op-secure-digest"),
        force_restart=get("op-force-restart"),
        secure_parameters=get("op-secure-params"),
        feature_set=get("crm_feature_set"),
        migrate_source=get("migrate_source"),
        migrate_target=get("migrate_target"),
        exit_reason=get("exit-reason"),
    )
