"""XML as the tools answer it: elements being written, and the envelope `pacemaker-result` around every answer."""

from __future__ import annotations

from crmsh.exit_codes import text_of

API_VERSION = "2.42"
# Not xml.sax.saxutils: that brings urllib.request, and with it more than all the rest of a tool.
_IN_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_IN_ATTRIBUTE = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
)  # fmt: skip


class Tag:
    """An element being written."""

    __slots__ = ("attributes", "below", "name", "raw", "text")

    def __init__(self, name: str, /, text: str = "", **attributes: object) -> None:
        self.name, self.text = name, text
        self.raw = ""
        """Text that stands in the element as it is, in a CDATA section."""
        self.attributes = {
            key.rstrip("_").replace("__", "-"): _value(value) for key, value in attributes.items() if value is not None
        }
        self.below: list[Tag] = []

    def add(self, name: str, /, text: str = "", **attributes: object) -> Tag:
        """A new last child."""
        child = Tag(name, text, **attributes)
        self.below.append(child)
        return child

    def lines(self, depth: int = 0) -> list[str]:
        """The element, one line for each tag."""
        pad = "  " * depth
        pairs = (f' {name}="{value.translate(_IN_ATTRIBUTE)}"' for name, value in self.attributes.items())
        head = self.name + "".join(pairs)
        if self.raw:
            safe = self.raw.replace("]]>", "]]]]><![CDATA[>")
            return [f"{pad}<{head}><![CDATA[{safe}]]></{self.name}>"]
        if not self.below:
            return [f"{pad}<{head}>{self.text.translate(_IN_TEXT)}</{self.name}>" if self.text else f"{pad}<{head}/>"]
        inner = [line for child in self.below for line in child.lines(depth + 1)]
        return [f"{pad}<{head}>", *inner, f"{pad}</{self.name}>"]


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def envelope(request: str) -> Tag:
    """The outermost element of every tool's XML output."""
    return Tag("pacemaker-result", api__version=API_VERSION, request=request)


def finish(root: Tag, code: int, errors: list[str] | tuple[str, ...] = ()) -> str:
    """Close an envelope with the exit code; the whole text."""
    status = root.add("status", code=code, message=text_of(code))
    if errors:
        below = status.add("errors")
        for error in errors:
            below.add("error", error)
    return "\n".join(root.lines()) + "\n"
