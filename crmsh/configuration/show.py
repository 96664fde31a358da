"""`configure show`: which objects, and their text."""

from __future__ import annotations

from fnmatch import fnmatch

from crmsh.configuration.references import refers_to
from crmsh.configuration.sections import CONTAINERS, RESOURCES, kind_of, object_id, section_for, show_rank
from crmsh.configuration.working_copy import WorkingCopy
from crmsh.language.errors import LanguageError, did_you_mean
from crmsh.language.objects import RawXml
from crmsh.language.read import NotExpressible, read
from crmsh.language.write import PLAIN, Style, Writer
from crmsh.language.xml import Element, children, clone, descendants, parent_of, parse_xml, tag_of, to_line, to_text

OBSCURED = ("passw*",)


def select(copy: WorkingCopy, terms: list[str]) -> list[Element]:
    """The objects that the terms choose, in the order of `show`; all without terms.

    Terms: an id, changed, type:T, tag:T, related:R; `and` narrows, `or` widens (the default).
    Raises LanguageError for an id that does not exist.
    """
    wanted = [term for term in terms if not term.startswith("obscure:")]
    if not wanted:
        return _sorted(copy.objects())
    chosen: list[Element] = []
    narrowing = False
    for term in wanted:
        if term in ("and", "or"):
            narrowing = term == "and"
            continue
        found = _term(copy, term)
        chosen = [e for e in chosen if e in found] if narrowing else chosen + [e for e in found if e not in chosen]
        narrowing = False
    return _sorted(chosen)


def _sorted(elements: list[Element]) -> list[Element]:
    return sorted(elements, key=lambda element: (show_rank(element), object_id(element)))


def _term(copy: WorkingCopy, term: str) -> list[Element]:
    if term == "changed":
        return changed_objects(copy)
    name, colon, rest = term.partition(":")
    if colon and name == "type":
        return [e for e in copy.objects() if kind_of(e) == rest]
    if colon and name == "tag":
        tag = next((e for e in copy.objects() if e.tag == "tag" and e.get("id") == rest), None)
        if tag is None:
            raise LanguageError("", f"there is no tag '{rest}'{did_you_mean(rest, copy.names('tag'))}")
        members = {child.get("id") for child in children(tag)}
        return [e for e in copy.objects() if object_id(e) in members and e.tag != "node"]
    if colon and name == "related":
        return [e for e in copy.objects() if object_id(e) == rest or refers_to(e, rest)]
    found = copy.find_all(term)
    if not found:
        raise LanguageError("", f"there is no object '{term}'{did_you_mean(term, copy.names())}")
    return found


def changed_objects(copy: WorkingCopy) -> list[Element]:
    """Objects that are new or differ from what was read."""
    before = {(tag_of(e), e.get("id", "")): to_line(e) for e in WorkingCopy(copy.base).objects()}
    return [e for e in copy.objects() if before.get((tag_of(e), e.get("id", ""))) != to_line(e)]


def referenced_ids(root: Element) -> frozenset[str]:
    """All ids that an id-ref leads to."""
    return frozenset(e.get("id-ref", "") for e in descendants(root) if "id-ref" in e.attrib)


def text_of(
    copy: WorkingCopy, elements: list[Element], style: Style = PLAIN, obscure: tuple[str, ...] = OBSCURED
) -> str:
    """The lines of these objects, each ending in a newline."""
    writer = Writer(style, referenced_ids(copy.root), obscure, tuple(copy.node_names()))
    out: list[str] = []
    for element in elements:
        out += [f"# {comment}" for comment in _comments_above(element)]
        try:
            thing = read(element)
        except NotExpressible:
            thing = RawXml(to_text(_masked(element, obscure)))
        out.append(writer.write(thing))
    return "".join(f"{line}\n" for line in out)


def _masked(element: Element, obscure: tuple[str, ...]) -> Element:
    copy = clone(element)
    for pair in descendants(copy):
        if pair.tag == "nvpair" and any(fnmatch(pair.get("name", ""), pattern) for pattern in obscure):
            pair.set("value", "******")
    return copy


def _comments_above(element: Element) -> list[str]:
    found: list[str] = []
    above = element.getprevious()
    while above is not None and tag_of(above) == "#comment":
        found.insert(0, (above.text or "").strip())
        above = above.getprevious()
    return found


def xml_of(copy: WorkingCopy, elements: list[Element]) -> str:
    """A whole `cib` element with only these objects (a member of a container: with its container)."""
    cib = parse_xml(to_line(copy.cib))
    for child in children(cib):
        if child.tag != "configuration":
            cib.remove(child)
    root = next(child for child in children(cib) if child.tag == "configuration")
    keep = {to_line(_outermost(element)) for element in elements}
    for section in children(root):
        if section.tag == "fencing-topology":
            if to_line(section) not in keep:
                root.remove(section)
            continue
        for element in children(section):
            if to_line(element) not in keep:
                section.remove(element)
    required = ("crm_config", "nodes", "resources", "constraints")
    for name in required:
        section_for(root, "", name)
    for section in children(root):
        if not children(section) and section.tag not in required:
            root.remove(section)
    return to_text(cib, declaration=True)


def _outermost(element: Element) -> Element:
    while (parent := parent_of(element)) is not None and parent.tag in (*CONTAINERS, *RESOURCES):
        element = parent
    return element
