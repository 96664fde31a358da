"""The words for the reasons of `pengine.explanation`: what is so, and what would change it.

Fields in braces are those of the reason; {id} is the resource that is explained. An empty remedy: nothing that a
person could or should do about this alone.
"""

from __future__ import annotations

from pengine.explanation import Reason

_OBSTACLES = {
    "offline": ("{node} is offline", "start the cluster on {node}"),
    "unclean": (
        "{node} is unclean: what runs there is not known until it is fenced",
        "see why fencing has not succeeded; if {node} is surely off: stonith_admin --confirm {node}",
    ),
    "unclean-fenced": ("{node} is unclean, and is fenced now", ""),
    "unconnected": ("{node} is not connected: {subject} is not active", "see why {subject} does not run"),
    "without-connection": ("{node} is a remote node that no connection leads to", ""),
    "shutdown": ("{node} is shutting down", "start the cluster on {node} again"),
    "pending": ("{node} has not joined the cluster yet", "wait until it has, or see why it does not"),
    "standby": ("{node} is in standby", "crm node online {node}"),
    "standby-on-fail": (
        "{node} is in standby because an operation with on-fail=standby failed there",
        "crm resource cleanup of the resource that failed",
    ),
    "node-maintenance": ("{node} is in maintenance", "crm node ready {node}"),
    "not-allowed": (
        "no location constraint allows {id} on {node}, and symmetric-cluster is false",
        "crm configure location NAME {id} 0: {node}",
    ),
    "not-considered": ("it can't run on {node} by what the two are", ""),
    "location": ("location constraint {constraint} forbids {node}", "change or delete location {constraint}"),
    "moved-away": ("'crm resource move' or 'ban' keeps it off {node} ({constraint})", "crm resource clear {id}"),
    "health": ("the health attributes of {node} forbid it", "mend {node}, then set its #health attributes to green"),
    "ticket": ("ticket {subject} is not granted here (constraint {constraint})", "grant ticket {subject} to this site"),
    "migration-threshold": (
        "{detail} on {node}, which reaches its migration-threshold",
        "mend the cause, then: crm resource cleanup {subject} {node}",
    ),
    "shutdown-lock": (
        "it is locked to {subject}, which was shut down cleanly (shutdown-lock)",
        "start {subject}, or give the lock up: crm resource refresh {id} {subject}",
    ),
    "exclusive-discovery": (
        "a location constraint with resource-discovery=exclusive allows only other nodes",
        "add {node} to those constraints",
    ),
    "not-installed": (
        "its agent or software is missing on {node}{said}",
        "install it, then: crm resource cleanup {subject} {node}",
    ),
    "hard-error": (
        "it can't work on {node}{said} (operation {constraint})",
        "mend the cause, then: crm resource cleanup {subject} {node}",
    ),
    "fatal-error": (
        "its configuration is wrong{said} (operation {constraint} on {node})",
        "correct its parameters, then: crm resource cleanup {subject}",
    ),
    "masked-probe-failure": (
        "the probe on {node} said that it can't work there{said}",
        "if it should run on {node}: mend the cause, then crm resource refresh {subject} {node}",
    ),
    "stop-failure": (
        "it could not be stopped on {node}{said}",
        "mend the cause, then: crm resource cleanup {subject} {node}",
    ),
    "on-fail": (
        "an operation with on-fail=stop failed{said} ({constraint})",
        "mend the cause, then: crm resource cleanup {subject}",
    ),
    "multiple-active": (
        "it was active on several nodes, and multiple-active is stop_only",
        "once it is stopped everywhere: crm resource refresh {id}",
    ),
    "utilization": ("{node} has no room for it ({detail})", "free some of it, or raise the capacity of {node}"),
    "clone-full": ("{node} has {detail} already (clone-node-max of {subject})", "raise clone-node-max of {subject}"),
    "clone-taken": ("{node} was given to another instance of {subject}", ""),
    "apart": (
        "it must not be with {subject}, which is there (colocation {constraint})",
        "move {subject}, or change or delete colocation {constraint}",
    ),
    "with-nowhere": ("it must be with {subject}{by}, which has no node", "see: crm_simulate --explain {subject}"),
    "with-nowhere-role": (
        "it must be with {subject} as {detail}{by}, which is so nowhere",
        "see: crm_simulate --explain {subject}",
    ),
    "with-elsewhere": ("it must be with {subject}{by}, which is on {detail}", "move {subject}"),
    "with-instance": ("it must be with the instance of {subject} that belongs to it{by}, which is elsewhere", ""),
    "colocation": ("colocation {constraint} forbids {node}", "change or delete colocation {constraint}"),
    "dependent": (
        "{subject}, which must be with it (colocation {constraint}), can't be there",
        "see: crm_simulate --explain {subject} {node}",
    ),
    "negative": ("its score there is below zero ({detail})", "raise one of the contributions above zero"),
    "node": ("{node} itself has the score -INFINITY", "change the score of {node}"),
    "container": ("it belongs to {subject}", ""),
    "remote": ("connections and fence devices do not run on remote nodes", ""),
    "bundle": ("it belongs to bundle {subject}", ""),
    "unmanaged": ("it is not managed", ""),
}

_CAUSES = {
    "only-node": ("no other node can run it", ""),
    "highest": ("it has its highest score there ({detail})", ""),
    "lower": ("its score is lower there ({detail})", ""),
    "stays-unmanaged": ("it is not managed and stays on {subject}", "crm resource manage {id}"),
    "tie-present": ("{subject} and {node} are equally good, and it is on {subject} already", ""),
    "tie-fewer": (
        "{subject} and {node} are equally good, and {subject} had fewer resources when it was chosen ({detail})",
        "",
    ),
    "tie-order": (
        "{subject} and {node} are equally good, and {subject} comes first in the order of names",
        "",
    ),
    "tie-capacity": (
        "{subject} and {node} are equally good, and {subject} has more capacity left (placement-strategy=balanced)",
        "",
    ),
    "tie-capable": ("no node has room for all that must be with it, and {subject} has the most room", ""),
    "tie-migration": ("its migration to {subject} has begun", ""),
    "follows": ("it must be with {subject}{by}", ""),
    "follows-group": ("it follows {subject} in group {constraint}", ""),
    "failed": ("{subject} failed on {node} ({detail})", ""),
    "recovery": ("it failed", ""),
    "blocked": (
        "it is blocked after a failure: nothing is done with it until it is cleaned up",
        "make sure by hand that it is in order, then: crm resource cleanup {subject}",
    ),
    "blocked-multiple": (
        "it is active on {detail} at once, and multiple-active is block",
        "stop it by hand on all nodes but one, then: crm resource refresh {subject}",
    ),
    "ticket-frozen": ("ticket {subject} was lost, and loss-policy of {constraint} is freeze", "grant ticket {subject}"),
    "removed": ("it is no longer configured", ""),
    "removed-kept": (
        "it is no longer configured, and stop-orphan-resources is false",
        "stop it by hand, or: crm configure property stop-orphan-resources=true",
    ),
    "maintenance-mode": ("maintenance-mode is on", "crm configure property maintenance-mode=false"),
    "resource-maintenance": ("it is in maintenance", "crm resource maintenance {subject} off"),
    "is-managed": ("is-managed is false", "crm resource manage {subject}"),
    "not-managed": ("{subject} is not managed", "crm resource manage {subject}"),
    "no-fence-device": (
        "fencing is enabled and no fence device is configured",
        "configure a fence device, or, where no data are shared: crm configure property stonith-enabled=false",
    ),
    "target-role": ("its target-role is Stopped", "crm resource start {subject}"),
    "stop-all": ("stop-all-resources is true", "crm configure property stop-all-resources=false"),
    "no-quorum": ("the cluster has no quorum", "bring back enough nodes, or see no-quorum-policy"),
    "quorum-freeze": (
        "the cluster has no quorum, and no-quorum-policy=freeze starts nothing new",
        "bring back enough nodes",
    ),
    "clone-max": ("{subject} has its clone-max of {detail} instances elsewhere", "raise clone-max of {subject}"),
    "clone-surplus": (
        "{subject} has one instance on every node that can run it ({detail})",
        "",
    ),
    "on-fail-stop": ("on-fail of that operation is stop", "mend the cause, then: crm resource cleanup {subject}"),
    "no-partner": (
        "there is no instance of {subject} left that it could be with{constraint_by}",
        "see: crm_simulate --explain {subject}",
    ),
    "no-usable-node": ("no node can run it", ""),
    "no-node": ("{subject} has no node", "see: crm_simulate --explain {subject}"),
    "blocked-by": ("it needs {task} of {subject}{constraint_by}, which can't be done", ""),
    "blocked-by-point": ("not enough of what {detail} stands for can be done", ""),
    "unrunnable": ("its node can't do that now", ""),
    "required": ("{task} of {subject} requires it{constraint_by}", ""),
    "required-by-itself": ("it belongs to what is done with the resource", ""),
    "definition-changed": ("its parameters were changed", ""),
    "reload": ("parameters were changed that its agent can take over without a restart", ""),
    "promoted": ("its promotion score is {detail}{others}", ""),
    "promotion-banned": ("a constraint, or what it must be with, forbids its promotion (score {detail})", ""),
    "promotion-negative": (
        "its promotion score is {detail}: its agent has set none on {node} that is 0 or more",
        "see attribute master-{subject} of {node}",
    ),
    "promotion-lower": ("its promotion score is {detail}, and {subject} is promoted", ""),
    "promotion-none": ("promoted-max or the state of its node leaves no room (promotion score {detail})", ""),
    "promotion-ticket": (
        "ticket {subject} is not granted here (constraint {constraint})",
        "grant ticket {subject} to this site",
    ),
    "promotion-no-quorum": ("nothing is promoted without quorum", "bring back enough nodes"),
}

_CONTRIBUTIONS = {
    "location": "location {constraint}",
    "stickiness": "stickiness: it is there now",
    "colocation": "colocation {constraint}",
    "dependent": "colocation {constraint}: what wants to be with it likes the node",
    "promotion-score": "promotion score",
    "node": "the node's own score",
    "unmanaged": "it is there and not managed",
    "migration-threshold": "{constraint}",
    "clone": "clone {constraint}: the node is full or can't be used",
    "clone-max": "clone {constraint}: all its instances are placed",
    "ticket": "ticket constraint {constraint}",
    "shutdown-lock": "locked to {constraint}",
    "target-role": "it is to be stopped",
    "utilization": "no room on the node",
    "exclusive-discovery": "resource-discovery=exclusive elsewhere",
    "container": "it belongs with {constraint}",
    "remote": "not on remote nodes",
    "bundle": "bundle {constraint}",
    "removed": "it is no longer configured",
    "multiple-active": "it was active several times",
}
"""By source; all others are results of operations, told with the operation's id."""

_ACTIONS = {
    "probe": "whether it runs on {node} is not known yet",
    "reprobe": "what was found on {node} before no longer counts",
    "recurring": "it is watched while it is on {node}",
    "cancel": "it is no longer to be watched so: {detail}",
    "lrm_delete": "what {node} knows of it is to be forgotten",
    "clear_failcount": "its failures on {node} are to be forgotten",
    "notify": "its agent wants to be told of what happens to its clone",
    "point": "it is a point that others wait for",
    "fenced": "{node} is fenced, which ends it there",
    "live-migration": "it moves live",
    "multiply-active": "it is active on {detail}",
    "shutdown": "{node} is shutting down",
    "moves-away": "it shall be on {detail}",
    "moves-here": "it shall be on {node}",
    "to-be-stopped": "it shall not run",
    "to-be-demoted": "it shall not be promoted",
    "to-be-started": "it shall run on {node}",
    "to-be-promoted": "it shall be promoted on {node}",
    "awaited": "it was asked for before, and its result is not known yet",
    "recovery": "it failed, and is to be recovered",
}

_RELATIONS = {
    "after-fencing": "nothing that may still run there is started elsewhere before",
    "after-enough": "{constraint} asks for enough of it",
    "after-load": "room must be made first",
    "after-point": "",
    "after-probe": "it must be known where it runs",
    "same-resource": "",
    "order": "order {constraint}",
    "part-of": "",
    "group-order": "order in group {subject}",
    "makes-room": "they must not be together: colocation {constraint}",
    "launches": "one runs inside the other",
    "ordered": "",
}

TASKS = {
    "start": "start",
    "stop": "stop",
    "promote": "promotion",
    "demote": "demotion",
    "monitor": "monitor",
    "migrate_to": "migration away",
    "migrate_from": "migration in",
    "stonith": "fencing",
    "notify": "notification",
    "reload-agent": "reload",
    "delete": "forgetting the history",
    "lrm_delete": "forgetting the history",
    "clear_failcount": "forgetting the failures",
    "cancel": "end of a monitor",
    "running": "complete start",
    "stopped": "complete stop",
    "promoted": "complete promotion",
    "demoted": "complete demotion",
}


def cause(reason: Reason, identifier: str) -> str:
    """Return what a reason says, as a clause without a full stop."""
    for table in (_CAUSES, _OBSTACLES):
        if reason.kind in table:
            return _fill(table[reason.kind][0], reason, identifier)
    if reason.kind in _ACTIONS:
        return _fill(_ACTIONS[reason.kind], reason, identifier)
    return contribution(reason.kind.removeprefix("by-"), reason.constraint, reason.detail)


def remedy(reason: Reason, identifier: str) -> str:
    """Return what would change it; empty where there is nothing to be done about it."""
    for table in (_CAUSES, _OBSTACLES):
        if reason.kind in table:
            return _fill(table[reason.kind][1], reason, identifier)
    return ""


def contribution(source: str, constraint: str, amount: str) -> str:
    """Return one change of a score in words."""
    text = _CONTRIBUTIONS.get(source)
    if text is None:
        words = f"operation {constraint} ({source})"
    elif source == "colocation" and constraint == "group:members":
        words = "the earlier member of its group"
    else:
        words = text.format(constraint=constraint)
    return f"{amount if amount.startswith('-') else '+' + amount} {words}"


def why(reason: Reason, identifier: str) -> str:
    """Return why an action exists."""
    if reason.kind in _ACTIONS:
        return _fill(_ACTIONS[reason.kind], reason, identifier)
    return cause(reason, identifier)


def relation(reason: Reason) -> str:
    """Return what makes one action wait for another; empty where that needs no words."""
    return _fill(_RELATIONS[reason.kind], reason, "")


def _fill(text: str, reason: Reason, identifier: str) -> str:
    constraint = reason.constraint
    return text.format(
        id=identifier,
        node=reason.node,
        subject=reason.subject,
        constraint=constraint,
        detail=reason.detail,
        task=TASKS.get(reason.detail, reason.detail),
        by=f" (colocation {constraint})" if constraint else "",
        constraint_by=f" (constraint {constraint})" if constraint else "",
        said=f": {reason.detail}" if reason.detail else "",
        others=f", the best (others: {reason.subject})" if reason.subject else "",
    )
