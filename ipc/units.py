"""Units that are types, so that two kinds of number are never mixed up."""

from typing import NewType

Milliseconds = NewType("Milliseconds", int)
"""A point in time or a duration on the monotonic clock (CLOCK_BOOTTIME), whole milliseconds."""

WallSeconds = NewType("WallSeconds", int)
"""Seconds since the epoch: for date rules, failure expiry and what people read; never for timeouts."""

NodeName = NewType("NodeName", str)
"""A cluster node's name: what `uname -n` prints there and what `node` lines of ha.cf say."""
