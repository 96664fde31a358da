"""The dependencies of a configuration as a Graphviz text."""

from __future__ import annotations

from itertools import pairwise

from crmsh.configuration.sections import CONTAINERS, RESOURCES
from crmsh.configuration.working_copy import WorkingCopy
from crmsh.language.xml import Element, children


def _name(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def dot_of(copy: WorkingCopy) -> str:
    """A digraph: resources in their groups and clones, orders as arrows, colocations dashed, locations dotted."""
    lines = ["digraph cluster {", "  rankdir=LR;", "  node [shape=box];"]
    for element in copy.objects():
        parent = element.getparent()
        if element.tag in RESOURCES and (parent is None or parent.tag not in CONTAINERS):
            lines += _resource(element, 1)
    for element in copy.objects():
        lines += _constraint(element)
    return "\n".join([*lines, "}"])


def _resource(element: Element, depth: int) -> list[str]:
    pad = "  " * depth
    name = element.get("id", "")
    if element.tag not in CONTAINERS:
        return [f"{pad}{_name(name)};"]
    lines = [f"{pad}subgraph {_name('cluster_' + name)} {{", f"{pad}  label={_name(f'{element.tag} {name}')};"]
    for child in children(element):
        if child.tag in RESOURCES:
            lines += _resource(child, depth + 1)
    return [*lines, f"{pad}}}"]


def _members(element: Element) -> list[str]:
    return [
        ref.get("id", "") for content in children(element) for ref in children(content) if ref.tag == "resource_ref"
    ]


def _constraint(element: Element) -> list[str]:
    if element.tag == "rsc_order":
        names = [element.get("first", ""), element.get("then", "")] if element.get("first") else _members(element)
        style = ""
    elif element.tag == "rsc_colocation":
        names = [element.get("with-rsc", ""), element.get("rsc", "")] if element.get("rsc") else _members(element)
        style = " [style=dashed]"
    elif element.tag == "rsc_location" and element.get("node"):
        names = [element.get("rsc", "") or element.get("rsc-pattern", ""), element.get("node", "")]
        style = f" [style=dotted, label={_name(element.get('score', ''))}]"
    else:
        return []
    return [f"  {_name(a)} -> {_name(b)}{style};" for a, b in pairwise(names)]
