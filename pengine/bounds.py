"""What a document may ask for at most, so that every decision ends, in bounded time and memory.

Pacemaker has no such bounds: it would work on such a document for hours, or until its memory is used up.
"""

from __future__ import annotations

from cib.errors import CibError

INSTANCES_MAX = 1000
"""Instances of one clone (or as many as there are nodes), and replicas of one bundle."""

PREFERENCE_STEPS_MAX = 1_000_000
"""How often, in one decision, what a resource would like is passed on along colocations.

Each way through colocations that form loops is gone once, so that 12 resources of which each is colocated with every
other would be more than a hundred million.
"""


class BeyondBoundsError(CibError):
    """A decision would need more time or memory than any cluster of use does; `subject` says what asks for it."""

    rc = 78

    def __init__(self, subject: str, found: str, expected: str) -> None:
        super().__init__(f"{subject}: {found}, expected {expected}")
        self.subject = subject
        self.found = found
        self.expected = expected


def check_instances(subject: str, name: str, number: int, nodes: int = 0) -> None:
    """Raise BeyondBoundsError where a clone or bundle is to have more instances than anybody can run."""
    most = max(INSTANCES_MAX, nodes)
    if number > most:
        raise BeyondBoundsError(subject, f"{name} has the value {number}", f"at most {most}")


def check_preference_steps(steps: int, resource: str) -> None:
    """Raise BeyondBoundsError where colocations hang together in too many ways."""
    if steps > PREFERENCE_STEPS_MAX:
        found = f"its colocations form loops that can be gone along in more than {PREFERENCE_STEPS_MAX} ways"
        raise BeyondBoundsError(f"resource '{resource}'", found, "colocations with fewer loops")
