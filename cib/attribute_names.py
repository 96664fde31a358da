"""Names of node attributes: those that count failures, taken apart and put together, and the ids of their pairs.

Loads nothing that is slow to import: tools need it before they have asked anybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

FAIL_COUNT = "fail-count-"
LAST_FAILURE = "last-failure-"
SHUTDOWN = "shutdown"
_NOT_ID_CHARACTER = re.compile(r"[^A-Za-z0-9_.-]")


def attribute_id(set_id: str, name: str) -> str:
    """Return the id of the nvpair of an attribute: characters that ids may not have become dots."""
    return _NOT_ID_CHARACTER.sub(".", f"{set_id}-{name}")


def base_name(resource: str) -> str:
    """An id without the number of an instance."""
    name, separator, number = resource.rpartition(":")
    return name if separator and number.isdigit() else resource


def fail_count_name(resource: str, operation: str, interval_ms: int) -> str:
    """`fail-count-RESOURCE#OPERATION_INTERVAL`; the resource as operations name it, with its number where instances are
    told apart."""
    return f"{FAIL_COUNT}{resource}#{operation}_{interval_ms}"


def last_failure_name(resource: str, operation: str, interval_ms: int) -> str:
    """`last-failure-RESOURCE#OPERATION_INTERVAL`, whose value is the wall clock in seconds."""
    return f"{LAST_FAILURE}{resource}#{operation}_{interval_ms}"


class FailureName(NamedTuple):
    """A fail count's or last failure's name, taken apart."""

    resource: str
    operation: str
    interval_ms: int

    @classmethod
    def parse(cls, name: str) -> FailureName | None:
        """Read an attribute's name; None where it is neither."""
        for prefix in (FAIL_COUNT, LAST_FAILURE):
            if name.startswith(prefix):
                resource, hash_, rest = name[len(prefix) :].rpartition("#")
                operation, line, interval = rest.rpartition("_")
                if hash_ and line and interval.isdigit():
                    return cls(resource, operation, int(interval))
        return None


def failures_of(names: Iterable[str], resource: str, operation: str = "", interval_ms: int = -1) -> tuple[str, ...]:
    """Those of `names` that are failures of this resource (empty: of any), operation (empty) and interval (-1).

    A resource without a number stands for all its instances; the number of one that is not told apart does not count.
    """
    found = []
    for name in names:
        parsed = FailureName.parse(name)
        if parsed is None or (resource and not _concerns(parsed.resource, resource)):
            continue
        if (operation and parsed.operation != operation) or (interval_ms >= 0 and parsed.interval_ms != interval_ms):
            continue
        found.append(name)
    return tuple(found)


def _concerns(counted: str, resource: str) -> bool:
    return counted in (resource, base_name(resource)) or base_name(counted) == resource
