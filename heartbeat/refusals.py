"""Counts what was refused from the network and tells of it at a bounded rate."""

from ipc.note import Note
from ipc.units import Milliseconds

TELL_EVERY_MS = 10_000


class Refusals:
    """One note for the first refusal, then at most one every TELL_EVERY_MS with the number since."""

    def __init__(self) -> None:
        self.total = 0
        self._untold = 0
        self._told_at: Milliseconds | None = None

    def count(self, source: str, reason: str, now: Milliseconds) -> Note | None:
        """Count one refusal; the note to write, if it is time for one."""
        self.total += 1
        self._untold += 1
        if self._told_at is not None and now - self._told_at < TELL_EVERY_MS:
            return None
        count, self._untold, self._told_at = self._untold, 0, now
        others = f" ({count - 1} more were refused since the last such message)" if count > 1 else ""
        fields: dict[str, str | int | bool] = {"source": source, "reason": reason, "total": self.total}
        return Note("warning", "network.refused", f"A packet from {source} is refused: {reason}{others}", fields)
