"""Looks for documents about which the two schedulers disagree.

usage: python -m tests.differential.search --seed N --count N [--basic] [--keep DIR]
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from lxml import etree

from tests.differential.decisions import Decision, Refused, ask_ours, ask_peer, check_validity
from tests.differential.generate import generate
from tests.differential.older_colocations import older_rules
from tests.differential.shrink import shrink
from tests.differential.versions import differs_in_colocated_parts, forgive, version_difference

_VERSION = "agree but for the version: "
_HARMLESS = ("agree", "refused")
"""How verdicts begin that are not findings."""


@dataclass(frozen=True)
class Comparison:
    """Both decisions with what the versions write differently made equal, the parts that differ, and why."""

    parts: list[str]
    version: str
    """What the other's version does otherwise, where they differ for that; else empty."""
    peer: Decision
    ours: Decision


def compare(document: bytes, scratch: Path) -> Comparison:
    """Ask both; raises Refused where Pacemaker does not take the document."""
    asked, answered = ask_peer(document, scratch), ask_ours(document, scratch)
    peer, ours = forgive(document, asked, answered)
    parts = ours.differing(peer)
    version = version_difference(document, peer, ours) if parts else ""
    if parts and not version:
        version = _difference_in_colocations(document, asked, scratch)
    return Comparison(parts, version, peer, ours)


def _difference_in_colocations(document: bytes, asked: Decision, scratch: Path) -> str:
    """Return how the versions differ in colocations, where nothing else is left with the older one's rules; else ''."""
    with older_rules():
        answered = ask_ours(document, scratch)
    peer, ours = forgive(document, asked, answered)
    if not ours.differing(peer):
        return "colocation"
    other = version_difference(document, peer, ours)
    if other:
        return f"colocation and {other}"
    return "colocation of parts" if differs_in_colocated_parts(etree.fromstring(document), peer, ours) else ""


def disagreement(document: bytes, scratch: Path) -> tuple[list[str], Decision, Decision]:
    """Return the parts that differ and are not owed to the other's version, and both decisions.

    Raises Refused where Pacemaker does not take the document.
    """
    found = compare(document, scratch)
    return [] if found.version else found.parts, found.peer, found.ours


def describe(parts: list[str], peer: Decision, ours: Decision, limit: int = 12) -> list[str]:
    """Return lines that show where the decisions part: '-' is Pacemaker's, '+' ours."""
    lines: list[str] = []
    for part in parts:
        lines.append(f"[{part}]")
        difference = unified_diff(getattr(peer, part), getattr(ours, part), lineterm="", n=0)
        lines += [line for line in difference if line[:2] not in ("--", "++", "@@")][:limit]
    return lines


def main() -> int:
    """Run from the command line; 1 when a disagreement was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seed", type=int, required=True, help="the first seed")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--basic", action="store_true", help="without clones and what goes beyond them")
    parser.add_argument("--keep", type=Path, help="write what was found, made small, into this directory")
    parser.add_argument("--stop-after", type=int, default=0, help="end after so many findings")
    options = parser.parse_args()
    os.environ["TZ"] = "UTC"
    tally: Counter[str] = Counter()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        for seed in range(options.seed, options.seed + options.count):
            verdict = _one(seed, scratch, options)
            tally[verdict] += 1
            if options.stop_after and _findings(tally) >= options.stop_after:
                break
    seconds = time.monotonic() - begun
    summary = ", ".join(f"{count} {name}" for name, count in tally.most_common())
    sys.stdout.write(f"{tally.total()} documents in {seconds:.0f} s: {summary}\n")
    return 1 if _findings(tally) else 0


def _findings(tally: Counter[str]) -> int:
    return sum(count for verdict, count in tally.items() if not verdict.startswith(_HARMLESS))


def _one(seed: int, scratch: Path, options: argparse.Namespace) -> str:
    document = generate(seed, basic=options.basic)
    try:
        check_validity(document, scratch)
        found = compare(document, scratch)
    except Refused as refusal:
        sys.stdout.write(f"seed {seed}: refused: {refusal}\n")
        return f"refused ({refusal.kind})"
    except Exception as error:
        sys.stdout.write(f"seed {seed}: {type(error).__name__}: {error}\n")
        return "crash"
    parts, peer, ours = found.parts, found.peer, found.ours
    if not parts or found.version:
        return _VERSION + found.version if found.version else "agree"
    sys.stdout.write(f"seed {seed}: {', '.join(parts)}\n")
    if options.keep is not None:
        shapes = _shapes(parts[0], peer, ours)
        small = shrink(document, lambda text: _still(text, parts[0], shapes, scratch))
        parts, peer, ours = disagreement(small, scratch)
        options.keep.mkdir(parents=True, exist_ok=True)
        (options.keep / f"{seed}.xml").write_bytes(small)
        (options.keep / f"{seed}.txt").write_text("\n".join(describe(parts, peer, ours, 40)) + "\n")
    else:
        sys.stdout.write("".join(f"    {line}\n" for line in describe(parts, peer, ours)))
    sys.stdout.flush()
    return parts[0] if parts else "agree"


def _still(document: bytes, part: str, shapes: set[str], scratch: Path) -> bool:
    """Say whether a document still shows a difference of one of the shapes."""
    try:
        parts, peer, ours = disagreement(document, scratch)
    except Refused:
        return False
    return bool(parts) and parts[0] == part and bool(shapes & _shapes(part, peer, ours))


def _shapes(part: str, peer: Decision, ours: Decision) -> set[str]:
    """What differs in a part, without names and numbers, so that another difference is not taken for the same."""
    theirs, own = getattr(peer, part), getattr(ours, part)
    lines = [f"-{line}" for line in theirs if line not in own] + [f"+{line}" for line in own if line not in theirs]
    return {re.sub(r"\d+|INFINITY", "#", line[:70]) for line in lines} or {"the order of lines"}


if __name__ == "__main__":
    sys.exit(main())
