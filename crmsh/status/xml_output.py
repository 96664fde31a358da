"""A status as XML, in the form of crm_mon --output-as=xml (envelope `pacemaker-result`)."""

from __future__ import annotations

import time

from crmsh.envelope import Tag
from crmsh.status.blocks import when
from crmsh.status.model import ClusterStatus, HistoryView, NodeView, ResourceView
from crmsh.status.options import ShowOptions, named_itself, shown_history, shown_node, shown_resource


def add_status(root: Tag, status: ClusterStatus, options: ShowOptions) -> None:
    """Put the whole status into an envelope."""
    if any(options.shows(name) for name in ("stack", "dc", "times", "counts", "options")):
        _summary(root, status, options)
    if options.shows("nodes"):
        nodes = root.add("nodes")
        for node in status.nodes:
            if shown_node(options, node):
                _node(nodes, node, options)
    if options.shows("resources"):
        resources = root.add("resources")
        for resource in status.resources:
            if resource.orphaned and not resource.is_active(True):
                continue  # an instance of a clone is shown all the same
            _resource(resources, resource, options, whole=options.only_resources is None)
    if options.shows("attributes"):
        _attributes(root, status, options)
    if options.shows("operations") or options.shows("failcounts"):
        history = Tag("node_history")
        if options.only_nodes is None or any(shown_node(options, node) for node, _ in status.history):
            root.below.append(history)
        for node, views in status.history:
            if shown_node(options, node):
                _history(history, node, views, options)
    if options.shows("failures"):
        _failures(root, status, options)
    if options.shows("fencing-failed") or options.shows("fencing-succeeded"):
        _fencing(root, status)
    if options.shows("tickets") and status.tickets:
        tickets = root.add("tickets")
        for ticket in status.tickets:
            tickets.add(
                "ticket", id=ticket.id, status="granted" if ticket.granted else "revoked", standby=ticket.standby
            )
    if options.shows("bans"):
        _bans(root, status, options)


def _summary(root: Tag, status: ClusterStatus, options: ShowOptions) -> None:
    summary, tag = status.summary, root.add("summary")
    if options.shows("stack"):
        tag.add("stack", type=summary.stack)
    if options.shows("dc"):
        dc = summary.coordinator
        if dc.name:
            tag.add(
                "current_dc", present=True, version=dc.version, name=dc.name, id=dc.id, with_quorum=dc.quorate,
                mixed_version=dc.mixed,
            )  # fmt: skip
        else:
            tag.add("current_dc", present=False)
    if options.shows("times"):
        tag.add("last_update", time=summary.updated)
        tag.add(
            "last_change", time=summary.changed, user=summary.changed_user, client=summary.changed_client,
            origin=summary.changed_origin,
        )  # fmt: skip
    if options.shows("counts"):
        tag.add("nodes_configured", number=summary.nodes)
        tag.add("resources_configured", number=summary.resources, disabled=summary.disabled, blocked=summary.blocked)
    if options.shows("options"):
        tag.add(
            "cluster_options",
            fencing__enabled=summary.fencing_enabled,
            fencing__timeout__ms=summary.fencing_timeout_ms,
            symmetric__cluster=summary.symmetric,
            no__quorum__policy=summary.quorum_policy,
            maintenance__mode=summary.maintenance_mode,
            stop__all__resources=summary.stop_all,
            priority__fencing__delay__ms=summary.priority_fencing_delay_ms,
            stonith__enabled=summary.fencing_enabled,
            stonith__timeout__ms=summary.fencing_timeout_ms,
        )


def _node(parent: Tag, node: NodeView, options: ShowOptions) -> None:
    tag = parent.add(
        "node",
        name=node.name,
        id=node.id,
        online=node.online,
        standby=node.standby,
        standby_onfail=node.standby_on_fail,
        maintenance=node.maintenance,
        pending=node.pending,
        unclean=node.unclean,
        health=node.health_colour,
        feature_set=node.feature_set or None,
        shutdown=node.shutdown,
        expected_up=node.expected_up,
        is_dc=node.coordinator,
        resources_running=len(node.running),
        type="member" if node.kind == "cluster" else "remote",
        id_as_resource=node.container or None,
    )
    if options.by_node:
        for resource in node.running:
            _resource(tag, resource, options, whole=True)


def _resource(parent: Tag, resource: ResourceView, options: ShowOptions, whole: bool, *, placed: bool = False) -> None:
    """`placed`: what contains it is on a node that is shown, so that its own place does not matter."""
    if not shown_resource(options, resource, whole):
        return
    if options.only_nodes is not None and not placed:
        running = resource.running_on()
        if running and not any(shown_node(options, node) for node in running):
            return
    whole = whole or named_itself(options, resource)
    match resource.kind:
        case "group":
            tag = parent.add(
                "group", id=resource.full_id, number_resources=len(resource.children),
                maintenance=resource.maintenance, managed=resource.managed, disabled=resource.disabled,
                description=resource.description if options.description and resource.description else None,
            )  # fmt: skip
        case "bundle":
            tag = parent.add(
                "bundle",
                id=resource.id,
                type=resource.launcher,
                image=resource.image,
                unique=False,
                maintenance=resource.maintenance,
                managed=resource.managed,
                failed=resource.failed,
            )
        case "replica":
            tag = parent.add("replica", id=resource.id)
        case "clone":
            tag = parent.add(
                "clone",
                id=resource.id,
                multi_state=resource.promotable,
                unique=resource.unique,
                maintenance=resource.maintenance,
                managed=resource.managed,
                disabled=resource.disabled,
                failed=resource.failed,
                failure_ignored=resource.failure_ignored,
                target_role=resource.target_role or None,
                description=resource.description if options.description and resource.description else None,
            )
        case _:
            _primitive(parent, resource, options)
            return
    for child in resource.children:
        _resource(tag, child, options, whole, placed=resource.kind == "replica")


def _primitive(parent: Tag, resource: ResourceView, options: ShowOptions) -> None:
    tag = parent.add(
        "resource",
        id=resource.id,
        resource_agent=resource.agent,
        role=resource.role,
        target_role=resource.configured_target_role or None,
        active=resource.is_active(True),
        orphaned=resource.orphaned,
        removed=resource.orphaned,
        blocked=resource.blocked,
        maintenance=resource.maintenance,
        managed=resource.managed,
        failed=resource.failed,
        failure_ignored=resource.failure_ignored,
        nodes_running_on=len(resource.nodes),
        pending=resource.pending or None,
        description=resource.description if options.description and resource.description else None,
    )
    for node in resource.nodes:
        tag.add("node", name=node.name, id=node.id, cached=node.online)


def _attributes(root: Tag, status: ClusterStatus, options: ShowOptions) -> None:
    nodes = [node for node in status.nodes if node.attributes and shown_node(options, node)]
    if not nodes:
        return
    tag = root.add("node_attributes")
    for node in nodes:
        below = tag.add("node", name=node.name)
        for attribute in node.attributes:
            below.add("attribute", name=attribute.name, value=attribute.value, expected=attribute.expected)


def _history(parent: Tag, node: NodeView, views: list[HistoryView], options: ShowOptions) -> None:
    shown = [
        view for view in views
        if (view.operations or view.fail_count)
        and (shown_history(options, view.resource))
    ]  # fmt: skip
    if not shown:
        return
    tag = parent.add("node", name=node.name)
    for view in shown:
        last = when(view.last_failure) if view.last_failure else None
        below = tag.add(
            "resource_history", id=view.resource, orphan=view.orphaned, removed=view.orphaned,
            migration__threshold=view.threshold or 1_000_000, fail__count=view.fail_count or None, last__failure=last,
        )  # fmt: skip
        if not options.shows("operations"):
            continue
        for operation in view.operations:
            below.add(
                "operation_history",
                call=operation.call,
                task=operation.task,
                rc=operation.rc,
                rc_text=operation.rc_text,
                interval=f"{operation.interval_ms}ms" if operation.interval_ms else None,
                last__rc__change=when(operation.last_change) if operation.last_change else None,
                exec__time=f"{operation.exec_ms}ms" if operation.exec_ms else None,
                queue__time=f"{operation.queue_ms}ms" if operation.queue_ms else None,
            )


def _failures(root: Tag, status: ClusterStatus, options: ShowOptions) -> None:
    shown = [
        failure for failure in status.failures
        if (options.only_nodes is None or failure.node in options.only_nodes)
        and (options.only_resources is None or failure.resource in options.only_resources)
    ]  # fmt: skip
    if not shown:
        return
    tag = root.add("failures")
    for failure in shown:
        changed = None
        if failure.last_change:
            changed = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(failure.last_change))
        tag.add(
            "failure",
            op_key=failure.key,
            node=failure.node,
            exitstatus=failure.rc_text,
            exitreason=failure.reason,
            exitcode=failure.rc,
            call=failure.call,
            status=failure.status,
            last__rc__change=changed,
            queued=failure.queue_ms or 0,
            exec_=failure.exec_ms or 0,
            interval=failure.interval_ms,
            task=failure.task,
        )


def _fencing(root: Tag, status: ClusterStatus) -> None:
    if not status.fencing:
        return
    tag = root.add("fence_history")
    for record in status.fencing:
        tag.add(
            "fence_event", action=record.action, target=record.target, client=record.client, origin=record.origin,
            status=record.state, delegate=record.executed_by or None,
            completed=when(record.when) if record.when else None,
        )  # fmt: skip


def _bans(root: Tag, status: ClusterStatus, options: ShowOptions) -> None:
    bans = [
        ban for ban in status.bans
        if ban.id.startswith(options.ban_prefix)
        and (options.only_resources is None or ban.resource in options.only_resources)
    ]  # fmt: skip
    if not bans:
        return
    tag = root.add("bans")
    for ban in bans:
        tag.add(
            "ban", id=ban.id, resource=ban.resource, node=ban.node, weight=ban.score,
            promoted__only=ban.promoted_only, master_only=ban.promoted_only,
        )  # fmt: skip
