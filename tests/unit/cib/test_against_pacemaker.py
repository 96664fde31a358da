"""Our grammar beside Pacemaker's: on real documents, and on ones with a random mistake.

Skipped where the data or the grammars of an installed Pacemaker are missing.
"""

from __future__ import annotations

import copy
import os
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from cib.document import Document
from cib.schema import validate
from cib.xml import Element, RelaxNg, elements, name_of, serialise
from cib.xml import parse as parse_xml

CASES = Path(__file__).parents[4] / "shared" / "conformance" / "scheduler" / "xml"
GRAMMARS = Path(os.environ.get("PCMK_schema_directory", "/usr/share/pacemaker"))  # noqa: SIM112 - Pacemaker's name
pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not CASES.is_dir(), reason="the conformance data are not beside the project"),
]


def documents() -> list[Path]:
    return sorted(CASES.glob("*.xml"))


def is_accepted(document: Document) -> bool:
    return not any(report.severity == "error" for report in validate(document))


@cache
def _grammar(path: Path) -> RelaxNg:
    return RelaxNg(str(path))


def verdict_of_pacemaker(document: Document) -> bool | None:
    """What the grammar that the document claims says; None where that grammar is not installed."""
    path = GRAMMARS / f"{document.root.get('validate-with')}.rng"
    if not path.is_file():
        return None
    return _grammar(path).accepts(parse_xml(serialise(document.root)))


def test_every_real_document_is_accepted() -> None:
    refused = [path.name for path in documents() if not is_accepted(Document.from_bytes(path.read_bytes(), path.name))]
    assert refused == []
    assert len(documents()) > 500


class Mutant:
    """A real document with one mistake."""

    def __init__(self, path: Path, chance: random.Random) -> None:
        self.document = Document.from_bytes(path.read_bytes(), path.name)
        self.what: tuple[str, str] = ("", "")
        configuration = self.document.root.find("configuration")
        assert configuration is not None
        self._change(list(configuration.iter("*")), chance)

    def _change(self, nodes: list[Element], chance: random.Random) -> None:
        element = chance.choice(nodes)
        names = [str(name) for name in element.attrib]
        name = chance.choice(names) if names else ""
        kind = chance.choice(["drop", "value", "extra", "rename", "twice", "move"])
        self.what = (name_of(element), name if kind == "drop" else "")
        if kind == "drop" and name:
            del element.attrib[name]
        elif kind == "value" and name:
            element.set(name, chance.choice(["", "x y", "-5", "INFINITY", "true", "Started", "9z"]))
        elif kind == "extra":
            element.set(chance.choice(["score", "role", "rsc", "name", "bogus", "kind"]), "1")
        elif kind == "rename":
            element.tag = chance.choice(["group", "primitive", "rule", "nvpair", "op", "node"])
        elif kind == "twice" and (parent := element.getparent()) is not None:
            parent.append(copy.deepcopy(element))
        else:
            target = chance.choice(nodes)
            if target is not element and element not in target.iterancestors():
                target.append(element)


def mutants(count: int, seed: int) -> Iterator[Mutant]:
    chance = random.Random(seed)
    small = [path for path in documents() if path.stat().st_size < 30_000]
    for _ in range(count):
        yield Mutant(chance.choice(small), chance)


@pytest.mark.skipif(not GRAMMARS.is_dir(), reason="Pacemaker's grammars are not installed")
def test_documents_with_a_mistake_are_judged_as_pacemaker_does() -> None:
    judged = {True: 0, False: 0}
    for mutant in mutants(600, seed=4):
        theirs = verdict_of_pacemaker(mutant.document)
        if theirs is None or not list(elements(mutant.document.root)):
            continue
        ours = is_accepted(mutant.document)
        judged[theirs] += 1
        assert ours == theirs, f"{mutant.what}: {[report.sentence() for report in validate(mutant.document)]}"
    assert judged[True] > 50
    assert judged[False] > 200
