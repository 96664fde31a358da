"""The options level: preferences of this session."""

from __future__ import annotations

from collections.abc import Callable

from crmsh.language.errors import did_you_mean
from crmsh.levels.framework import Command, CommandError, Level, Session, commands

DEFAULTS = {
    "editor": "$EDITOR",
    "pager": "$PAGER",
    "output": "color",
    "sort-elements": "yes",
    "wait": "no",
    "check-frequency": "always",
    "check-mode": "strict",
    "skill-level": "expert",
    "manage-children": "ask",
    "add-quotes": "yes",
    "user": "",
}


def show(session: Session, arguments: list[str]) -> None:
    """All preferences, or one."""
    values = DEFAULTS | session.preferences
    if arguments and arguments[0] != "all":
        if arguments[0] not in values:
            raise CommandError(f"there is no option '{arguments[0]}'{did_you_mean(arguments[0], list(values))}")
        session.out(values[arguments[0]])
        return
    session.out("\n".join(f'{name} "{value}"' for name, value in sorted(values.items())))


def _setter(name: str) -> Callable[[Session, list[str]], None]:
    def run(session: Session, arguments: list[str]) -> None:
        session.preferences[name] = arguments[0]
        if name == "wait":
            session.wait = arguments[0] in ("yes", "true", "on")
        if name == "output":
            session.display = arguments[0]

    return run


LEVEL = Level(
    name="options",
    summary="preferences of this session",
    commands=commands(
        Command("show", show, "show [all|NAME]", "the preferences", maximum=1),
        *(Command(name, _setter(name), f"{name} VALUE", f"set {name}", minimum=1, maximum=1) for name in DEFAULTS),
    ),
)
