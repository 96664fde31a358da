"""Lines that mean nothing: what is said about each. Nothing is stored."""

from __future__ import annotations

import pytest

from crmsh.configuration.working_copy import WorkingCopy
from crmsh.language.errors import LanguageError
from crmsh.language.xml import to_line
from tests.unit.crmsh.samples import TWO_NODES

REFUSED = (
    ("frobnicate a b", "'frobnicate' is not a kind of object"),
    ("primitve p Dummy", "did you mean 'primitive'?"),
    ("primitive", "the line ends early: expected an id"),
    ("primitive p", "expected @TEMPLATE or an agent"),
    ("primitive 1p Dummy", "'1p' cannot be an id"),
    ("primitive p foo:bar", "'foo' is not a class of agents"),
    ("primitive p ofc:heartbeat:Dummy", "did you mean 'ocf'?"),
    ("primitive p Dummy op", "expected an operation (monitor, start, stop, …)"),
    ("primitive p Dummy op monitor OCF_CHECK_LEVEL=10 timeout=60", "must stand before 'OCF_CHECK_LEVEL='"),
    ('primitive p Dummy params $id="my set" fake=1', "'my set' cannot be an id"),
    ("primitive p Dummy params @nowhere", "there is no nvpair with the id 'nowhere' to refer to"),
    ("primitive vip Dummy", "the id 'vip' is in use by a primitive"),
    ("primitive p Dummy op monitor role=Mastr interval=1s", "did you mean 'Master'?"),
    ("group g", "the line ends early: expected a resource"),
    ("group g db db", "'db' is listed twice"),
    ("group g nosuch", "'nosuch' cannot be in group 'g': no such resource"),
    ("group g dbb", "did you mean 'db'?"),
    ("group g vip", "'vip' is in group 'site' already: take it out of there first"),
    ("clone c db-first", "it is an order"),
    ("location l", "expected '{', /PATTERN/ or a resource"),
    ("location l db 100 alpha", "a score with a colon"),
    ("location l db ten: alpha", "'ten' is not a score: expected a whole number, inf or -inf"),
    ("location l db rule 100: #uname eq", "the line ends early: expected a value"),
    ("location l db rule #uname resembles alpha", "a comparison (lt, gt, lte, gte, eq, ne)"),
    ("location l db rule a eq b and c eq d or e eq f", "'and' and 'or' cannot be mixed in one rule: write two rules"),
    ("location l db rule date in start=2030-01-01", "'date in' needs end= or a duration such as hours=8"),
    ("location l db rule $id-ref=nowhere", "there is no rule with the id 'nowhere' to refer to"),
    ("colocation c db site", "a score with a colon"),
    ("colocation c inf: db:Nonsense site", "'Nonsense' is not a role"),
    ("colocation c inf: ( db", "the line ends early: expected ')'"),
    ("colocation c inf: db ) site", "')' cannot stand here"),
    ("colocation c inf: a ( b c ) node-attribute=x", "it cannot stand with resource sets"),
    ("order o Sometimes: db site", "'Sometimes' is not a kind of order (Mandatory, Optional, Serialize)"),
    ("order o db:strat site", "did you mean 'start'?"),
    ("order o db site symetrical=false", "did you mean 'symmetrical'?"),
    ("rsc_ticket t a", "expected TICKET:"),
    ("rsc_ticket t T: db loss-policy=explode", "'explode' is not a loss-policy (stop, demote, fence, freeze)"),
    ("property dc-deadtime=", "'dc-deadtime' has no value"),
    ("property", "a name with a value is missing"),
    ("property rule #uname eq alpha x=1", "a rule would apply to all of it: name another set"),
    ("fencing_topology alpha: beta: d", "'alpha' has no device"),
    ("role r allow cib", "expected read or write or deny"),
    ("role r read frobnicate:x", "'frobnicate' is not something that a permission can be about"),
    ("role r read attr:uname", "attr: needs a type: beside it"),
    ("acl_target joe", "expected a role's id"),
    ("tag t:", "expected an object's id"),
    ("alert a", "expected the path of the alert agent"),
    ("node n:unknown", "'unknown' is not a type of node"),
    ("monitor nosuch 10s", "there is no primitive 'nosuch'"),
    ("monitor vip 10s", "has a monitor with interval 10s already: use another interval"),
    ("xml '<primitive id=\"x\"'", "not well-formed XML"),
    ("xml '<primitve id=\"x\"/>'", "did you mean 'primitive'?"),
    ("bundle b docker", "expected NAME=VALUE"),
)


@pytest.mark.parametrize(("line", "said"), REFUSED)
def test_a_line_that_means_nothing_is_refused_with_what_was_expected(line: str, said: str) -> None:
    copy = WorkingCopy.from_bytes(TWO_NODES.encode())
    with pytest.raises(LanguageError) as caught:
        copy.enter(line)
    assert said in str(caught.value)
    assert to_line(copy.cib) == to_line(copy.base)
