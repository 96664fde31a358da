"""In which form the policy engine runs: plain Python, or compiled ahead of time."""

from __future__ import annotations

COMPILED = "compiled"
PLAIN = "plain Python"


def form() -> str:
    """Return COMPILED or PLAIN, as this module was loaded; the modules are compiled all together or not at all."""
    return COMPILED if __file__.endswith(".so") else PLAIN
