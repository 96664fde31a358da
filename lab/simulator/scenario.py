"""What a seed means: how many nodes, which configuration, which workload, which faults and when."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

FAULTS_BEGIN_MS = 15_000
FAULTS_END_MS = 110_000
"""Then everything heals; the run ends when the cluster is idle, within a bound."""
SETTLE_MS = 150_000

MARKS = 10
"""Configuration changes of clients in a run."""

PRIMITIVES = ("ip", "disk", "web", "db", "cache", "mail", "queue", "index", "report")
FENCE_DEVICE = "power"

KINDS = (
    ("power_cut", 4),
    ("kill_crmd", 3),
    ("kill_lrmd", 3),
    ("kill_heartbeat", 2),
    ("short_pause", 1),
    ("long_pause", 2),
    ("cut", 2),
    ("one_way_cut", 2),
    ("isolate", 2),
    ("partition", 2),
    ("weather", 3),
    ("resource_crash", 4),
    ("start_fails", 2),
    ("stop_fails", 1),
    ("stop_hangs", 1),
    ("monitor_hangs", 2),
    ("slow_agents", 1),
    ("fencing_fails", 1),
    ("slow_fencing", 1),
    ("clock_jump", 1),
    ("standby", 2),
    ("graceful_stop", 2),
    ("disk_full", 1),
    ("worker_dies", 1),
    ("move_preference", 2),
    ("wrong_exit", 2),
    ("monitor_lies", 1),
    ("controller_stalls", 3),
    ("messaging_stalls", 1),
    ("executor_stalls", 1),
    ("slow_disk", 1),
    ("late_fencing", 1),
    ("blackout", 1),
    ("lrmd_dies_amid", 2),
    ("crmd_dies_amid", 2),
    ("power_fails_amid", 2),
    ("slow_dc_dies", 2),
)


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong (or is asked for by an administrator) at a time."""

    at_ms: int
    kind: str
    seed: int
    """Of a generator of its own: which node, how long."""


@dataclass(frozen=True)
class Scenario:
    """Everything that a seed decides before the run."""

    seed: int
    nodes: tuple[str, ...]
    fencing: bool
    faults: tuple[Fault, ...]
    keepalive_ms: int = 200
    warntime_ms: int = 500
    deadtime_ms: int = 1000
    initdead_ms: int = 3000
    stop_grace_ms: int = 0
    no_quorum_policy: str = "stop"
    marks_at_ms: tuple[int, ...] = field(default=())
    """When clients write a mark into the configuration."""
    large: bool = False
    """Every document counts as large: it is examined and read outside of the event, which takes its time."""


def make(seed: int) -> Scenario:
    """Decide. The same seed gives the same scenario on every machine and Python."""
    rng = random.Random(seed)
    size = rng.choice((2, 3, 3, 5))
    count = rng.randint(6, 12)
    kinds = [kind for kind, _ in KINDS]
    weights = [weight for _, weight in KINDS]
    faults = tuple(
        sorted(
            (
                Fault(rng.randint(FAULTS_BEGIN_MS, FAULTS_END_MS), rng.choices(kinds, weights)[0], rng.getrandbits(32))
                for _ in range(count)
            ),
            key=lambda fault: (fault.at_ms, fault.kind, fault.seed),
        )
    )
    fencing = rng.random() < 0.8
    return Scenario(
        seed=seed,
        nodes=tuple(f"n{number}" for number in range(1, size + 1)),
        fencing=fencing,
        stop_grace_ms=0 if fencing else rng.choice((0, 0, 1_500)),
        no_quorum_policy=rng.choice(("stop", "stop", "stop", "freeze")),
        faults=faults,
        marks_at_ms=tuple(sorted(rng.randint(8_000, FAULTS_END_MS) for _ in range(MARKS))),
        # By the number, so that the other seeds (those that once failed among them) mean what they meant before.
        large=seed % 9 == 7,
    )


def configuration(scenario: Scenario) -> bytes:
    """The cib.xml that every node finds at its first start: a group, ordered, colocated and preferring resources."""
    fencing = scenario.fencing
    device = (
        f'<primitive id="{FENCE_DEVICE}" class="stonith" type="fence_sim">'
        f'<instance_attributes id="{FENCE_DEVICE}-ia">'
        f'<nvpair id="{FENCE_DEVICE}-list" name="pcmk_host_list" value="{" ".join(scenario.nodes)}"/>'
        "</instance_attributes></primitive>"
        if fencing
        else ""
    )
    group = "".join(primitive(name) for name in PRIMITIVES[:3])
    others = "".join(primitive(name) for name in PRIMITIVES[3:])
    last = scenario.nodes[-1]
    return f"""<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0"><configuration>
<crm_config><cluster_property_set id="cib-bootstrap-options">
<nvpair id="opt-stonith" name="stonith-enabled" value="{"true" if fencing else "false"}"/>
<nvpair id="opt-quorum" name="no-quorum-policy" value="{scenario.no_quorum_policy}"/>
<nvpair id="opt-recheck" name="cluster-recheck-interval" value="60s"/>
</cluster_property_set></crm_config>
<nodes>{"".join(f'<node id="{name}" uname="{name}"/>' for name in scenario.nodes)}</nodes>
<resources>{device}<group id="service">{group}</group>{others}</resources>
<constraints>
<rsc_location id="prefer-service" rsc="service" node="{scenario.nodes[0]}" score="100"/>
<rsc_location id="prefer-db" rsc="db" node="{last}" score="50"/>
<rsc_order id="db-then-cache" first="db" then="cache"/>
<rsc_colocation id="cache-with-db" rsc="cache" with-rsc="db" score="INFINITY"/>
<rsc_colocation id="mail-not-with-service" rsc="mail" with-rsc="service" score="-100"/>
<rsc_order id="service-then-queue" first="service" then="queue"/>
<rsc_order id="index-then-report" first="index" then="report" kind="Optional"/>
</constraints>
<rsc_defaults><meta_attributes id="rsc-defaults">
<nvpair id="stickiness" name="resource-stickiness" value="10"/>
<nvpair id="threshold" name="migration-threshold" value="3"/>
<nvpair id="failure-timeout" name="failure-timeout" value="60s"/>
</meta_attributes></rsc_defaults>
</configuration><status/></cib>
""".encode()


def primitive(name: str) -> str:
    """One simulated resource with a recurring monitor."""
    return (
        f'<primitive id="{name}" class="ocf" provider="heartbeat" type="Dummy"><operations>'
        f'<op id="{name}-monitor" name="monitor" interval="2s" timeout="3s"/>'
        f'<op id="{name}-start" name="start" interval="0" timeout="5s"/>'
        f'<op id="{name}-stop" name="stop" interval="0" timeout="5s"/>'
        "</operations></primitive>"
    )
