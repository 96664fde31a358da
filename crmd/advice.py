"""Sentences for people: what the configuration risks, and what is waited for (a pure function)."""

from __future__ import annotations

from cib.configuration import ClusterOptions
from heartbeat.messages import ClusterSettings, Quorum


def sentences(
    options: ClusterOptions,
    cluster: ClusterSettings,
    quorum: Quorum,
    voters: tuple[str, ...],
    members: tuple[str, ...],
    waiting: tuple[str, ...],
    from_policy_engine: tuple[str, ...],
) -> tuple[str, ...]:
    """What `crm_mon` and the log tell beside the state, the most urgent first."""
    votes = len(voters)
    told = list(from_policy_engine)
    if waiting:
        told.append(f"Waiting for the controller of {', '.join(waiting)}.")
    without_vote = [name for name in members if name not in voters] if voters else []
    if without_vote:
        told.append(
            f"{', '.join(without_vote)} takes part without a vote and runs nothing: "
            f"'crm node add {' '.join(without_vote)}' gives it one."
        )
    if not quorum.quorate and votes:
        told.append(
            f"This partition has {quorum.votes} of {quorum.expected} votes and no quorum: "
            f"no-quorum-policy={options.no_quorum_policy} applies."
        )
    if not options.stonith_enabled:
        told.append(
            f"Fencing is off: a node counts as down {cluster.deadtime_ms} ms after it was last heard"
            + (f" and {cluster.stop_grace_ms} ms of stop-grace" if cluster.stop_grace_ms else "")
            + ", and if it is alive after all, its resources run twice and shared data may be destroyed."
        )
        if votes == 2:
            told.append(
                "With two nodes and no fencing, both sides of a broken network go on by themselves, "
                "and which one should have stopped cannot be known."
            )
    if quorum.quorate and not quorum.config_writes:
        told.append("The other nodes have not been seen: configuration is written only with --force.")
    return tuple(told)
