"""Reads the constraints section, in document order, into definitions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import Protocol

from cib.rule_parse import parse_rule
from cib.rules import NodeCondition, Rule
from cib.values import score_or
from cib.xml import Element
from pengine.reuse import Changes, Parts
from pengine.state import (
    ColocationDefinition,
    ConstraintDefinition,
    LocationDefinition,
    NodeDefinition,
    OrderDefinition,
    ResourceSet,
    TicketDefinition,
)


class Resolver(Protocol):
    """Follows `id-ref`, and knows in which zone dates are."""

    zone: tzinfo

    def resolve(self, element: Element) -> Element:
        """Return the element that is meant."""


Constraints = tuple[ConstraintDefinition, ...]


class ConstraintReader:
    """Reads the parts of the constraints section, each constraint by itself."""

    __slots__ = ("_constraints", "_resolver", "_sections")

    def __init__(self, changes: Changes | None, resolver: Resolver) -> None:
        self._resolver = resolver
        self._constraints: Parts[Constraints] = Parts(changes, self._read_constraint)
        self._sections: Parts[Constraints] = Parts(changes, self._read_section)

    def constraints(self, section: Element | None) -> Constraints:
        """Return the constraints, in document order; none where there is no section."""
        return self._sections.of(section) if section is not None else ()

    def _read_section(self, section: Element) -> Constraints:
        return tuple([definition for element in section for definition in self._constraints.of(element)])

    def _read_constraint(self, element: Element) -> Constraints:
        """Return what an element says: several definitions where a location has several rules."""
        if element.tag == "rsc_location":
            return tuple(_locations(element, self._resolver))
        if element.tag == "rsc_colocation":
            return (_colocation(element, self._resolver),)
        if element.tag == "rsc_order":
            return (_order(element, self._resolver),)
        if element.tag == "rsc_ticket":
            return (_ticket(element, self._resolver),)
        return ()


def ping_bans(nodes: Sequence[NodeDefinition]) -> Constraints:
    """Return a ban for each old ping node, which can run nothing; they count after all other constraints."""
    return tuple(
        LocationDefinition(
            id=f"pcmk__ping-ban-{node.id}",
            resource=None,
            pattern=".*",
            node=node.name,
            score="-INFINITY",
            role=None,
            discovery="never",
            rule=None,
            sets=(),
        )
        for node in nodes
        if node.kind == "ping"
    )


def _locations(element: Element, resolver: Resolver) -> Iterator[LocationDefinition]:
    """Yield one definition per top-level rule, each with the lifetime's rules as a further condition."""
    lifetime: list[Rule] = [
        parse_rule(resolver.resolve(item), resolver.zone)
        for child in element
        if child.tag == "lifetime"
        for item in child
        if item.tag == "rule"
    ]
    rules: list[Rule | None] = [
        parse_rule(resolver.resolve(child), resolver.zone) for child in element if child.tag == "rule"
    ]
    identifier = element.get("id") or ""
    for rule in rules or [None]:
        effective, node, score = rule, element.get("node"), element.get("score")
        if lifetime:
            alive = Rule(id=f"{identifier}-lifetime", conjunction="or", conditions=tuple(lifetime))
            effective = _both(identifier, alive, rule, node, score)
            node = None
        yield LocationDefinition(
            id=identifier,
            resource=element.get("rsc"),
            pattern=element.get("rsc-pattern"),
            node=node,
            score=score,
            role=element.get("role"),
            discovery=element.get("resource-discovery"),
            rule=effective,
            sets=_sets(element, resolver),
        )


def _both(identifier: str, alive: Rule, rule: Rule | None, node: str | None, score: str | None) -> Rule:

    if rule is not None:
        return Rule(
            id=rule.id,
            conditions=(alive, rule),
            score=rule.score,
            score_attribute=rule.score_attribute,
            role=rule.role,
            valid=rule.valid,
        )
    where = NodeCondition(attribute="#uname", operation="eq", value=node, valid=node is not None)
    return Rule(id=f"{identifier}-rule", conditions=(alive, where), score=score_or(score))


def _colocation(element: Element, resolver: Resolver) -> ColocationDefinition:
    return ColocationDefinition(
        id=element.get("id") or "",
        score=element.get("score"),
        dependent=element.get("rsc"),
        primary=element.get("with-rsc"),
        dependent_role=element.get("rsc-role"),
        primary_role=element.get("with-rsc-role"),
        node_attribute=element.get("node-attribute"),
        influence=element.get("influence"),
        sets=_sets(element, resolver),
    )


def _order(element: Element, resolver: Resolver) -> OrderDefinition:
    return OrderDefinition(
        id=element.get("id") or "",
        kind=element.get("kind"),
        score=element.get("score"),
        symmetrical=element.get("symmetrical"),
        require_all=element.get("require-all"),
        first=element.get("first"),
        then=element.get("then"),
        first_action=element.get("first-action"),
        then_action=element.get("then-action"),
        sets=_sets(element, resolver),
    )


def _ticket(element: Element, resolver: Resolver) -> TicketDefinition:
    return TicketDefinition(
        id=element.get("id") or "",
        ticket=element.get("ticket") or "",
        loss_policy=element.get("loss-policy"),
        resource=element.get("rsc"),
        role=element.get("rsc-role"),
        sets=_sets(element, resolver),
    )


def _sets(element: Element, resolver: Resolver) -> tuple[ResourceSet, ...]:
    sets: list[ResourceSet] = []
    for child in element:
        if child.tag != "resource_set":
            continue
        target = resolver.resolve(child)
        sets.append(
            ResourceSet(
                id=target.get("id") or "",
                members=tuple(reference.get("id") or "" for reference in target if reference.tag == "resource_ref"),
                sequential=target.get("sequential"),
                score=target.get("score"),
                role=target.get("role"),
                action=target.get("action"),
                kind=target.get("kind"),
                require_all=target.get("require-all"),
                ordering=target.get("ordering"),
            )
        )
    return tuple(sets)
