"""What a fence agent says of itself: its actions, and by which parameter it wants the victim named."""

from xml.etree import ElementTree

import msgspec

MAX_METADATA_BYTES = 1024 * 1024
"""More than any agent prints; a longer answer is refused before it is parsed."""


class MetadataError(ValueError):
    """An agent's metadata can't be read; the message says why."""


class Metadata(msgspec.Struct, frozen=True):
    """The part of an agent's metadata that decides how it is asked."""

    actions: tuple[str, ...]
    parameters: tuple[str, ...]

    def supports(self, action: str) -> bool:
        """Whether the agent lists `action`."""
        return action in self.actions

    @property
    def host_argument(self) -> str | None:
        """The parameter that takes the victim: `plug`, or `port` of older agents; None when it has neither."""
        for name in ("plug", "port"):
            if name in self.parameters:
                return name
        return None


ASSUMED = Metadata(actions=("on", "off", "reboot", "metadata"), parameters=("port",))
"""Of an agent whose metadata can't be had: it can be asked to act, and not for anything else."""


def parse_metadata(text: str) -> Metadata:
    """Read the XML that an agent prints for `metadata`.

    Raises MetadataError when it is not the XML of a resource agent or lists no action.
    Source: the fence agent API (FenceAgentAPI.md) and the resource agent API's metadata format.
    """
    if len(text) > MAX_METADATA_BYTES:
        raise MetadataError(f"it is longer than {MAX_METADATA_BYTES} bytes")
    if "<!ENTITY" in text:
        raise MetadataError("it declares XML entities, which no agent needs")
    try:
        root = ElementTree.fromstring(text.strip())
    except ElementTree.ParseError as error:
        raise MetadataError(f"it is not well-formed XML: {error}") from error
    if root.tag != "resource-agent":
        raise MetadataError(f"its root element is <{root.tag}>, expected <resource-agent>")
    actions = tuple(name for element in root.iterfind("actions/action") if (name := element.get("name")))
    parameters = tuple(name for element in root.iterfind("parameters/parameter") if (name := element.get("name")))
    if not actions:
        raise MetadataError("it lists no actions")
    return Metadata(actions, parameters)
