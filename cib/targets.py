"""What a request works on: its input, and the elements that its section or XPath names."""

from __future__ import annotations

import re

from cib.document import CONFIGURATION_SECTIONS, Document
from cib.errors import InvalidRequestError, NotFoundError
from cib.requests import Request
from cib.xml import Element, name_of, parse_input, select_elements

_PLAIN_PATH = re.compile(r"(?:/[A-Za-z_][\w.-]*(?:\[@id='[^'\]]*'\])?)+$")
_ALWAYS_DIRECT = frozenset({("status", "node_state"), ("nodes", "node")})
"""Elements that stand only directly in their section: looked up instead of searched for."""


def input_of(request: Request) -> Element:
    """Return the request's input; of an input `cib` for a section only that section counts."""
    element = parse_input(request.xml, request.op)
    if element.tag != "cib" or request.section in ("", "cib", "all") or request.xpath:
        return element
    inner = element.find(f".//{request.section}") if request.section in SECTIONS else None
    if inner is None:
        raise InvalidRequestError(f"the input of {request.op} has no section '{request.section}'")
    return detached(inner)


SECTIONS = frozenset({"configuration", "status", *CONFIGURATION_SECTIONS})
"""Names that a request may give as its section, besides `cib` and `all` for the whole document."""


def detached(element: Element) -> Element:
    """Return the element after taking it out of its parent, if it has one."""
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)
    return element


def section_of(document: Document, request: Request) -> Element:
    """Return the element of the request's section; raises `NotFoundError`."""
    section = document.section(request.section)
    if section is None:
        known = request.section in SECTIONS
        problem = "is not there" if known else f"is unknown, expected one of {', '.join(sorted(SECTIONS))}"
        raise NotFoundError(f"section '{request.section}' {problem}")
    return section


def create_section(document: Document, name: str) -> Element | None:
    """Append the empty element of a known section that is missing, and return it; None for an unknown name."""
    if name not in SECTIONS:
        return None
    parent = document.root
    if name in CONFIGURATION_SECTIONS:
        configuration = document.root.find("configuration")
        if configuration is None:
            return None
        parent = configuration
    section = parse_input(f"<{name}/>".encode(), "create")
    document.insert(parent, section)
    return section


def matches(document: Document, request: Request) -> list[Element]:
    """Return the elements that the request's XPath matches, in document order.

    A plain path of ids is resolved by the index: it costs the same in a large document.
    """
    if not request.multiple and _PLAIN_PATH.match(request.xpath):
        found = document.find(request.xpath)
        if found is not None:
            return [found]
    return select_elements(document.root, request.xpath)


def target_in(document: Document, start: Element, wanted: Element) -> Element | None:
    """Return the first element at or below `start` with the name and the id of `wanted`."""
    name, identity = name_of(wanted), wanted.get("id")
    if name_of(start) == name and start.get("id") == identity:
        return start
    if (name_of(start), name) in _ALWAYS_DIRECT:
        return document.child(start, name, identity)
    for element in start.iterdescendants(name):
        if element.get("id") == identity:
            return element
    return None
