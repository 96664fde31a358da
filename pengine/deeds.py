"""Notes about what a graph does: they hold until it is carried out, while the other notes hold until the next graph."""

import re


def must_be_fenced(node: str, reason: str) -> str:
    """The note that a node is fenced, and why."""
    return f"node {node} must be fenced: {reason}"


def failures_forgotten(resource: str, node: str, reason: str) -> str:
    """The note that the failures of a resource on a node are forgotten, and why."""
    return f"failures of {resource} on {node} are forgotten: {reason}"


_DEED = re.compile(f"{must_be_fenced('.+', '.*')}|{failures_forgotten('.+', '.+', '.*')}", re.DOTALL)


def is_deed(note: str) -> bool:
    """Whether a note is one of these."""
    return _DEED.fullmatch(note) is not None
