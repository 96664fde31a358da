"""The ra level: which agents there are and what they take."""

from __future__ import annotations

from crmsh.language.errors import did_you_mean
from crmsh.levels.framework import Command, CommandError, Level, Session, commands
from crmsh.metadata import agent_types, providers_of, read_metadata, standards


def classes(session: Session, arguments: list[str]) -> None:
    """Classes of agents, and providers of ocf."""
    for name in standards():
        providers = providers_of("ocf") if name == "ocf" else []
        session.out(name + (f" / {' '.join(providers)}" if providers else ""))


def list_agents(session: Session, arguments: list[str]) -> None:
    """Agents of a class."""
    if arguments[0] not in standards():
        raise CommandError(f"there is no class '{arguments[0]}'{did_you_mean(arguments[0], standards())}")
    session.out("\n".join(agent_types(arguments[0], arguments[1] if len(arguments) > 1 else "")))


def info(session: Session, arguments: list[str]) -> None:
    """Parameters and operations of an agent."""
    from crmsh.language.agents import find_agent
    from crmsh.metadata import describe

    try:
        agent = find_agent(arguments[0])
    except ValueError as error:
        raise CommandError(str(error)) from None
    metadata = read_metadata(agent.standard, agent.provider, agent.type)
    if metadata is None:
        known = agent_types(agent.standard, agent.provider)
        raise CommandError(f"there is no agent '{arguments[0]}' on this node{did_you_mean(agent.type, known)}")
    session.out(describe(metadata))


def providers(session: Session, arguments: list[str]) -> None:
    """Providers that have an agent of a type."""
    session.out(" ".join(name for name in providers_of("ocf") if arguments[0] in agent_types("ocf", name)))


LEVEL = Level(
    name="ra",
    summary="resource agents and what they take",
    commands=commands(
        Command("classes", classes, "classes", "classes and providers of agents", maximum=0),
        Command("list", list_agents, "list CLASS [PROVIDER]", "agents of a class", minimum=1, maximum=2,
                arguments=("standard", "provider")),
        Command("info", info, "info [CLASS:[PROVIDER:]]TYPE", "parameters and operations of an agent",
                aliases=("meta",), minimum=1, maximum=1, arguments=("agent",), example="info IPaddr2"),
        Command("providers", providers, "providers TYPE [CLASS]", "providers of an agent", minimum=1, maximum=2),
    ),
)  # fmt: skip
