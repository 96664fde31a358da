"""Why a resource is where it is, and why not elsewhere, in words: `crm_simulate --explain`.

The answer is the first line; then follows what it rests on, node by node and action by action.

A person who is woken at night reads the first line, and the lines that say what to do; all else is below.
"""

from __future__ import annotations

from cib.values import format_score
from crmsh import exit_codes
from crmsh.failure import Failure
from crmsh.language.errors import did_you_mean
from crmsh.simulation.explanation_words import TASKS, cause, contribution, relation, remedy, why
from pengine import explain as engine
from pengine.explanation import ActionView, Explanation, NodeView, PartView, Reason, Wait
from pengine.working import Cluster

_VERDICTS = {
    "stays": "{id} runs{role} on {target}",
    "starts": "{id} is started{role} on {target}",
    "moves": "{id} moves{role} from {current} to {target}",
    "migrates": "{id} moves live from {current} to {target}",
    "restarts": "{id} is restarted{role} on {target}",
    "recovers": "{id} is recovered{role} on {target}",
    "reloads": "{id} is reloaded on {target}",
    "promotes": "{id} is promoted on {target}",
    "demotes": "{id} is demoted on {target}",
    "stops": "{id} is stopped on {current}",
    "stopped": "{id} is stopped",
    "waits": "{id} is stopped: it can't start on {target}",
    "kept": "{id} is left as it is{where}",
}


def explain(cluster: Cluster, name: str, node: str) -> list[str]:
    """Return the lines about a resource and all its parts, for one node or (empty) for all.

    The cluster has been decided about, and its graph was built. Raises Failure where there is no such resource or node.
    """
    try:
        return text_lines(engine.explain(cluster, name, node or None))
    except engine.NothingToExplain as error:
        near = did_you_mean(error.name, error.known)
        raise Failure(exit_codes.NO_SUCH, f"there is no {error.what} '{error.name}'{near}") from None


def text_lines(explanation: Explanation) -> list[str]:
    """Return the lines of an explanation."""
    if explanation.node is not None:
        return _about_node(explanation)
    lines: list[str] = []
    if len(explanation.parts) == 1 and not explanation.actions:
        return _part_lines(explanation.parts[0])
    lines.append(_summary(explanation))
    for part in explanation.parts:
        lines += ["", *_part_lines(part)]
    if explanation.actions:
        lines += ["", f"Actions of {explanation.id} itself:"]
        for action in explanation.actions:
            lines += _action_lines(action, explanation.id)
    return lines


def _summary(explanation: Explanation) -> str:
    """Say of a group, clone or bundle in one line where its parts are."""
    parts = explanation.parts
    places: dict[str, list[str]] = {}
    missing = []
    for part in parts:
        target = part.target if part.verdict not in ("stops", "stopped", "waits") else None
        if part.verdict == "kept":
            target = part.current[0] if part.current else None
        if target is None:
            missing.append(part.id)
            continue
        role = f" ({part.role})" if part.role in ("Promoted", "Unpromoted") else ""
        places.setdefault(target, []).append(part.id + role)
    if not places:
        first = parts[0]
        return f"{explanation.id} is stopped because {_because(first)}"
    where = "; ".join(f"{node}: {', '.join(names)}" for node, names in places.items())
    text = f"{explanation.id} is placed so: {where}"
    if missing:
        text += f"; not running: {', '.join(missing)}"
    return text


def _headline(part: PartView) -> str:
    current = ", ".join(part.current)
    role = f" as {part.role}" if part.role in ("Promoted", "Unpromoted") else ""
    sentence = _VERDICTS[part.verdict].format(
        id=part.id,
        role=role,
        target=part.target,
        current=current,
        where=f" on {current}" if current else " (not running)",
    )
    reason = part.promotion if part.verdict in ("promotes", "demotes") else None
    if reason is not None:
        return f"{sentence} because {cause(reason, part.id)}"
    return f"{sentence} because {_because(part)}"


def _because(part: PartView) -> str:
    if not part.causes:
        return "nothing speaks against it"
    if part.causes[0].kind == "no-usable-node":
        told = "; ".join(_on_node(reason, part.id) for reason in part.causes[1:])
        return f"no node can run it: {told}" if told else "there is no node that could run it"
    lead, rest = part.causes[0], part.causes[1:]
    text = cause(lead, part.id)
    if lead.kind == "highest" and rest:
        return f"{text}: {', '.join(cause(reason, part.id) for reason in rest)}"
    return "; ".join([text, *(cause(reason, part.id) for reason in rest)])


def _on_node(reason: Reason, identifier: str) -> str:
    text = cause(reason, identifier)
    return text if not reason.node or reason.node in text else f"{reason.node}: {text}"


def _part_lines(part: PartView) -> list[str]:
    lines = [f"{_headline(part)}."]
    if part.promotion is not None and part.verdict not in ("promotes", "demotes"):
        does = "It is promoted" if part.role == "Promoted" else "It is not promoted"
        lines.append(f"{does} because {cause(part.promotion, part.id)}.")
    if part.promotion is not None:
        lines += _remedies([part.promotion], part.id, "  ")
    lines += _remedies(part.causes, part.id, "  ")
    lines += [f"  Without effect, because it would have left no node: colocation {name}" for name in part.ignored]
    for view in part.nodes:
        lines += _node_lines(view, part.id)
    for action in part.actions:
        lines += _action_lines(action, part.id)
    return lines


def _remedies(reasons: list[Reason], identifier: str, indent: str) -> list[str]:
    told = dict.fromkeys(remedy(reason, identifier) for reason in reasons)
    return [f"{indent}To change it: {text}" for text in told if text]


def _node_lines(view: NodeView, identifier: str) -> list[str]:
    score = "no entry" if view.score is None else f"score {format_score(view.score)}"
    marks = [word for word, holds in (("chosen", view.chosen), ("it is there now", view.current)) if holds]
    title = f"  {view.node}: {score}" + (f" ({', '.join(marks)})" if marks else "")
    lines = [title]
    for reason in view.obstacles:
        lines.append(f"    Not usable: {cause(reason, identifier)}")
        lines += _remedies([reason], identifier, "      ")
    if view.against is not None:
        lines.append(f"    Not chosen: {cause(view.against, identifier)}")
    for row in view.contributions:
        words = contribution(row.source, row.constraint, format_score(row.amount))
        lines.append(f"    {words} -> {format_score(row.result)}")
    return lines


def _action_lines(action: ActionView, identifier: str) -> list[str]:
    title = _action_name(action.task, action.resource, action.node, action.interval_ms)
    if action.impossible:
        lines = [f"  Can't be done: {title}"]
        lines += [f"    because {cause(reason, identifier)}" for reason in action.impossible]
        return lines + _remedies(action.impossible, identifier, "      ")
    lines = [f"  To do: {title}", f"    because {why(action.why, identifier)}"]
    return lines + [f"    after {_wait_text(wait)}" for wait in action.waits]


def _wait_text(wait: Wait) -> str:
    reason = relation(wait.relation)
    if wait.resource is None and wait.task != "stonith":
        name = wait.task
    else:
        name = _action_name(wait.task, wait.resource, wait.node, wait.interval_ms)
    return f"{name} ({reason})" if reason else name


def _action_name(task: str, resource: str | None, node: str | None, interval_ms: int) -> str:
    if task == "stonith":
        return f"fencing of {node}"
    name = "probe" if task == "monitor" and not interval_ms else TASKS.get(task, task)
    every = f" every {interval_ms / 1000:g} s" if interval_ms else ""
    return f"{name} of {resource}{every}" + (f" on {node}" if node is not None else "")


def _about_node(explanation: Explanation) -> list[str]:
    """Answer why a resource is, or is not, on one node."""
    node = explanation.node
    lines: list[str] = []
    for part in explanation.parts:
        view = part.nodes[0] if part.nodes else None
        if lines:
            lines.append("")
        if view is None:
            lines.append(f"{part.id} has nothing to do with {node}.")
            continue
        lines.append(_node_answer(part, view))
        told = view.obstacles or ([view.against] if view.against is not None else [])
        lines += _remedies(part.causes if view.chosen else told, part.id, "  ")
        lines += _node_lines(view, part.id)
        for action in part.actions:
            if action.node == node:
                lines += _action_lines(action, part.id)
    return lines


def _node_answer(part: PartView, view: NodeView) -> str:
    if view.chosen or (part.verdict == "kept" and view.current):
        return f"{_headline(part)}."
    is_there = "will not stay" if view.current else "is not"
    reasons = view.obstacles or ([view.against] if view.against is not None else [])
    if not reasons:
        return f"{part.id} {is_there} on {view.node} because {_because(part)}."
    return f"{part.id} {is_there} on {view.node} because {'; '.join(cause(reason, part.id) for reason in reasons)}."
