"""Makes a document smaller while something about it stays true."""

from __future__ import annotations

import copy
from collections.abc import Callable

from lxml import etree

_KEPT = frozenset({"cib", "configuration", "crm_config", "nodes", "resources", "constraints", "status"})
_KEPT_ATTRIBUTES = frozenset({"id", "uname", "class", "type", "provider", "validate-with", "execution-date"})
_WHOLE = frozenset({"cib", "node_state", "lrm_resource", "nvpair", "rule", "expression"})
"""Elements of which every attribute counts: without some the document would say something else, not less."""
_SPARE = frozenset(
    {"op-digest", "op-restart-digest", "op-force-restart", "crm-debug-origin", "exec-time", "queue-time"}
)
"""What may go of the result of an operation."""


def shrink(document: bytes, holds: Callable[[bytes], bool]) -> bytes:
    """Return a document of which no element and no attribute can be left out without `holds` becoming false.

    `holds` is true of the document given.
    """
    root = etree.fromstring(document, etree.XMLParser(remove_blank_text=True))
    shrunk = True
    while shrunk:
        shrunk = _drop_elements(root, holds)
        shrunk = _drop_attributes(root, holds) or shrunk
    return etree.tostring(root, pretty_print=True)


def _drop_elements(root: etree._Element, holds: Callable[[bytes], bool]) -> bool:
    """Go from the outside to the inside, so that large parts go first."""
    shrunk = False
    waiting = [root]
    while waiting:
        parent = waiting.pop(0)
        for child in list(parent):
            if child.tag in _KEPT:
                waiting.append(child)
                continue
            position = parent.index(child)
            parent.remove(child)
            if holds(etree.tostring(root)):
                shrunk = True
            else:
                parent.insert(position, child)
                waiting.append(child)
    return shrunk


def _drop_attributes(root: etree._Element, holds: Callable[[bytes], bool]) -> bool:
    shrunk = False
    for element in list(root.iter()):
        for name in list(element.attrib):
            if name in _KEPT_ATTRIBUTES or element.tag in _WHOLE:
                continue
            if element.tag == "lrm_rsc_op" and name not in _SPARE:
                continue
            before = copy.copy(element.attrib[name])
            del element.attrib[name]
            if holds(etree.tostring(root)):
                shrunk = True
            else:
                element.attrib[name] = before
    return shrunk
