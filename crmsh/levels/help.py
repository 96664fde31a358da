"""`help`: topics, levels and commands, from the same tables that run them."""

from __future__ import annotations

from crmsh.language.errors import did_you_mean
from crmsh.levels.framework import Command, CommandError, Level, level_below

TOPICS = {
    "getting-started": """\
Configure a resource and let it run:

    crm configure primitive vip IPaddr2 ip=192.0.2.10 op monitor interval=10s
    crm status

Several lines at once, checked together and written as one change:

    crm configure
      primitive web apache
      group site vip web
      verify
      commit
""",
    "constraints": """\
location NAME RESOURCE SCORE: NODE      where a resource prefers to run (inf: always, -inf: never)
colocation NAME SCORE: A B              A is placed where B is
order NAME KIND: A B                    A starts before B and stops after it (Mandatory, Optional, Serialize)
""",
    "fencing": """\
With stonith-enabled=true (the default) a node counts as down only when a fencing device has confirmed it. Configure a
primitive of class stonith for each node:

    primitive fence-n1 stonith:fence_ipmilan pcmk_host_list=n1 ip=192.0.2.101 username=admin password=…
""",
    "quorum": """\
A partition runs resources only with the votes of more than half of all nodes. What happens without: the property
no-quorum-policy (stop, freeze, ignore, demote, fence).
""",
}


def command_help(level: Level, command: Command) -> str:
    """One page for a command."""
    where = f"{level.name} " if level.name else ""
    lines = [f"{where}{command.name}: {command.summary}", "", f"Usage: {command.usage}"]
    if command.aliases:
        lines.append(f"Also: {', '.join(command.aliases)}")
    if command.example:
        lines += ["", f"Example: crm {where}{command.example}"]
    return "\n".join(lines)


def level_help(level: Level) -> str:
    """The commands of a level, one a line."""
    title = f"{level.name}: {level.summary}" if level.name else "crm: the cluster's shell"
    lines = [title, ""]
    if level.below:
        lines.append("Levels:")
        for name in sorted(level.below):
            below = level_below(level, name)
            lines.append(f"  {name:<16} {below.summary if below else ''}")
        lines.append("")
    lines.append("Commands:")
    lines += [f"  {name:<16} {command.summary}" for name, command in sorted(level.commands.items())]
    if level.is_object is not None:
        from crmsh.language.parse import OBJECT_WORDS

        lines += ["", "Objects:", "  " + " ".join(OBJECT_WORDS)]
    lines += [
        "",
        "help COMMAND shows more; help topics lists subjects; Tab completes; cd, up, ls, quit work everywhere.",
    ]
    return "\n".join(lines)


def help_for(level: Level, arguments: list[str]) -> str:
    """The page that the words name, from this level on or from the root."""
    from crmsh.levels.root import LEVEL as ROOT

    if not arguments:
        return level_help(level)
    if arguments == ["topics"]:
        return "Topics: " + ", ".join(TOPICS)
    if arguments[0] in TOPICS:
        return TOPICS[arguments[0]]
    for start in (level, ROOT):
        current: Level | None = start
        for place, word in enumerate(arguments):
            assert current is not None
            aliases = {alias: c for c in current.commands.values() for alias in c.aliases}
            command = current.commands.get(word) or aliases.get(word)
            if command is not None:
                return command_help(current, command)
            if current.is_object is not None and current.is_object(word):
                return _object_help(word)
            current = level_below(current, word)
            if current is None:
                break
            if place == len(arguments) - 1:
                return level_help(current)
    known = [*level.commands, *level.below, *ROOT.commands, *ROOT.below, *TOPICS]
    raise CommandError(f"there is no help for '{' '.join(arguments)}'{did_you_mean(arguments[-1], known)}")


def _object_help(word: str) -> str:
    from crmsh.language.grammar_help import usage_of

    return usage_of(word)
