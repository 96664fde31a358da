"""Finding one value by its path, for `set`."""

from __future__ import annotations

from typing import Protocol

from crmsh.configuration.sections import object_id
from crmsh.language.errors import LanguageError, did_you_mean
from crmsh.language.xml import Element, children, descendants


class Named(Protocol):
    """Something with objects that have names."""

    def find(self, identifier: str) -> Element | None:
        """The object of that name."""


def find_value(copy: Named, path: str) -> tuple[Element, str]:
    """The element and the attribute that hold a value: `ID.NAME`, `ID.OPERATION[.INTERVAL].NAME`.

    Raises LanguageError.
    """
    element, words = _longest_id(copy, path)
    if element is None or not words:
        raise LanguageError("set", f"'{path}' is not ID.NAME, ID.OPERATION.NAME or ID.OPERATION.INTERVAL.NAME")
    if len(words) == 1:
        for child in children(element):
            for pair in (child, *children(child)):
                if pair.tag == "nvpair" and pair.get("name") == words[0]:
                    return pair, "value"
        if words[0] in element.attrib and words[0] not in ("id", "class", "provider", "type"):
            return element, words[0]
    else:
        for operation in descendants(element):
            interval = words[1] if len(words) == 3 else operation.get("interval")
            if operation.tag == "op" and operation.get("name") == words[0]:
                if operation.get("interval") != interval:
                    continue
                if words[-1] in operation.attrib:
                    return operation, words[-1]
                for pair in descendants(operation):
                    if pair.tag == "nvpair" and pair.get("name") == words[-1]:
                        return pair, "value"
    names = [e.get("name", "") for e in descendants(element) if e.tag == "nvpair"]
    raise LanguageError("set", f"'{object_id(element)}' has no '{'.'.join(words)}'{did_you_mean(words[-1], names)}")


def _longest_id(copy: Named, path: str) -> tuple[Element | None, list[str]]:
    """An id may itself have dots: the longest beginning that names an object."""
    parts = path.split(".")
    for length in range(len(parts) - 1, 0, -1):
        if (element := copy.find(".".join(parts[:length]))) is not None:
            return element, parts[length:]
    return None, []
