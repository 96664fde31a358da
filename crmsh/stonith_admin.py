"""`stonith_admin`: fence nodes, confirm that one is down, the history, the devices and their agents."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Literal

from crmsh import exit_codes
from crmsh.backend import open_backend
from crmsh.durations import seconds
from crmsh.failure import Failure
from crmsh.frame import Call, Tool, run
from crmsh.options import OPTIONAL, REQUIRED, Option, UsageError

if TYPE_CHECKING:
    from crmsh.status.model import FencingView

_C, _Q, _O = "Commands", "Queries", "Options"
TOOL = Tool(
    "stonith_admin",
    "fencing",
    (
        Option("fence", ("-F", "--fence"), "power NODE off", REQUIRED, "NODE", section=_C),
        Option("reboot", ("-B", "--reboot"), "reboot NODE", REQUIRED, "NODE", section=_C),
        Option("unfence", ("-U", "--unfence"), "power NODE on", REQUIRED, "NODE", section=_C),
        Option("confirm", ("-C", "--confirm"), "NODE is down, on my word", REQUIRED, "NODE", section=_C),
        Option("history", ("-H", "--history"), "fencing actions of NODE (* or empty: of all)", REQUIRED, "NODE",
               section=_Q),
        Option("last", ("-h", "--last"), "when NODE was last fenced", REQUIRED, "NODE", section=_Q),
        Option("list", ("-l", "--list"), "devices that can fence NODE", REQUIRED, "NODE", section=_Q),
        Option("list-registered", ("-L", "--list-registered"), "all configured devices", section=_Q),
        Option("list-installed", ("-I", "--list-installed"), "fence agents on this node", section=_Q),
        Option("list-targets", ("-s", "--list-targets"), "nodes that DEVICE can fence", REQUIRED, "DEVICE",
               section=_Q),
        Option("metadata", ("-M", "--metadata"), "the description of the agent that --agent names", OPTIONAL, "AGENT",
               section=_Q),
        Option("validate", ("-K", "--validate"), "let the agent that --agent names check the --option values",
               section=_Q),
        Option("agent", ("-a", "--agent"), "a fence agent", REQUIRED, "AGENT", section=_O),
        Option("option", ("-o", "--option"), "a parameter for it", REQUIRED, "NAME=VALUE", section=_O),
        Option("timeout", ("-t", "--timeout"), "how long each action on a device may take", REQUIRED, "TIME",
               section=_O),
        Option("tolerance", ("--tolerance",), "do nothing where the same was done in this time", REQUIRED, "TIME",
               section=_O),
        Option("as-node-id", ("-n", "--as-node-id"), "the node is given by its id", section=_O),
        Option("broadcast", ("-b", "--broadcast"), "accepted: the history is that of the whole cluster", section=_O),
        Option("tag", ("-T", "--tag"), "accepted: a mark for logs", REQUIRED, "TAG", section=_O),
        Option("delay", ("-y", "--delay"), "", REQUIRED, "TIME"),
        Option("cleanup", ("-c", "--cleanup"), ""),
        Option("query", ("-Q", "--query"), "", REQUIRED, "DEVICE"),
        Option("register", ("-R", "--register"), "", REQUIRED, "DEVICE"),
        Option("deregister", ("-D", "--deregister"), "", REQUIRED, "DEVICE"),
        Option("register-level", ("-r", "--register-level"), "", REQUIRED, "TARGET"),
        Option("deregister-level", ("-d", "--deregister-level"), "", REQUIRED, "TARGET"),
        Option("quiet", ("-q", "--quiet"), "print the essentials only", section=_O),
    ),
    refused={
        "delay": "a delay belongs to the device: set its parameter pcmk_delay_base",
        "cleanup": "the history cannot be emptied; it keeps the last 200 actions",
        "query": "a device is checked by its monitor operation: see 'crm_resource --locate -r DEVICE'",
        "register": "devices are resources of class stonith: use 'crm configure primitive'",
        "deregister": "devices are resources of class stonith: use 'crm configure delete'",
        "register-level": "levels are part of the configuration: use 'crm configure fencing_topology'",
        "deregister-level": "levels are part of the configuration: use 'crm configure fencing_topology'",
    },
)  # fmt: skip
_ACTIONS: dict[str, Literal["off", "on", "reboot"]] = {"fence": "off", "reboot": "reboot", "unfence": "on"}


def main(argv: list[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    return run(TOOL, argv, _answer)


def _answer(call: Call) -> int:
    given = call.given
    if given.has("list-installed"):
        from crmsh.metadata import agent_types

        return _list_names(call, agent_types("stonith"))
    if given.has("metadata"):
        return _metadata(call, _agent(call, given.get("metadata")))
    if given.has("validate"):
        return _validate(call, _agent(call, ""))
    if given.has("list-targets"):
        return _list_names(call, _targets(given.get("list-targets")), "target")
    if given.has("list-registered") or given.has("list"):
        return _list_names(call, _devices(_node(call, "list") if given.has("list") else ""))
    if given.has("history") or given.has("last"):
        return _history(call)
    if given.has("confirm"):
        open_backend().client().confirm_fenced(_node(call, "confirm"))
        return exit_codes.OK
    for key in _ACTIONS:
        if given.has(key):
            return _fence(call, key)
    raise UsageError("no action specified: -F, -B, -U or -C NODE, -H NODE, -l NODE, -L, -I, -s DEVICE")


def _node(call: Call, key: str) -> str:
    """The name of the node that an option names, which may be by its id."""
    word = call.given.get(key)
    if not call.given.has("as-node-id") or word in ("", "*", "all"):
        return word
    from crmsh.actions.editing import read_copy

    for element in read_copy(open_backend()).objects():
        if element.tag == "node" and element.get("id") == word:
            return element.get("uname", "")
    raise Failure(exit_codes.NO_SUCH, f"no node has the id '{word}'")


def _fence(call: Call, key: str) -> int:
    given, target = call.given, _node(call, key)
    timeout_ms = int(seconds(given.get("timeout", "60"), "--timeout") * 1000)
    action = _ACTIONS[key]
    client = open_backend().client()
    if given.has("tolerance"):
        since = time.time() - seconds(given.get("tolerance"), "--tolerance")
        if any(
            record.action == action and record.state == "success" and record.completed_at >= since
            for record in client.fence_history(target)
        ):
            call.say(f"{target} was fenced ({action}) less than {given.get('tolerance')} ago\n")
            return exit_codes.OK
    client.fence(target, action, timeout_ms)
    return exit_codes.OK


def _list_names(call: Call, names: list[str], what: str = "fence device") -> int:
    count = len(names)
    if call.as_xml:
        listed = call.root.add("list", name=f"{what}s", count=count)
        for name in names:
            listed.add("item", name)
    for name in names:
        call.say(f"{name}\n")
    call.say(f"{count or 'No'} {what}{'' if count == 1 else 's'} found\n")
    return exit_codes.OK if names else exit_codes.NO_SUCH


# --- devices and agents


def _devices(target: str) -> list[str]:
    """The configured devices that can fence a node, as far as the configuration says; empty: all."""
    from cib.configuration import fencing_devices
    from cib.document import Document
    from stonith.hosts import parse_host_list, parse_host_map

    names = []
    for device in fencing_devices(Document.from_bytes(open_backend().read())):
        hosts = parse_host_list(device.parameters.get("pcmk_host_list", ""))
        mapped = parse_host_map(device.parameters.get("pcmk_host_map", ""))
        if not target or not (hosts or mapped) or target in hosts or target in mapped:
            names.append(device.id)
    return names


def _targets(name: str) -> list[str]:
    """The nodes of a device: those that its parameters name, else what its agent lists."""
    from cib.configuration import fencing_devices
    from cib.document import Document
    from crmsh.metadata import run_fence_agent
    from stonith.hosts import parse_host_list, parse_host_map, parse_list_output

    devices = {device.id: device for device in fencing_devices(Document.from_bytes(open_backend().read()))}
    device = devices.get(name)
    if device is None:
        from crmsh.language.errors import did_you_mean

        raise Failure(exit_codes.NO_SUCH, f"there is no fencing device '{name}'{did_you_mean(name, list(devices))}")
    hosts = parse_host_list(device.parameters.get("pcmk_host_list", ""))
    mapped = parse_host_map(device.parameters.get("pcmk_host_map", ""))
    if hosts or mapped:
        return list(dict.fromkeys([*hosts, *mapped]))
    done = run_fence_agent(device.type, "list", dict(device.parameters))
    if done.rc:
        why = done.errors.strip().splitlines()[-1:] or [f"it ended with {done.rc}"]
        raise Failure(exit_codes.ERROR, f"the agent {device.type} of {name} could not list its nodes: {why[0]}")
    return list(parse_list_output(done.output))


def _agent(call: Call, name: str) -> str:
    from crmsh.metadata import agent_types

    chosen = name or call.given.get("agent")
    if not chosen:
        raise UsageError("the agent is not named: add --agent AGENT")
    known = agent_types("stonith")
    if chosen not in known:
        from crmsh.language.errors import did_you_mean

        raise Failure(exit_codes.NO_SUCH, f"there is no fence agent '{chosen}' on this node"
                      + did_you_mean(chosen, known))  # fmt: skip
    return chosen


def _metadata(call: Call, agent: str) -> int:
    from crmsh.metadata import run_fence_agent

    done = run_fence_agent(agent, "metadata", {})
    if done.rc or not done.output:
        raise Failure(exit_codes.ERROR, f"the agent {agent} does not describe itself: {done.errors.strip()}")
    if call.as_xml:
        call.root.add("metadata").raw = done.output
    call.say(done.output)
    return exit_codes.OK


def _validate(call: Call, agent: str) -> int:
    from crmsh.metadata import run_fence_agent

    pairs = [word.partition("=") for word in call.given.all("option")]
    if any(not equals for _, equals, _ in pairs):
        raise UsageError("--option is given as NAME=VALUE")
    done = run_fence_agent(agent, "validate-all", {name: value for name, _, value in pairs})
    if call.as_xml:
        checked = call.root.add("validate", agent=agent, class_="stonith", valid=not done.rc)
        said = checked.add("command", code=done.rc)
        for source, text in (("stdout", done.output), ("stderr", done.errors)):
            if text:
                said.add("output", source=source).raw = text
    call.say(done.output)
    if done.errors and not call.as_xml:
        sys.stderr.write(done.errors)
    call.say(f"Validation of {agent} {'failed' if done.rc else 'succeeded'}\n")
    return exit_codes.ERROR if done.rc else exit_codes.OK


# --- the history


def _history(call: Call) -> int:
    from crmsh.status.event_text import fencing_line
    from crmsh.status.live_parts import fencing_views

    given = call.given
    target = _node(call, "history" if given.has("history") else "last")
    records = fencing_views(open_backend().client().fence_history("" if target in ("*", "all") else target))
    if given.has("last"):
        records = records[:1]
    if call.as_xml:
        _history_xml(call, target, records)
    for record in records:
        call.say(f"{fencing_line(record)}\n")
    if not given.has("quiet"):
        call.say(f"{len(records) or 'No'} event{'' if len(records) == 1 else 's'} found\n")
    return exit_codes.OK


def _history_xml(call: Call, target: str, records: list[FencingView]) -> None:
    from crmsh.status.blocks import when

    below = call.root.add("fence_history", target=target)
    for record in records:
        below.add(
            "fence_event", action=record.action, target=record.target, client=record.client,
            origin=record.origin, status=record.state, extended__status=record.state,
            delegate=record.executed_by or None, completed=when(record.when) if record.when else None,
        )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
