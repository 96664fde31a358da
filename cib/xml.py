"""The one place where lxml is touched: reading with bounds, writing as Pacemaker does, XPath.

What comes in is untrusted: no document type declaration, no entities, no network, bounded size and depth.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

from lxml import etree

from cib.errors import InvalidRequestError, ParseError

Element: TypeAlias = etree._Element  # noqa: SLF001 - lxml has no public name for the type of its elements

MAX_BYTES = 512 * 1024 * 1024
"""Largest document that is read (configuration with status)."""

MAX_DEPTH = 200
"""Deepest nesting that is read; a CIB needs about 12. libxml2 itself stops at 256."""


def parse(data: bytes, source: str = "the input", max_bytes: int = MAX_BYTES) -> Element:
    """Return the root element of `data`, without text nodes and processing instructions.

    A CIB holds everything in attributes: Pacemaker's reader drops text as well, before validation.
    Raises `ParseError` with line and column.
    """
    if len(data) > max_bytes:
        raise ParseError(source, 0, 0, f"{len(data)} bytes are more than the limit of {max_bytes}")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_blank_text=True,
        remove_pis=True,
        huge_tree=False,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise ParseError(source, line or 0, column or 0, _first_line(error.msg)) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise ParseError(source, 1, 1, "a document type declaration is not allowed in a CIB")
    _refuse_depth(root, source)
    if root.xpath("boolean(//text())"):
        strip_text(root)
    return root


def parse_cib(data: bytes, source: str = "the input", max_bytes: int = MAX_BYTES) -> Element:
    """Return the root of a CIB, as `parse` does; raises `ParseError` also where it is something else."""
    root = parse(data, source, max_bytes)
    if root.tag != "cib":
        raise ParseError(source, root.sourceline or 0, 1, f"the outermost element is <{name_of(root)}>, expected <cib>")
    return root


def parse_input(data: bytes, what: str) -> Element:
    """Return the root of a request's input; raises `InvalidRequestError` where it is no XML."""
    if not data.strip():
        raise InvalidRequestError(f"{what} needs an XML element as input")
    return parse(data, f"the input of {what}")


def _refuse_depth(root: Element, source: str) -> None:
    too_deep = root.xpath("(//*[count(ancestor::*) >= $limit])[1]", limit=MAX_DEPTH) if _deep(root) else []
    if isinstance(too_deep, list) and too_deep:
        raise ParseError(source, 0, 0, f"elements are nested deeper than {MAX_DEPTH}")


def _deep(root: Element) -> bool:
    # A path of the limit's length is cheap to look for and absent from every sane document.
    return bool(root.xpath("boolean(/" + "*/" * MAX_DEPTH + "*)"))


def encoding_of(root: Element) -> str:
    """Return the encoding in which the document of this element was read, as Python names it."""
    return root.getroottree().docinfo.encoding or "utf-8"


def strip_text(root: Element) -> None:
    """Remove all text between elements below `root`; comments keep theirs."""
    for node in root.iter():
        if isinstance(node.tag, str):
            node.text = None
        node.tail = None


def _first_line(message: str | None) -> str:
    """What the parser says, without the place at its end, which is told in front."""
    return _PLACE.sub("", (message or "not well-formed").splitlines()[0])


_PLACE = re.compile(r", line \d+, column \d+$")


def serialise(element: Element) -> bytes:
    """Return the element in one line without XML declaration, as it travels."""
    return etree.tostring(element, encoding="utf-8", with_tail=False)


def serialise_pretty(element: Element) -> bytes:
    """Return the element indented by two blanks a level, as Pacemaker writes cib.xml."""
    return etree.tostring(element, encoding="utf-8", pretty_print=True, with_tail=False)


def shell_of(element: Element) -> Element:
    """Return a new element with the name and the attributes of `element` and no children."""
    shell = etree.Element(element.tag)
    for name, value in element.attrib.items():
        shell.set(name, value)
    return shell


def new_element(name: str, /, **attributes: str) -> Element:
    """Return a new element; underscores in keywords are kept."""
    return etree.Element(name, attributes)


def add_element(parent: Element, name: str, /, **attributes: str) -> Element:
    """Append a new element to `parent` and return it."""
    return etree.SubElement(parent, name, attributes)


def is_comment(node: Element) -> bool:
    """Say whether a node of the tree is a comment instead of an element."""
    return not isinstance(node.tag, str)


def name_of(element: Element) -> str:
    """Return the name of an element."""
    return str(element.tag)


def elements(parent: Element) -> Iterator[Element]:
    """Iterate over the child elements, without comments."""
    return parent.iterchildren("*")


def select(root: Element, expression: str) -> list[Element | tuple[str, str]]:
    """Return what an XPath 1.0 expression matches: elements, or (name, value) for attributes.

    A syntax error and an expression that yields no nodes match nothing, as in Pacemaker.
    """
    try:
        found = root.getroottree().xpath(expression)
    except (etree.XPathError, ValueError):
        return []
    if not isinstance(found, list):
        return []
    result: list[Element | tuple[str, str]] = []
    for item in found:
        if isinstance(item, etree._Element):  # noqa: SLF001 - see Element
            result.append(item)
        elif isinstance(item, str):
            name = getattr(item, "attrname", None)
            result.append((str(name) if name else "text", str(item)))
    return result


def select_elements(root: Element, expression: str) -> list[Element]:
    """Return the elements that an XPath expression matches, in document order."""
    return [item for item in select(root, expression) if not isinstance(item, tuple) and not is_comment(item)]


def path_step(element: Element) -> str:
    """Return one step of a patch path: the name, with the id where there is one."""
    identity = element.get("id")
    return f"/{name_of(element)}[@id='{identity}']" if identity is not None else f"/{name_of(element)}"


class RelaxNg:
    """A grammar, compiled by libxml2; the file may include others of its directory."""

    def __init__(self, path: str) -> None:
        self._validator = etree.RelaxNG(file=path)

    def accepts(self, root: Element) -> bool:
        """Say whether a tree conforms."""
        return bool(self._validator.validate(root))

    def first_error(self) -> tuple[int, str]:
        """Return line and text of libxml2's complaint about the last tree."""
        for entry in self._validator.error_log:
            return entry.line, entry.message
        return 0, "the document does not conform to the grammar"


def parse_schema(data: bytes) -> Element:
    """Return the root of one of our own grammar files, with its text."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_blank_text=True, remove_comments=True)
    return etree.fromstring(data, parser)
