"""Whether a document conforms to the CIB's grammar.

The grammars are the RELAX NG files of the `schemas` package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import schemas
from cib.explain import explain
from cib.grammar import Grammar
from cib.integrity import integrity
from cib.reports import Report
from cib.xml import Element, RelaxNg, elements, parse_schema

# fmt: off
VERSIONS = (
    "1.0", "1.2", "1.3", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7", "2.8", "2.9", "2.10",
    "3.0", "3.1", "3.2", "3.3", "3.4", "3.5", "3.6", "3.7", "3.8", "3.9", "3.10",
    "4.0",
)
# fmt: on
"""The grammar's versions that Pacemaker has had, oldest first."""

if TYPE_CHECKING:
    from cib.document import Document

NONE = "none"
RULES_DEEP = 8
"""Rules inside rules that libxml2 is given. A mistake in the innermost makes it try both ways in each of them again:
its time doubles with each, and thirty of them would keep it busy for hours. Our own matching tries each once."""
_MAIN_FILE = "cib.rng"


def schema_names() -> tuple[str, ...]:
    """Return the values that `validate-with` may have, oldest first."""
    return (*(f"pacemaker-{version}" for version in VERSIONS), NONE)


def validate(document: Document, grammar: RelaxNg | None = None) -> tuple[Report, ...]:
    """Return what does not conform to the grammar that the document claims; empty when it is valid.

    Ids that are used twice and references that lead nowhere are mistakes as well; they are looked for when the form
    is right.

    `none` accepts everything, with a warning. A claim that is missing or unknown is an error: nothing is guessed.
    """
    return validate_root(document.root, grammar)


def validate_root(root: Element, grammar: RelaxNg | None = None) -> tuple[Report, ...]:
    """As `validate`, of a document of which there is the `cib` element only."""
    claim = root.get("validate-with")
    line = root.sourceline or 0
    if claim == NONE:
        text = "validate-with is 'none': mistakes are not found, this is deprecated"
        return (Report("schema.none", "warning", text, "cib", "", line, attribute="validate-with"),)
    if claim is None or claim not in schema_names():
        names = schema_names()
        found = "is missing" if claim is None else f"has the unknown value '{claim}'"
        text = f"attribute 'validate-with' {found}, expected {names[0]} to {names[-2]}"
        return (Report("schema.unknown", "error", text, "cib", "", line, attribute="validate-with"),)
    return conformance(root, grammar) or integrity(root)


def separate_validator() -> Callable[[Document], tuple[Report, ...]]:
    """Return a `validate` with a compiled grammar of its own, for another thread: libxml2 shares none between two."""
    grammar = cache(_compile)
    return lambda document: validate(document, grammar())


def conformance(root: Element, grammar: RelaxNg | None = None) -> tuple[Report, ...]:
    """Return what does not conform to our grammar, whatever the document claims."""
    if _nests_deeply(root):
        return explain(_grammar(), root)
    validator = grammar if grammar is not None else _validator()
    with _without_status(root):
        accepted = validator.accepts(root)
    if accepted:
        return ()
    reports = explain(_grammar(), root)
    if reports:
        return reports
    line, message = validator.first_error()
    return (Report("schema.invalid", "error", message, "cib", "", line),)


def _nests_deeply(root: Element) -> bool:
    """Whether rules, the only elements that may stand in their like without end, do so more than `RULES_DEEP` deep."""
    configuration = root.find("configuration")
    if configuration is None:
        return False
    for rule in configuration.iter("rule"):
        depth, parent = 0, rule.getparent()
        while parent is not None and parent.tag == "rule" and depth <= RULES_DEEP:
            depth, parent = depth + 1, parent.getparent()
        if depth > RULES_DEEP:
            return True
    return False


@contextmanager
def _without_status(root: Element) -> Iterator[None]:
    """Take a status that stands in its place out of the tree for a moment.

    Anything goes inside it, and going through it would cost more than the whole configuration.
    """
    status = root[-1] if len(root) else None
    if status is None or status.tag != "status" or status.attrib:
        yield
        return
    root.remove(status)
    try:
        yield
    finally:
        root.append(status)


def newest_of_series(claim: str) -> str:
    """Return the newest version that a document of this version conforms to without any transformation.

    Within a major series a later grammar accepts what an earlier one did; between them documents are transformed.
    """
    series = claim.split(".")[0]
    later = [name for name in schema_names() if name.split(".")[0] == series]
    return later[-1] if later else claim


@cache
def _validator() -> RelaxNg:
    return _compile()


def _compile() -> RelaxNg:
    return RelaxNg(schemas.path_of(_MAIN_FILE))


@cache
def _grammar() -> Grammar:
    main = parse_schema(schemas.read(_MAIN_FILE))
    included = [element.get("href", "") for element in elements(main) if str(element.tag).endswith("}include")]
    return Grammar([main, *(parse_schema(schemas.read(name)) for name in included)])
