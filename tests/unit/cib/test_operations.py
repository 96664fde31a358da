"""What each operation does to a document, and how versions count."""

import pytest

from cib.document import Document
from cib.errors import CibError, ExistsError, InvalidRequestError, NotFoundError, OldDataError, SchemaError
from cib.operations import Origin, Request, apply_requests, query
from cib.reports import Report
from cib.version import CibVersion

CIB = b"""
<cib validate-with="none" admin_epoch="0" epoch="5" num_updates="2">
  <configuration>
    <crm_config/>
    <nodes><node id="n1" uname="n1"/><node id="n2" uname="n2"/></nodes>
    <resources>
      <primitive id="a" class="ocf" provider="heartbeat" type="Dummy"/>
      <primitive id="b" class="ocf" provider="heartbeat" type="Dummy">
        <meta_attributes id="b-meta"><nvpair id="b-role" name="target-role" value="Started"/></meta_attributes>
      </primitive>
    </resources>
    <constraints/>
  </configuration>
  <status>
    <node_state id="n1" uname="n1"><transient_attributes id="n1"><instance_attributes id="status-n1">
      <nvpair id="status-n1-x" name="x" value="3"/></instance_attributes></transient_attributes></node_state>
  </status>
</cib>
"""


def document() -> Document:
    return Document.from_bytes(CIB)


def apply(target: Document, *requests: Request) -> None:
    """Apply, and check that the patch leads a copy of the document to the same place."""
    copy = target.copy()
    applied = apply_requests(target, requests)
    if applied.patch is not None:
        copy.apply(applied.patch)
    assert copy.to_compact_bytes() == target.to_compact_bytes()


def found(target: Document, xpath: str) -> bytes:
    return query(target, Request("query", xpath=xpath))


def test_a_configuration_change_counts_the_epoch_and_clears_num_updates() -> None:
    cib = document()
    apply(cib, Request("create", section="resources", xml=b'<primitive id="c" class="lsb" type="x"/>'))
    assert cib.version == CibVersion(0, 6, 0)


def test_a_status_change_counts_num_updates() -> None:
    cib = document()
    apply(cib, Request("modify", section="status", xml=b'<node_state id="n1" crmd="online"/>'))
    assert cib.version == CibVersion(0, 5, 3)


def test_a_change_of_the_outer_attributes_is_no_configuration_change() -> None:
    cib = document()
    apply(cib, Request("modify", xml=b'<cib have-quorum="1"/>'))
    assert cib.version == CibVersion(0, 5, 3)


def test_a_bump_counts_both() -> None:
    cib = document()
    apply(cib, Request("bump"))
    assert cib.version == CibVersion(0, 6, 3)


def test_what_changes_nothing_makes_no_version() -> None:
    cib = document()
    applied = apply_requests(cib, [Request("modify", section="nodes", xml=b'<node id="n1" uname="n1"/>')])
    assert applied.patch is None
    assert cib.version == CibVersion(0, 5, 2)


def test_only_configuration_patches_carry_a_digest() -> None:
    cib = document()
    status = apply_requests(cib, [Request("modify", section="status", xml=b'<node_state id="n1" crmd="online"/>')])
    resource = Request("create", section="resources", xml=b'<template id="t" class="lsb" type="x"/>')
    configuration = apply_requests(cib, [resource])
    assert status.patch is not None
    assert status.patch.digest == ""
    assert configuration.patch is not None
    assert configuration.patch.digest == cib.digest()


def test_create_refuses_an_object_that_is_there() -> None:
    cib = document()
    with pytest.raises(ExistsError, match="<primitive id='a'> is already in section 'resources'"):
        apply_requests(cib, [Request("create", section="resources", xml=b'<primitive id="a"/>')])


def test_all_requests_or_none_are_carried_out() -> None:
    cib = document()
    before = cib.to_compact_bytes()
    good = Request("create", section="resources", xml=b'<primitive id="c" class="lsb" type="x"/>')
    remove = Request("delete", xpath="//primitive[@id='b']")
    bad = Request("modify", section="resources", xml=b'<primitive id="nobody" description="x"/>')
    with pytest.raises(NotFoundError, match="<primitive id='nobody'> is not in section 'resources'"):
        apply_requests(cib, [good, remove, bad])
    assert cib.to_compact_bytes() == before


def test_modify_merges_attributes_and_appends_what_is_new() -> None:
    cib = document()
    xml = b"""<primitive id="b" description="second"><meta_attributes id="b-meta">
      <nvpair id="b-role" name="target-role" value="Stopped"/><nvpair id="b-prio" name="priority" value="1"/>
      </meta_attributes></primitive>"""
    apply(cib, Request("modify", section="resources", xml=xml))
    assert b'value="Stopped"' in found(cib, "//nvpair[@id='b-role']")
    assert b'type="Dummy"' in found(cib, "//primitive[@id='b']")
    assert b'value="1"' in found(cib, "//nvpair[@id='b-prio']")


def test_modify_with_allow_create_appends_what_is_not_there() -> None:
    cib = document()
    apply(cib, Request("modify", section="status", xml=b'<node_state id="n2" uname="n2"/>', allow_create=True))
    assert found(cib, "/cib/status/node_state[@id='n2']") == b'<node_state id="n2" uname="n2"/>'


def test_modify_with_allow_create_makes_a_missing_section() -> None:
    cib = document()
    xml = b'<alerts><alert id="al" path="/bin/true"/></alerts>'
    apply(cib, Request("modify", section="alerts", xml=xml, allow_create=True))
    assert found(cib, "/cib/configuration/alerts/alert[@id='al']").startswith(b"<alert")


@pytest.mark.parametrize(
    ("given", "stored"),
    [("value++", "4"), ("value+=5", "8"), ("value+=INFINITY", "INFINITY"), ("other++", "other++"), ("7", "7")],
)
def test_a_score_update_adds_to_the_old_value(given: str, stored: str) -> None:
    cib = document()
    xml = f'<nvpair id="status-n1-x" value="{given}"/>'.encode()
    apply(cib, Request("modify", section="status", xml=xml, score_update=True))
    assert f'value="{stored}"'.encode() in found(cib, "//nvpair[@id='status-n1-x']")


def test_delete_of_what_is_not_there_is_success() -> None:
    cib = document()
    apply(cib, Request("delete", section="resources", xml=b'<primitive id="zzz"/>'))
    assert cib.version == CibVersion(0, 5, 2)


def test_delete_by_xpath_takes_the_first_or_all_matches() -> None:
    cib = document()
    apply(cib, Request("delete", xpath="//primitive"))
    assert found(cib, "//primitive").startswith(b'<primitive id="b"')
    apply(cib, Request("delete", xpath="//node", multiple=True))
    with pytest.raises(NotFoundError):
        found(cib, "//node")


def test_the_whole_document_cannot_be_deleted() -> None:
    with pytest.raises(InvalidRequestError, match="erase"):
        apply_requests(document(), [Request("delete", xpath="/cib")])


def test_replace_keeps_the_place_of_the_object() -> None:
    cib = document()
    xml = b'<primitive id="a" class="lsb" type="other"/>'
    apply(cib, Request("replace", section="resources", xml=xml))
    assert found(cib, "//primitive[1]") == xml


def test_replace_of_the_whole_document_counts_on_from_the_input() -> None:
    cib = document()
    new = CIB.replace(b'epoch="5" num', b'epoch="20" num').replace(b'id="b" class', b'id="bb" class')
    apply(cib, Request("replace", xml=new))
    assert cib.version == CibVersion(0, 21, 0)


def test_replace_refuses_an_older_document() -> None:
    with pytest.raises(OldDataError, match=r"version 0\.4\.2, in force is 0\.5\.2"):
        apply_requests(document(), [Request("replace", xml=CIB.replace(b'epoch="5"', b'epoch="4"'))])


def test_a_running_cluster_keeps_its_status_when_the_configuration_is_replaced() -> None:
    cib = document()
    new = CIB[: CIB.index(b"<status>")] + b"</cib>"
    apply_requests(cib, [Request("replace", xml=new)], keep_status=True)
    assert found(cib, "//node_state").startswith(b'<node_state id="n1"')


def test_erase_empties_the_document() -> None:
    cib = document()
    apply(cib, Request("erase"))
    assert cib.version == CibVersion(1, 6, 0)
    with pytest.raises(NotFoundError):
        found(cib, "//primitive")


def test_upgrade_goes_to_the_newest_grammar_that_needs_no_transformation() -> None:
    text = CIB.replace(b'validate-with="none"', b'validate-with="pacemaker-3.0"')
    cib = Document.from_bytes(text)
    apply(cib, Request("upgrade"))
    assert cib.root.get("validate-with") == "pacemaker-3.10"
    version = cib.version
    apply(cib, Request("upgrade"))
    assert cib.version == version


def test_the_origin_of_a_configuration_change_is_recorded() -> None:
    cib = document()
    origin = Origin(written="Mon Nov 23 17:06:37 2026", node="n1", client="cibadmin", user="root")
    apply_requests(cib, [Request("delete", xpath="//primitive")], origin=origin)
    assert cib.root.get("cib-last-written") == "Mon Nov 23 17:06:37 2026"
    assert cib.root.get("update-client") == "cibadmin"


def test_an_invalid_result_is_refused_with_the_reports_and_changes_nothing() -> None:
    cib = document()
    before = cib.to_compact_bytes()
    report = Report("x", "error", "it is wrong", element="primitive", id="a", line=3)
    with pytest.raises(SchemaError) as caught:
        apply_requests(cib, [Request("delete", xpath="//primitive")], validator=lambda _: (report,))
    assert caught.value.details == ("line 3: primitive 'a': it is wrong",)
    assert cib.to_compact_bytes() == before


def test_status_changes_are_not_validated() -> None:
    report = Report("x", "error", "it is wrong")
    request = Request("modify", section="status", xml=b'<node_state id="n1" crmd="online"/>')
    assert apply_requests(document(), [request], validator=lambda _: (report,)).patch is not None


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request("modify", section="resources", xml=b""), "needs an XML element"),
        (Request("modify", section="resources", xml=b"<primitive"), "the input of modify:1:"),
        (Request("modify", section="nonsense", xml=b"<x/>"), "section 'nonsense' is unknown"),
        (Request("create", section="nonsense", xml=b"<x/>"), "no section 'nonsense'"),
        (Request("replace", xpath="//nothing", xml=b"<x/>"), "//nothing matches nothing"),
        (Request("modify", xpath="//[", xml=b"<x/>"), "nothing that //\\[ matches"),
        (Request("patch", xml=b"<diff format='1'/>"), "format '1' is not supported"),
        (Request("patch", xml=b"<x/>"), "a patch is a <diff> element"),
        (
            Request("modify", section="resources", xml=b"<!DOCTYPE a [<!ENTITY b 'c'>]><primitive id='a'/>"),
            "document type",
        ),
        (Request("modify", xml=b'<cib crm_feature_set="99.0"/>'), "feature set 99.0"),
        (Request("modify", xml=b'<cib epoch="3"/>'), "set the version back"),
    ],
)
def test_a_bad_request_is_refused_with_a_reason_and_changes_nothing(request_: Request, message: str) -> None:
    cib = document()
    before = cib.to_compact_bytes()
    with pytest.raises(CibError, match=message):
        apply_requests(cib, [request_])
    assert cib.to_compact_bytes() == before


def test_a_query_of_several_elements_wraps_them() -> None:
    assert query(document(), Request("query", xpath="//node")) == (
        b'<xpath-query><node id="n1" uname="n1"/><node id="n2" uname="n2"/></xpath-query>'
    )


def test_a_query_can_leave_the_children_out_or_name_paths() -> None:
    cib = document()
    assert query(cib, Request("query", section="resources", no_children=True)) == b"<resources/>"
    paths = query(cib, Request("query", xpath="//node[@id='n2']", node_path=True))
    assert b"/cib/configuration/nodes/node[@id='n2']" in paths
