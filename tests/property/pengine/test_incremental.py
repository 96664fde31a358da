"""A state that followed patches is the state of the patched document, and the same is decided about it."""

from __future__ import annotations

import os
from random import Random, SystemRandom

import pytest

from cib.document import Document
from cib.errors import CibError
from cib.patchset import Modify, Patch, diff
from cib.record import fields
from pengine.graph_xml import graph_to_xml
from pengine.scheduler import schedule
from pengine.state import ClusterState
from pengine.unpack import LiveDocument, unpack
from tests.differential.generate import generate
from tests.differential.odd import spoil
from tests.property.pengine.edits import Editor

FULL = bool(os.environ.get("PACEKEEPER_TEST_FULL"))
SEQUENCES = 600 if FULL else 40
PATCHES = 12
NOW = 1_700_000_000


def versioned(data: bytes) -> Document:
    """The document of some bytes, with a version that patches can start from."""
    document = Document.from_bytes(data)
    for name, number in (("admin_epoch", "0"), ("epoch", "1"), ("num_updates", "0")):
        document.root.set(name, number)
    return document


def spoiled(before: Document, chance: Random) -> Document | None:
    """An odd document; None where it is too odd to be read."""
    try:
        return Document.from_bytes(spoil(before.to_bytes(), chance.randrange(1_000_000)))
    except CibError:
        return None


def edited(before: Document, chance: Random, number: int) -> Patch:
    """A patch of one or a few random changes; it has gone over the wire."""
    after = spoiled(before, chance) if chance.randrange(30) == 0 else None
    if after is None:
        after = before.copy()
        editor = Editor(after.root, chance, number)
        for _ in range(chance.choice((1, 1, 1, 2, 4))):
            if chance.randrange(100) < 55:
                editor.edit_status()
            else:
                editor.edit_configuration()
    version = before.version
    after.root.set("admin_epoch", "0")
    after.root.set("epoch", str(version.epoch + 1))
    after.root.set("num_updates", "0")
    if not diff(before, after).changes_configuration:
        after.root.set("epoch", str(version.epoch))
        after.root.set("num_updates", str(version.num_updates + 1))
    return Patch.from_xml(diff(before, after).to_xml())


def decided(state: ClusterState, now: int) -> tuple[object, ...]:
    """All that a decision says: graph, scores, notes, placements; or why there is none."""
    try:
        outcome = schedule(state, now)
    except CibError as error:
        return (str(error),)
    places = [(item.resource, item.current, item.role, item.node) for item in outcome.placements.values()]
    return graph_to_xml(outcome.graph), outcome.scores, outcome.notes, outcome.deeds, places, outcome.graph.recheck_at


def differences(followed: ClusterState, read: ClusterState) -> list[str]:
    """The fields in which two states differ."""
    names = [name for name in fields(read) if name != "source"]
    return [name for name in names if getattr(followed, name) != getattr(read, name)]


def follow(seed: int) -> int:
    """Let a document change by random patches while time goes on; return how many patches it took."""
    chance = Random(seed)
    document = versioned(generate(chance.randrange(1_000_000), basic=chance.randrange(3) == 0))
    live = LiveDocument(document)
    now, taken = NOW, 0
    for number in range(PATCHES):
        if not number or chance.randrange(4):
            # Else several patches arrive before the next decision.
            state = live.state()
            fresh = unpack(Document.from_bytes(document.to_bytes()))
            where = f"seed {seed}, after {number} patches"
            assert differences(state, fresh) == [], where
            assert decided(state, now) == decided(fresh, now), where
        patch = edited(document, chance, number)
        try:
            live.take(patch)
            taken += 1
        except CibError:
            pass  # odd documents have alike elements, which a path can't tell from each other; nothing has changed then
        now += chance.choice((0, 1, 60, 200, 4000))
    return taken


@pytest.mark.timeout(0 if FULL else 180)
def test_after_any_patches_the_state_and_the_decision_are_those_of_the_patched_document() -> None:
    first = SystemRandom().randrange(1_000_000_000)
    taken = sum(follow(seed) for seed in range(first, first + SEQUENCES))
    assert taken > SEQUENCES * PATCHES * 0.9


FIELDS = ("options", "nodes", "resources", "constraints", "tags", "tickets", "node_status", "attributes")


def parts(state: ClusterState) -> list[object]:
    """The fields of a state, and the definitions and histories in them."""
    fields: list[object] = [getattr(state, name) for name in FIELDS]
    histories = [history for status in state.node_status for history in status.resources]
    children = [child for definition in state.resources for child in definition.children]
    return [*fields, *state.nodes, *state.resources, *state.constraints, *children, *histories]


def test_what_says_the_same_after_a_patch_is_the_same_object() -> None:
    compared = 0
    for seed in range(20):
        chance = Random(seed)
        document = versioned(generate(seed))
        live = LiveDocument(document)
        before = parts(live.state())
        for number in range(PATCHES):
            patch = edited(document, chance, number)
            live.take(patch)
            after = parts(live.state())
            if all(isinstance(change, Modify) for change in patch.changes):
                # Nothing came or went, so that the same places have the same elements.
                compared += 1
                assert [old is new for old, new in zip(before, after, strict=True)] == [
                    old == new for old, new in zip(before, after, strict=True)
                ], f"seed {seed}, patch {number}"
            before = after
    assert compared > 20
