"""Every kind of mistake in a configuration is told with line, element and what is allowed."""

import pytest

from cib.document import Document
from cib.schema import conformance, schema_names, validate

HEAD = b'<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0">\n'


def cib(
    resources: str = "", constraints: str = "", config: str = "", nodes: str = "", more: str = "", head: bytes = HEAD
) -> Document:
    """A document with these contents; the resources begin in line 5."""
    text = (
        f"<configuration>\n<crm_config>{config}</crm_config>\n<nodes>{nodes}</nodes>\n<resources>{resources}</resources>\n"
        f"<constraints>{constraints}</constraints>{more}\n</configuration>\n<status/>\n</cib>"
    )
    return Document.from_bytes(head + text.encode(), "cib.xml")


DUMMY = 'class="ocf" provider="heartbeat" type="Dummy"'
A = f'<primitive id="a" {DUMMY}/>'

WRONG = [
    # what stands there, where it stands, what the first report says
    (
        cib(resources='<primitive id="a" class="ocf" type="Dummy"/>'),
        "line 5: primitive 'a': attribute 'provider' is missing",
    ),
    (cib(resources='<primitive id="a" class="lsb"/>'), "line 5: primitive 'a': attribute 'type' is missing"),
    (cib(resources='<primitive id="a"/>'), "an attribute is missing: 'template' or 'class' and 'type'"),
    (
        cib(resources='<primitive id="a" clas="ocf" provider="heartbeat" type="Dummy"/>'),
        "attribute 'clas' is not allowed here",
    ),
    (cib(resources='<primitive id="a" clas="ocf"/>'), "did you mean 'class'?"),
    (cib(resources='<primitive id="a" class="osf" provider="heartbeat" type="D"/>'), "has the value 'osf', expected"),
    (cib(resources='<primitive id="a" class="osf" provider="heartbeat" type="D"/>'), "did you mean 'ocf'?"),
    (cib(resources='<primitive id="a" class="lsb" provider="heartbeat" type="D"/>'), "'provider' is not allowed"),
    (cib(resources=f'<primitive id="a b" {DUMMY}/>'), "attribute 'id' has the value 'a b', expected a name"),
    (cib(resources=f'<primitive id="1a" {DUMMY}/>'), "attribute 'id' has the value '1a', expected a name"),
    (cib(resources=f"<primitive {DUMMY}/>"), "primitive: attribute 'id' is missing"),
    (cib(resources=f'<primitve id="a" {DUMMY}/>'), "primitve 'a': is not allowed in <resources> here; allowed: bundle"),
    (cib(resources=f'<primitve id="a" {DUMMY}/>'), "did you mean 'primitive'?"),
    (cib(resources='<group id="g"/>'), "group 'g': an element is missing inside: <primitive>"),
    (cib(resources='<clone id="c"/>'), "an element is missing inside: <primitive> or <group>"),
    (
        cib(resources=f'<clone id="c">{A}<primitive id="b" {DUMMY}/></clone>'),
        "primitive 'b': is not allowed in <clone>",
    ),
    (
        cib(resources=f'<primitive id="a" {DUMMY}><operations><op id="m" interval="10s"/></operations></primitive>'),
        "op 'm': attribute 'name' is missing",
    ),
    (
        cib(resources=f'<primitive id="a" {DUMMY}><operations><op id="m" name="monitor"/></operations></primitive>'),
        "op 'm': attribute 'interval' is missing",
    ),
    (
        cib(
            resources=f'<primitive id="a" {DUMMY}><operations>'
            '<op id="m" name="monitor" interval="1" on-fail="restrt"/></operations></primitive>'
        ),
        "attribute 'on-fail' has the value 'restrt', expected ignore, block, demote, stop, restart, standby, fence or",
    ),
    (
        cib(
            resources=f'<primitive id="a" {DUMMY}><operations>'
            '<op id="m" name="monitor" interval="1" enabled="yes"/></operations></primitive>'
        ),
        "attribute 'enabled' has the value 'yes', expected true or false",
    ),
    (
        cib(resources=f'<primitive id="a" {DUMMY}><operations/><operations/></primitive>'),
        "operations: is not allowed in <primitive> here",
    ),
    (
        cib(
            resources=f'<primitive id="a" {DUMMY}><meta_attributes id="m"><nvpair id="n" value="1"/>'
            "</meta_attributes></primitive>"
        ),
        "nvpair 'n': attribute 'name' is missing",
    ),
    (
        cib(resources=f'<primitive id="a" {DUMMY}><meta_attributes/></primitive>'),
        "meta_attributes: an attribute is missing: 'id-ref' or 'id'",
    ),
    (
        cib(resources=f'<primitive id="a" {DUMMY}><meta_attribute id="m"/></primitive>'),
        "did you mean 'meta_attributes'?",
    ),
    (
        cib(config='<cluster_property_set id="s" score="high"/>'),
        "attribute 'score' has the value 'high', expected a whole",
    ),
    (
        cib(config='<nvpair id="n" name="a" value="b"/>'),
        "nvpair 'n': is not allowed in <crm_config> here; allowed: cluster",
    ),
    (cib(nodes='<node id="1"/>'), "node '1': attribute 'uname' is missing"),
    (cib(nodes='<node id="1" uname="n1" type="normale"/>'), "did you mean 'normal'?"),
    (cib(nodes='<node id="1" uname="n1" weight="3"/>'), "attribute 'weight' is not allowed here; allowed besides"),
    (
        cib(resources=A, constraints='<rsc_location id="l" rsc="a" node="n1"/>'),
        "rsc_location 'l': attribute 'score' is missing",
    ),
    (
        cib(resources=A, constraints='<rsc_location id="l" node="n1" score="5"/>'),
        "rsc_location 'l': an attribute is missing: 'rsc' or 'rsc-pattern'",
    ),
    (
        cib(resources=A, constraints='<rsc_location id="l" rsc="a" node="n1" score="INFINITE"/>'),
        "has the value 'INFINITE', expected a whole number, INFINITY, +INFINITY or -INFINITY",
    ),
    (
        cib(resources=A, constraints='<rsc_colocation id="c" rsc="a"/>'),
        "attribute 'with-rsc' is missing",
    ),
    (
        cib(resources=A, constraints='<rsc_order id="o" first="a" then="a" kind="Optionl"/>'),
        "did you mean 'Optional'?",
    ),
    (
        cib(resources=A, constraints='<rsc_order id="o" first="a" then="a" kind="Optional" score="1"/>'),
        "attribute 'score' is not allowed here",
    ),
    (
        cib(resources=A, constraints='<rsc_order id="o" first="a" then="a" first-action="monitor"/>'),
        "expected start, promote, demote or stop",
    ),
    (
        cib(constraints='<rsc_order id="o"><resource_set id="s"/></rsc_order>'),
        "element is missing inside: <resource_ref>",
    ),
    (cib(constraints='<rsc_ticket id="t" rsc="a"/>'), "rsc_ticket 't': attribute 'ticket' is missing"),
    (
        cib(
            resources=A,
            constraints='<rsc_location id="l" rsc="a"><rule id="r" score="1"><expression id="e" attribute="x"'
            ' operation="equal" value="1"/></rule></rsc_location>',
        ),
        "attribute 'operation' has the value 'equal', expected lt, gt, lte, gte, eq, ne, defined or not_defined",
    ),
    (
        cib(resources=A, constraints='<rsc_location id="l" rsc="a"><rule id="r" score="1"/></rsc_location>'),
        "rule 'r': an element is missing inside:",
    ),
    (
        cib(
            resources=A,
            constraints='<rsc_location id="l" rsc="a"><rule id="r" score="1"><date_expression id="d"'
            ' operation="date_spec"/></rule></rsc_location>',
        ),
        "date_expression 'd': an element is missing inside: <date_spec>",
    ),
    (
        cib(more='<fencing-topology><fencing-level id="f" target="n1" index="0" devices="d"/></fencing-topology>'),
        "attribute 'index' has the value '0', expected a number of 1 or more",
    ),
    (
        cib(more='<fencing-topology><fencing-level id="f" target="n1" index="1" devices="d, e"/></fencing-topology>'),
        "attribute 'devices' has the value 'd, e'",
    ),
    (cib(more='<tags><tag id="t"/></tags>'), "tag 't': an element is missing inside: <obj_ref>"),
    (cib(more='<alerts><alert id="al"/></alerts>'), "alert 'al': attribute 'path' is missing"),
    (
        cib(more='<acls><acl_role id="r"><acl_permission id="p" kind="all" xpath="/"/></acl_role></acls>'),
        "attribute 'kind' has the value 'all', expected read, write or deny",
    ),
    (cib(more="<constraints/>"), "constraints: is not allowed in <configuration> here"),
    (cib(more="<notes/>"), "notes: is not allowed in <configuration> here; allowed: acls, alerts"),
    (
        Document.from_bytes(HEAD + b"<configuration><crm_config/><nodes/><resources/></configuration><status/></cib>"),
        "configuration: an element is missing inside: <constraints>",
    ),
    (Document.from_bytes(HEAD + b"<status/></cib>"), "status: is not allowed in <cib> here; allowed: configuration"),
    (
        cib(head=HEAD.replace(b'epoch="1"', b'epoch="one"')),
        "attribute 'epoch' has the value 'one', expected a number of 0",
    ),
    (cib(head=HEAD.replace(b'num_updates="0"', b"")), "cib: attribute 'num_updates' is missing"),
    (
        cib(head=HEAD.replace(b"pacemaker-3.9", b"pacemaker-9.9")),
        "'validate-with' has the unknown value 'pacemaker-9.9'",
    ),
    (cib(head=HEAD.replace(b'validate-with="pacemaker-3.9"', b"")), "attribute 'validate-with' is missing, expected"),
    (
        cib(resources='<bundle id="b"><docker image="i" masters="1" promoted-max="1"/></bundle>'),
        "attribute 'promoted-max' is not allowed here",
    ),
]


WRONG += [
    (cib(resources=f'{A}<primitive id="a" {DUMMY}/>'), "the id 'a' is taken: a primitive in line 5 has it already"),
    (cib(resources=A, config='<cluster_property_set id="a"/>'), "primitive 'a': the id 'a' is taken"),
    (
        cib(resources=A, constraints='<rsc_location id="l" rsc="aa" node="n1" score="1"/>'),
        "rsc_location 'l': attribute 'rsc' names 'aa', but nothing has that id",
    ),
    (
        cib(constraints='<rsc_order id="o"><resource_set id="s"><resource_ref id="zz"/></resource_set></rsc_order>'),
        "resource_set 's': attribute 'id' names 'zz', but nothing has that id",
    ),
    (cib(resources='<primitive id="a" template="t"/>'), "attribute 'template' names 't', but nothing has that id"),
    (
        cib(resources=f'<primitive id="a" {DUMMY}><meta_attributes id-ref="m"/></primitive>'),
        "meta_attributes: attribute 'id-ref' names 'm'",
    ),
]


@pytest.mark.parametrize(("document", "message"), WRONG)
def test_a_mistake_is_told_in_words(document: Document, message: str) -> None:
    reports = validate(document)
    assert reports, "the document is accepted"
    assert message in reports[0].sentence()
    assert reports[0].line > 0


def claiming(version: str, resources: str = "", constraints: str = "", nodes: str = "", more: str = "") -> Document:
    head = HEAD.replace(b"pacemaker-3.9", f"pacemaker-{version}".encode())
    return cib(resources, constraints, "", nodes, more, head)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (claiming("4.0", f'<master id="m">{A}</master>'), "no such element in pacemaker-4.0 (until pacemaker-3.10)"),
        (
            claiming("2.5", '<bundle id="b"><docker image="i"/></bundle>'),
            "no such element in pacemaker-2.5 (from pacemaker-2.8 on)",
        ),
        (
            claiming("4.0", '<primitive id="a" class="upstart" type="x"/>'),
            "no value 'upstart' of attribute 'class' in pacemaker-4.0",
        ),
        (
            claiming("3.6", A, '<rsc_location id="l" rsc="a" role="Promoted" node="n" score="1"/>'),
            "no value 'Promoted' of attribute 'role' in pacemaker-3.6 (from pacemaker-3.7 on)",
        ),
        (
            claiming(
                "3.0",
                A,
                '<rsc_location id="l" rsc="a"><rule id="r"><expression id="e" attribute="x" operation="defined"/>'
                "</rule></rsc_location>",
            ),
            "attribute 'score' or 'score-attribute' is missing, which pacemaker-3.0 needs",
        ),
        (
            claiming(
                "4.0", nodes='<node id="1" uname="n"><utilization id="u"><nvpair id="p" name="x"/></utilization></node>'
            ),
            "attribute 'value' is missing, which pacemaker-4.0 needs",
        ),
        (claiming("2.0", more="<alerts/>"), "no such element in pacemaker-2.0 (from pacemaker-2.5 on)"),
        (claiming("3.0", nodes='<node id="1" uname="n" type="normal"/>'), "(until pacemaker-2.10)"),
        (
            claiming(
                "4.0",
                more='<fencing-topology><fencing-level id="f" target="n" index="10" devices="d"/></fencing-topology>',
            ),
            "expected 1 to 9 from pacemaker-4.0 on",
        ),
    ],
)
def test_what_the_claimed_version_does_not_have_is_a_mistake(document: Document, message: str) -> None:
    assert message in validate(document)[0].sentence()


def test_every_mistake_of_a_document_is_told_not_only_the_first() -> None:
    document = cib(
        resources='\n<primitive id="a" class="lsb"/>\n<group id="g"/>',
        nodes='<node id="1"/>',
    )
    assert [(report.line, report.element) for report in validate(document)] == [
        (4, "node"),
        (6, "primitive"),
        (7, "group"),
    ]


@pytest.mark.parametrize("name", [name for name in schema_names() if name != "none"])
def test_an_ordinary_document_conforms_to_every_grammar(name: str) -> None:
    assert validate(cib(resources=A, head=HEAD.replace(b"pacemaker-3.9", name.encode()))) == ()


def test_none_accepts_everything_with_a_warning() -> None:
    document = cib(resources="<nonsense/>", head=HEAD.replace(b"pacemaker-3.9", b"none"))
    assert [report.severity for report in validate(document)] == ["warning"]


def test_anything_may_stand_in_the_status() -> None:
    document = cib(resources=A)
    document.insert(document.root[1], Document.from_bytes(b"<cib><x y='z'><id id='a'/></x></cib>").root)
    assert conformance(document.root) == ()


def nested_rules(depth: int, innermost: str) -> Document:
    """A location with rules inside rules."""
    opening = "".join(f'<rule id="d{level}" score="1">' for level in range(depth))
    location = f'<rsc_location id="deep" rsc="a">{opening}{innermost}{"</rule>" * depth}</rsc_location>'
    return cib(resources=A, constraints=location)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("depth", [2, 8, 9, 30, 100])
def test_a_mistake_deep_inside_rules_is_told_before_the_end_of_time(depth: int) -> None:
    """libxml2 tries each rule twice when there is a mistake in it: thirty of them keep it busy for hours."""
    (report,) = validate(nested_rules(depth, '<rule id="wrong"/>'))
    assert report.element == "rule"
    assert report.id == "wrong"
    assert validate(nested_rules(depth, '<expression id="e" attribute="x" operation="defined"/>')) == ()
