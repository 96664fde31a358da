"""The times that membership keeps, derived from those of ha.cf."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """The times of ha.cf, and what follows from them. All in milliseconds."""

    keepalive_ms: int
    warntime_ms: int
    deadtime_ms: int
    initdead_ms: int

    @property
    def resend_ms(self) -> int:
        """How long a coordinator waits before it asks again those that did not answer."""
        return max(10, min(100, self.keepalive_ms // 4))

    @property
    def round_ms(self) -> int:
        """How long a round may last. Two fit into deadtime, after which a node without agreement leaves its view."""
        return max(3 * self.resend_ms, min(2 * self.keepalive_ms, 2000, self.deadtime_ms // 3))

    @property
    def takeover_ms(self) -> int:
        """How long the next in order waits for the one before to propose what both want."""
        return max(20, min(500, self.keepalive_ms))

    @property
    def settle_ms(self) -> int:
        """How long after an installation what members say of each other may still be on its way."""
        return 2 * self.keepalive_ms
