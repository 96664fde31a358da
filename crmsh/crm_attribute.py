"""`crm_attribute`, `crm_standby`, `crm_failcount`, `crm_master`: one attribute of a node or of the cluster.

Runs inside monitors: the live path for node attributes imports only what an answer needs; files, cluster options and
patterns load the rest.
"""

from __future__ import annotations

import os
import sys

from crmsh.attribute_request import (
    MISSING,
    OPTIONS,
    REFUSED,
    Wanted,
    for_attribute,
    for_failcount,
    for_master,
    for_standby,
    tell_value,
)
from crmsh.failure import Failure
from crmsh.frame import Call, Tool
from crmsh.frame import run as run_tool
from crmsh.options import UsageError

TYPE_CHECKING = False  # typing itself is too slow to import here
if TYPE_CHECKING:
    from crmd.thin_client import ThinClient

NO_SUCH = 105


def main(argv: list[str] | None = None) -> int:
    """Run crm_attribute; returns the exit code."""
    tool = Tool("crm_attribute", "attributes of nodes and of the cluster", OPTIONS, words=True, refused=REFUSED)

    def answer(call: Call) -> int:
        if call.given.has("list-options"):
            return _list_options(call)
        wanted = for_attribute(call.given)
        if call.given.words:
            raise UsageError(f"unexpected word '{call.given.words[0]}'")
        return _carry_out(call, wanted)

    return run_tool(tool, argv, answer)


def main_standby(argv: list[str] | None = None) -> int:
    """Run crm_standby."""
    tool = Tool("crm_standby", "whether a node is in standby", OPTIONS, refused=REFUSED)
    return run_tool(tool, argv, lambda call: _carry_out(call, for_standby(call.given)))


def main_failcount(argv: list[str] | None = None) -> int:
    """Run crm_failcount."""
    tool = Tool("crm_failcount", "fail counts of a resource", OPTIONS, refused=REFUSED)
    return run_tool(tool, argv, _failcount)


def main_master(argv: list[str] | None = None) -> int:
    """Run crm_master."""
    tool = Tool("crm_master", "the promotion score of a resource", OPTIONS, refused=REFUSED)
    return run_tool(tool, argv, lambda call: _carry_out(call, for_master(call.given)))


def _carry_out(call: Call, wanted: Wanted) -> int:
    live = not os.environ.get("CIB_file") and not os.environ.get("CIB_shadow")  # noqa: SIM112
    if live and not wanted.pattern and wanted.tag == "instance_attributes":
        return _live(call, wanted)
    from crmsh.attribute_tool import run

    return run(call, wanted)


# --- the live path


def _live(call: Call, wanted: Wanted) -> int:
    from crmd.thin_client import ThinClient

    changes = wanted.value is not None or wanted.delete
    if changes and wanted.section not in ("nodes", "status"):
        from crmsh.attribute_tool import run

        return run(call, wanted)
    with ThinClient() as client:
        return _change(call, wanted, client) if changes else _query(call, wanted, client)


def _change(call: Call, wanted: Wanted, client: ThinClient) -> int:
    client.ask(
        "UpdateAttribute",
        node=wanted.node,
        name=wanted.name,
        value=None if wanted.delete else wanted.value,
        lifetime="reboot" if wanted.section == "status" else "forever",
        set_name=wanted.set_id,
    )
    if wanted.delete and not wanted.quiet:
        call.say(f"Deleted {wanted.section} attribute: name={wanted.name}\n")
    return 0


def _query(call: Call, wanted: Wanted, client: ThinClient) -> int:
    from crmsh.pairs import quoted, tags

    node = wanted.node
    if wanted.section in ("nodes", "status", "any") and not node:
        node = str(client.ask("AskClusterState")["node"])
    conditions = {"name": wanted.name, "id": wanted.identifier}
    pair = "nvpair" + "".join(f"[@{key}={quoted(value)}]" for key, value in conditions.items() if value)
    if wanted.set_id:
        pair = f"nvpair[../@id={quoted(wanted.set_id)}]{pair.removeprefix('nvpair')}"
    paths = {
        "nodes": f"/cib/configuration/nodes/node[@uname={quoted(node)}]/instance_attributes/{pair}",
        "status": f"/cib/status/node_state[@uname={quoted(node)}]/transient_attributes/instance_attributes/{pair}",
        "crm_config": f"/cib/configuration/crm_config/cluster_property_set/{pair}",
        "rsc_defaults": f"/cib/configuration/rsc_defaults/meta_attributes/{pair}",
        "op_defaults": f"/cib/configuration/op_defaults/meta_attributes/{pair}",
    }
    for section in ("status", "nodes") if wanted.section == "any" else (wanted.section,):
        try:
            answer = client.ask("QueryCib", xpath=paths[section])
        except Exception as error:
            if getattr(error, "rc", 0) != NO_SUCH:
                raise
            continue
        xml = answer["xml"]
        assert isinstance(xml, bytes)
        found = tags(xml.decode(), "nvpair")
        if found:
            tell_value(call, section, wanted.name, found[0].get("value", ""))
            return 0
    if wanted.default is not None:
        tell_value(call, "status" if wanted.section == "any" else wanted.section, wanted.name, wanted.default)
        return 0
    raise Failure(NO_SUCH, MISSING)


def _failcount(call: Call) -> int:
    from crmsh.attribute_tool import failcount

    given = call.given
    wanted = for_failcount(given)
    return failcount(call, wanted, given.get("name") or given.get("operation"), given.get("interval"))


def _list_options(call: Call) -> int:
    asked = call.given.get("list-options")
    if asked != "cluster":
        raise UsageError(f"Invalid --list-options value '{asked}'. Allowed values: cluster")
    from crmsh.configuration.properties import PROPERTY_DEFAULTS

    sys.stdout.write("Pacemaker cluster options\n\n")
    for name, default in PROPERTY_DEFAULTS.items():
        sys.stdout.write(f"  * {name}\n    * Default: {default or '(none)'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
