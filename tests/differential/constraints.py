"""Random constraints between the resources of a document."""

from __future__ import annotations

from lxml import etree

from tests.differential.configuration import Document
from tests.differential.rules import date_rule

_SCORES = ("-INFINITY", "-100", "-10", "1", "10", "50", "100", "INFINITY")


def build_constraints(document: Document) -> None:
    """Add constraints of the kinds that may occur."""
    if document.has("location"):
        for top in document.tops:
            if document.maybe(35):
                _location(document, top)
    targets = _targets(document)
    if document.has("colocation") and len(targets) > 1:
        for _ in range(document.chance.choice((0, 1, 1, 2, 3))):
            _colocation(document, targets)
    if document.has("order") and len(targets) > 1:
        for _ in range(document.chance.choice((0, 1, 1, 2, 3))):
            _order(document, targets)
    if document.has("sets") and len(targets) > 1:
        for _ in range(document.chance.choice((0, 1, 2))):
            _sets(document, targets)
    if document.has("sets") and document.has("location") and targets and document.maybe(50):
        _location_set(document, targets)
    if document.has("tickets"):
        for top in targets:
            if document.maybe(30):
                _ticket(document, top)
        if document.has("sets") and len(targets) > 1 and document.maybe(30):
            _ticket_set(document, targets)


def _targets(document: Document) -> list[str]:
    """What colocations, orders and tickets may name: what lies on top, and now and then members of groups."""
    targets = [top for top in document.tops if top != "fencing"]
    members = [item.id for item in document.primitives if item.group and not item.clone and item.hosts is None]
    return targets + [member for member in members if document.maybe(25)]


def _location(document: Document, top: str) -> None:
    constraint = etree.SubElement(document.constraints, "rsc_location", id=document.new_id("location"), rsc=top)
    if document.maybe(8):
        del constraint.attrib["rsc"]
        constraint.set("rsc-pattern", document.chance.choice((f"^{top}$", "r", "!g")))
    promoted = top.startswith("p") and document.maybe(50)
    if document.maybe(10):
        constraint.set("resource-discovery", document.chance.choice(("never", "exclusive", "always")))
    if not document.has("rules") or document.maybe(60):
        constraint.set("node", document.chance.choice(document.nodes).name)
        constraint.set("score", document.chance.choice(_SCORES))
        if promoted:
            constraint.set("role", "Promoted")
        return
    if document.has("dates") and document.maybe(50):
        date_rule(document, constraint, score=document.chance.choice(_SCORES))
        return
    rule = etree.SubElement(constraint, "rule", id=document.new_id("rule"))
    if document.maybe(15):
        rule.set("score-attribute", "size")
    else:
        rule.set("score", document.chance.choice(_SCORES))
    if promoted:
        rule.set("role", "Promoted")
    if document.maybe(30):
        rule.set("boolean-op", "or")
    for _ in range(document.chance.choice((1, 1, 2))):
        _expression(document, rule)


def _location_set(document: Document, targets: list[str]) -> None:
    constraint = etree.SubElement(document.constraints, "rsc_location", id=document.new_id("location"))
    constraint.set("node", document.chance.choice(document.nodes).name)
    constraint.set("score", document.chance.choice(_SCORES))
    block = etree.SubElement(constraint, "resource_set", id=document.new_id("members"))
    if document.maybe(20):
        block.set("role", document.chance.choice(("Promoted", "Started")))
    for name in document.chance.sample(targets, min(len(targets), 2)):
        etree.SubElement(block, "resource_ref", id=name)


def _expression(document: Document, rule: etree._Element) -> None:
    attribute = document.chance.choice(("site", "size", "#uname", "#kind", "load"))
    operation = document.chance.choice(("eq", "ne", "lt", "gt", "lte", "gte", "defined", "not_defined"))
    expression = etree.SubElement(
        rule, "expression", id=document.new_id("expression"), attribute=attribute, operation=operation
    )
    if operation not in ("defined", "not_defined"):
        value = {"site": "a", "#uname": "n1", "#kind": "cluster"}.get(attribute, "2")
        expression.set("value", value)
        if attribute in ("size", "load") and document.maybe(70):
            expression.set("type", document.chance.choice(("number", "integer", "string", "version")))


def _colocation(document: Document, targets: list[str]) -> None:
    dependent, primary = document.chance.sample(targets, 2)
    score = document.chance.choice(("INFINITY", "INFINITY", "-INFINITY", *_SCORES))
    if _with_own_member([dependent, primary]) or (score == "INFINITY" and _is_loose_group(document, primary)):
        return
    constraint = etree.SubElement(
        document.constraints, "rsc_colocation", id=document.new_id("colocation"), rsc=dependent
    )
    constraint.set("with-rsc", primary)
    constraint.set("score", score)
    if dependent.startswith("p") and document.maybe(40):
        constraint.set("rsc-role", document.chance.choice(("Promoted", "Unpromoted")))
    if primary.startswith("p") and document.maybe(40):
        constraint.set("with-rsc-role", document.chance.choice(("Promoted", "Promoted", "Unpromoted", "Started")))
    if document.has("rules") and document.maybe(8):
        constraint.set("node-attribute", "site")
    if document.maybe(8):
        constraint.set("influence", "false")


def _with_own_member(names: list[str]) -> bool:
    """Whether a group is among these with a member of its own, whose names begin with its own: with that it is anyway,
    and the two programs find other pseudo actions needless then."""
    return any(other.startswith(f"{name}m") for name in names for other in names)


def _is_loose_group(document: Document, name: str) -> bool:
    """Whether this is a group whose members need not be together: nothing can be bound to be with it, which both
    programs call a mistake, and they go on differently."""
    loose = "//group[@id=$name]/meta_attributes/nvpair[@name='collocated'][@value='false']"
    return bool(document.constraints.getroottree().xpath(loose, name=name))


def _order(document: Document, targets: list[str]) -> None:
    first, then = document.chance.sample(targets, 2)
    # Between the same two, the older version drops what comes after a Serialize.
    if any({first, then} == {other.get("first"), other.get("then")} for other in document.constraints):
        return
    constraint = etree.SubElement(
        document.constraints, "rsc_order", id=document.new_id("order"), first=first, then=then
    )
    if document.maybe(50):
        constraint.set("kind", document.chance.choice(("Mandatory", "Optional", "Serialize")))
    if constraint.get("kind") != "Serialize" and document.maybe(20):
        constraint.set("symmetrical", "false")
    actions = ["start", "stop"]
    if document.maybe(20):
        choices = actions + (["promote", "demote"] if first.startswith("p") else [])
        constraint.set("first-action", document.chance.choice(choices))
    if document.maybe(20):
        choices = actions + (["promote", "demote"] if then.startswith("p") else [])
        constraint.set("then-action", document.chance.choice(choices))
    if first[0] in "cp" and document.maybe(15):
        constraint.set("require-all", "false")


def _sets(document: Document, targets: list[str]) -> None:
    tag = document.chance.choice(("rsc_colocation", "rsc_order"))
    constraint = etree.SubElement(document.constraints, tag, id=document.new_id("sets"))
    if tag == "rsc_colocation":
        constraint.set("score", document.chance.choice(("INFINITY", "100", "-100", "-INFINITY")))
    elif document.maybe(40):
        constraint.set("kind", document.chance.choice(("Mandatory", "Optional", "Serialize")))
    names = document.chance.sample(targets, min(len(targets), document.chance.choice((2, 3, 4))))
    if tag == "rsc_colocation" and (_with_own_member(names) or any(_is_loose_group(document, name) for name in names)):
        document.constraints.remove(constraint)
        return
    cut = document.chance.randint(1, len(names))
    for part in (names[:cut], names[cut:]):
        if not part:
            continue
        block = etree.SubElement(constraint, "resource_set", id=document.new_id("members"))
        if document.maybe(40):
            block.set("sequential", document.chance.choice(("true", "false")))
        if document.has("promotable") and document.maybe(15):
            if tag == "rsc_colocation":
                block.set("role", "Promoted")
            else:
                block.set("action", document.chance.choice(("promote", "demote")))
        if tag == "rsc_colocation" and document.maybe(15):
            block.set("score", document.chance.choice(("INFINITY", "10", "-10")))
        if tag == "rsc_order" and document.maybe(10):
            block.set("kind", document.chance.choice(("Optional", "Serialize", "Mandatory")))
        if tag == "rsc_order" and document.maybe(20):
            block.set("require-all", "false")
        if tag == "rsc_order" and document.maybe(15):
            block.set("action", document.chance.choice(("start", "stop")))
        for name in part:
            etree.SubElement(block, "resource_ref", id=name)


def _ticket(document: Document, top: str) -> None:
    ticket = document.chance.choice(("east", "west"))
    constraint = etree.SubElement(
        document.constraints, "rsc_ticket", id=document.new_id("ticket"), rsc=top, ticket=ticket
    )
    if document.maybe(70):
        constraint.set("loss-policy", document.chance.choice(("stop", "demote", "freeze", "fence")))
    if top.startswith("p") and document.maybe(50):
        constraint.set("rsc-role", "Promoted")


def _ticket_set(document: Document, targets: list[str]) -> None:
    constraint = etree.SubElement(document.constraints, "rsc_ticket", id=document.new_id("ticket"), ticket="west")
    if document.maybe(70):
        constraint.set("loss-policy", document.chance.choice(("stop", "demote", "freeze", "fence")))
    block = etree.SubElement(constraint, "resource_set", id=document.new_id("members"))
    if document.maybe(30):
        block.set("role", "Promoted")
    for name in document.chance.sample(targets, 2):
        etree.SubElement(block, "resource_ref", id=name)
