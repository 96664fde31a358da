"""The CIB of a cluster that has none yet, as Pacemaker makes it."""

from __future__ import annotations

from cib.digests import FEATURE_SET
from cib.document import Document

NEWEST_SCHEMA = "pacemaker-3.9"
"""What a new document claims to conform to: known to every Pacemaker 2.1.6 and newer."""

_EMPTY = (
    '<cib crm_feature_set="{feature_set}" validate-with="{schema}" epoch="0" num_updates="0" admin_epoch="0">'
    "<configuration><crm_config/><nodes/><resources/><constraints/></configuration><status/></cib>"
)


def empty_document() -> Document:
    """Return an empty CIB at version 0.0.0."""
    return Document.from_bytes(_EMPTY.format(feature_set=FEATURE_SET, schema=NEWEST_SCHEMA).encode())
