"""The records of fencing that all nodes share."""

from stonith.messages import FenceRecord

MAX_RECORDS = 200
"""Older ones are dropped; a cluster that fences more often than that has other troubles."""


class History:
    """Records by key, oldest first. A record that is over is never changed again."""

    def __init__(self) -> None:
        self._records: dict[str, FenceRecord] = {}

    def records(self) -> tuple[FenceRecord, ...]:
        """All records, in the order in which they were asked for."""
        return tuple(sorted(self._records.values(), key=lambda record: (record.asked_at, record.key)))

    def pending_of(self, origin: str) -> list[FenceRecord]:
        """What `origin` asked for and nobody has reported the end of."""
        return [record for record in self.records() if record.origin == origin and record.state == "pending"]

    def put(self, record: FenceRecord) -> bool:
        """Take a record; False when it says nothing new."""
        known = self._records.get(record.key)
        if known == record or (known is not None and known.state != "pending"):
            return False
        self._records[record.key] = record
        while len(self._records) > MAX_RECORDS:
            del self._records[self.records()[0].key]
        return True
