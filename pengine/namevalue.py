"""Evaluates name/value sets: which value each name has, given the rules that hold."""

from __future__ import annotations

from collections.abc import Mapping

from cib.rules import RuleContext, passes
from pengine.state import NameValueBlock

_CANCELLED = "#default"


def evaluate(block: NameValueBlock, context: RuleContext) -> dict[str, str]:
    """Return the values of the sets whose rules hold; the first value of a name counts."""
    values: dict[str, str] = {}
    for item in block.sets:
        if item.rule is not None and not passes(item.rule, context):
            continue
        for name, value in item.pairs:
            if value == _CANCELLED:
                values.pop(name, None)
            elif name not in values:
                values[name] = value
    return values


def merge_missing(target: dict[str, str], values: Mapping[str, str]) -> None:
    """Add the values of names that the target does not have."""
    for name, value in values.items():
        target.setdefault(name, value)
