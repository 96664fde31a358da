"""What the policy engine was given for each transition, kept as files that can be replayed (crm_simulate -x)."""

import bz2
from pathlib import Path

LIMITS = {"input": 400, "warn": 400, "error": 400}
"""How many files of each kind are kept; the numbers start again at 0 after that."""


class InputFiles:
    """state/pengine: pe-input-N.bz2 and pe-error-N.bz2, with the next number in pe-input.last.

    They are for people who look for causes, so a crash may lose the last one.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def keep(self, document: bytes, severity: str) -> Path:
        """Write the document and return the file. Raises OSError."""
        kind = severity if severity in LIMITS else "input"
        self._directory.mkdir(parents=True, exist_ok=True)
        number = self._next(kind)
        path = self._directory / f"pe-{kind}-{number}.bz2"
        draft = path.with_suffix(".new")
        draft.write_bytes(bz2.compress(document))
        draft.replace(path)
        (self._directory / f"pe-{kind}.last").write_text(f"{(number + 1) % LIMITS[kind]}\n", encoding="ascii")
        return path

    def _next(self, kind: str) -> int:
        try:
            number = int((self._directory / f"pe-{kind}.last").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return 0
        return number if 0 <= number < LIMITS[kind] else 0
