"""Node attributes that the controller keeps: names of fail counts, and which of them an action or a tool means."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

FAIL_COUNT = "fail-count-"
LAST_FAILURE = "last-failure-"
SHUTDOWN = "shutdown"


def base_name(resource: str) -> str:
    """The name under which failures of a resource are counted: without the number of an anonymous clone's instance."""
    name, separator, number = resource.rpartition(":")
    return name if separator and number.isdigit() else resource


def fail_count_name(resource: str, operation: str, interval_ms: int) -> str:
    """`fail-count-RESOURCE#OPERATION_INTERVAL`."""
    return f"{FAIL_COUNT}{base_name(resource)}#{operation}_{interval_ms}"


def last_failure_name(resource: str, operation: str, interval_ms: int) -> str:
    """`last-failure-RESOURCE#OPERATION_INTERVAL`, whose value is the wall clock in seconds."""
    return f"{LAST_FAILURE}{base_name(resource)}#{operation}_{interval_ms}"


class FailureName(msgspec.Struct, frozen=True):
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
    """Those of `names` that are failures of this resource (empty: of any), operation (empty) and interval (-1)."""
    wanted = base_name(resource)
    found = []
    for name in names:
        parsed = FailureName.parse(name)
        if parsed is None or (resource and parsed.resource != wanted):
            continue
        if (operation and parsed.operation != operation) or (interval_ms >= 0 and parsed.interval_ms != interval_ms):
            continue
        found.append(name)
    return tuple(found)
