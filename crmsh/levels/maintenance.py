"""The maintenance level: the whole cluster, or one resource."""

from __future__ import annotations

from crmsh.actions.editing import edit
from crmsh.configuration.working_copy import WorkingCopy
from crmsh.language.objects import AttributeSet, Pair, Properties
from crmsh.levels import resource
from crmsh.levels.framework import Command, Level, Session, commands


def _set(session: Session, arguments: list[str], value: str) -> None:
    if arguments:
        resource.maintenance(session, [arguments[0], value])
        return
    content = AttributeSet("property", pairs=(Pair("maintenance-mode", value),))

    def change(copy: WorkingCopy) -> None:
        copy.put(Properties("property", content), update=True)

    edit(session.backend, change, session.force)


def on(session: Session, arguments: list[str]) -> None:
    """Keep the cluster from acting."""
    _set(session, arguments, "true")


def off(session: Session, arguments: list[str]) -> None:
    """Let the cluster act again."""
    _set(session, arguments, "false")


LEVEL = Level(
    name="maintenance",
    summary="maintenance of the cluster or of a resource",
    commands=commands(
        Command("on", on, "on [RSC]", "keep the cluster from acting", maximum=1, arguments=("resource",), changes=True),
        Command("off", off, "off [RSC]", "let the cluster act again", maximum=1, arguments=("resource",), changes=True),
    ),
)
