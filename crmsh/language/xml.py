"""The one adapter to lxml: elements as the mapping between configuration lines and XML needs them.

The shell keeps the configuration as elements because a line is a view of an element: what the language cannot express
must survive untouched. Everything outside `language` and `configuration` gets typed values or text.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

Element = etree._Element  # noqa: SLF001 - lxml has no public name for it

_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, remove_blank_text=True, huge_tree=True)


class MalformedXml(ValueError):
    """Text that is not well-formed XML; the message has line and column."""


def parse_xml(data: bytes | str, source: str = "") -> Element:
    """Parse a document or a fragment. White space between elements is dropped. Raises MalformedXml."""
    try:
        return etree.fromstring(data.encode() if isinstance(data, str) else data, _PARSER)
    except etree.XMLSyntaxError as error:
        where = f"{source}:" if source else ""
        line, column = error.position
        raise MalformedXml(f"{where}{line}:{column}: {(error.msg or 'not XML').split(', line')[0]}") from None


def to_text(element: Element, declaration: bool = False) -> str:
    """An element with two-space indentation, ending in a newline."""
    copy = parse_xml(etree.tostring(element, with_tail=False))
    etree.indent(copy)
    text = etree.tostring(copy, encoding="unicode")
    return ('<?xml version="1.0" ?>\n' if declaration else "") + text + "\n"


def to_line(element: Element) -> str:
    """An element on one line."""
    return etree.tostring(element, encoding="unicode", with_tail=False)


def clone(element: Element) -> Element:
    """An independent copy."""
    return parse_xml(etree.tostring(element, with_tail=False))


def make(tag: str, attributes: dict[str, str] | None = None) -> Element:
    """A new element."""
    return etree.Element(tag, attributes or {})


def make_comment(text: str) -> Element:
    """A comment node."""
    return etree.Comment(f" {text} ")


def add(parent: Element, tag: str, attributes: dict[str, str] | None = None) -> Element:
    """A new last child."""
    return etree.SubElement(parent, tag, attributes or {})


def tag_of(element: Element) -> str:
    """The element's name, `#comment` for a comment."""
    return element.tag if isinstance(element.tag, str) else "#comment"


def children(element: Element) -> list[Element]:
    """Child elements, without comments and instructions."""
    return [child for child in element if isinstance(child.tag, str)]


def descendants(element: Element) -> Iterator[Element]:
    """The element and everything below it, without comments."""
    return (child for child in element.iter() if isinstance(child.tag, str))


def attributes_of(element: Element) -> dict[str, str]:
    """All attributes in document order."""
    return {str(name): str(value) for name, value in element.attrib.items()}


def parent_of(element: Element) -> Element | None:
    """The parent, None for a root."""
    return element.getparent()


def remove(element: Element) -> None:
    """Take an element out of its parent."""
    parent = element.getparent()
    assert parent is not None, "a root cannot be removed"
    parent.remove(element)


def find_by_id(root: Element, identifier: str) -> Element | None:
    """The first element with that `id` that is an object, not a reference to one."""
    for element in descendants(root):
        if element.get("id") == identifier and element.tag not in REFERENCES:
            return element
    return None


REFERENCES = frozenset({"resource_ref", "obj_ref", "role", "role_ref"})
"""Elements whose `id` names something else."""
