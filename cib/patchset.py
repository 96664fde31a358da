"""The door to patches: their values, finding one between two documents, applying one."""

from __future__ import annotations

from cib.document import Document
from cib.patch import Change, Create, Delete, Modify, Move, Patch
from cib.patch_apply import apply_patch
from cib.patch_diff import compare

__all__ = ["Change", "Create", "Delete", "Modify", "Move", "Patch", "apply_patch", "diff"]


def diff(before: Document, after: Document) -> Patch:
    """Return the patch from one document to another; `apply_patch` of it to `before` gives `after`.

    It carries the digest of `after` when the configuration differs.
    """
    changes = compare(before.root, after.root)
    patch = Patch(changes=changes, source=before.version, target=after.version)
    if not patch.changes_configuration:
        return patch
    return Patch(changes=changes, source=before.version, target=after.version, digest=after.digest())
