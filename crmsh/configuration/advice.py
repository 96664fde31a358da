"""Timeouts that agents advise for their operations."""

from __future__ import annotations

from crmsh.configuration.working_copy import WorkingCopy
from crmsh.language.errors import LanguageError, did_you_mean
from crmsh.language.xml import add, children
from crmsh.metadata import read_metadata


def apply_advised_timeouts(copy: WorkingCopy, name: str) -> None:
    """Give a primitive's operations the advised timeouts, and add start and stop. Raises LanguageError."""
    element = copy.find(name)
    if element is None or element.tag != "primitive":
        raise LanguageError("", f"there is no primitive '{name}'{did_you_mean(name, copy.names('primitive'))}")
    metadata = read_metadata(element.get("class", ""), element.get("provider", ""), element.get("type", ""))
    if metadata is None:
        raise LanguageError("", f"the agent of '{name}' is not on this node, so that its advice is not known")
    advised: dict[str, str] = {}
    for action in metadata.actions:
        if timeout := dict(action.attributes).get("timeout"):
            advised.setdefault(action.name, timeout)
    operations = next((child for child in children(element) if child.tag == "operations"), None)
    if operations is None:
        operations = add(element, "operations")
    for operation in children(operations):
        if timeout := advised.get(operation.get("name", "")):
            operation.set("timeout", timeout)
    present = {operation.get("name") for operation in children(operations)}
    for wanted in ("start", "stop"):
        if wanted not in present and wanted in advised:
            attributes = {"name": wanted, "timeout": advised[wanted], "interval": "0", "id": f"{name}-{wanted}-0"}
            add(operations, "op", attributes)
