"""What spares people writing: templates, tags, and defaults and settings with rules; and several fence devices."""

from __future__ import annotations

import copy

from lxml import etree

from tests.differential.configuration import Document
from tests.differential.rules import attribute_rule, date_rule, resource_rule


def add_templates(document: Document) -> None:
    """Let some primitives take what they say from templates, which constraints may name."""
    for element in list(document.resources.iter("primitive")):
        if element.get("class") != "ocf" or element.get("type") == "remote" or not document.maybe(35):
            continue
        template = etree.Element("template", id=document.new_id("template"))
        for name in ("class", "provider", "type"):
            template.set(name, str(element.attrib.pop(name)))
        element.set("template", str(template.get("id")))
        for child in list(element):
            if document.maybe(60):
                template.append(_renamed(document, child))
                if document.maybe(70):
                    element.remove(child)
        document.resources.insert(0, template)
        if document.has("location") and document.maybe(30):
            _location(document, str(template.get("id")))


def _renamed(document: Document, element: etree._Element) -> etree._Element:
    twin = copy.deepcopy(element)
    for item in twin.iter():
        if item.get("id") is not None:
            item.set("id", document.new_id("copy"))
    return twin


def add_tags(document: Document) -> None:
    """Put some resources under one name and let a constraint use it."""
    targets = [top for top in document.tops if top != "fencing"]
    if len(targets) < 2:
        return
    name = document.new_id("tag")
    tag = etree.SubElement(etree.SubElement(document.configuration, "tags"), "tag", id=name)
    tagged = document.chance.sample(targets, 2)
    for target in tagged:
        etree.SubElement(tag, "obj_ref", id=target)
    others = [target for target in targets if target not in tagged]
    kind = document.chance.choice(("location", "order", "colocation") if others else ("location",))
    if kind == "location":
        _location(document, name)
        return
    identifier = document.new_id(kind)
    ends = [name, document.chance.choice(others)]
    document.chance.shuffle(ends)
    if kind == "order":
        etree.SubElement(document.constraints, "rsc_order", {"id": identifier, "first": ends[0], "then": ends[1]})
        return
    score = document.chance.choice(("INFINITY", "100", "-INFINITY"))
    attributes = {"id": identifier, "rsc": ends[0], "with-rsc": ends[1], "score": score}
    etree.SubElement(document.constraints, "rsc_colocation", attributes)


def _location(document: Document, name: str) -> None:
    attributes = {"id": document.new_id("location"), "rsc": name, "score": document.chance.choice(("-INFINITY", "20"))}
    etree.SubElement(document.constraints, "rsc_location", attributes, node=document.chance.choice(document.nodes).name)


def add_rules(document: Document) -> None:
    """Let some settings count at some times, on some nodes, or for some resources only."""
    _default_rules(document)
    for element in document.resources.iter("primitive"):
        if document.maybe(20):
            _meta_rule(document, element)
        if element.get("class") == "ocf" and document.maybe(15):
            block = etree.Element("instance_attributes", id=document.new_id("set"))
            element.insert(0, block)
            attribute_rule(document, block)
            _pair(document, block, "fake", "9")
    if document.maybe(30):
        block = etree.Element("cluster_property_set", id=document.new_id("options"), score="5")
        document.options.addnext(block)
        date_rule(document, block)
        name, value = document.chance.choice((("symmetric-cluster", "false"), ("stop-all-resources", "true")))
        _pair(document, block, name, value)


def _default_rules(document: Document) -> None:
    for tag, operations, pairs in (
        ("rsc_defaults", False, (("resource-stickiness", "7"), ("migration-threshold", "2"), ("priority", "3"))),
        ("op_defaults", True, (("timeout", "33s"), ("on-fail", "block"))),
    ):
        if not document.maybe(50):
            continue
        section = document.configuration.find(tag)
        if section is None:
            section = etree.SubElement(document.configuration, tag)
        block = etree.SubElement(section, "meta_attributes", id=document.new_id("set"))
        if document.maybe(50):
            block.set("score", document.chance.choice(("1", "-1")))
        resource_rule(document, block, operations=operations)
        _pair(document, block, *document.chance.choice(pairs))


def _meta_rule(document: Document, element: etree._Element) -> None:
    block = etree.Element("meta_attributes", id=document.new_id("set"))
    if document.maybe(40):
        block.set("score", "10")
    element.insert(0, block)
    date_rule(document, block)
    choices = (("target-role", "Stopped"), ("resource-stickiness", "500"), ("is-managed", "false"), ("priority", "20"))
    _pair(document, block, *document.chance.choice(choices))


def _pair(document: Document, block: etree._Element, name: str, value: str) -> None:
    etree.SubElement(block, "nvpair", id=document.new_id("pair"), name=name, value=value)


def add_devices(document: Document) -> None:
    """Add a second fence device and the levels at which the devices are used."""
    fence = document.resources.find("primitive[@id='fencing']")
    if fence is None:
        return
    other = copy.deepcopy(fence)
    for item in other.iter():
        item.set("id", document.new_id("device") if item is not other else "fencing2")
    document.pairs(other, "instance_attributes", {"pcmk_delay_base": "2s", "pcmk_host_list": "n1 n2"})
    fence.addnext(other)
    topology = etree.SubElement(document.configuration, "fencing-topology")
    for index in (1, 2):
        level = etree.SubElement(topology, "fencing-level", id=document.new_id("level"), index=str(index))
        if document.maybe(60):
            level.set("target", document.chance.choice(document.nodes).name)
        else:
            level.set("target-pattern", "^n.*")
        level.set("devices", document.chance.choice(("fencing", "fencing2", "fencing,fencing2")))
