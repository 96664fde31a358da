"""Random changes of a document, such as a cluster, people, and odd tools make: what patches are made of.

Most of them go by names and attributes that occur in the document, so that they mean something; nothing looks after
the schema.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from random import Random

from lxml import etree

from cib.xml import Element

_SETS = ("meta_attributes", "instance_attributes", "utilization", "cluster_property_set")
_VALUES = ("0", "1", "2", "5", "7", "8", "9", "100", "INFINITY", "-INFINITY", "true", "false", "Started", "Stopped")
_OPTIONS = ("resource-stickiness", "target-role", "is-managed", "failure-timeout", "migration-threshold", "priority")
_STATE = {
    "in_ccm": ("true", "false", "1700000000"),
    "crmd": ("online", "offline"),
    "join": ("member", "down", "pending"),
    "expected": ("member", "down"),
}
_OPERATIONS = ("monitor", "start", "stop", "promote", "demote")
_RULES = (
    '<rule id="{}" score="INFINITY"><date_expression id="{}-d" operation="gt" start="2023-11-14 22:15:00"/></rule>',
    '<rule id="{}" score="INFINITY"><date_expression id="{}-d" operation="lt" end="2023-11-14 22:20:00"/></rule>',
    '<rule id="{}" score="INFINITY"><expression id="{}-e" attribute="#uname" operation="eq" value="node1"/></rule>',
)


class Editor:
    """Changes one document; `number` goes into new ids."""

    def __init__(self, root: Element, chance: Random, number: int) -> None:
        self._root = root
        self._chance = chance
        self._number = number

    def edit_status(self) -> None:
        """What operations, attributes and nodes that come and go leave in the status."""
        self._one_of(
            (8, self._change_result),
            (6, self._add_result),
            (2, self._drop_history),
            (6, self._change_attribute_of_node),
            (5, self._change_node_state),
            (1, self._copy_history),
            (1, self._drop_node_state),
            (1, self._change_ticket),
        )

    def edit_configuration(self) -> None:
        """What people change, and some of what nobody should."""
        self._one_of(
            (6, self._set_value),
            (3, self._add_rule),
            (3, self._drop_anything),
            (3, self._copy_anything),
            (3, self._move_anything),
            (3, self._exchange_value),
            (3, self._refer),
            (4, self._use_template),
            (4, self._change_what_others_use),
            (2, self._add_node),
            (2, self._add_default),
            (1, self._rename),
            (1, self._add_comment),
        )

    def _one_of(self, *ways: tuple[int, Callable[[], None]]) -> None:
        self._chance.choices([way for _, way in ways], [weight for weight, _ in ways])[0]()

    def _any(self, expression: str) -> Element | None:
        found = self._root.xpath(expression)
        assert isinstance(found, list)
        nodes = [item for item in found if isinstance(item, Element)]
        return self._chance.choice(nodes) if nodes else None

    def _new_id(self, word: str) -> str:
        return f"{word}-{self._number}-{self._chance.randrange(1000)}"

    # status

    def _change_result(self) -> None:
        result = self._any("status//lrm_rsc_op")
        if result is None:
            return
        name = self._chance.choice(("rc-code", "op-status", "call-id", "last-rc-change", "op-digest", "exit-reason"))
        values = {"op-status": ("0", "4", "-1"), "last-rc-change": ("1699999700", "1700000100"), "op-digest": ("x",)}
        result.set(name, self._chance.choice(values.get(name, ("0", "1", "5", "7", "8", "40"))))

    def _add_result(self) -> None:
        history = self._any("status//lrm_resource")
        if history is None:
            return
        operation = self._chance.choice(_OPERATIONS)
        key = f"{history.get('id')}_{operation}_{self._chance.choice((0, 0, 10000))}"
        result = next((item for item in history if item.get("id") == key), None)
        if result is None:
            result = etree.SubElement(history, "lrm_rsc_op", {"id": key, "operation_key": key})
        code = self._chance.choice(("0", "0", "1", "7", "8"))
        magic = f"0:{code};1:{self._number}:0:c2bd7a46-f2f9-4a3b-9c5c-2b4cbbbf3f5e"
        result.attrib.update(
            {
                "operation": operation,
                "interval": key.rpartition("_")[2],
                "call-id": str(100 + self._number),
                "rc-code": code,
                "op-status": "0",
                "last-rc-change": str(1_700_000_000 + self._chance.randrange(-200, 200)),
                "transition-magic": magic,
                "transition-key": magic.partition(";")[2],
            }
        )

    def _drop_history(self) -> None:
        self._drop(self._any(self._chance.choice(("status//lrm_resource", "status//lrm_rsc_op"))))

    def _copy_history(self) -> None:
        history, listing = self._any("status//lrm_resource"), self._any("status//lrm_resources")
        if history is not None and listing is not None:
            for child in listing:
                if child.get("id") == history.get("id"):
                    return
            listing.insert(self._chance.randint(0, len(listing)), copy.deepcopy(history))

    def _change_attribute_of_node(self) -> None:
        state, resource = self._any("status/node_state"), self._any("configuration/resources//primitive")
        if state is None or resource is None:
            return
        block = next(iter(state.xpath("transient_attributes/instance_attributes")), None)
        if not isinstance(block, Element):
            outer = etree.SubElement(state, "transient_attributes", {"id": state.get("id") or "x"})
            block = etree.SubElement(outer, "instance_attributes", {"id": self._new_id("transient")})
        names = (
            f"fail-count-{resource.get('id')}#monitor_10000",
            f"last-failure-{resource.get('id')}#monitor_10000",
            f"master-{resource.get('id')}",
            "standby",
            "shutdown",
            "#health-cpu",
        )
        name = self._chance.choice(names)
        pair = next((item for item in block if item.get("name") == name), None)
        if pair is not None and self._chance.randrange(3) == 0:
            block.remove(pair)
            return
        if pair is None:
            pair = etree.SubElement(block, "nvpair", {"id": self._new_id("pair"), "name": name})
        pair.set("value", self._chance.choice(("0", "1", "3", "true", "false", "red", "INFINITY", "1700000050")))

    def _change_node_state(self) -> None:
        state = self._any("status/node_state")
        if state is not None:
            name = self._chance.choice(sorted(_STATE))
            state.set(name, self._chance.choice(_STATE[name]))

    def _drop_node_state(self) -> None:
        self._drop(self._any("status/node_state"))

    def _change_ticket(self) -> None:
        status = self._any("status")
        if status is None:
            return
        tickets = status.find("tickets")
        if tickets is None:
            tickets = etree.SubElement(status, "tickets")
        ticket = self._any("status/tickets/ticket_state")
        if ticket is None:
            ticket = etree.SubElement(tickets, "ticket_state", {"id": "ticketA"})
        ticket.set("granted", self._chance.choice(("true", "false")))

    # configuration

    def _set_value(self) -> None:
        owner = self._any("configuration/resources//*[self::primitive or self::group or self::clone or self::template]")
        if owner is None:
            return
        block = owner.find("meta_attributes")
        if block is None:
            block = etree.Element("meta_attributes", {"id": self._new_id("meta")})
            owner.insert(0, block)
        name = self._chance.choice(_OPTIONS)
        pair = next((item for item in block if item.get("name") == name), None)
        if pair is None:
            pair = etree.SubElement(block, "nvpair", {"id": self._new_id("pair"), "name": name})
        pair.set("value", self._chance.choice(_VALUES))

    def _add_rule(self) -> None:
        owner = self._any("configuration//*[self::meta_attributes or self::instance_attributes or self::rsc_location]")
        if owner is not None and owner.find("rule") is None:
            name = self._new_id("rule")
            owner.insert(0, etree.fromstring(self._chance.choice(_RULES).format(name, name)))

    def _drop_anything(self) -> None:
        self._drop(self._any("configuration/*/*|configuration/*/*//*"))

    def _copy_anything(self) -> None:
        element = self._any("configuration/*/*|configuration/resources//*")
        parent = element.getparent() if element is not None else None
        if element is None or parent is None:
            return
        twin = copy.deepcopy(element)
        for inside in twin.iter():
            if inside.get("id") is not None:
                inside.set("id", f"{inside.get('id')}-{self._number}")
        parent.insert(self._chance.randint(0, len(parent)), twin)

    def _move_anything(self) -> None:
        element = self._any("configuration/*/*|configuration/resources//*")
        parent = element.getparent() if element is not None else None
        if element is not None and parent is not None:
            parent.remove(element)
            parent.insert(self._chance.randint(0, len(parent)), element)

    def _exchange_value(self) -> None:
        """Give an attribute the value that it has elsewhere: another resource, node, role or score."""
        element = self._any("configuration//*[@id]")
        names = [str(name) for name in element.attrib if name != "id"] if element is not None else []
        if element is None or not names:
            return
        name = self._chance.choice(names)
        other = self._any(f"configuration//{element.tag!s}[@{name}]")
        if other is not None:
            element.set(name, other.get(name) or "")

    def _refer(self) -> None:
        """Let a set stand for another one."""
        tag = self._chance.choice(_SETS)
        parent, target = self._any(f"configuration//{tag}/.."), self._any(f"configuration//{tag}[@id]")
        if parent is not None and target is not None:
            parent.insert(0, etree.Element(tag, {"id-ref": target.get("id") or ""}))

    def _use_template(self) -> None:
        section = self._any("configuration/resources")
        primitive = self._any("configuration/resources//primitive")
        if section is None or primitive is None:
            return
        template = self._any("configuration/resources/template")
        if template is None or self._chance.randrange(3) == 0:
            name = self._chance.choice(("template1", "template2", "template3"))
            template = etree.fromstring(
                f'<template id="{name}" class="ocf" provider="pacemaker" type="Dummy"><operations><op '
                f'id="{self._new_id("op")}" name="monitor" interval="{self._number + 5}s"/></operations></template>'
            )
            section.insert(0, template)
        primitive.set("template", self._chance.choice((template.get("id") or "", "template2")))

    def _change_what_others_use(self) -> None:
        """Change something in a template, or in a set that others refer to."""
        part = self._any("configuration/resources/template[@id = ../descendant::primitive/@template]/descendant::op")
        if part is not None and self._chance.randrange(2):
            part.set("interval", f"{self._number + 20}s")
            return
        pair = self._any("configuration//*[@id = //@id-ref]/nvpair")
        if pair is not None:
            pair.set("value", self._chance.choice(_VALUES))

    def _add_node(self) -> None:
        section, name = self._any("configuration/nodes"), self._chance.choice(("node1", "node7", "node8"))
        if section is not None:
            kind = self._chance.choice(("member", "member", "ping", "remote"))
            etree.SubElement(section, "node", {"id": self._new_id("9"), "uname": name, "type": kind})

    def _add_default(self) -> None:
        configuration = self._any("configuration")
        if configuration is None:
            return
        tag = self._chance.choice(("rsc_defaults", "op_defaults"))
        section = configuration.find(tag)
        if section is None:
            section = etree.SubElement(configuration, tag)
        block = etree.SubElement(section, "meta_attributes", {"id": self._new_id("defaults")})
        name = self._chance.choice((*_OPTIONS, "timeout", "on-fail"))
        value = self._chance.choice(_VALUES)
        etree.SubElement(block, "nvpair", {"id": self._new_id("pair"), "name": name, "value": value})

    def _rename(self) -> None:
        element = self._any("configuration/*/*[@id]|configuration/resources//*[@id]")
        if element is not None:
            element.set("id", self._new_id("renamed"))

    def _add_comment(self) -> None:
        parent = self._any("configuration/*|configuration/*/*")
        if parent is not None:
            parent.insert(self._chance.randint(0, len(parent)), etree.Comment("a word"))

    def _drop(self, element: Element | None) -> None:
        parent = element.getparent() if element is not None else None
        if element is not None and parent is not None:
            parent.remove(element)
