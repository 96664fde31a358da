"""A status as JSON, and as a page of HTML."""

from __future__ import annotations

import html
import json

from msgspec import Struct, to_builtins

from crmsh.status.model import ClusterStatus, NodeView, ResourceView
from crmsh.status.options import ShowOptions, shown_node, shown_resource
from crmsh.status.text import render_text
from crmsh.status.words import node_state


def render_json(status: ClusterStatus, options: ShowOptions) -> str:
    """The status as one JSON object; keys are the fields of the model."""
    body: dict[str, object] = {"summary": to_builtins(status.summary)}
    if options.shows("nodes"):
        body["nodes"] = [_node(node) for node in status.nodes if shown_node(options, node)]
    if options.shows("resources"):
        body["resources"] = [_resource(r) for r in status.resources if not r.internal and shown_resource(options, r)]
    if options.shows("failures"):
        body["failures"] = [to_builtins(failure) for failure in status.failures]
    if options.shows("bans"):
        body["bans"] = [to_builtins(ban) for ban in status.bans]
    if options.shows("tickets"):
        body["tickets"] = [to_builtins(ticket) for ticket in status.tickets]
    if options.shows("operations") or options.shows("failcounts"):
        body["history"] = {node.name: [to_builtins(view) for view in views] for node, views in status.history}
    body["fencing"] = [to_builtins(record) for record in status.fencing]
    body["notes"] = status.advice
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def _node(node: NodeView) -> dict[str, object]:
    body: dict[str, object] = {
        name: getattr(node, name)
        for name in ("name", "id", "kind", "online", "standby", "maintenance", "pending", "unclean", "shutdown",
                     "coordinator", "health_colour", "feature_set")
    }  # fmt: skip
    body["state"] = node_state(node)
    body["running"] = [resource.id for resource in node.running]
    body["attributes"] = {attribute.name: attribute.value for attribute in node.attributes}
    return body


def _resource(resource: ResourceView) -> dict[str, object]:
    body: dict[str, object] = {
        name: getattr(resource, name)
        for name in ("kind", "id", "agent", "role", "orphaned", "blocked", "managed", "maintenance", "failed",
                     "promotable", "pending")
    }  # fmt: skip
    body["target_role"] = resource.configured_target_role
    body["nodes"] = [node.name for node in resource.nodes]
    if resource.children:
        body["members"] = [_resource(child) for child in resource.children]
    return body


class Page(Struct, frozen=True):
    """How the page is made up. `stylesheet` is the address of a style sheet that is added to our own."""

    title: str = "Cluster Status"
    stylesheet: str = ""
    charset: str = "utf-8"


_PAGE = """<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="{charset}"/>
    <title>{title}</title>
    <style>
      body {{ font-family: sans-serif; margin: 2em; }}
      h2 {{ font-size: 1.1em; }}
      .online {{ color: green; }} .offline, .failed {{ color: #c00; font-weight: bold; }}
    </style>{stylesheet}
  </head>
  <body>
{body}
  </body>
</html>
"""


def render_html(status: ClusterStatus, options: ShowOptions, page: Page | None = None) -> str:
    """A page with the same parts as the text."""
    chosen = page or Page()
    out: list[str] = []
    depth = 0
    for line in [*render_text(status, options).splitlines(), ""]:
        level = (len(line) - len(line.lstrip())) // 2 if line.lstrip().startswith("* ") else 0
        while depth > level:
            out.append("    " * depth + "</ul>")
            depth -= 1
        while depth < level:
            depth += 1
            out.append("    " * depth + "<ul>")
        if level:
            out.append("    " * level + f"  <li>{_marked(line.strip()[2:])}</li>")
        elif line.strip():
            tag = "h2" if line.endswith(":") else "p"
            out.append(f"    <{tag}>{html.escape(line.strip().rstrip(':'))}</{tag}>")
    link = f'\n    <link rel="stylesheet" href="{html.escape(chosen.stylesheet)}"/>' if chosen.stylesheet else ""
    return _PAGE.format(
        title=html.escape(chosen.title), charset=html.escape(chosen.charset), stylesheet=link, body="\n".join(out)
    )  # fmt: skip


def _marked(text: str) -> str:
    escaped = html.escape(text.replace("\t", " "))
    if text.startswith(("Online:", "GuestOnline:", "RemoteOnline:")):
        return f'<span class="online">{escaped}</span>'
    if text.startswith("OFFLINE") or "FAILED" in text or "UNCLEAN" in text:
        return f'<span class="offline">{escaped}</span>'
    return escaped
