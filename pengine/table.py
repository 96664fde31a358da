"""Where a resource may be: by node what speaks for it, how often it was chosen, and whether to look there first."""

from __future__ import annotations

from pengine.vocabulary import ABSENT, PROBE_ALWAYS


class Table:
    """A resource's allowed nodes: by node index the score, how often it was chosen, the probe mode."""

    __slots__ = ("counts", "modes", "scores")

    def __init__(self, size: int) -> None:
        self.scores: list[int] = [ABSENT] * size
        self.counts: list[int] = [0] * size
        self.modes: list[int] = [PROBE_ALWAYS] * size

    def copy(self) -> Table:
        """Return an independent table of the same contents."""
        other = Table(0)
        other.scores = self.scores[:]
        other.counts = self.counts[:]
        other.modes = self.modes[:]
        return other

    def grow(self, places: int) -> None:
        """Make room for so many nodes."""
        while len(self.scores) < places:
            self.scores.append(ABSENT)
            self.counts.append(0)
            self.modes.append(PROBE_ALWAYS)
