"""Laws of patches: what is found by comparing, or read off a journal, leads to exactly the other document."""

from hypothesis import given, settings
from hypothesis import strategies as st

from cib.document import Document
from cib.patch_record import changes_of
from cib.patchset import Patch, apply_patch, diff
from cib.xml import Element, elements, is_comment, parse

NAMES = st.sampled_from(["nvpair", "primitive", "meta_attributes"])
IDS = st.sampled_from([None, "a", "b", "c", "d", "e", "it's/x"])
VALUES = st.sampled_from(["", "1", 'q"<&>', "tab\tline\n", "ü"])


@st.composite
def subtrees(draw: st.DrawFn, depth: int = 2) -> bytes:
    """A small element with attributes, children and comments."""
    name = draw(NAMES)
    identity = draw(IDS)
    element = parse(f"<{name}/>".encode())
    if identity is not None:
        element.set("id", identity)
    for attribute in draw(st.permutations(["name", "value", "score"]))[: draw(st.integers(0, 3))]:
        element.set(attribute, draw(VALUES))
    for _ in range(draw(st.integers(0, 3)) if depth else 0):
        if draw(st.integers(0, 5)) == 0:
            element.append(parse(b"<x><!--" + draw(st.sampled_from([b"one", b"two"])) + b"--></x>")[0])
        else:
            element.append(parse(draw(subtrees(depth - 1))))
    return Document(element).to_compact_bytes()


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """A whole document of one version."""
    inside = b"".join(draw(st.lists(subtrees(), max_size=5)))
    status = b"".join(draw(st.lists(subtrees(), max_size=3)))
    return b"<cib><configuration>" + inside + b"</configuration><status>" + status + b"</status></cib>"


def at_version(data: bytes, number: int) -> Document:
    document = Document.from_bytes(data)
    document.root.set("epoch", str(number))
    return document


@settings(max_examples=120, deadline=None)
@given(documents(), documents())
def test_applying_the_difference_gives_the_other_document(before: bytes, after: bytes) -> None:
    old, new = at_version(before, 1), at_version(after, 2)
    patch = diff(old, new)
    apply_patch(old, patch)
    assert old.to_compact_bytes() == new.to_compact_bytes()


@settings(max_examples=40, deadline=None)
@given(documents(), documents())
def test_a_patch_is_the_same_after_it_travelled_as_xml(before: bytes, after: bytes) -> None:
    patch = diff(at_version(before, 1), at_version(after, 2))
    assert Patch.from_xml(patch.to_xml()) == patch


@settings(max_examples=60, deadline=None)
@given(documents(), documents())
def test_undoing_a_patch_restores_every_byte(before: bytes, after: bytes) -> None:
    old, new = at_version(before, 1), at_version(after, 2)
    bytes_before = old.to_compact_bytes()
    mark = old.mark()
    apply_patch(old, diff(old, new))
    old.undo_to(mark)
    assert old.to_compact_bytes() == bytes_before


def nodes_of(document: Document) -> list[Element]:
    return [node for node in document.root.iter() if node is not document.root]


@settings(max_examples=120, deadline=None)
@given(documents(), st.data())
def test_changes_read_off_the_journal_lead_another_copy_to_the_same_document(
    data: bytes, choice: st.DataObject
) -> None:
    document = at_version(data, 1)
    copy = document.copy()
    for _ in range(choice.draw(st.integers(0, 5))):
        edit(document, choice)
    patch = Patch(changes=changes_of(document, document.entries_since(0)))
    apply_patch(copy, patch)
    document.root.set("num_updates", "1")
    assert copy.to_compact_bytes() == document.to_compact_bytes()


def edit(document: Document, choice: st.DataObject) -> None:
    """One random edit below a section."""
    sections = list(elements(document.root))
    nodes = [node for node in nodes_of(document) if node not in sections]
    kind = choice.draw(st.sampled_from(["insert", "remove", "set", "unset"]))
    if kind == "insert" or not nodes:
        parents = [*sections, *[node for node in nodes if not is_comment(node)]]
        parent = choice.draw(st.sampled_from(parents))
        document.insert(parent, parse(choice.draw(subtrees())), choice.draw(st.integers(-1, len(parent))))
        return
    node = choice.draw(st.sampled_from(nodes))
    if kind == "remove":
        document.remove(node)
    elif is_comment(node):
        return
    elif kind == "set":
        document.set_attribute(node, choice.draw(st.sampled_from(["name", "value", "id"])), choice.draw(VALUES))
    else:
        document.remove_attribute(node, choice.draw(st.sampled_from(["name", "value"])))


def test_a_comment_that_goes_after_something_was_put_before_it_is_the_one_that_goes_elsewhere() -> None:
    data = b"<cib><configuration><nvpair><!--one--><nvpair/><!--two--></nvpair></configuration><status/></cib>"
    document = at_version(data, 1)
    copy = document.copy()
    parent = document.root[0][0]
    last = parent[2]
    document.insert(parent, parse(b"<nvpair name='new'/>"), 0)
    document.remove(last)
    apply_patch(copy, Patch(changes=changes_of(document, document.entries_since(0))))
    document.root.set("num_updates", "1")
    assert copy.to_compact_bytes() == document.to_compact_bytes()


def test_an_element_that_gets_another_id_and_then_goes_is_gone_elsewhere_too() -> None:
    data = b"<cib><configuration><nvpair id='a'/></configuration><status/></cib>"
    document = at_version(data, 1)
    copy = document.copy()
    node = document.root[0][0]
    document.set_attribute(node, "id", "b")
    document.remove(node)
    apply_patch(copy, Patch(changes=changes_of(document, document.entries_since(0))))
    document.root.set("num_updates", "1")
    assert copy.to_compact_bytes() == document.to_compact_bytes()


def test_an_element_that_is_replaced_whole_does_not_move_as_well() -> None:
    old = at_version(b"<cib><configuration><nvpair/><nvpair id='a'/></configuration><status/></cib>", 1)
    inside = b"<nvpair id='b'/><nvpair id='a'><nvpair/><nvpair/></nvpair><nvpair/>"
    new = at_version(b"<cib><configuration>" + inside + b"</configuration><status/></cib>", 2)
    apply_patch(old, diff(old, new))
    assert old.to_compact_bytes() == new.to_compact_bytes()
