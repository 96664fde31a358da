"""One random document from one seed."""

from __future__ import annotations

from random import Random

from lxml import etree

from tests.differential.configuration import BASIC, FEATURES, FURTHER, Document, build_configuration
from tests.differential.constraints import build_constraints
from tests.differential.conveniences import add_devices, add_rules, add_tags, add_templates
from tests.differential.digests import write_digests
from tests.differential.history import build_status
from tests.differential.older_schema import rewrite, versions_for
from tests.differential.rarities import add_rarities

_LIKELY = {"digests": 60, "rarities": 35}
"""How likely a feature is, in percent, where not 18."""


def generate(seed: int, *, basic: bool = False) -> bytes:
    """Return the document of a seed; the same seed gives the same document.

    Each document has some of the features only, so that what goes wrong does so in a small one. With `basic` clones
    and what goes beyond them stay out.
    """
    chance = Random(seed)
    features = {feature for feature in sorted(BASIC) if chance.randrange(100) < 55}
    if not basic:
        features |= {feature for feature in sorted(FURTHER) if chance.randrange(100) < _LIKELY.get(feature, 18)}
    if "old names" in features:
        # Some of what is rare, and rules about resources and operations, are newer than what names are changed into.
        features -= {"dates", "rarities"}
    assert features <= FEATURES
    document = Document(chance, frozenset(features))
    build_configuration(document)
    build_constraints(document)
    build_status(document)
    if not basic:
        _add_further(document)
    return etree.tostring(document.root, pretty_print=True)


def _add_further(document: Document) -> None:
    if document.has("devices"):
        add_devices(document)
    if document.has("dates"):
        add_rules(document)
    if document.has("tags"):
        add_tags(document)
    if document.has("templates"):
        add_templates(document)
    if document.has("digests"):
        write_digests(document)
    if document.has("rarities"):
        add_rarities(document)
    if document.has("old names"):
        rewrite(document.root, document.chance.choice(versions_for(document.root)))
