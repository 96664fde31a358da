"""The node level: standby, maintenance, attributes, fencing, adding and removing nodes."""

from __future__ import annotations

from functools import partial

from crmsh.actions.editing import ActionError, edit, read_copy
from crmsh.actions.nodes import (
    Lifetime,
    add_node,
    change_attribute,
    delete_attribute,
    find_attribute,
    forget_node_status,
    node_element,
    remove_node,
    set_attribute,
    standby_value,
)
from crmsh.backend import Backend
from crmsh.configuration.working_copy import WorkingCopy
from crmsh.language.xml import Element, children
from crmsh.levels.framework import Command, CommandError, Level, Run, Session, commands

LIFETIMES = ("reboot", "forever")


def _acting(run: Run) -> Run:
    """Turn what an action refuses into a command's error."""

    def guarded(session: Session, arguments: list[str]) -> None:
        try:
            run(session, arguments)
        except ActionError as error:
            raise CommandError(error.text, rc=error.rc) from None

    return guarded


def _own_name(backend: Backend) -> str:
    """The node where the command is given."""
    if backend.live:
        return backend.client().state().node
    import os

    return os.uname().nodename


def show(session: Session, arguments: list[str]) -> None:
    """Nodes and their attributes."""
    from crmsh.status.activity import node_is_online

    copy = read_copy(session.backend)
    nodes = [node_element(copy, name) for name in arguments] or [e for e in copy.objects() if e.tag == "node"]
    for node in nodes:
        kind = node.get("type") or "member"
        online = node_is_online(copy.cib, node.get("uname", ""))
        session.out(f"{node.get('uname')}({node.get('id')}): {kind}{'' if online else '(offline)'}")
        for content in children(node):
            pairs = [pair for pair in children(content) if pair.tag == "nvpair"]
            session.out("".join(f"\t{pair.get('name')}={pair.get('value')}\n" for pair in pairs))


def status(session: Session, arguments: list[str]) -> None:
    """The nodes as XML."""
    from crmsh.language.xml import to_text

    copy = read_copy(session.backend)
    for section in children(copy.root):
        if section.tag == "nodes":
            session.out(to_text(section))


def _names(session: Session, words: list[str]) -> tuple[list[str], Lifetime]:
    """Nodes (all with --all, this one when none is named) and the lifetime."""
    lifetime: Lifetime = "forever"
    names = []
    for word in words:
        if word == "--all":
            names += read_copy(session.backend).node_names()
        elif word == "reboot":
            lifetime = "reboot"
        elif word != "forever":
            names.append(word)
    return names or [_own_name(session.backend)], lifetime


def standby(session: Session, arguments: list[str]) -> None:
    """Let nodes run nothing."""
    names, lifetime = _names(session, arguments)
    copy = read_copy(session.backend)
    for name in names:
        node_element(copy, name)
    for name in names:
        if lifetime == "reboot" and not session.backend.live:
            node = node_element(copy, name)
            if find_attribute(copy, node, "standby", "reboot") is None and not _has_status(copy, node):
                session.warning(f"'{name}' has no status in the file: standby until its next boot means nothing there")
                continue
        change_attribute(session.backend, name, "standby", "on", lifetime)


def _has_status(copy: WorkingCopy, node: Element) -> bool:
    return any(
        state.get("uname") == node.get("uname")
        for section in children(copy.cib) if section.tag == "status" for state in children(section)
    )  # fmt: skip


def online(session: Session, arguments: list[str]) -> None:
    """Let nodes run resources again."""
    names, _ = _names(session, arguments)
    copy = read_copy(session.backend)
    for name in names:
        node = node_element(copy, name)
        if standby_value(copy, node) is None:
            session.info(f"'{name}' is not in standby")
        lifetimes: tuple[Lifetime, ...] = ("reboot", "forever")
        for lifetime in lifetimes:
            place = find_attribute(copy, node, "standby", lifetime)
            if place is None or place.value == "off":
                continue
            change_attribute(session.backend, name, "standby", None if lifetime == "reboot" else "off", lifetime)


def _maintenance(session: Session, arguments: list[str], value: str) -> None:
    for name in arguments or [_own_name(session.backend)]:
        if session.backend.live:
            node_element(read_copy(session.backend), name)
            change_attribute(session.backend, name, "maintenance", value, "forever")
            continue

        def change(copy: WorkingCopy, name: str = name) -> None:
            set_attribute(copy, node_element(copy, name), "maintenance", value)

        edit(session.backend, change)


def maintenance(session: Session, arguments: list[str]) -> None:
    """Keep the cluster from acting on a node."""
    _maintenance(session, arguments, "on")


def ready(session: Session, arguments: list[str]) -> None:
    """Let the cluster act on a node again."""
    _maintenance(session, arguments, "off")


def _attribute_command(tag: str, lifetime: Lifetime) -> Run:
    def run(session: Session, arguments: list[str]) -> None:
        node, verb, name = arguments[:3]
        scope = "status" if lifetime == "reboot" else "nodes"
        if verb == "show":
            copy = read_copy(session.backend)
            place = find_attribute(copy, node_element(copy, node), name, lifetime, tag)
            if place is None:
                raise CommandError(f"node '{node}' has no attribute '{name}'")
            session.out(f"scope={scope}  name={name} value={place.value}")
            return
        if verb not in ("set", "delete") or (verb == "set") != (len(arguments) == 4):
            raise CommandError("expected: NODE set NAME VALUE, NODE delete NAME or NODE show NAME")
        value = arguments[3] if verb == "set" else None
        if lifetime == "reboot" or (session.backend.live and tag == "instance_attributes"):
            node_element(read_copy(session.backend), node)
            change_attribute(session.backend, node, name, value, lifetime)
            return
        _change_kept(session, node, name, value, tag)

    return run


def _change_kept(session: Session, node: str, name: str, value: str | None, tag: str) -> None:
    done: list[str] = []

    def change(copy: WorkingCopy) -> None:
        element = node_element(copy, node)
        if value is not None:
            set_attribute(copy, element, name, value, tag)
        elif (place := delete_attribute(element, name, tag)) is not None:
            done.append(f"Deleted nodes attribute: id={place.pair_id} name={name}")

    edit(session.backend, change)
    session.out("\n".join(done))


def fence(session: Session, arguments: list[str]) -> None:
    """Fence a node now."""
    from crmd.client import ClientError

    name = arguments[0]
    node_element(read_copy(session.backend), name)
    if not session.confirm(f"Fence node {name}: it will be powered off or reset. Go on?"):
        raise CommandError(f"'{name}' was not fenced: say yes, or use -F")
    try:
        session.backend.client().fence(name, "reboot")
    except ClientError as error:
        raise CommandError(f"'{name}' was not fenced: {error.text}", error.details, error.rc) from error
    session.info(f"'{name}' was fenced")


def clearstate(session: Session, arguments: list[str]) -> None:
    """Say that a node is down."""
    from crmd.client import ClientError

    name = arguments[0] if arguments else _own_name(session.backend)
    if not session.confirm(f"Is node {name} certainly off, with nothing of it running? Data can be lost if it is not."):
        raise CommandError(f"nothing was done about '{name}': say yes, or use -F")
    try:
        session.backend.client().confirm_fenced(name)
    except ClientError as error:
        raise CommandError(error.text, error.details, error.rc) from error


def add(session: Session, arguments: list[str]) -> None:
    """Give a new node a vote."""
    _check_new(session, arguments)

    def change(copy: WorkingCopy) -> None:
        for name in arguments:
            add_node(copy, name)

    edit(session.backend, change, session.force)
    session.info(f"{', '.join(arguments)}: in the list of nodes, with a vote")


def _check_new(session: Session, names: list[str]) -> None:
    """A node that has a vote and is not there makes majorities harder to reach, and counts as lost: fencing hits it."""
    if not session.backend.live:
        return
    members = session.backend.client().state().members
    absent = ", ".join(name for name in names if name not in members)
    if not absent:
        return
    text = (
        f"{absent} is not in the cluster yet: start heartbeat there first (same authkeys, 'node' lines for all); "
        "it joins without a vote, and 'crm node add' then gives it one"
    )
    risk = "Before that it would count as lost: with fencing on it is fenced at once, and changes may need --force"
    if not session.force:
        raise CommandError(text, (f"{risk} (--force adds it all the same)",))
    session.warning(f"{text}. {risk}")


def delete(session: Session, arguments: list[str]) -> None:
    """Take a node that is down out of the cluster."""
    from crmsh.status.activity import node_is_online

    words = [word for word in arguments if word not in ("-f", "--force", "force")]
    for name in words:
        copy = read_copy(session.backend)
        node = node_element(copy, name)
        if node_is_online(copy.cib, name) and not session.force and words == arguments:
            raise CommandError(f"node '{name}' is online: stop the cluster there first, or use --force")
        edit(session.backend, partial(remove_node, name=name), session.force)
        forget_node_status(session.backend, node.get("id", ""), name)


def server(session: Session, arguments: list[str]) -> None:
    """Host names of nodes."""
    session.out("\n".join(arguments or read_copy(session.backend).node_names()))


_VALUE = ("node", "set|delete|show", "", "")
LEVEL = Level(
    name="node",
    summary="standby, maintenance, attributes, fencing, adding and removing nodes",
    commands=commands(
        Command("show", _acting(show), "show [NODE…]", "nodes and their attributes", aliases=("list",),
                arguments=("node",), repeat=True),
        Command("status", _acting(status), "status", "the nodes as XML"),
        Command("standby", _acting(standby), "standby [NODE…|--all] [reboot|forever]", "let nodes run nothing",
                arguments=("node",), repeat=True, changes=True),
        Command("online", _acting(online), "online [NODE…|--all]", "let nodes run resources again",
                arguments=("node",), repeat=True, changes=True),
        Command("maintenance", _acting(maintenance), "maintenance [NODE]", "keep the cluster from acting on a node",
                maximum=1, arguments=("node",), changes=True),
        Command("ready", _acting(ready), "ready [NODE]", "end the maintenance of a node", maximum=1,
                arguments=("node",), changes=True),
        Command("attribute", _acting(_attribute_command("instance_attributes", "forever")),
                "attribute NODE {set NAME VALUE|delete NAME|show NAME}", "an attribute of a node", minimum=3,
                maximum=4, arguments=_VALUE, changes=True),
        Command("utilization", _acting(_attribute_command("utilization", "forever")),
                "utilization NODE {set NAME VALUE|delete NAME|show NAME}", "the capacity of a node", minimum=3,
                maximum=4, arguments=_VALUE, changes=True),
        Command("status-attr", _acting(_attribute_command("instance_attributes", "reboot")),
                "status-attr NODE {set NAME VALUE|delete NAME|show NAME}", "an attribute until the next boot",
                minimum=3, maximum=4, arguments=_VALUE, changes=True),
        Command("fence", _acting(fence), "fence NODE", "fence a node now", minimum=1, maximum=1,
                arguments=("node",), changes=True),
        Command("clearstate", _acting(clearstate), "clearstate [NODE]", "say that a node is down", maximum=1,
                arguments=("node",), changes=True),
        Command("add", _acting(add), "add NODE…", "give a new node a vote", minimum=1, changes=True),
        Command("delete", _acting(delete), "delete [--force] NODE…", "take a node that is down out of the cluster",
                aliases=("rm",), minimum=1, arguments=("node",), repeat=True, changes=True),
        Command("server", _acting(server), "server [NODE…]", "host names of nodes", arguments=("node",), repeat=True),
    ),
)  # fmt: skip
