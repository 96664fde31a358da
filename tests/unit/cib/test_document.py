"""Reading, finding, changing and taking back, and what that costs in a large document."""

import pytest

from cib.changes import classify
from cib.document import Document
from cib.errors import OldDataError, ParseError, PatchError
from cib.operations import apply_requests
from cib.patchset import Patch, diff
from cib.status import HistoryResource, OperationRecord, record_operation
from cib.tree import Tree
from cib.xml import MAX_DEPTH, Element

VERSIONED = b'<cib admin_epoch="0" epoch="3" num_updates="1"><configuration/><status/></cib>'


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file:"),
        (b"<cib>", "the file:1:"),
        (b"<cib>\n<a></b></cib>", "the file:2:8: Opening and ending tag mismatch"),
        (b"<notes/>", "the file:1:1: the outermost element is <notes>, expected <cib>"),
        (b'<!DOCTYPE cib SYSTEM "http://example.com/x.dtd"><cib/>', "document type declaration"),
        (b'<!DOCTYPE cib [<!ENTITY a "b">]><cib x="&a;"/>', "document type declaration"),
        (b"<cib>" + b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH + b"</cib>", "nested deeper than 200"),
        (b"<cib>" + b"<a>" * 5000, "the file:1:"),
        (b"\x00\x01\x02", "the file:"),
    ],
)
def test_bad_input_is_refused_with_its_place(data: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        Document.from_bytes(data, "the file")


def test_a_document_that_is_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(ParseError, match="more than the limit of 10"):
        Document.from_bytes(b"<cib" + b" " * 20, "the file", max_bytes=10)


def test_text_between_elements_is_dropped_as_in_pacemaker() -> None:
    document = Document.from_bytes(b"<cib>hello<configuration> world </configuration><!-- kept --></cib>")
    assert document.to_compact_bytes() == b"<cib><configuration/><!-- kept --></cib>"


def test_files_look_like_pacemakers() -> None:
    assert Document.from_bytes(b"<cib><a b='c'/></cib>").to_bytes() == b'<cib>\n  <a b="c"/>\n</cib>\n'


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b'<cib crm_feature_set="3.16.2" epoch="1"/>', "fc7c5632682be780158a304ea082b6bc"),
        (b'<cib crm_feature_set="3.16.2" epoch="1"><a b="&amp;&quot;&lt;"/></cib>', "b755e3f837c42d84b494a107c5bb7bc3"),
        (b'<cib crm_feature_set="3.16.2" epoch="1"><a b="&gt;"/></cib>', "012c9cf7a7030eb483a6187fb75c5944"),
    ],
)
def test_the_digest_is_the_one_that_cibadmin_prints(data: bytes, digest: str) -> None:
    assert Document.from_bytes(data).digest() == digest


def test_who_wrote_when_does_not_count_for_the_digest() -> None:
    document = Document.from_bytes(VERSIONED)
    before = document.digest()
    document.set_attribute(document.root, "cib-last-written", "today")
    document.set_attribute(document.root[1], "crm-debug-origin", "somebody")
    assert document.digest() == before


def test_control_characters_and_comments_have_one_form_in_the_digest() -> None:
    plain = Document.from_bytes(b'<cib a="1&#9;2"><b c="&quot;"/></cib>')
    commented = Document.from_bytes(b'<cib a="1&#9;2"><!--x--><b c="&quot;"/></cib>')
    commented.remove(commented.root[0])
    assert plain.digest() == commented.digest()


def test_a_patch_for_another_version_is_refused() -> None:
    old = Document.from_bytes(VERSIONED)
    new = Document.from_bytes(VERSIONED.replace(b'"3"', b'"4"').replace(b"<configuration/>", b"<configuration a='b'/>"))
    newest = Document.from_bytes(VERSIONED.replace(b'"3"', b'"5"'))
    patch = diff(old, new)
    with pytest.raises(PatchError, match=r"starts from version 0\.4\.1, this document is at 0\.3\.1"):
        old.copy().apply(diff(new, newest))
    with pytest.raises(OldDataError, match=r"this document is already at 0\.5\.1"):
        newest.apply(patch)
    old.apply(patch)
    assert old.to_compact_bytes() == new.to_compact_bytes()


def test_a_patch_that_leads_elsewhere_than_it_says_changes_nothing() -> None:
    old = Document.from_bytes(VERSIONED)
    new = Document.from_bytes(VERSIONED.replace(b'"3"', b'"4"').replace(b"<configuration/>", b"<configuration a='b'/>"))
    patch = Patch.from_xml(diff(old, new).to_xml().replace(b'value="b"', b'value="c"').replace(b'a="b"', b'a="c"'))
    before = old.to_compact_bytes()
    with pytest.raises(PatchError, match="another digest"):
        old.apply(patch)
    assert old.to_compact_bytes() == before


def test_ids_with_quotes_and_slashes_are_found() -> None:
    document = Document.from_bytes(b"""<cib><status><node_state id="it's/a[b"><x/></node_state></status></cib>""")
    element = document.root[0][0]
    assert document.find(document.path(element)) is element
    assert document.find(document.path(element[0])) is element[0]


class CountingTree:
    """Counts how many elements are looked at one after the other."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.searched = 0
        original = Tree.child

        def child(tree: Tree, parent: Element, name: str, identity: str | None) -> Element | None:
            if parent not in tree._children and len(parent) >= 12:  # noqa: SLF001 - what is counted
                self.searched += len(parent)
            return original(tree, parent, name, identity)

        monkeypatch.setattr(Tree, "child", child)


def large(resources: int) -> Document:
    entry = '<lrm_rsc_op id="r{0}_monitor_10000" operation="monitor" interval="10000"/>'
    history = "".join(
        f'<lrm_resource id="r{number}">{entry.format(number)}</lrm_resource>' for number in range(resources)
    )
    states = "".join(
        f'<node_state id="{node}"><lrm id="{node}"><lrm_resources>{history}</lrm_resources></lrm></node_state>'
        for node in ("n1", "n2", "n3")
    )
    return Document.from_bytes(f'<cib epoch="1"><configuration/><status>{states}</status></cib>'.encode())


def test_a_status_update_looks_at_nothing_but_what_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once each list of children was indexed, no list is gone through again, at the DC, a member or a reader."""
    document, replica = large(2000), large(2000)
    resource = HistoryResource("r1000", "ocf", "heartbeat", "Dummy")

    def update(call_id: int) -> None:
        record = OperationRecord("monitor", 10_000, "1:2:0:uuid", 0, 0, call_id, "n2")
        patch = apply_requests(document, [record_operation("n2", resource, record)]).patch
        assert patch is not None
        replica.apply(patch)
        assert len(classify(patch, replica)) == 1

    update(1)
    counting = CountingTree(monkeypatch)
    for call_id in range(2, 20):
        update(call_id)
    assert counting.searched == 0
    assert replica.to_compact_bytes() == document.to_compact_bytes()
