"""What each modifying operation does to a document; versions and validation are `operations`' business.

Source: Pacemaker's CIB operations create, modify, replace, delete, erase, bump and patch.
"""

from __future__ import annotations

import copy

from cib.document import Document
from cib.errors import ExistsError, InvalidRequestError, NotFoundError, OldDataError, PatchError
from cib.merge import merge
from cib.patch import Patch
from cib.patch_apply import apply_changes, apply_patch
from cib.patch_diff import compare
from cib.requests import Request
from cib.schema import newest_of_series, validate
from cib.targets import create_section, detached, input_of, matches, section_of, target_in
from cib.version import CibVersion
from cib.xml import Element, elements, name_of, parse_input, shell_of

_EMPTY_CONTENT = b"<cib><configuration><crm_config/><nodes/><resources/><constraints/></configuration><status/></cib>"


def modify(document: Document, request: Request) -> None:
    """Merge the input into what it names; raises `NotFoundError`."""
    if request.xpath:
        _modify_matches(document, request)
        return
    element = input_of(request)
    section = document.section(request.section)
    if section is None and request.allow_create:
        section = create_section(document, request.section)
    if section is None:
        section = section_of(document, request)
    target = target_in(document, section, element)
    if target is not None:
        merge(document, target, element, score_update=request.score_update)
    elif request.allow_create:
        document.insert(section, detached(element))
    else:
        raise NotFoundError(f"{_described(element)} is not in {_place(request)}, so that it cannot be modified")


def _modify_matches(document: Document, request: Request) -> None:
    element = parse_input(request.xml, "modify")
    done = 0
    for match in matches(document, request):
        target = target_in(document, match, element)
        if target is not None:
            merge(document, target, copy.deepcopy(element), score_update=request.score_update)
            done += 1
            if not request.multiple:
                return
    if not done:
        raise NotFoundError(f"nothing that {request.xpath} matches is or has {_described(element)}")


def create(document: Document, request: Request) -> None:
    """Append the input (or its children, when it is the section itself); raises `ExistsError`."""
    element = input_of(request)
    if request.xpath:
        raise InvalidRequestError("create works on a section, not on an XPath")
    if element.tag == "cib" or request.section in ("cib", "all"):
        modify(document, request)
        return
    section = document.section(request.section)
    if section is None:
        raise InvalidRequestError(f"there is no section '{request.section}' to create something in")
    wanted = list(elements(element)) if name_of(element) == request.section else [element]
    for new in wanted:
        identity = new.get("id")
        there = (
            document.child(section, name_of(new), identity)
            if identity is not None
            else document.first_child(section, name_of(new))
        )
        if there is not None:
            raise ExistsError(f"{_described(new)} is already in {_place(request)}")
        detached(new)
        new.attrib.pop("replace", None)
        document.insert(section, new)


def replace(document: Document, request: Request, *, keep_status: bool = False) -> bool:
    """Put the input in the place of what it names. Returns whether the whole document was replaced."""
    element = input_of(request)
    if request.xpath:
        found = matches(document, request)
        if not found:
            raise NotFoundError(f"{request.xpath} matches nothing")
        if found[0] is not document.root:
            parent = found[0].getparent()
            assert parent is not None
            document.remove(found[0])
            document.insert(parent, element)
            return False
    if element.tag == "cib":
        _replace_all(document, element, keep_status=keep_status)
        return True
    start = document.root if name_of(element) == request.section else section_of(document, request)
    target = _descendant(start, element)
    if target is None:
        raise NotFoundError(f"{_described(element)} is not in {_place(request)}, so that it cannot be replaced")
    parent = target.getparent()
    assert parent is not None
    position = document.position(target)
    document.remove(target)
    document.insert(parent, element, position)
    return False


def _replace_all(document: Document, element: Element, *, keep_status: bool) -> None:
    offered, current = CibVersion.of({str(k): str(v) for k, v in element.attrib.items()}), document.version
    if offered < current:
        raise OldDataError(f"the input has version {offered}, in force is {current}")
    present, offered_status = document.root.find("status"), element.find("status")
    if keep_status and present is not None and (offered_status is None or len(offered_status) == 0):
        if offered_status is not None:
            element.remove(offered_status)
        # It may be several times as large as all the rest: it is neither copied nor compared, only its place is kept.
        element.append(shell_of(present))
        apply_changes(document, compare(document.root, element, unchanged=present))
        if document.to_bytes_without_status() != Document(element).to_bytes_without_status():
            raise PatchError(_UNREACHED)
        return
    become(document, element)


_UNREACHED = "the new document could not be reached by a patch"


def become(document: Document, wanted: Element) -> None:
    """Make the document equal to `wanted` by the changes between them, so that a patch can be read off."""
    apply_changes(document, compare(document.root, wanted))
    if document.digest() != Document(wanted).digest():
        raise PatchError(_UNREACHED)


def _descendant(start: Element, wanted: Element) -> Element | None:
    for element in start.iterdescendants(name_of(wanted)):
        if wanted.get("id") is None or element.get("id") == wanted.get("id"):
            return element
    return None


def delete(document: Document, request: Request) -> None:
    """Remove what the input or the XPath names; that nothing matches is success."""
    if request.xpath:
        _delete_matches(document, request)
        return
    element = input_of(request)
    section = section_of(document, request)
    wanted = list(elements(element)) if name_of(element) == request.section else [element]
    for search in wanted:
        victim = _matching(document, section, search)
        if victim is not None:
            document.remove(victim)


def _matching(document: Document, section: Element, search: Element) -> Element | None:
    identity = search.get("id")
    if identity is not None and len(search.attrib) == 1:
        direct = document.child(section, name_of(search), identity)
        if direct is not None:
            return direct
    for element in section.iterdescendants(name_of(search)):
        if all((element.get(name) or "").lower() == value.lower() for name, value in _pairs(search)):
            return element
    return None


def _pairs(element: Element) -> list[tuple[str, str]]:
    return [(str(name), str(value)) for name, value in element.attrib.items()]


def _delete_matches(document: Document, request: Request) -> None:
    found = matches(document, request)
    if any(match is document.root for match in found):
        raise InvalidRequestError("the whole document cannot be deleted (erase empties it)")
    for match in reversed(found if request.multiple else found[:1]):
        if document.contains(match):
            document.remove(match)


def erase(document: Document) -> None:
    """Empty the document; its attributes stay, admin_epoch counts up."""
    for child in list(document.root):
        document.remove(child)
    for child in list(parse_input(_EMPTY_CONTENT, "erase")):
        document.insert(document.root, detached(child))
    document.set_attribute(document.root, "admin_epoch", str(document.version.admin_epoch + 1))


def bump(document: Document) -> None:
    """Count the epoch up without any other change."""
    document.set_attribute(document.root, "epoch", str(document.version.epoch + 1))


def patch(document: Document, request: Request) -> None:
    """Apply a patch that a tool made; raises `PatchError` or `OldDataError`."""
    apply_patch(document, Patch.from_xml(request.xml))


def upgrade(document: Document) -> None:
    """Let the document claim the newest grammar that it conforms to as it is; nothing changes when it does already."""
    claim = document.root.get("validate-with", "")
    newest = newest_of_series(claim)
    if newest != claim and not any(report.severity == "error" for report in validate(document)):
        document.set_attribute(document.root, "validate-with", newest)


def _described(element: Element) -> str:
    identity = element.get("id")
    return f"<{name_of(element)} id='{identity}'>" if identity is not None else f"<{name_of(element)}>"


def _place(request: Request) -> str:
    return f"section '{request.section}'" if request.section else "the document"
