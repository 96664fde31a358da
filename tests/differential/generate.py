"""One random document from one seed."""

from __future__ import annotations

from random import Random

from lxml import etree

from tests.differential.configuration import BASIC, FEATURES, FURTHER, Document, build_configuration
from tests.differential.constraints import build_constraints
from tests.differential.history import build_status


def generate(seed: int, *, basic: bool = False) -> bytes:
    """Return the document of a seed; the same seed gives the same document.

    Each document has some of the features only, so that what goes wrong does so in a small one. With `basic` clones
    and what goes beyond them stay out.
    """
    chance = Random(seed)
    features = {feature for feature in sorted(BASIC) if chance.randrange(100) < 55}
    if not basic:
        features |= {feature for feature in sorted(FURTHER) if chance.randrange(100) < 18}
    assert features <= FEATURES
    document = Document(chance, frozenset(features))
    build_configuration(document)
    build_constraints(document)
    build_status(document)
    return etree.tostring(document.root, pretty_print=True)
