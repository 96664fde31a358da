"""Whether the agents of new and changed primitives exist, and take what they are given.

The schema can't know it, and a cluster that starts an agent which is not there only says so as a failure, later.
"""

from __future__ import annotations

from typing import Protocol

from cib.reports import Report
from crmsh.configuration.working_copy import WorkingCopy
from crmsh.language.agents import agent_text
from crmsh.language.errors import did_you_mean
from crmsh.language.xml import Element, MalformedXml, children, descendants, to_line
from crmsh.metadata import AgentMetadata, agent_types, parse_metadata, providers_of, read_metadata, standards

_FENCING_OF_THE_CLUSTER = ("provides", "stonith-timeout", "priority")
"""Parameters of every stonith resource that no fence agent knows."""
_GIVEN_BY_THE_CLUSTER = ("action", "port", "plug", "nodename")
"""Parameters that fence agents require, and that the cluster gives."""
_UNDERSTOOD_EVERYWHERE = ("OCF_CHECK_LEVEL", "trace_ra", "trace_file")


class Executor(Protocol):
    """Who knows the agents that this process can't find, because its environment is another than the executor's."""

    def metadata(self, agent: str) -> bytes:
        """The agent's meta-data. Raises crmd.client.ClientError."""


def check_agents(copy: WorkingCopy, executor: Executor) -> list[Report]:
    """Report agents that are not on this node, and parameters that are missing or unknown to the agent."""
    before = {element.get("id"): to_line(element) for element in WorkingCopy(copy.base).objects()}
    reports: list[Report] = []
    for element in copy.objects():
        if element.tag != "primitive" or before.get(element.get("id")) == to_line(element):
            continue
        template = copy.find(element.get("template", ""))
        source = element if template is None else template
        standard, provider, kind = (source.get(name, "") for name in ("class", "provider", "type"))
        if not standard or not kind:
            continue
        metadata = read_metadata(standard, provider, kind) or _ask(executor, standard, provider, kind)
        if metadata is None:
            reports.append(_missing(element, standard, provider, kind))
        elif standard in ("ocf", "stonith"):
            reports += _parameters(element, [element] if template is None else [element, template], standard, metadata)
    return reports


def _ask(executor: Executor, standard: str, provider: str, kind: str) -> AgentMetadata | None:
    from crmd.client import ClientError

    try:
        return parse_metadata(executor.metadata(":".join(part for part in (standard, provider, kind) if part)))
    except (ClientError, MalformedXml):
        return None


def _missing(element: Element, standard: str, provider: str, kind: str) -> Report:
    if standard not in standards():
        why = f"the class '{standard}' is not supported; supported are {', '.join(standards())}"
    elif standard == "ocf" and provider not in providers_of("ocf"):
        why = f"there is no provider '{provider}' on this node{did_you_mean(provider, providers_of('ocf'))}"
    else:
        near = did_you_mean(kind, agent_types(standard, provider))
        why = f"there is no agent '{agent_text(standard, provider, kind)}' on this node{near}"
    return Report("agent.missing", "error", why, "primitive", element.get("id", ""))


def _parameters(element: Element, sources: list[Element], standard: str, metadata: AgentMetadata) -> list[Report]:
    sets = [child for source in sources for child in children(source) if child.tag == "instance_attributes"]
    pairs = [pair for content in sets for pair in descendants(content) if pair.tag == "nvpair"]
    given = {pair.get("name", "") for pair in pairs}
    # What a reference points to may hold any name.
    by_reference = any(e.get("id-ref") for e in [*sets, *pairs])
    known = {parameter.name for parameter in metadata.parameters}
    identifier = element.get("id", "")
    reports = []
    for parameter in metadata.parameters:
        from_cluster = standard == "stonith" and parameter.name in _GIVEN_BY_THE_CLUSTER
        if parameter.required and parameter.name not in given and not by_reference and not from_cluster:
            text = f"the agent needs the parameter '{parameter.name}' ({parameter.short or parameter.kind})"
            reports.append(Report("agent.parameter.missing", "error", text, "primitive", identifier))
    for name in sorted(given - known):
        if name and not _is_general(name, standard):
            text = f"the agent does not know the parameter '{name}'{did_you_mean(name, sorted(known))}"
            reports.append(Report("agent.parameter.unknown", "warning", text, "primitive", identifier))
    return reports


def _is_general(name: str, standard: str) -> bool:
    if standard == "stonith":
        return name.startswith("pcmk_") or name in _FENCING_OF_THE_CLUSTER
    return name in _UNDERSTOOD_EVERYWHERE or name.startswith("CRM_meta_")
