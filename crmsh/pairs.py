"""Reading attributes from small XML answers without a parser: for tools that run inside monitors.

The input is what our own daemon wrote: one element a tag, attributes in double quotes, five entities.
"""

_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&#10;", "\n"), ("&#9;", "\t"),
             ("&amp;", "&"))  # fmt: skip


def tags(xml: str, name: str) -> list[dict[str, str]]:
    """The attributes of every start tag of that name, in document order."""
    found = []
    at = 0
    opening = f"<{name}"
    while (at := xml.find(opening, at)) >= 0:
        after = xml[at + len(opening) : at + len(opening) + 1]
        end = _tag_end(xml, at)
        if after in (" ", "/", ">", "\n", "\t"):
            found.append(_attributes(xml[at + len(opening) : end]))
        at = end
    return found


def _tag_end(xml: str, at: int) -> int:
    """The index of the `>` that ends the tag: not one inside quotes."""
    quoted = False
    for place in range(at, len(xml)):
        char = xml[place]
        if char == '"':
            quoted = not quoted
        elif char == ">" and not quoted:
            return place
    return len(xml)


def _attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while (equals := text.find('="', at)) >= 0:
        end = text.find('"', equals + 2)
        if end < 0:
            break
        value = text[equals + 2 : end]
        for entity, char in _ENTITIES:
            if entity in value:
                value = value.replace(entity, char)
        found[text[at:equals].strip()] = value
        at = end + 1
    return found


def quoted(value: str) -> str:
    """A value as an XPath string; one with both kinds of quotes cannot be asked for."""
    return f"'{value}'" if "'" not in value else f'"{value}"'
