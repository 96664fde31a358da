"""Orders in which resources wait for each other in a circle."""

from __future__ import annotations

from cib.xml import Element


def order_loops(constraints: Element) -> list[list[Element]]:
    """Return the circles among mandatory start orders between two resources: the orders of each, in their sequence.

    Resource sets and other actions than start are left out: there, parts of a circle may be wanted.
    """
    after: dict[str, list[tuple[str, Element]]] = {}
    for order in constraints.iterchildren("rsc_order"):
        first, then = order.get("first"), order.get("then")
        if first and then and first != then and _is_mandatory_start(order):
            after.setdefault(first, []).append((then, order))
    found: list[list[Element]] = []
    done: set[str] = set()
    for start in after:
        if start not in done:
            found += _circles_from(start, after, done)
    return found


def _is_mandatory_start(order: Element) -> bool:
    actions = {order.get("first-action") or "start", order.get("then-action") or order.get("first-action") or "start"}
    kind, score = order.get("kind"), order.get("score")
    optional = kind in ("Optional", "Serialize") or (kind is None and score in ("0", "+0"))
    return actions == {"start"} and not optional


def _circles_from(start: str, after: dict[str, list[tuple[str, Element]]], done: set[str]) -> list[list[Element]]:
    """Walk in depth from one resource; every step back onto the path that led here closes a circle."""
    found: list[list[Element]] = []
    path: list[Element] = []
    names = [start]
    pending = [iter(after[start])]
    while pending:
        step = next(pending[-1], None)
        if step is None:
            pending.pop()
            done.add(names.pop())
            if path:
                path.pop()
            continue
        then, order = step
        if then in names:
            found.append([*path[names.index(then) :], order])
        elif then not in done:
            path.append(order)
            names.append(then)
            pending.append(iter(after.get(then, ())))
    return found
