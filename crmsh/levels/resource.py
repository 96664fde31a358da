"""The resource level: start, stop, move, clean up, show resources."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from crmsh import exit_codes
from crmsh.actions.editing import ActionError, edit, read_copy
from crmsh.actions.moving import ban, clear, leftovers, lifetime_end, prefer
from crmsh.actions.parameters import (
    Written,
    delete_parameter,
    find_resource,
    get_parameter,
    set_meta_of,
    set_parameter,
)
from crmsh.configuration.working_copy import WorkingCopy
from crmsh.levels.framework import Command, CommandError, Level, Session, commands

FORCE_WORDS = ("force", "-f", "--force")


def _edit(session: Session, change: Callable[[WorkingCopy], list[str]]) -> None:
    """Change the configuration; the sentences that the change returns are told."""
    try:
        for sentence in edit(session.backend, change, session.force):
            session.info(sentence)
    except ActionError as error:
        raise CommandError(error.text, rc=error.rc) from None


def _set_meta(session: Session, names: list[str], attribute: str, value: str) -> None:
    def change(copy: WorkingCopy) -> list[str]:
        return [sentence for name in names for sentence in set_meta_of(copy, name, attribute, value)]

    _edit(session, change)


def start(session: Session, arguments: list[str]) -> None:
    """Let resources run."""
    _set_meta(session, arguments, "target-role", "Started")
    _tell_why_not(session, arguments)


def _tell_why_not(session: Session, names: list[str]) -> None:
    """A resource that is unmanaged or in maintenance will not be started: say so."""
    copy = read_copy(session.backend)
    for name in names:
        element = find_resource(copy, name)
        for attribute, bad in (("is-managed", "false"), ("maintenance", "true")):
            if get_parameter(element, "meta_attributes", attribute) == bad:
                session.warning(f"'{name}' has {attribute}={bad}: the cluster will not start it")


def stop(session: Session, arguments: list[str]) -> None:
    """Let resources be stopped."""
    _set_meta(session, arguments, "target-role", "Stopped")


def restart(session: Session, arguments: list[str]) -> None:
    """Stop resources, wait, start them again as they were."""
    from crmsh.levels.waiting import wait_until_idle

    session.backend.client()
    copy = read_copy(session.backend)
    before = {name: get_parameter(find_resource(copy, name), "meta_attributes", "target-role") for name in arguments}
    session.info(f"stopping {', '.join(arguments)}")
    _set_meta(session, arguments, "target-role", "Stopped")
    try:
        wait_until_idle(session)
    finally:
        session.info(f"starting {', '.join(arguments)}")

        def back(copy: WorkingCopy) -> list[str]:
            for name, value in before.items():
                element = find_resource(copy, name)
                if value is None:
                    delete_parameter(element, "meta_attributes", "target-role")
                else:
                    set_parameter(element, "meta_attributes", "target-role", value, join=True)
            return []

        _edit(session, back)
    wait_until_idle(session)
    locate(session, arguments)


def _role(session: Session, name: str, role: str) -> None:
    def change(copy: WorkingCopy) -> list[str]:
        element = find_resource(copy, name)
        promotable = get_parameter(element, "meta_attributes", "promotable") or ""
        if element.tag != "master" and promotable.lower() not in ("true", "yes", "on", "1", "y"):
            raise ActionError(1, f"'{name}' is not a promotable clone: only those can be promoted and demoted")
        return set_meta_of(copy, name, "target-role", role)

    _edit(session, change)
    session.out(
        f"Set '{name}' option: id={name}-meta_attributes-target-role set={name}-meta_attributes"
        f" name=target-role value={role}"
    )


def promote(session: Session, arguments: list[str]) -> None:
    """Let a promotable clone have promoted instances."""
    _role(session, arguments[0], "Promoted")


def demote(session: Session, arguments: list[str]) -> None:
    """Let a promotable clone have no promoted instance."""
    _role(session, arguments[0], "Unpromoted")


def manage(session: Session, arguments: list[str]) -> None:
    """Let the cluster act on resources again."""
    _set_meta(session, arguments, "is-managed", "true")


def unmanage(session: Session, arguments: list[str]) -> None:
    """Keep the cluster from acting on resources."""
    _set_meta(session, arguments, "is-managed", "false")


def maintenance(session: Session, arguments: list[str]) -> None:
    """Maintenance of one resource."""
    word = arguments[1] if len(arguments) > 1 else "on"
    if word not in ("on", "off", "true", "false"):
        raise CommandError(f"maintenance: expected on or off, found '{word}'")
    _set_meta(session, arguments[:1], "maintenance", "true" if word in ("on", "true") else "false")


def _move_words(copy: WorkingCopy, words: list[str]) -> tuple[str, str, bool]:
    """Node, end of the lifetime, force: in any order behind the resource."""
    node = end = ""
    force = False
    for word in words:
        if word in FORCE_WORDS:
            force = True
        elif word.startswith("P") and word not in copy.node_names():
            end = lifetime_end(word, datetime.datetime.now(datetime.UTC))
        else:
            node = word
    return node, end, force


def _active(copy: WorkingCopy, name: str) -> list[str]:
    from crmsh.status.activity import active_nodes

    return active_nodes(copy.cib, name)


def move(session: Session, arguments: list[str]) -> None:
    """Let a resource run elsewhere: on the node named, or away from where it is."""

    def change(copy: WorkingCopy) -> list[str]:
        name = find_resource(copy, arguments[0]).get("id", "")
        node, end, force = _move_words(copy, arguments[1:])
        here = _active(copy, name)
        if node:
            if here == [node] and not force and not session.force:
                raise ActionError(1, f"'{name}' runs on {node} already: use force to keep it there by a constraint")
            return [f"{prefer(copy, name, node, end=end)} was made: 'crm resource clear {name}' removes it"]
        if len(here) != 1:
            where = ", ".join(here) or "nowhere"
            raise ActionError(1, f"'{name}' runs {where}: name the node to move it to")
        return [
            f"{ban(copy, name, here[0], end=end)} was made: '{name}' cannot run on {here[0]} until"
            f" 'crm resource clear {name}' removes it"
        ]

    _edit(session, change)


def ban_resource(session: Session, arguments: list[str]) -> None:
    """Keep a resource from a node."""

    def change(copy: WorkingCopy) -> list[str]:
        name = find_resource(copy, arguments[0]).get("id", "")
        node, end, _ = _move_words(copy, arguments[1:])
        if not node:
            here = _active(copy, name)
            if len(here) != 1:
                raise ActionError(1, f"'{name}' runs {', '.join(here) or 'nowhere'}: name the node to ban it from")
            node = here[0]
        return [f"{ban(copy, name, node, end=end)} was made: 'crm resource clear {name}' removes it"]

    _edit(session, change)


def clear_resource(session: Session, arguments: list[str]) -> None:
    """Remove what move and ban left."""

    def change(copy: WorkingCopy) -> list[str]:
        name = find_resource(copy, arguments[0]).get("id", "")
        removed = clear(copy, name, arguments[1] if len(arguments) > 1 else "")
        return [f"{identifier} was removed" for identifier in removed] or [f"there was nothing to clear for '{name}'"]

    _edit(session, change)


def _cleanup(session: Session, arguments: list[str], refresh: bool) -> None:
    from crmd.client import ClientError

    words = [word for word in arguments if word not in FORCE_WORDS]
    resource = words[0] if words else ""
    node = words[1] if len(words) > 1 else ""
    try:
        if resource:
            find_resource(read_copy(session.backend), resource)
        done = session.backend.client().cleanup(resource, node, refresh=refresh)
    except ActionError as error:
        raise CommandError(error.text, rc=error.rc) from None
    except ClientError as error:
        raise CommandError(error.text, error.details, error.rc) from error
    what = "history" if refresh else "failures"
    session.info(
        done.text or f"{what} of {resource or 'all resources'} on {node or 'all nodes'} forgotten, probing again"
    )


def cleanup(session: Session, arguments: list[str]) -> None:
    """Forget failures."""
    _cleanup(session, arguments, refresh=False)


def refresh(session: Session, arguments: list[str]) -> None:
    """Forget the whole history."""
    _cleanup(session, arguments, refresh=True)


def operations(session: Session, arguments: list[str]) -> None:
    """What ran on behalf of a resource and still counts."""
    from crmsh.resource_history import operation_lines

    data = session.backend.read()
    if arguments:
        try:
            find_resource(WorkingCopy.from_bytes(data), arguments[0])
        except ActionError as error:
            raise CommandError(error.text, rc=error.rc) from None
    session.out("\n".join(operation_lines(data, *arguments)))


def status(session: Session, arguments: list[str]) -> None:
    """Where resources are."""
    if arguments:
        locate(session, arguments)
        return
    from crmsh import crm_mon

    options = ["-1", "--exclude=all", "--include=resources", "-r"]
    crm_mon.run(options, session.backend, session.out_stream, session.err_stream, colours=session.colours)
    for identifier in leftovers(read_copy(session.backend)):
        session.info(f"constraint {identifier} is left of a move or ban: 'crm resource clear' removes it")


def locate(session: Session, arguments: list[str]) -> None:
    """Where each resource runs."""
    from crmsh.status.locating import location_lines

    data = session.backend.read()
    copy = WorkingCopy.from_bytes(data)
    for name in arguments:
        try:
            find_resource(copy, name)
        except ActionError as error:
            raise CommandError(error.text, rc=error.rc) from None
        running, missing = location_lines(data, name)
        session.out("\n".join(running))
        for line in missing:
            session.err_stream.write(f"{line}\n")


def constraints(session: Session, arguments: list[str]) -> None:
    """Constraints that concern a resource."""
    from crmsh.configuration.references import constraints_of, refers_to
    from crmsh.configuration.show import text_of

    copy = read_copy(session.backend)
    found = [element for element in constraints_of(copy.root) if refers_to(element, arguments[0])]
    session.out(text_of(copy, found, session.style))


def scores(session: Session, arguments: list[str]) -> None:
    """Where each resource may run, in points."""
    from crmsh.configuration.plan import scores_of

    session.out("\n".join(scores_of(session.backend.read())))


def _value_command(tag: str) -> Callable[[Session, list[str]], None]:
    def run(session: Session, arguments: list[str]) -> None:
        resource, verb, name = arguments[:3]
        if verb == "show":
            value = get_parameter(find_resource(read_copy(session.backend), resource), tag, name)
            if value is not None:
                session.out(value)
            return
        if verb not in ("set", "delete") or (verb == "set") != (len(arguments) == 4):
            raise CommandError("expected: RSC set NAME VALUE, RSC delete NAME or RSC show NAME")

        def change(copy: WorkingCopy) -> list[str]:
            element = find_resource(copy, resource)
            if verb == "delete":
                written = delete_parameter(element, tag, name)
                if written is not None:
                    done.append(f"Deleted '{resource}' option: id={written.pair_id} name={name}")
            else:
                written = set_parameter(element, tag, name, arguments[3])
                _refuse_nonsense(session, copy, written)
                done.append(set_sentence(written))
            return []

        done: list[str] = []
        _edit(session, change)
        session.out("\n".join(done))

    return run


def _refuse_nonsense(session: Session, copy: WorkingCopy, written: Written) -> None:
    """A value that the cluster would ignore is refused, or told where it is forced. Raises ActionError."""
    from crmsh.configuration.verify import verify_cib
    from crmsh.language.xml import to_line

    for report in verify_cib(to_line(copy.cib).encode()):
        if report.id == written.pair_id and report.severity == "error" and not session.force:
            raise ActionError(exit_codes.CONFIG, f"'{written.resource}': {report.text}")
        if report.id == written.pair_id:
            session.warning(f"'{written.resource}': {report.text}")


def set_sentence(written: Written) -> str:
    """What crm_resource says after setting a value."""
    inside = f" set={written.set_id}" if written.made else ""
    return f"Set '{written.resource}' option: id={written.pair_id}{inside} name={written.name} value={written.value}"


def failcount(session: Session, arguments: list[str]) -> None:
    """Show, set or delete fail counts."""
    from crmsh.actions.failcounts import delete_failcount, failcounts_of, set_failcount

    resource, verb = arguments[:2]
    node = arguments[2] if len(arguments) > 2 else ""
    if verb == "show":
        for where, name, value in failcounts_of(session.backend.read(), resource, node):
            session.out(f"scope=status name={name} value={value}" + (f" node={where}" if not node else ""))
    elif verb == "set" and len(arguments) >= 4:
        set_failcount(session.backend, resource, node, arguments[3], arguments[4:])
    elif verb == "delete":
        delete_failcount(session.backend, resource, node)
    else:
        raise CommandError(
            "expected: failcount RSC show [NODE], RSC set NODE VALUE [OPERATION [INTERVAL]], RSC delete NODE"
        )


_VALUE = ("resource", "set|delete|show", "", "")
LEVEL = Level(
    name="resource",
    summary="start, stop, move, clean up, show resources",
    commands=commands(
        Command("status", status, "status [RSC…]", "where resources are", aliases=("show", "list"),
                arguments=("resource",), repeat=True),
        Command("start", start, "start RSC…", "let resources run", minimum=1, arguments=("resource",), repeat=True,
                changes=True),
        Command("stop", stop, "stop RSC…", "stop resources", minimum=1, arguments=("resource",), repeat=True,
                changes=True),
        Command("restart", restart, "restart RSC…", "stop resources and start them again", minimum=1,
                arguments=("resource",), repeat=True),
        Command("promote", promote, "promote CLONE", "let a clone be promoted", minimum=1, maximum=1,
                arguments=("clone",), changes=True),
        Command("demote", demote, "demote CLONE", "let a clone be demoted", minimum=1, maximum=1,
                arguments=("clone",), changes=True),
        Command("manage", manage, "manage RSC…", "let the cluster act on resources again", minimum=1,
                arguments=("resource",), repeat=True, changes=True),
        Command("unmanage", unmanage, "unmanage RSC…", "keep the cluster from acting on resources", minimum=1,
                arguments=("resource",), repeat=True, changes=True),
        Command("maintenance", maintenance, "maintenance RSC [on|off]", "maintenance of a resource", minimum=1,
                maximum=2, arguments=("resource", "on|off"), changes=True),
        Command("move", move, "move RSC [NODE] [LIFETIME] [force]", "let a resource run elsewhere",
                aliases=("migrate",), minimum=1, maximum=4, arguments=("resource", "node"), changes=True,
                example="move vip n2"),
        Command("ban", ban_resource, "ban RSC [NODE] [LIFETIME] [force]", "keep a resource from a node", minimum=1,
                maximum=4, arguments=("resource", "node"), changes=True),
        Command("clear", clear_resource, "clear RSC [NODE]", "remove what move and ban left",
                aliases=("unmove", "unban", "unmigrate"), minimum=1, maximum=2, arguments=("resource", "node"),
                changes=True),
        Command("cleanup", cleanup, "cleanup [RSC] [NODE]", "forget failures", maximum=3,
                arguments=("resource", "node", "force"), changes=True),
        Command("refresh", refresh, "refresh [RSC] [NODE]", "forget the history and probe", aliases=("reprobe",),
                maximum=3, arguments=("resource", "node", "force"), changes=True),
        Command("locate", locate, "locate RSC…", "where resources run", minimum=1, arguments=("resource",),
                repeat=True),
        Command("constraints", constraints, "constraints RSC", "constraints of a resource", minimum=1, maximum=1,
                arguments=("resource",)),
        Command("operations", operations, "operations [RSC [NODE]]", "operations that ran and count", maximum=2,
                arguments=("resource", "node")),
        Command("scores", scores, "scores", "where resources may run, in points", maximum=0),
        Command("param", _value_command("instance_attributes"), "param RSC {set NAME VALUE|delete NAME|show NAME}",
                "a parameter", minimum=3, maximum=4, arguments=_VALUE, changes=True),
        Command("meta", _value_command("meta_attributes"), "meta RSC {set NAME VALUE|delete NAME|show NAME}",
                "a meta attribute", minimum=3, maximum=4, arguments=_VALUE, changes=True),
        Command("utilization", _value_command("utilization"),
                "utilization RSC {set NAME VALUE|delete NAME|show NAME}", "a utilization attribute", minimum=3,
                maximum=4, arguments=_VALUE, changes=True),
        Command("failcount", failcount, "failcount RSC {show [NODE]|set NODE VALUE|delete NODE}", "fail counts",
                minimum=2, arguments=("resource", "show|set|delete", "node")),
    ),
)  # fmt: skip
