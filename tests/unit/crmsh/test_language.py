"""Configuration lines to objects to XML and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmsh.configuration.show import select, text_of
from crmsh.configuration.working_copy import WorkingCopy
from crmsh.language.errors import LanguageError
from crmsh.language.parse import expectation, parse_line
from crmsh.language.parser_cache import load_parser
from crmsh.language.words import UnbalancedQuote, quote, split_words
from crmsh.language.xml import to_line
from tests.unit.crmsh.samples import EMPTY

ROUND_TRIP = (
    'node 7: n7 \\\n\tdescription="third site" \\\n\tattributes site=c \\\n\tutilization cpu=2',
    "node n8:remote",
    "primitive vip IPaddr2 \\\n\tparams ip=192.0.2.7 nic=eth0 \\\n\top monitor interval=10s timeout=20s",
    "primitive p ocf:pacemaker:Dummy \\\n\tmeta target-role=Stopped \\\n\tparams fake=1",
    'primitive p systemd:web \\\n\tdescription="two words" \\\n\top start interval=0s timeout=60s',
    "primitive p Dummy \\\n\tparams 2: rule #uname eq n1 fake=1 \\\n\tparams 1: fake=2",
    "primitive p Dummy \\\n\tparams verbose empty=\"\" quoted=\"say \\\"hi\\\"\"",
    "primitive p Dummy \\\n\top monitor interval=60s \\\n\top_params OCF_CHECK_LEVEL=10",
    "primitive p stonith:fence_xvm \\\n\tparams pcmk_host_map=\"n1:vm1;n2:vm2\"",
    "rsc_template t IPaddr2 \\\n\tparams cidr_netmask=24",
    "location l a 100: n1",
    "location l a resource-discovery=never -inf: n1",
    "location l /web.*/ inf: n1",
    "location l { a b } 5: n1",
    "location l { a ( b c ) d } inf: n1",
    "location l a \\\n\trule -inf: not_defined pingd or pingd lte 0",
    "location l a \\\n\trule pingd: defined pingd",
    "location l a \\\n\trule date in start=2030-01-01 hours=8",
    "location l a \\\n\trule date spec hours=9-16 weekdays=1-5",
    "location l a \\\n\trule cpu number:gt 8 and site eq param{where}",
    "colocation c inf: a b",
    "colocation c -50: a b:Promoted node-attribute=rack",
    "colocation c inf: ( a b ) c",
    "colocation c inf: [ a b sequential=true ] c",
    "colocation c inf: _rsc_set_ a b",
    "colocation c inf: a b:Started c",
    "order o a b",
    "order o Mandatory: a:stop b:stop symmetrical=false",
    "order o Serialize: a ( b c ) d",
    "rsc_ticket t T: a:Promoted loss-policy=demote",
    "rsc_ticket t T: a ( b c )",
    "property cib-bootstrap-options: \\\n\tno-quorum-policy=freeze",
    "property other: \\\n\trule 5: date spec years=2030 \\\n\tcluster-delay=30s",
    "rsc_defaults rsc-options: \\\n\tresource-stickiness=100",
    "op_defaults op-options: \\\n\ttimeout=60s",
    "fencing_topology \\\n\tn1: d1,d2 d3 \\\n\tn2: d3",
    "fencing_topology \\\n\tpattern:n.* d1",
    "role r \\\n\tread cib \\\n\twrite meta:a:target-role \\\n\tdeny xpath:\"//acls\"",
    "role r \\\n\tread attr:uname type:node",
    "acl_target joe \\\n\toperator",
    "tag t a b",
    'alert m "/usr/bin/mail" \\\n\tattributes level=high \\\n\tselect nodes attributes { standby } \\\n\tto me',
    'alert m "/usr/bin/mail" \\\n\tto { one } \\\n\tmeta timeout=30s',
    "bundle b \\\n\tdocker image=\"app:1\" \\\n\tnetwork ip-range-start=192.0.2.1 port-mapping id=b-http port=80",
)  # fmt: skip


@pytest.mark.parametrize("text", ROUND_TRIP)
def test_what_show_prints_is_read_as_the_same_object_and_printed_again_the_same(text: str) -> None:
    copy = WorkingCopy.from_bytes(EMPTY.encode())
    copy.put(parse_line(text.replace("\\\n", " ")))
    assert text_of(copy, select(copy, []), obscure=()) == text + "\n"


def test_ids_are_made_from_what_they_belong_to() -> None:
    copy = WorkingCopy.from_bytes(EMPTY.encode())
    copy.enter("primitive p IPaddr2 ip=192.0.2.1 op monitor interval=10s OCF_CHECK_LEVEL=10 meta target-role=Stopped")
    text = to_line(copy.cib)
    for identifier in (
        'id="p-instance_attributes"',
        'id="p-instance_attributes-ip"',
        'id="p-monitor-10s"',
        'id="p-monitor-10s-instance_attributes-OCF_CHECK_LEVEL"',
        'id="p-meta_attributes-target-role"',
    ):
        assert identifier in text


def test_a_second_set_of_a_kind_gets_a_number() -> None:
    copy = WorkingCopy.from_bytes(EMPTY.encode())
    copy.enter("primitive p Dummy params fake=1 params state=2")
    assert 'id="p-instance_attributes-0"' in to_line(copy.cib)


def test_what_the_language_cannot_say_is_shown_as_xml_and_loads_again() -> None:
    element = '<rsc_order id="o" first="a" then="b" require-all="false"/>'
    copy = WorkingCopy.from_bytes(EMPTY.encode())
    copy.enter(f"xml '{element}'")
    shown = text_of(copy, select(copy, ["o"]))
    assert shown == f"xml {element}\n"
    other = WorkingCopy.from_bytes(EMPTY.encode())
    other.put(parse_line(shown))
    assert to_line(other.cib) == to_line(copy.cib)


def test_passwords_are_masked_unless_asked_for() -> None:
    copy = WorkingCopy.from_bytes(EMPTY.encode())
    copy.enter("primitive f stonith:fence_x password=secret")
    assert "secret" not in text_of(copy, select(copy, []))
    assert "password=secret" in text_of(copy, select(copy, []), obscure=())


def test_ids_are_shown_only_where_something_refers_to_them() -> None:
    copy = WorkingCopy.from_bytes(EMPTY.encode())
    copy.enter("primitive a Dummy params $id=shared fake=1")
    assert "$id" not in text_of(copy, select(copy, ["a"]))
    copy.enter("primitive b Dummy params $id-ref=shared")
    assert "params $id=shared fake=1" in text_of(copy, select(copy, ["a"]))


def test_quotes_and_backslashes_split_as_in_a_posix_shell() -> None:
    assert [word.text for word in split_words(r"""a="two words" 'it''s' b\ c "q\"q" "b\s" """)] == [
        "a=two words", "its", "b c", 'q"q', r"b\s",
    ]  # fmt: skip


def test_a_quoted_word_is_read_back_as_itself() -> None:
    for word in ("plain", "two words", "it's", 'say "hi"', "back\\slash", ""):
        assert [w.text for w in split_words(quote(word))] == [word]


def test_an_open_quotation_is_refused_with_its_place() -> None:
    with pytest.raises(UnbalancedQuote) as caught:
        split_words('primitive p Dummy fake="x')
    assert caught.value.column == 23


def test_the_grammar_tells_what_may_follow() -> None:
    after_resource = expectation(split_words("location l web"))
    assert after_resource is not None
    assert {"SCORE", "RULE", "ROLE_SETTING"} <= set(after_resource.terminals)
    assert expectation(split_words("location l web frob")) is None


def test_the_caret_stands_under_the_word() -> None:
    with pytest.raises(LanguageError) as caught:
        parse_line("order o Sometimes: a b")
    line, caret = caught.value.pointer()
    assert line[caret.index("^") :].startswith("Sometimes:")
    assert caret.count("^") == len("Sometimes:")


def test_the_parse_tables_are_kept_for_the_next_run_and_not_read_where_others_could_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    grammar = "start: WORD\n%declare WORD\n"
    load_parser(grammar, ("start",))
    (kept,) = (tmp_path / "crm").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    kept.write_bytes(b"no tables")
    assert load_parser(grammar, ("start",)) is not None
    kept.chmod(0o622)
    kept.write_bytes(b"cos\nsystem\n(S'exit 3'\ntR.")
    assert load_parser(grammar, ("start",)) is not None
