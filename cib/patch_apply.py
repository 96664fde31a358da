"""Applying a patch: all of it or nothing.

Source: Pacemaker's patchsets of format 2 (order of changes, positions, refusal of other versions).
"""

from __future__ import annotations

from cib.digest import filtered_digest
from cib.errors import OldDataError, PatchError
from cib.patch import Change, Create, Delete, Modify, Move, Patch, read_fragment
from cib.tree import Tree
from cib.version import VERSION_ATTRIBUTES, CibVersion
from cib.xml import Element, is_comment


def apply_patch(tree: Tree, patch: Patch, *, with_digest: bool = True) -> None:
    """Apply `patch` to the tree of a CIB; the journal can take it back. Without `with_digest` its digest is ignored.

    Raises `OldDataError` where the document is newer than the patch's source, `PatchError` where it is older, where a
    path is missing or where the result has another digest; the tree is then as before.
    """
    _check_versions(CibVersion.of({name: tree.root.get(name, "0") for name in VERSION_ATTRIBUTES}), patch)
    mark = tree.mark()
    try:
        apply_changes(tree, patch.changes)
        _set_target(tree, patch)
        if with_digest and patch.digest and filtered_digest(tree.root) != patch.digest:
            raise PatchError("the patch leads to a document with another digest than the one that it names")
    except PatchError:
        tree.undo_to(mark)
        raise


def _check_versions(current: CibVersion, patch: Patch) -> None:
    if patch.source is None or patch.target is None:
        return
    if current < patch.source:
        raise PatchError(f"the patch starts from version {patch.source}, this document is at {current}")
    if current > patch.source:
        raise OldDataError(f"the patch starts from version {patch.source}, this document is already at {current}")
    if patch.target <= patch.source:
        raise OldDataError(f"the patch leads from version {patch.source} to {patch.target}, which is not newer")


def _set_target(tree: Tree, patch: Patch) -> None:
    if patch.source is None or patch.target is None:
        tree.set_attribute(tree.root, "num_updates", str(int(tree.root.get("num_updates", "0")) + 1))
        return
    for name, number in zip(VERSION_ATTRIBUTES, patch.target, strict=True):
        if tree.root.get(name, "0") != str(number):
            tree.set_attribute(tree.root, name, str(number))


def apply_changes(tree: Tree, changes: tuple[Change, ...]) -> None:
    """Carry out the changes; raises `PatchError` in the middle of it (take it back then)."""
    placed: list[tuple[int, Element, Element, bool]] = []
    for change in changes:
        if isinstance(change, Delete):
            _delete(tree, change)
        elif isinstance(change, Modify):
            tree.set_attributes(_found(tree, change.path, "modify"), change.result)
        elif isinstance(change, Create):
            placed.append((change.position, _found(tree, change.path, "create in"), read_fragment(change.xml), False))
        else:
            placed.append((change.position, *_lift(tree, change), True))
    # Positions count the final siblings, so that filling in ascending order puts each node where it belongs.
    placed.sort(key=lambda place: place[0])
    for position, parent, node, moved in placed:
        if moved and node.getparent() is not None:
            tree.remove(node)
        tree.insert(parent, node, position)


def _found(tree: Tree, path: str, verb: str) -> Element:
    element = tree.find(path)
    if element is None:
        raise PatchError(f"the patch wants to {verb} {path}, which is not there")
    return element


def _lift(tree: Tree, change: Move) -> tuple[Element, Element]:
    """Take a node that moves to the end of its siblings, so that positions before it count without it."""
    node = _found(tree, change.path, "move")
    parent = node.getparent()
    if parent is None:
        raise PatchError("the patch wants to move the whole document")
    tree.remove(node)
    tree.insert(parent, node)
    return parent, node


def _delete(tree: Tree, change: Delete) -> None:
    if change.path.endswith("/comment"):
        parent = tree.find(change.path.removesuffix("/comment"))
        if parent is not None and 0 <= change.position < len(parent) and is_comment(parent[change.position]):
            tree.remove(parent[change.position])
        return
    node = tree.find(change.path)
    # What is gone already is no error: the result is what the patch asks for.
    if node is not None:
        if node.getparent() is None:
            raise PatchError("the patch wants to delete the whole document")
        tree.remove(node)
