"""What the probe's lines say of an outage: when the service was last seen before, and first seen after."""

import subprocess
import threading
from dataclasses import dataclass
from typing import Literal

Kind = Literal["page", "address"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One attempt of the probe; milliseconds of CLOCK_BOOTTIME."""

    sent: int
    ended: int
    kind: str
    ok: bool


@dataclass(frozen=True, slots=True)
class Outage:
    """A gap in the answers: from the last good attempt's start to the first good one's end."""

    last_good: int
    first_good: int

    @property
    def milliseconds(self) -> int:
        """The gap's length as the client saw it."""
        return self.first_good - self.last_good


def parse(line: str) -> Sample:
    """Read one line of the probe."""
    sent, ended, kind, ok = line.split()
    return Sample(int(sent), int(ended), kind, ok == "1")


def outage_after(samples: list[Sample], kind: Kind, cause: int) -> Outage | None:
    """The longest gap that ended after `cause`, or None while the service has not failed and come back since then.

    Attempts that were under way at `cause` count. Short hiccups before the service moves are part of the story: the
    longest gap is what a person would call the outage.
    """
    mine = sorted((sample for sample in samples if sample.kind == kind), key=lambda sample: sample.sent)
    longest: Outage | None = None
    last_good: int | None = None
    failed_since = False
    for sample in mine:
        if not sample.ok:
            failed_since = failed_since or sample.ended >= cause
            continue
        if failed_since and last_good is not None:
            gap = Outage(last_good, sample.ended)
            if longest is None or gap.milliseconds > longest.milliseconds:
                longest = gap
        failed_since = False
        last_good = sample.sent
    return longest


class Recording:
    """Reads a running probe in a thread."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        """Take over the probe's process; `close` ends it."""
        self._process = process
        self._samples: list[Sample] = []
        self._thread = threading.Thread(target=self._read, name="probe", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._samples.append(parse(line))

    def samples(self) -> list[Sample]:
        """All attempts so far, in the order in which they ended."""
        return list(self._samples)

    def answering(self, kind: Kind, since: int, in_a_row: int = 3) -> bool:
        """Whether the last attempts since then were all good."""
        recent = [sample for sample in self._samples if sample.kind == kind and sample.sent >= since][-in_a_row:]
        return len(recent) == in_a_row and all(sample.ok for sample in recent)

    def close(self) -> None:
        """End the probe."""
        self._process.kill()
        self._process.wait(timeout=5)
        self._thread.join(timeout=2)
