"""Permissions of access lists: the short forms of common XPaths, in both directions."""

from __future__ import annotations

import re

from crmsh.language.errors import did_you_mean
from crmsh.language.objects import Permission

SHORTCUTS: dict[str, tuple[str, str]] = {
    "meta": ("//primitive[@id='{}']/meta_attributes", "/nvpair[@name='{}']"),
    "params": ("//primitive[@id='{}']/instance_attributes", "/nvpair[@name='{}']"),
    "utilization": ("//primitive[@id='{}']/utilization", ""),
    "location": ("//rsc_location[@id='cli-prefer-{0}' and @rsc='{0}']", ""),
    "property": ("//crm_config/cluster_property_set", "/nvpair[@name='{}']"),
    "nodeattr": ("//nodes/node/instance_attributes", "/nvpair[@name='{}']"),
    "nodeutil": ("//nodes/node/utilization", "[@uname='{}']"),
    "node": ("//nodes/node", "[@uname='{}']"),
    "status": ("/cib/status", ""),
    "cib": ("/cib", ""),
}
"""Shortcut: the XPath it stands for (with `{}` where it takes a name), and what a further name adds."""

_PREFIXES = {
    "xpath": "xpath",
    "ref": "reference",
    "type": "object_type",
    "tag": "object_type",
    "attr": "attribute",
    "attribute": "attribute",
}


_NEEDS_TYPE = "attr: needs a type: beside it, as in 'type:node attr:uname'"


class PermissionError_(ValueError):
    """A permission that cannot be understood; `place` is the index of the word."""

    def __init__(self, message: str, place: int) -> None:
        super().__init__(message)
        self.place = place


def permission_from_words(access: str, words: list[str], description: str, identifier: str) -> list[Permission]:
    """The permissions of one `read`, `write` or `deny`. An attribute belongs to the type before it.

    Raises PermissionError_.
    """
    made: list[Permission] = []
    waiting: tuple[int, str] | None = None
    """An attribute that stands before its type, as `show` prints it."""
    for place, word in enumerate(words):
        prefix, colon, rest = word.partition(":")
        field = _PREFIXES.get(prefix.lower()) if colon else None
        own_id = identifier if not made else ""
        if field == "attribute":
            if made and made[-1].object_type and not made[-1].attribute:
                last = made.pop()
                made.append(Permission(access, "", "", last.object_type, rest, description, last.id))
            elif waiting is None:
                waiting = place, rest
            else:
                raise PermissionError_(_NEEDS_TYPE, place)
        elif field == "object_type":
            made.append(Permission(access, "", "", rest, waiting[1] if waiting else "", description, own_id))
            waiting = None
        elif field == "reference":
            made.append(Permission(access, "", rest, "", "", description, own_id))
        else:
            xpath = rest if field == "xpath" else _shortcut_xpath(word, place)
            made.append(Permission(access, xpath, "", "", "", description, own_id))
    if waiting is not None:
        raise PermissionError_(_NEEDS_TYPE, waiting[0])
    return made


def _shortcut_xpath(word: str, place: int) -> str:
    name, *arguments = word.split(":")
    known = (*SHORTCUTS, "xpath", "ref", "type", "attr")
    if name not in SHORTCUTS:
        raise PermissionError_(
            f"'{name}' is not something that a permission can be about ({', '.join(known)}){did_you_mean(name, known)}",
            place,
        )
    base, further = SHORTCUTS[name]
    xpath = base
    if "{" in base:
        if not arguments or not arguments[0]:
            raise PermissionError_(f"'{name}' needs a resource: {name}:RESOURCE", place)
        xpath = base.format(arguments.pop(0))
    if arguments and further:
        xpath += further.format(arguments.pop(0))
    if arguments:
        raise PermissionError_(f"'{name}' does not take '{arguments[0]}'", place)
    return xpath


def _pattern(template: str) -> str:
    text = re.escape(template).replace(re.escape("{0}"), "{}").replace(re.escape("{}"), "{}")
    first, *others = text.split("{}")
    return first + "".join("([^']+)" + other for other in others)


_READERS = [
    (name, re.compile(_pattern(base) + (f"(?:{_pattern(further)})?" if further else "") + "$"))
    for name, (base, further) in SHORTCUTS.items()
]


def shortcut_of(xpath: str) -> str | None:
    """The short form of an XPath, None where it has none."""
    for name, pattern in _READERS:
        if match := pattern.match(xpath):
            arguments = [group for group in match.groups() if group is not None]
            if name == "location":  # its XPath has the resource twice
                arguments = arguments[:1]
            return ":".join([name, *arguments])
    return None
