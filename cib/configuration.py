"""What daemons need of the configuration, as typed values with Pacemaker's defaults.

Source: Pacemaker Explained, "Cluster options", "Nodes", "Fencing".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from cib.document import Document
from cib.namevalue import BOOTSTRAP_OPTIONS, values_of
from cib.values import boolean_or, interval_ms_or, leading_integer
from cib.xml import Element, elements, name_of

NoQuorumPolicy = Literal["stop", "freeze", "ignore", "demote", "fence"]
_POLICIES: dict[str, NoQuorumPolicy] = {
    "stop": "stop",
    "freeze": "freeze",
    "ignore": "ignore",
    "demote": "demote",
    "fence": "fence",
    "suicide": "fence",
}
_NEW_NAMES = {
    "stonith-enabled": "fencing-enabled",
    "stonith-action": "fencing-action",
    "stonith-timeout": "fencing-timeout",
    "stonith-max-attempts": "fencing-max-attempts",
}
_NOT_MEMBERS = frozenset({"remote", "ping"})


class ClusterOptions(msgspec.Struct, frozen=True):
    """The cluster properties that daemons act on; `values` has all as they stand in the document."""

    values: dict[str, str]
    stonith_enabled: bool
    stonith_timeout_ms: int
    stonith_action: str
    """reboot or off."""
    stonith_max_attempts: int
    no_quorum_policy: NoQuorumPolicy
    cluster_recheck_interval_ms: int
    """0: only events make the policy engine run."""
    cluster_delay_ms: int
    dc_deadtime_ms: int
    shutdown_escalation_ms: int
    batch_limit: int
    """0: as many actions at once as the load allows."""
    migration_limit: int
    """-1: no limit."""
    transition_delay_ms: int
    start_failure_is_fatal: bool
    maintenance_mode: bool
    stop_all_resources: bool
    enable_acl: bool
    concurrent_fencing: bool
    startup_fencing: bool


def cluster_options(document: Document) -> ClusterOptions:
    """Read the cluster properties; what is absent or malformed has its default."""
    section = document.section("crm_config")
    values = values_of([section], "cluster_property_set", BOOTSTRAP_OPTIONS) if section is not None else {}
    policy = values.get("no-quorum-policy", "stop").lower()
    return ClusterOptions(
        values=values,
        stonith_enabled=boolean_or(_renamed(values, "stonith-enabled"), default=True),
        stonith_timeout_ms=interval_ms_or(_renamed(values, "stonith-timeout"), 60_000),
        stonith_action="off" if _renamed(values, "stonith-action") in ("off", "poweroff") else "reboot",
        stonith_max_attempts=max(1, _number(_renamed(values, "stonith-max-attempts"), 10)),
        no_quorum_policy=_POLICIES.get(policy, "stop"),
        cluster_recheck_interval_ms=interval_ms_or(values.get("cluster-recheck-interval"), 15 * 60_000),
        cluster_delay_ms=interval_ms_or(values.get("cluster-delay"), 60_000),
        dc_deadtime_ms=interval_ms_or(values.get("dc-deadtime"), 20_000),
        shutdown_escalation_ms=interval_ms_or(values.get("shutdown-escalation"), 20 * 60_000),
        batch_limit=_number(values.get("batch-limit"), 0),
        migration_limit=_number(values.get("migration-limit"), -1),
        transition_delay_ms=interval_ms_or(values.get("transition-delay"), 0),
        start_failure_is_fatal=boolean_or(values.get("start-failure-is-fatal"), default=True),
        maintenance_mode=boolean_or(values.get("maintenance-mode"), default=False),
        stop_all_resources=boolean_or(values.get("stop-all-resources"), default=False),
        enable_acl=boolean_or(values.get("enable-acl"), default=False),
        concurrent_fencing=boolean_or(values.get("concurrent-fencing"), default=True),
        startup_fencing=boolean_or(values.get("startup-fencing"), default=True),
    )


def _renamed(values: Mapping[str, str], name: str) -> str | None:
    """Return the value of an option that newer releases call otherwise; the name of today goes first."""
    return values.get(_NEW_NAMES[name], values.get(name))


def _number(text: str | None, default: int) -> int:
    number = leading_integer(text)
    return default if number is None else number


class ConfiguredNode(msgspec.Struct, frozen=True):
    """An entry of the `nodes` section."""

    id: str
    uname: str
    kind: str
    """member or remote (ping in documents of the oldest kind)."""
    attributes: dict[str, str]
    """Permanent attributes (standby, maintenance and the user's own)."""


def nodes(document: Document) -> tuple[ConfiguredNode, ...]:
    """Return the configured nodes, in document order."""
    section = document.section("nodes")
    if section is None:
        return ()
    return tuple(
        ConfiguredNode(
            id=node.get("id", ""),
            uname=node.get("uname", ""),
            kind="member" if node.get("type", "member") in ("member", "normal") else node.get("type", ""),
            attributes=values_of([node], "instance_attributes"),
        )
        for node in section.iterchildren("node")
    )


def voters(document: Document) -> tuple[str, ...]:
    """Return the names of the nodes that the configuration gives a vote, in document order."""
    section = document.section("nodes")
    if section is None:
        return ()
    members = (node for node in section.iterchildren("node") if node.get("type", "member") not in _NOT_MEMBERS)
    return tuple(node.get("uname", "") for node in members)


def node_id(document: Document, uname: str) -> str:
    """Return the id under which the CIB knows a node; its name where it has no entry yet."""
    section = document.section("nodes")
    for node in section.iterchildren("node") if section is not None else ():
        if node.get("uname") == uname:
            return node.get("id", uname)
    return uname


class ConfiguredResource(msgspec.Struct, frozen=True):
    """A primitive, its template filled in."""

    id: str
    standard: str
    provider: str
    type: str
    parameters: dict[str, str]
    meta: dict[str, str]
    container: str
    """Id of the group, clone or bundle around it; empty when it stands alone."""


def resources(document: Document) -> tuple[ConfiguredResource, ...]:
    """Return all primitives, in document order."""
    section = document.section("resources")
    if section is None:
        return ()
    return tuple(_resource(document, element) for element in section.iterdescendants("primitive"))


def _resource(document: Document, element: Element) -> ConfiguredResource:
    sources = [element]
    template = element.get("template")
    section = document.section("resources")
    if template is not None and section is not None:
        found = document.child(section, "template", template)
        sources += [found] if found is not None else []
    kind = sources[-1]
    parent = element.getparent()
    inside = parent is not None and name_of(parent) != "resources"
    return ConfiguredResource(
        id=element.get("id", ""),
        standard=kind.get("class", ""),
        provider=kind.get("provider", ""),
        type=kind.get("type", ""),
        parameters=values_of(sources, "instance_attributes"),
        meta=values_of(sources, "meta_attributes"),
        container=parent.get("id", "") if inside and parent is not None else "",
    )


def fencing_devices(document: Document) -> tuple[ConfiguredResource, ...]:
    """Return the fencing devices: primitives of class stonith; `type` is the fence agent."""
    section = document.section("resources")
    if section is None:
        return ()
    # There are few among many, and this is asked at every change: others are not read.
    may_be = (e for e in section.iterdescendants("primitive") if e.get("class") == "stonith" or e.get("template"))
    return tuple(found for element in may_be if (found := _resource(document, element)).standard == "stonith")


class FencingLevel(msgspec.Struct, frozen=True):
    """One level of the fencing topology: all `devices` must succeed."""

    id: str
    index: int
    devices: tuple[str, ...]
    target: str = ""
    """Exactly one of target, target_pattern (regular expression) and target_attribute says which nodes are meant."""
    target_pattern: str = ""
    target_attribute: str = ""
    target_value: str = ""


def fencing_topology(document: Document) -> tuple[FencingLevel, ...]:
    """Return the levels, in document order; those without a usable index are left out."""
    section = document.section("fencing-topology")
    levels: list[FencingLevel] = []
    for element in elements(section) if section is not None else ():
        index = leading_integer(element.get("index"))
        if name_of(element) != "fencing-level" or index is None or index < 1:
            continue
        levels.append(
            FencingLevel(
                id=element.get("id", ""),
                index=index,
                devices=tuple(name.strip() for name in element.get("devices", "").split(",") if name.strip()),
                target=element.get("target", ""),
                target_pattern=element.get("target-pattern", ""),
                target_attribute=element.get("target-attribute", ""),
                target_value=element.get("target-value", ""),
            )
        )
    return tuple(levels)
