"""Patches are interchangeable with Pacemaker's (format 2)."""

import pytest

from cib.document import Document
from cib.errors import CibError
from cib.patchset import Delete, Move, Patch, diff

BEFORE = b"""<cib admin_epoch="0" epoch="3" num_updates="1"><configuration><crm_config/><nodes/><resources>
<primitive id="a" class="lsb" type="x"/><primitive id="b" class="lsb" type="x"/><primitive id="c" class="lsb" type="x"/>
</resources><constraints/></configuration><status/></cib>"""
AFTER = b"""<cib admin_epoch="0" epoch="4" num_updates="0"><configuration><crm_config/>
<nodes><node id="1" uname="n1"/></nodes>
<resources><primitive id="c" class="lsb" type="x"/><primitive id="a" class="lsb" type="y"/>
<primitive id="d" class="lsb" type="x"/></resources><constraints/></configuration><status/></cib>"""

MADE_BY_CRM_DIFF = b"""<diff format="2">
  <version>
    <source admin_epoch="0" epoch="3" num_updates="1"/>
    <target admin_epoch="0" epoch="4" num_updates="0"/>
  </version>
  <change operation="delete" path="/cib/configuration/resources/primitive[@id=&apos;b&apos;]"/>
  <change operation="modify" path="/cib">
    <change-list>
      <change-attr name="epoch" operation="set" value="4"/>
      <change-attr name="num_updates" operation="set" value="0"/>
    </change-list>
    <change-result>
      <cib admin_epoch="0" epoch="4" num_updates="0"/>
    </change-result>
  </change>
  <change operation="create" path="/cib/configuration/nodes" position="0">
    <node id="1" uname="n1"/>
  </change>
  <change operation="move" path="/cib/configuration/resources/primitive[@id=&apos;c&apos;]" position="0"/>
  <change operation="modify" path="/cib/configuration/resources/primitive[@id=&apos;a&apos;]">
    <change-list>
      <change-attr name="type" operation="set" value="y"/>
    </change-list>
    <change-result>
      <primitive id="a" class="lsb" type="y"/>
    </change-result>
  </change>
  <change operation="move" path="/cib/configuration/resources/primitive[@id=&apos;a&apos;]" position="1"/>
  <change operation="create" path="/cib/configuration/resources" position="2">
    <primitive id="d" class="lsb" type="x"/>
  </change>
</diff>"""


def test_a_patch_of_crm_diff_leads_to_the_same_document() -> None:
    document = Document.from_bytes(BEFORE)
    document.apply(Patch.from_xml(MADE_BY_CRM_DIFF))
    assert document.to_compact_bytes() == Document.from_bytes(AFTER).to_compact_bytes()


def test_ours_moves_as_few_elements_as_possible() -> None:
    patch = diff(Document.from_bytes(BEFORE), Document.from_bytes(AFTER))
    kinds = [type(change) for change in patch.changes]
    assert kinds.count(Move) == 1
    assert patch.digest == Document.from_bytes(AFTER).digest()


def change(text: str) -> bytes:
    return f'<diff format="2"><version/>{text}</diff>'.encode()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (change('<change operation="burn" path="/cib"/>'), "unknown operation 'burn', expected create, modify, delete"),
        (change('<change operation="modify" path="/cib/status"/>'), "modify of /cib/status has no change-result"),
        (change('<change operation="create" path="/cib/status" position="0"/>'), "create at /cib/status carries no"),
        (
            change('<change operation="create" path="/cib/status" position="x"><a/></change>'),
            "position 'x' is no number",
        ),
        (change('<change operation="create" path="/cib/nothing" position="0"><a/></change>'), "create in /cib/nothing"),
        (
            change('<change operation="move" path="/cib/nothing" position="0"/>'),
            "move /cib/nothing, which is not there",
        ),
        (change('<change operation="move" path="/cib" position="0"/>'), "move the whole document"),
        (change('<change operation="delete" path="/cib"/>'), "delete the whole document"),
        (b'<diff format="2"><version><source epoch="1"/></version></diff>', "source version lacks one of its three"),
        (b"<diff", "the input of patch:1:"),
    ],
)
def test_a_bad_patch_is_refused_with_a_reason_and_changes_nothing(data: bytes, message: str) -> None:
    document = Document.from_bytes(BEFORE)
    before = document.to_compact_bytes()
    with pytest.raises(CibError, match=message):
        document.apply(Patch.from_xml(data))
    assert document.to_compact_bytes() == before


def test_deleting_what_is_gone_already_is_no_error() -> None:
    document = Document.from_bytes(BEFORE)
    document.apply(Patch((Delete("/cib/configuration/resources/primitive[@id='z']"),)))
    assert document.version.num_updates == 2
