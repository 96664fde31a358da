"""Reading a CIB: a section, or what an XPath expression matches.

Source: Pacemaker's CIB operation query.
"""

from __future__ import annotations

import copy

from cib.document import Document
from cib.errors import NotFoundError
from cib.requests import Request
from cib.targets import section_of
from cib.xml import Element, add_element, is_comment, new_element, select, serialise, shell_of


def query(document: Document, request: Request) -> bytes:
    """Return the XML that the request asks for, in one line; raises `NotFoundError`.

    One matching element is returned itself, several matches stand in an `xpath-query` element.
    """
    if not request.xpath:
        section = section_of(document, request)
        return serialise(shell_of(section) if request.no_children else section)
    found = [item for item in select(document.root, request.xpath) if isinstance(item, tuple) or not is_comment(item)]
    if not found:
        raise NotFoundError(f"{request.xpath} matches nothing")
    if request.node_path:
        return serialise(_paths(document, found))
    if len(found) == 1 and not isinstance(found[0], tuple):
        return serialise(_shown(found[0], request))
    collection = new_element("xpath-query")
    for item in found:
        if isinstance(item, tuple):
            collection.set(item[0], item[1])
        else:
            collection.append(copy.deepcopy(_shown(item, request)))
    return serialise(collection)


def _shown(element: Element, request: Request) -> Element:
    return shell_of(element) if request.no_children else element


def _paths(document: Document, found: list[Element | tuple[str, str]]) -> Element:
    collection = new_element("xpath-query")
    for item in found:
        if not isinstance(item, tuple):
            add_element(collection, "xpath-query-path", id=document.path(item))
    return collection
