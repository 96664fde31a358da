"""Reads the resources, with what templates give them."""

from __future__ import annotations

from collections.abc import Iterable

from cib.record import Record
from cib.values import interval_ms_or, is_false
from cib.xml import Element
from pengine.reuse import Changes, Parts
from pengine.state import NameValueBlock, OperationDefinition, ResourceDefinition
from pengine.unpack_bundle import unpack_bundle
from pengine.unpack_sets import SetReader, attributes_of

_RESOURCE_TAGS = frozenset({"primitive", "group", "clone", "master", "bundle"})
_REMOVED_STANDARDS = frozenset({"upstart", "nagios"})
_SAME_ROLE = {None: "Started", "Slave": "Started", "Unpromoted": "Started", "Master": "Promoted"}

Derived = tuple[tuple[str, str], ...]
"""(template, resource made of it), in document order."""
Templates = dict[str, Element]


class Resources(Record):
    """What the resources section says."""

    __slots__ = ("definitions", "derived")

    def __init__(self, definitions: tuple[ResourceDefinition, ...], derived: dict[str, tuple[str, ...]]) -> None:
        self.definitions = definitions
        self.derived = derived
        """For each template that is used: the resources made of it, in document order."""


class ResourceReader:
    """Reads the parts of the resources section."""

    __slots__ = (
        "_changes",
        "_resources",
        "_section",
        "_sections",
        "_sets",
        "_templates",
        "_unfencing",
        "_unfencing_at",
    )

    def __init__(self, changes: Changes | None, sets: SetReader) -> None:
        self._changes = changes
        self._sets = sets
        self._section: Element | None = None
        self._templates: Templates = {}
        self._resources: Parts[tuple[ResourceDefinition | None, Derived]] = Parts(changes, self._read_resource)
        self._sections: Parts[Resources] = Parts(changes, self._read_section)
        self._unfencing: Parts[bool] = Parts(changes, self._unfencing_in)
        self._unfencing_at: Parts[bool] = Parts(changes, _mentions_unfencing)

    def resources(self, section: Element | None) -> Resources:
        """Return what the section says; nothing where there is none."""
        return self._sections.of(section) if section is not None else Resources((), {})

    def any_unfencing(self, section: Element | None, defaults: Element | None) -> bool:
        """Say whether any resource or default requires or provides unfencing."""
        return any(self._unfencing.of(parent) for parent in (section, defaults) if parent is not None)

    def _unfencing_in(self, section: Element) -> bool:
        return any(self._unfencing_at.of(element) for element in section)

    def _read_section(self, section: Element) -> Resources:
        self._section = section
        self._templates = {child.get("id") or "": child for child in section if child.tag == "template"}
        definitions: list[ResourceDefinition] = []
        derived: dict[str, list[str]] = {}
        for element in section:
            if element.tag not in _RESOURCE_TAGS:
                continue
            definition, made_of = self._resources.of(element)
            if definition is not None:
                definitions.append(definition)
            for template, identifier in made_of:
                derived.setdefault(template, []).append(identifier)
        return Resources(tuple(definitions), {name: tuple(made) for name, made in derived.items()})

    def _read_resource(self, element: Element) -> tuple[ResourceDefinition | None, Derived]:
        derived: list[tuple[str, str]] = []
        template = self._template_of(element, derived)
        children = [*template, *element] if template is not None else list(element)
        attributes = attributes_of(element)
        if template is not None:
            attributes = {**attributes_of(template), **attributes}
        standard = attributes.get("class") or ""
        if standard in _REMOVED_STANDARDS:
            return None, tuple(derived)
        inside: list[ResourceDefinition] = []
        for item in element:
            if item.tag in _RESOURCE_TAGS:
                definition, made_of = self._resources.of(item)
                derived.extend(made_of)
                if definition is not None:
                    inside.append(definition)
        definition = ResourceDefinition(
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
            children=tuple(inside),
            bundle=unpack_bundle(element) if element.tag == "bundle" else None,
            promotable_element=element.tag == "master",
            guest=_guest(element) if element.tag == "primitive" else None,
        )
        return definition, tuple(derived)

    def _template_of(self, element: Element, derived: list[tuple[str, str]]) -> Element | None:
        name = element.get("template")
        if name is None:
            return None
        derived.append((name, element.get("id") or ""))
        template = self._templates.get(name)
        if self._changes is not None:
            assert self._section is not None
            self._changes.listings[self._section] = None
            if template is not None:
                self._changes.contents[template] = None
        return template

    def _child_block(self, children: list[Element], tag: str) -> NameValueBlock:
        return self._sets.block_of([child for child in children if child.tag == tag])

    def _operations(self, template: Element | None, element: Element) -> tuple[OperationDefinition, ...]:
        own = [op for container in element if container.tag == "operations" for op in self._ops(container)]
        if template is None:
            return tuple([self._operation(op) for op in own])
        inherited = [op for container in template if container.tag == "operations" for op in self._ops(container)]
        taken = {_operation_key(op) for op in own}
        own.extend(op for op in inherited if _operation_key(op) not in taken)
        return tuple([self._operation(op) for op in own])

    def _ops(self, container: Element) -> Iterable[Element]:
        return [self._sets.resolve(op) for op in self._sets.resolve(container) if op.tag == "op"]

    def _operation(self, element: Element) -> OperationDefinition:
        attributes = attributes_of(element)
        identifier = attributes.pop("id", "")
        return OperationDefinition(
            id=identifier,
            name=attributes.get("name") or "",
            interval_ms=interval_ms_or(attributes.get("interval")),
            enabled=not is_false(attributes.get("enabled")),
            attributes=attributes,
            meta=self._sets.block(element, "meta_attributes"),
            parameters=self._sets.block(element, "instance_attributes"),
        )


def _operation_key(op: Element) -> tuple[str | None, str]:
    role = op.get("role")
    return op.get("name"), _SAME_ROLE.get(role, role or "Started")


def _mentions_unfencing(element: Element) -> bool:
    return any(
        pair.get("value") == "unfencing" and pair.get("name") in ("provides", "requires")
        for pair in element.iter("nvpair")
    )


def _guest(element: Element) -> dict[str, str] | None:
    """Read what makes a primitive the launcher of a guest node.

    Source: 2.1.5 takes the last value that stands there, with no regard to scores of sets and to rules.
    """
    own = {
        pair.get("name") or "": pair.get("value") or ""
        for block in element.iterchildren("meta_attributes")
        for pair in block.iterchildren("nvpair")
    }
    return own if "remote-node" in own else None
