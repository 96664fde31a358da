"""The classic configuration (haresources, and ha.cf's settings) as the first content of an empty CIB.

Each line becomes a group that prefers the line's node. `auto_failback on` (and `legacy`) leaves stickiness at 0, so
that the preference takes the group back to its node; `off` makes what runs stay where it is.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from cib.requests import Request
from crmd.haresources import ResourceLine
from crmd.legacy_fencing import FencingProblem, convert_line, only_on
from crmd.legacy_plan import Group, OnlyOn, Plan, Preference, Primitive, configuration_xml
from crmd.legacy_resources import FindScript, convert
from heartbeat.messages import StonithLine
from ipc.problems import Problem, render

PREFERENCE = "100"
"""Wins over stickiness 0, loses against stickiness INFINITY, decides a first placement."""
MARK = "haresources-imported"
"""The cluster property that says that the import was done; without it an emptied CIB would be filled again."""


class LegacySettings(msgspec.Struct, frozen=True):
    """What ha.cf contributes."""

    config: Path
    """The directory that both files lie in, for messages."""
    nodes: tuple[str, ...]
    auto_failback: Literal["on", "off", "legacy"]
    stonith: tuple[StonithLine, ...] = ()
    stonith_files: Mapping[str, str] = {}
    """Text of the files that `stonith` lines name, those that could be read."""


class ImportRefused(ValueError):
    """The classic files can't be imported; `problems` says why, one for each place."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(render(problem) for problem in problems))
        self.problems = tuple(problems)


def plan_import(lines: Sequence[ResourceLine], settings: LegacySettings, find: FindScript) -> Plan:
    """Work out what the classic files mean. Raises ImportRefused with everything that is wrong."""
    problems: list[Problem] = []
    warnings: list[str] = []
    unique = _unique_names()
    groups: list[Group] = []
    constraints: list[Preference | OnlyOn] = []
    for line in lines:
        if line.node not in settings.nodes:
            expected = "one of " + ", ".join(settings.nodes)
            problems.append(
                Problem(
                    "error", settings.config / "haresources", line.line, "ha.cf knows no such node", line.node, expected
                )
            )
        members = _members(line, settings.config / "haresources", find, unique, warnings)
        group = Group(unique("group_" + _short(line.node, settings.nodes)), members)
        groups.append(group)
        name = unique(f"{group.id}_prefers_{_short(line.node, settings.nodes)}")
        constraints.append(Preference(name, group.id, line.node, PREFERENCE))
    devices = _devices(settings, unique, constraints, problems, warnings)
    if problems:
        raise ImportRefused(problems)
    if not devices:
        warnings.extend(_risks(groups))
    return Plan(
        nodes=settings.nodes,
        groups=tuple(groups),
        devices=devices,
        constraints=tuple(constraints),
        properties=(("stonith-enabled", "true" if devices else "false"), (MARK, "true")),
        stickiness="INFINITY" if settings.auto_failback == "off" else "0",
        warnings=tuple(warnings),
    )


def requests(plan: Plan) -> tuple[Request, ...]:
    """The change that writes the plan into the CIB: one, so that it is one version."""
    return (Request("modify", section="configuration", xml=configuration_xml(plan), allow_create=True),)


def describe(plan: Plan) -> list[str]:
    """The plan in the words of the crm shell, one line for each object."""
    lines = [f"node {name}" for name in plan.nodes]
    for primitive in [member for group in plan.groups for member in group.members] + list(plan.devices):
        lines.append(f"primitive {primitive.id} {primitive.agent}")
        if primitive.parameters:
            lines[-1] += " params " + " ".join(f'{name}="{value}"' for name, value in primitive.parameters)
        lines[-1] += "".join(
            f" op {op.name} interval={op.interval} timeout={op.timeout}" for op in primitive.operations
        )
    lines += [f"group {group.id} {' '.join(member.id for member in group.members)}" for group in plan.groups]
    for item in plan.constraints:
        if isinstance(item, Preference):
            lines.append(f"location {item.id} {item.resource} {item.score}: {item.node}")
        else:
            lines.append(f"location {item.id} {item.resource} rule -inf: #uname ne {item.node}")
    lines.append("property " + " ".join(f"{name}={value}" for name, value in plan.properties))
    lines.append(f"rsc_defaults resource-stickiness={plan.stickiness}")
    return lines


def _members(
    line: ResourceLine, file: Path, find: FindScript, unique: Callable[[str], str], warnings: list[str]
) -> tuple[Primitive, ...]:
    members: list[Primitive] = []
    for resource in line.resources:
        found = convert(resource, find)
        members.append(msgspec.structs.replace(found.primitive, id=unique(found.base)))
        if found.warning:
            warnings.append(render(Problem("warning", file, resource.line, found.warning)))
    return tuple(members)


def _devices(
    settings: LegacySettings,
    unique: Callable[[str], str],
    constraints: list[Preference | OnlyOn],
    problems: list[Problem],
    warnings: list[str],
) -> tuple[Primitive, ...]:
    devices: list[Primitive] = []
    file = settings.config / "ha.cf"
    for stonith in settings.stonith:
        try:
            found = convert_line(stonith.words, settings.stonith_files)
        except FencingProblem as error:
            problems.append(Problem("error", file, stonith.line, str(error), error.value, error.expected))
            continue
        device = msgspec.structs.replace(found.primitive, id=unique(found.base))
        devices.append(device)
        if found.only_from:
            constraints.append(only_on(device, found.only_from))
    return tuple(devices)


def _risks(groups: Iterable[Group]) -> list[str]:
    """What it means that ha.cf names no fencing device."""
    shared = [
        f"{member.id} ({dict(member.parameters).get('device', '')})"
        for group in groups
        for member in group.members
        if member.type == "Filesystem"
    ]
    texts = [
        "ha.cf has no stonith line, so fencing is off (stonith-enabled=false): a node that is only cut off counts as "
        "down, and its services then run twice"
    ]
    if shared:
        texts.append(
            f"without fencing {', '.join(shared)} can be mounted by two nodes at once, which destroys the data of a "
            "shared disk; configure a fencing device"
        )
    return texts


def _unique_names() -> Callable[[str], str]:
    """A function that gives each base name once, and with a number after that."""
    taken: dict[str, int] = {}

    def unique(base: str) -> str:
        name = base if re.match(r"[A-Za-z_]", base) else f"rsc_{base}"
        taken[name] = taken.get(name, 0) + 1
        if taken[name] == 1:
            return name
        return unique(f"{name}_{taken[name]}")

    return unique


def _short(node: str, nodes: Sequence[str]) -> str:
    """The first part of a node's name where that names no other node, as part of an id."""
    short = node.partition(".")[0]
    alone = sum(name.partition(".")[0] == short for name in nodes) <= 1
    return re.sub(r"[^A-Za-z0-9_-]+", "_", short if alone else node)
