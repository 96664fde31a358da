"""A patch: what leads from one exact version of a CIB to another, as plain values.

Source: Pacemaker's patchsets of format 2; `to_xml` and `from_xml` are interchangeable with them.
"""

from __future__ import annotations

import msgspec

from cib.errors import InvalidRequestError, PatchError
from cib.version import VERSION_ATTRIBUTES, CibVersion
from cib.xml import Element, add_element, elements, is_comment, new_element, parse_input, serialise

Attributes = tuple[tuple[str, str], ...]


class Create(msgspec.Struct, frozen=True, tag=True):
    """A new element or comment below `path`, at `position` among its final siblings."""

    path: str
    position: int
    xml: bytes


class Modify(msgspec.Struct, frozen=True, tag=True):
    """Other attributes for the element at `path`; `result` is all that it has afterwards, in order."""

    path: str
    result: Attributes
    changed: Attributes = ()
    removed: tuple[str, ...] = ()


class Delete(msgspec.Struct, frozen=True, tag=True):
    """The element at `path` goes; for a comment `position` tells which one, else it is -1."""

    path: str
    position: int = -1


class Move(msgspec.Struct, frozen=True, tag=True):
    """The element at `path` stands at `position` among its siblings afterwards."""

    path: str
    position: int


Change = Create | Modify | Delete | Move


class Patch(msgspec.Struct, frozen=True, tag=True):
    """Changes in the order in which they are applied, from version `source` to version `target`."""

    changes: tuple[Change, ...]
    source: CibVersion | None = None
    target: CibVersion | None = None
    digest: str = ""
    """Pacemaker's digest of the result; present when the configuration changed."""

    @property
    def changes_configuration(self) -> bool:
        """Whether anything at or below `configuration` is touched."""
        return any(touches_configuration(change) for change in self.changes)

    def to_xml(self) -> bytes:
        """Return the patch as `<diff format="2">`."""
        return serialise(_diff_element(self))

    @classmethod
    def from_xml(cls, data: bytes) -> Patch:
        """Read a `diff` of format 2; raises `InvalidRequestError` or `PatchError`."""
        return _read_diff(parse_input(data, "patch"))


def touches_configuration(change: Change) -> bool:
    """Say whether a change concerns the configuration (as Pacemaker decides it)."""
    if isinstance(change, Create) and change.path == "/cib":
        return change.xml.startswith(b"<configuration")
    return change.path.startswith("/cib/configuration")


def _diff_element(patch: Patch) -> Element:
    diff = new_element("diff", format="2")
    if patch.digest:
        diff.set("digest", patch.digest)
    version = add_element(diff, "version")
    for name, triple in (("source", patch.source), ("target", patch.target)):
        if triple is not None:
            numbers = {key: str(number) for key, number in zip(VERSION_ATTRIBUTES, triple, strict=True)}
            add_element(version, name, **numbers)
    for change in patch.changes:
        _write_change(diff, change)
    return diff


def _write_change(diff: Element, change: Change) -> None:
    operation = type(change).__name__.lower()
    element = add_element(diff, "change", operation=operation, path=change.path)
    if isinstance(change, Create):
        element.set("position", str(change.position))
        element.append(read_fragment(change.xml))
    elif isinstance(change, Modify):
        changed = add_element(element, "change-list")
        for name, value in change.changed:
            add_element(changed, "change-attr", name=name, operation="set", value=value)
        for name in change.removed:
            add_element(changed, "change-attr", name=name, operation="unset")
        result = add_element(add_element(element, "change-result"), _last_name(change.path))
        for name, value in change.result:
            result.set(name, value)
    elif change.position >= 0:
        element.set("position", str(change.position))


def read_fragment(xml: bytes) -> Element:
    """Return the element or the comment that a `Create` carries."""
    if not xml.startswith(b"<!--"):
        return parse_input(xml, "patch")
    for node in parse_input(b"<comment>" + xml + b"</comment>", "patch"):
        if is_comment(node):
            parent = node.getparent()
            assert parent is not None
            parent.remove(node)
            return node
    raise PatchError("a created comment is not readable")


def _last_name(path: str) -> str:
    # An id may hold a slash, a name may not: cut the ids first.
    return path.split("[@id='")[-2].rsplit("/", 1)[-1] if path.endswith("']") else path.rsplit("/", 1)[-1]


def _read_diff(diff: Element) -> Patch:
    if diff.tag != "diff":
        raise InvalidRequestError(f"a patch is a <diff> element, this is <{diff.tag!s}>")
    if diff.get("format", "1") != "2":
        raise InvalidRequestError(f"patch format '{diff.get('format', '1')}' is not supported, expected format 2")
    version = diff.find("version")
    return Patch(
        changes=tuple(_read_change(change) for change in diff.iterchildren("change")),
        source=_read_version(version, "source"),
        target=_read_version(version, "target"),
        digest=diff.get("digest", ""),
    )


def _read_version(version: Element | None, name: str) -> CibVersion | None:
    element = version.find(name) if version is not None else None
    if element is None:
        return None
    try:
        return CibVersion(*(int(element.attrib[key]) for key in VERSION_ATTRIBUTES))
    except (KeyError, ValueError) as error:
        raise InvalidRequestError(f"the patch's {name} version lacks one of its three numbers") from error


def _read_change(change: Element) -> Change:
    operation = change.get("operation", "")
    path = change.get("path", "")
    position = _read_position(change)
    if operation == "create":
        for child in change:
            return Create(path, position, serialise(child))
        raise PatchError(f"patch: create at {path} carries no element")
    if operation == "modify":
        return _read_modify(change, path)
    if operation == "delete":
        return Delete(path, position)
    if operation == "move":
        return Move(path, position)
    raise PatchError(f"patch: unknown operation '{operation}', expected create, modify, delete or move")


def _read_position(change: Element) -> int:
    text = change.get("position")
    try:
        return int(text) if text is not None else -1
    except ValueError as error:
        raise PatchError(f"patch: position '{text}' is no number") from error


def _read_modify(change: Element, path: str) -> Modify:
    holder = change.find("change-result")
    result = next(elements(holder), None) if holder is not None else None
    if result is None:
        raise PatchError(f"patch: modify of {path} has no change-result")
    listed = change.find("change-list")
    attributes = list(elements(listed)) if listed is not None else []
    return Modify(
        path=path,
        result=tuple((str(name), str(value)) for name, value in result.attrib.items()),
        changed=tuple(
            (item.get("name", ""), item.get("value", "")) for item in attributes if item.get("operation") == "set"
        ),
        removed=tuple(item.get("name", "") for item in attributes if item.get("operation") == "unset"),
    )
