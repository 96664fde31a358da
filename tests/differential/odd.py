"""Makes documents odd: what nobody should write, and what a program must survive all the same.

Numbers that are none or far too large, references to nothing, loops, empty groups, ids that are taken, agents of no
known class, parts that are missing or there twice.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from random import Random

from lxml import etree

_VALUES = (
    "",
    " ",
    "-",
    "abc",
    "NaN",
    "-1",
    "1e9",
    "0x10",
    "99999999999999999999999999",
    "-99999999999999999999999999",
    "2147483648",
    "INFINITY",
    "-INFINITY",
    "+INFINITY",
    "true",
    "P1Y",
    "PT",
    "P99999999999Y",
    "99999999999999999999s",
    "10parsecs",
    "\u00fc\u4e2d",
    "a b",
    "%s%n%1",
    ":::",
    "0:0;::::",
    "n1",
    "r1",
    "fencing",
    "#default",
    "2023-13-45 99:99:99",
    "[(*",
)
_REFERENCES = ("rsc", "with-rsc", "first", "then", "node", "ticket", "template", "id-ref", "devices", "rsc-pattern")


def spoil(document: bytes, seed: int) -> bytes:
    """Return a document with some of its parts made odd; the same seed makes the same of the same document."""
    chance = Random(seed)
    root = etree.fromstring(document, etree.XMLParser(remove_blank_text=True))
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        chance.choice(_WAYS)(chance, root)
    if chance.randrange(100) < 70:
        # Else whatever is against the schema would be refused before anything is decided.
        root.set("validate-with", "none")
    return etree.tostring(root)


def _below(root: etree._Element) -> list[etree._Element]:
    return [element for element in root.iter() if element.getparent() is not None]


def _odd_value(chance: Random, root: etree._Element) -> None:
    element = chance.choice(_below(root))
    if element.attrib:
        element.set(chance.choice(sorted(map(str, element.attrib))), chance.choice(_VALUES))


def _odd_setting(chance: Random, root: etree._Element) -> None:
    pairs = list(root.iter("nvpair"))
    if pairs:
        chance.choice(pairs).set("value", chance.choice(_VALUES))


def _odd_result(chance: Random, root: etree._Element) -> None:
    results = list(root.iter("lrm_rsc_op"))
    if results:
        result = chance.choice(results)
        result.set(chance.choice(sorted(map(str, result.attrib))), chance.choice(_VALUES))


def _missing_attribute(chance: Random, root: etree._Element) -> None:
    element = chance.choice(_below(root))
    if element.attrib:
        del element.attrib[chance.choice(sorted(map(str, element.attrib)))]


def _missing_element(chance: Random, root: etree._Element) -> None:
    element = chance.choice(_below(root))
    parent = element.getparent()
    assert parent is not None
    parent.remove(element)


def _twin(chance: Random, root: etree._Element) -> None:
    element = chance.choice(_below(root))
    element.addnext(copy.deepcopy(element))


def _misplaced(chance: Random, root: etree._Element) -> None:
    element, place = chance.choice(_below(root)), chance.choice(_below(root))
    if element not in place.iterancestors() and element is not place:
        place.append(copy.deepcopy(element))


def _dangling(chance: Random, root: etree._Element) -> None:
    found = [(element, name) for element in _below(root) for name in _REFERENCES if name in element.attrib]
    if found:
        element, name = chance.choice(found)
        element.set(name, "nothing")


def _loop(chance: Random, root: etree._Element) -> None:
    tops = [str(item.get("id")) for item in root.iterfind("configuration/resources/*") if item.get("id")]
    constraints = root.find("configuration/constraints")
    if constraints is None or not tops:
        return
    chance.shuffle(tops)
    kind = chance.choice(("order", "colocation"))
    for index, (one, other) in enumerate(zip(tops, tops[1:] + tops[:1], strict=True)):
        attributes = {"id": f"loop-{kind}-{index}"}
        if kind == "order":
            attributes |= {"first": one, "then": other}
        else:
            score = chance.choice(("INFINITY", "-INFINITY", "5"))
            attributes |= {"rsc": one, "with-rsc": other, "score": score}
        etree.SubElement(constraints, f"rsc_{kind}", attributes)


def _emptied(chance: Random, root: etree._Element) -> None:
    full = [element for element in _below(root) if len(element)]
    if full:
        element = chance.choice(full)
        for child in list(element):
            element.remove(child)


def _unknown_agent(chance: Random, root: etree._Element) -> None:
    agents = list(root.iter("primitive", "lrm_resource"))
    if agents:
        element = chance.choice(agents)
        element.set(
            chance.choice(("class", "type", "provider")), chance.choice(("nagios", "nosuch", "", "remote", "ocf"))
        )


def _enclosed(chance: Random, root: etree._Element) -> None:
    """A resource in a clone or group that may be in one already."""
    inside = list(root.iterfind("configuration/resources//*[@id]"))
    if not inside:
        return
    element = chance.choice(inside)
    parent = element.getparent()
    assert parent is not None
    wrapper = etree.Element(chance.choice(("clone", "group", "master", "bundle")), id=f"around-{element.get('id')}")
    parent.replace(element, wrapper)
    wrapper.append(element)


def _deep_rules(chance: Random, root: etree._Element) -> None:
    constraints = root.find("configuration/constraints")
    if constraints is None:
        return
    parent = etree.SubElement(constraints, "rsc_location", id="deep", rsc="r1")
    for depth in range(chance.choice((3, 60, 3000))):
        parent = etree.SubElement(parent, "rule", id=f"deep-{depth}", score="1")
        if chance.randrange(2):
            parent.set("boolean-op", "or")
    etree.SubElement(parent, "expression", id="deep-end", attribute="#uname", operation="eq", value="n1")


_WAYS: tuple[Callable[[Random, etree._Element], None], ...] = (
    _odd_value,
    _odd_value,
    _odd_setting,
    _odd_setting,
    _odd_result,
    _odd_result,
    _missing_attribute,
    _missing_element,
    _twin,
    _misplaced,
    _dangling,
    _loop,
    _emptied,
    _unknown_agent,
    _enclosed,
    _deep_rules,
)
