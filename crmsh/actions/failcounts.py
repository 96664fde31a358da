"""Fail counts of resources, as node attributes `fail-count-RSC#OPERATION_INTERVAL`."""

from __future__ import annotations

from crmsh import exit_codes
from crmsh.actions.editing import ActionError
from crmsh.actions.nodes import change_attribute
from crmsh.backend import Backend, BackendError
from crmsh.language.xml import children, descendants, parse_xml


def failcounts_of(data: bytes, resource: str = "", node: str = "") -> list[tuple[str, str, str]]:
    """(node, attribute, value) for every count of the resource (on the node, where one is named)."""
    found = []
    for section in children(parse_xml(data)):
        if section.tag != "status":
            continue
        for state in children(section):
            if node and state.get("uname") != node:
                continue
            for pair in descendants(state):
                name = pair.get("name", "")
                if pair.tag == "nvpair" and name.startswith("fail-count-"):
                    subject = name.removeprefix("fail-count-").partition("#")[0]
                    if not resource or subject == resource or subject.partition(":")[0] == resource:
                        found.append((state.get("uname", ""), name, pair.get("value", "")))
    return found


def set_failcount(backend: Backend, resource: str, node: str, value: str, operation: list[str]) -> None:
    """Write a count; of the operation named (and its interval), else of the start. Raises ActionError."""
    if not (value.isdigit() or value == "INFINITY"):
        raise ActionError(exit_codes.INVALID_PARAMETER, f"'{value}' is not a count: expected a number or INFINITY")
    name = operation[0] if operation else "start"
    interval = operation[1] if len(operation) > 1 else "0"
    change_attribute(backend, node, f"fail-count-{resource}#{name}_{interval}", value, "reboot")


def delete_failcount(backend: Backend, resource: str, node: str, operation: str = "", interval_ms: int = -1) -> None:
    """Forget failures: on the live cluster by a cleanup, in a file by removing the attributes."""
    if backend.live:
        from crmd.client import ClientError

        try:
            backend.client().cleanup(resource, node, operation, interval_ms)
        except ClientError as error:
            raise BackendError(error.rc, error.text, error.details) from error
        return
    for where, name, _ in failcounts_of(backend.read(), resource, node):
        change_attribute(backend, where, name, None, "reboot")
        change_attribute(backend, where, name.replace("fail-count-", "last-failure-"), None, "reboot")
