"""Which members of a view without quorum are given nothing to run until there is quorum (pure)."""

from __future__ import annotations

from cib.configuration import ClusterOptions
from crmd.cib_view import NodeRow
from crmd.peer_messages import JoinRequest


def waits_for_quorum(request: JoinRequest, row: NodeRow | None, options: ClusterOptions) -> bool:
    """Say whether a member of a view without quorum waits; `row` is what the CIB says of it.

    Under `freeze` a part of the cluster without quorum goes on with what it has, moves included. A node that came up
    in it may be one that the others have fenced or seen leave: they hold it for down, and would start what was moved
    to it without fencing it again. A node on which something is active is none of these.
    """
    if request.met_quorum or options.no_quorum_policy != "freeze" or not options.stonith_enabled:
        return False
    return not request.table.active_order if request.table is not None else row is not None and row.pending
