"""Reads name/value sets (options, attributes, meta-attributes, utilization) in the order in which they are applied."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo

from cib.namevalue import BOOTSTRAP_OPTIONS
from cib.rule_parse import parse_rule
from cib.rules import Rule, uses_node_attributes
from cib.values import score_or
from cib.xml import Element
from pengine.references import References
from pengine.state import EMPTY_BLOCK, NameValueBlock, NameValueSet


class SetReader:
    """Reads sets; dates without an offset in their rules are in `zone`."""

    __slots__ = ("_references", "zone")

    def __init__(self, references: References, zone: tzinfo) -> None:
        self._references = references
        self.zone = zone

    def resolve(self, element: Element) -> Element:
        """Return the element that `id-ref` names, or the element itself."""
        return self._references.resolve(element)

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


def attributes_of(element: Element) -> dict[str, str]:
    """Return an element's XML attributes."""
    return {str(name): str(value) for name, value in element.attrib.items()}
