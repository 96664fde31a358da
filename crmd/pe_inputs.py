"""What the policy engine was given for each transition, kept as files that can be replayed (crm_simulate -x)."""

import bz2
import re
from pathlib import Path

from cib.digests import FEATURE_SET

LIMITS = {"input": 400, "warn": 400, "error": 400}
"""How many files of each kind are kept; the numbers start again at 0 after that."""


_START = re.compile(rb"(?:<\?[^>]*\?>\s*)?<cib\b")
_OLD_TIME = re.compile(rb' execution-date="[^"]*"')


def as_input(document: bytes, at: int) -> bytes:
    """Return a document with what a replay must know: the time that the decision went by, and whose rules it follows.

    Without a feature set Pacemaker takes a document for one from before 2013, and does not see its fail counts. What is
    no `cib` element stays as it is.
    """
    start = _START.match(document)
    if start is None:
        return document
    end = document.find(b">", start.end())
    head = _OLD_TIME.sub(b"", document[start.end() : end])
    added = b' execution-date="%d"' % at
    if b" crm_feature_set=" not in head:
        added += b' crm_feature_set="%s"' % FEATURE_SET.encode()
    return document[: start.end()] + added + head + document[end:]


class InputFiles:
    """state/pengine: pe-input-N.bz2 and pe-error-N.bz2, with the next number in pe-input.last.

    They are for people who look for causes, so a crash may lose the last one.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def keep(self, document: bytes, severity: str, at: int) -> Path:
        """Write the document that was decided about at this time (seconds), and return the file. Raises OSError."""
        kind = severity if severity in LIMITS else "input"
        self._directory.mkdir(parents=True, exist_ok=True)
        number = self._next(kind)
        path = self._directory / f"pe-{kind}-{number}.bz2"
        draft = path.with_suffix(".new")
        draft.write_bytes(bz2.compress(as_input(document, at)))
        draft.replace(path)
        (self._directory / f"pe-{kind}.last").write_text(f"{(number + 1) % LIMITS[kind]}\n", encoding="ascii")
        return path

    def _next(self, kind: str) -> int:
        try:
            number = int((self._directory / f"pe-{kind}.last").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return 0
        return number if 0 <= number < LIMITS[kind] else 0
