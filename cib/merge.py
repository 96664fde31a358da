"""Merging an element into another: what `modify` does. Nothing is ever deleted by it.

Source: Pacemaker's CIB operation modify.
"""

from __future__ import annotations

import re

from cib.document import Document
from cib.targets import detached
from cib.values import add_scores, format_score, score_or
from cib.xml import Element, is_comment, name_of

_INCREMENT = re.compile(r"(?P<name>[^+=]+)(?:\+\+|\+=(?P<amount>.*))$")


def merge(document: Document, target: Element, source: Element, *, score_update: bool) -> None:
    """Set the attributes of `source` on `target`, and merge its children or append them; `source` is used up."""
    for name, value in source.attrib.items():
        key, text = str(name), str(value)
        if score_update:
            text = incremented(key, target.get(key), text)
        document.set_attribute(target, key, text)
    for child in list(source):
        if is_comment(child):
            if not _has_comment(target, child.text or ""):
                document.insert(target, detached(child))
            continue
        partner = _partner(document, target, child)
        if partner is None:
            document.insert(target, detached(child))
        else:
            merge(document, partner, child, score_update=score_update)


def incremented(name: str, old: str | None, new: str) -> str:
    """Return the value to store for `name++` and `name+=N`; any other value as it is.

    An old value that is no score counts 0. Without an old value the text is stored as it is.
    """
    match = _INCREMENT.match(new) if old is not None and "+" in new else None
    if match is None or match.group("name") != name:
        return new
    amount = match.group("amount")
    return format_score(add_scores(score_or(old), 1 if amount is None else score_or(amount)))


def _partner(document: Document, target: Element, child: Element) -> Element | None:
    name, identity, reference = name_of(child), child.get("id"), child.get("id-ref")
    if identity is not None:
        return document.child(target, name, identity)
    if reference is not None:
        return next((each for each in target.iterchildren(name) if each.get("id-ref") == reference), None)
    return document.first_child(target, name)


def _has_comment(target: Element, text: str) -> bool:
    return any(is_comment(node) and (node.text or "").lower() == text.lower() for node in target)
