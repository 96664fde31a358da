"""The configure level: the working copy of the configuration, its commands and objects."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from crmsh.levels.framework import Command, CommandError, Level, Session, commands
from crmsh.levels.script import logical_lines

if TYPE_CHECKING:
    from crmsh.language.objects import ConfigurationObject
    from crmsh.language.xml import Element


def is_object(word: str) -> bool:
    """True for a word that begins a configuration line."""
    from crmsh.language.parse import is_object_word

    return is_object_word(word)


def enter_line(session: Session, line: str) -> None:
    """Take in a configuration line or a comment."""
    session.copy.enter(line)
    _tell_notices(session)


def _tell_notices(session: Session) -> None:
    for notice in session.copy.notices:
        session.info(notice)
    session.copy.notices.clear()


def show(session: Session, arguments: list[str]) -> None:
    """Print objects as lines or as XML."""
    from crmsh.configuration.show import OBSCURED, select, text_of, xml_of

    as_xml = bool(arguments) and arguments[0] == "xml"
    terms = arguments[1:] if as_xml else arguments
    chosen = select(session.copy, terms)
    if session.preferences.get("sort-elements") in ("no", "false") and not [t for t in terms if ":" not in t]:
        chosen = _document_order(session, chosen)
    if as_xml:
        session.out(xml_of(session.copy, chosen))
        return
    obscure = (*OBSCURED, *(term.partition(":")[2] for term in terms if term.startswith("obscure:")))
    session.out(text_of(session.copy, chosen, session.style, obscure))


def _document_order(session: Session, chosen: list[Element]) -> list[Element]:
    from crmsh.configuration.sections import show_rank

    places = {element: place for place, element in enumerate(session.copy.objects())}
    return sorted(chosen, key=lambda element: (show_rank(element), places[element]))


def delete(session: Session, arguments: list[str]) -> None:
    """Remove objects and what depends on them."""
    force = session.force or any(word in ("-f", "--force", "force") for word in arguments)
    names = [word for word in arguments if word not in ("-f", "--force", "force")]
    if not names:
        raise CommandError("delete: expected the ids of objects")
    session.copy.delete(list(dict.fromkeys(names)), force)
    _tell_notices(session)


def rename(session: Session, arguments: list[str]) -> None:
    """Change the id of an object."""
    session.copy.rename(arguments[0], arguments[1], session.force)


def modgroup(session: Session, arguments: list[str]) -> None:
    """Add to or remove from a group."""
    usage = "modgroup GROUP add RSC [after|before RSC] | modgroup GROUP remove RSC"
    if len(arguments) < 3 or arguments[1] not in ("add", "remove"):
        raise CommandError(f"usage: {usage}")
    if len(arguments) == 3:
        session.copy.modify_group(arguments[0], arguments[1], arguments[2])
    elif len(arguments) == 5 and arguments[1] == "add" and arguments[3] in ("after", "before"):
        session.copy.modify_group(arguments[0], "add", arguments[2], arguments[3], arguments[4])
    else:
        raise CommandError(f"usage: {usage}")
    _tell_notices(session)


def set_value(session: Session, arguments: list[str]) -> None:
    """Change one value."""
    session.copy.set_value(arguments[0], arguments[1])


def erase(session: Session, arguments: list[str]) -> None:
    """Remove everything."""
    if arguments and arguments[0] != "nodes":
        raise CommandError("erase: expected nothing or 'nodes'")
    session.copy.erase(nodes=bool(arguments))


def verify(session: Session, arguments: list[str]) -> None:
    """Check the working copy."""
    if _report_problems(session):
        raise CommandError("the configuration has errors")


def _report_problems(session: Session, since_base: bool = False) -> bool:
    """Tell what is wrong with the working copy. Returns whether anything is an error.

    With `since_base` errors that were there before the changes are told as warnings, since they are no reason to
    refuse; warnings that were there before are not told again.
    """
    from crmsh.configuration.verify import verify_cib
    from crmsh.language.xml import to_line

    # The working copy is no file: lines of its text would mean nothing to a person.
    reports = [report.at(0, report.column) for report in verify_cib(to_line(session.copy.cib).encode())]
    if session.backend.live:
        from crmsh.configuration.agents_check import check_agents

        reports += check_agents(session.copy, session.backend.client())
    known: set[tuple[str, str, str]] = set()
    if since_base and reports:
        known = {(r.code, r.id, r.text) for r in verify_cib(to_line(session.copy.base).encode())}
    errors = False
    for report in reports:
        is_new = (report.code, report.id, report.text) not in known
        if report.severity == "error" and is_new:
            session.error(report.sentence())
            errors = True
        elif report.severity == "error" or is_new:
            session.warning(report.sentence())
    return errors


def commit(session: Session, arguments: list[str]) -> None:
    """Write the working copy as one change."""
    from crmsh.backend import BackendError
    from crmsh.configuration.commit import Conflict
    from crmsh.configuration.commit import commit as write

    force = session.force or "force" in arguments
    if not session.copy.changed:
        session.info("nothing changed, nothing to commit")
        return
    failed = session.failed
    errors = _report_problems(session, since_base=True)
    if errors and not force and not session.confirm("Do you still want to commit?"):
        session.refused = session.copy.text
        raise CommandError("not committed: put the errors right, or use 'commit force'")
    if errors and force:
        session.info("commit forced")
        session.failed = failed
    if session.interactive:
        _tell_plan(session)
    try:
        write(session.copy, session.backend, force)
    except Conflict as error:
        session.refused = session.copy.text
        raise CommandError(str(error)) from None
    except BackendError as error:
        session.refused = session.copy.text
        raise CommandError(f"not committed: {error.text}", error.details, error.rc) from error
    session.drop_copy()
    if session.wait and session.backend.live:
        from crmsh.levels.waiting import wait_until_idle

        wait_until_idle(session)


def _tell_plan(session: Session) -> None:
    from crmsh.configuration.plan import plan_of
    from crmsh.language.xml import to_line

    for line in plan_of(to_line(session.copy.cib).encode(), notes=False):
        session.info(line)


def simulate(session: Session, arguments: list[str]) -> None:
    """Say what the cluster would do with the working copy."""
    from crmsh.configuration.plan import plan_of, scores_of
    from crmsh.language.xml import to_line

    data = to_line(session.copy.cib).encode()
    lines = plan_of(data)
    session.out("\n".join(lines) if lines else "nothing would be done")
    if any(word in ("scores", "s") for word in arguments):
        session.out("\n".join(scores_of(data)))


def refresh(session: Session, arguments: list[str]) -> None:
    """Drop the changes and read again."""
    if session.has_copy and session.copy.changed and not session.confirm("All changes will be dropped. Go on?", True):
        return
    session.drop_copy()


def load(session: Session, arguments: list[str]) -> None:
    """Take in a file."""
    words = list(arguments)
    as_xml = bool(words) and words[0] == "xml"
    if as_xml:
        words.pop(0)
    method = words.pop(0) if words and words[0] in ("replace", "update", "push") else "update"
    if len(words) != 1:
        raise CommandError("usage: load [xml] {replace|update|push} {FILE|URL|-}")
    text = _read_source(words[0])
    if as_xml or text.lstrip().startswith("<"):
        _load_xml(session, text, words[0])
    else:
        _load_text(session, text, words[0], method)
    _tell_notices(session)


def _read_source(name: str) -> str:
    if name == "-":
        return sys.stdin.read()
    if name.startswith(("http://", "https://", "ftp://")):
        from urllib.request import urlopen

        with urlopen(name, timeout=30) as reply:
            data: bytes = reply.read()
            return data.decode()
    try:
        return Path(name.removeprefix("file://")).read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError(f"cannot read {name}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise CommandError(f"cannot read {name}: {error}") from None


def _load_text(session: Session, text: str, name: str, method: str) -> None:
    from crmsh.language.errors import LanguageError

    placed = _parse_text(text, name)
    things = [thing for _, thing in placed]
    _tell_doubts(session, things)
    try:
        session.copy.load(things, method)
    except LanguageError as error:
        number = next((number for number, thing in placed if thing is error.about), 0)
        raise CommandError(f"{name}:{number}: {error}; nothing was taken over", tuple(error.pointer())) from error


def _load_xml(session: Session, text: str, name: str) -> None:
    from crmsh.language.xml import MalformedXml, clone, parse_xml, tag_of

    try:
        element = parse_xml(text.encode(), name)
    except MalformedXml as error:
        raise CommandError(f"not well-formed XML: {error}") from None
    source = element if element.tag == "configuration" else element.find("configuration")
    if source is None:
        raise CommandError(f"{name}: expected a <cib> or <configuration> element, found <{tag_of(element)}>")
    root = session.copy.root
    parent = root.getparent()
    assert parent is not None
    parent.replace(root, clone(source))


def _parse_text(text: str, source: str) -> list[tuple[int, ConfigurationObject]]:
    """The objects of a text, each with its line's number. Raises CommandError that lists every faulty line."""
    from crmsh.language.errors import LanguageError
    from crmsh.language.parse import parse_line

    things: list[tuple[int, ConfigurationObject]] = []
    problems: list[str] = []
    for number, line in logical_lines(text):
        if line.lstrip().startswith("#"):
            continue
        try:
            things.append((number, parse_line(line)))
        except LanguageError as error:
            problems += [f"{source}:{number}: {error}", *error.pointer()]
    if problems:
        raise CommandError(f"{source} has lines that cannot be understood; nothing was taken over", tuple(problems))
    return things


def _tell_doubts(session: Session, things: list[ConfigurationObject]) -> None:
    from crmsh.language.doubts import doubts

    for thing in things:
        for sentence in doubts(thing):
            session.warning(sentence)


def save(session: Session, arguments: list[str]) -> None:
    """Write objects to a file."""
    from crmsh.configuration.show import select, text_of, xml_of

    words = list(arguments)
    as_xml = words[0] == "xml"
    if as_xml:
        words.pop(0)
    if not words:
        raise CommandError("usage: save [xml] [ID…] FILE")
    *terms, name = words
    chosen = select(session.copy, terms)
    text = xml_of(session.copy, chosen) if as_xml else text_of(session.copy, chosen, obscure=())
    if name == "-":
        session.out(text)
        return
    try:
        Path(name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"cannot write {name}: {error.strerror}") from None


def edit(session: Session, arguments: list[str]) -> None:
    """Change objects in an editor."""
    import tempfile

    editor = os.environ.get("EDITOR") or os.environ.get("VISUAL") or "vi"
    before = _editable(session, arguments)
    with tempfile.NamedTemporaryFile("w+", suffix=".crm", prefix="crm-edit.", encoding="utf-8") as file:
        file.write(before)
        file.flush()
        while True:
            subprocess.run([*editor.split(), file.name], check=False)
            text = Path(file.name).read_text(encoding="utf-8")
            if text == before:
                session.info("nothing was changed")
                return
            try:
                _take_back(session, arguments, text)
            except (CommandError, Exception) as error:
                lines = getattr(error, "details", ())
                session.error(str(error), lines)
                if not session.confirm("Edit again?"):
                    raise CommandError("the edited text was not taken over") from None
                continue
            return


def _editable(session: Session, arguments: list[str]) -> str:
    from crmsh.configuration.show import select, text_of, xml_of

    if arguments and arguments[0] == "xml":
        return xml_of(session.copy, select(session.copy, arguments[1:]))
    return text_of(session.copy, select(session.copy, arguments), obscure=())


def _take_back(session: Session, arguments: list[str], text: str) -> None:
    from crmsh.configuration.show import select

    if arguments and arguments[0] == "xml":
        _load_xml(session, text, "the edited text")
        return
    things = [thing for _, thing in _parse_text(text, "the edited text")]
    _tell_doubts(session, things)
    session.copy.replace_objects(select(session.copy, arguments), things)
    _tell_notices(session)


def filter_objects(session: Session, arguments: list[str]) -> None:
    """Change objects by a program."""
    program, *terms = arguments
    before = _editable(session, terms)
    done = subprocess.run(
        program,
        shell=True,
        input=before,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CommandError(f"'{program}' failed with {done.returncode}", tuple(done.stderr.splitlines()))
    if done.stdout != before:
        _take_back(session, terms, done.stdout)


def schema(session: Session, arguments: list[str]) -> None:
    """Show or set the schema."""
    from cib.schema import schema_names

    if not arguments:
        session.out(session.copy.schema)
        return
    names = list(schema_names())
    if arguments[0] not in names:
        raise CommandError(f"unknown schema '{arguments[0]}' ({', '.join(names)})")
    session.copy.cib.set("validate-with", arguments[0])


def get_property(session: Session, arguments: list[str]) -> None:
    """Values of cluster properties."""
    from crmsh.configuration.properties import PROPERTY_DEFAULTS
    from crmsh.language.errors import did_you_mean

    as_boolean = arguments[:1] in (["-t"], ["--true"])
    names = arguments[1:] if as_boolean else arguments
    if not names:
        session.out("\n".join(sorted(PROPERTY_DEFAULTS)))
        return
    for name in names:
        value = _property_value(session, name)
        if value is None:
            value = PROPERTY_DEFAULTS.get(name)
        if value is None:
            raise CommandError(f"there is no property '{name}'{did_you_mean(name, list(PROPERTY_DEFAULTS))}")
        truth = value.lower() in ("true", "yes", "on", "1", "y")
        session.out(("true" if truth else "false") if as_boolean else value)


def _property_value(session: Session, name: str) -> str | None:
    for element in session.copy.objects():
        if element.tag == "cluster_property_set":
            for pair in element:
                if pair.get("name") == name:
                    return pair.get("value", "")
    return None


def default_timeouts(session: Session, arguments: list[str]) -> None:
    """Set timeouts to what the agents advise."""
    from crmsh.configuration.advice import apply_advised_timeouts

    for name in arguments:
        apply_advised_timeouts(session.copy, name)


def graph(session: Session, arguments: list[str]) -> None:
    """Print the dependencies for Graphviz."""
    from crmsh.configuration.dot import dot_of

    if not arguments:
        raise CommandError("usage: graph dot [FILE]")
    if arguments[0] != "dot":
        raise CommandError(f"unknown kind of graph '{arguments[0]}': expected dot")
    text = dot_of(session.copy)
    if len(arguments) > 1:
        Path(arguments[1]).write_text(text, encoding="utf-8")
    else:
        session.out(text)


def leave(session: Session) -> None:
    """Write the changes when nobody is there to be asked, else ask."""
    refused = session.has_copy and session.refused == session.copy.text and not session.interactive
    if not session.has_copy or not session.copy.changed or refused:
        session.drop_copy()
        return
    if session.interactive and not session.confirm("There are changes pending. Do you want to commit them?"):
        session.drop_copy()
        return
    commit(session, [])


LEVEL = Level(
    name="configure",
    summary="the configuration: objects, their checks, commit",
    commands=commands(
        Command("show", show, "show [xml] [ID…|changed|type:T|tag:T|related:R] [and|or …]", "print objects",
                arguments=("shown",), repeat=True, example="show vip"),
        Command("edit", edit, "edit [xml] [ID…]", "change objects in an editor", arguments=("shown",), repeat=True),
        Command("filter", filter_objects, "filter PROGRAM [ID…]", "change objects by a program", minimum=1,
                arguments=("", "shown"), repeat=True, example="filter 'sed s/10s/20s/' vip"),
        Command("set", set_value, "set ID.NAME VALUE | set ID.OP[.INTERVAL].NAME VALUE", "change one value",
                minimum=2, maximum=2, arguments=("id",), example="set vip.monitor.timeout 30s"),
        Command("modgroup", modgroup, "modgroup GROUP {add|remove} RSC [after|before RSC]", "change a group",
                arguments=("group", "add|remove", "primitive", "after|before", "primitive")),
        Command("delete", delete, "delete [--force] ID…", "remove objects and adjust what depends on them",
                aliases=("rm",), minimum=1, arguments=("id",), repeat=True),
        Command("rename", rename, "rename OLD NEW", "change an id everywhere", minimum=2, maximum=2,
                arguments=("id",)),
        Command("erase", erase, "erase [nodes]", "remove everything but the nodes, or the nodes",
                arguments=("nodes",)),
        Command("verify", verify, "verify", "check the working copy", maximum=0),
        Command("commit", commit, "commit [force]", "write the changes as one", arguments=("force",)),
        Command("refresh", refresh, "refresh", "drop the changes and read again", maximum=0),
        Command("load", load, "load [xml] {replace|update|push} {FILE|URL|-}", "take in a file", minimum=1,
                maximum=3, arguments=("replace|update|push|xml", "file", "file")),
        Command("save", save, "save [xml] [ID…] FILE", "write objects to a file", minimum=1,
                arguments=("shown", "file"), repeat=True),
        Command("schema", schema, "schema [NAME]", "show or set the schema", maximum=1),
        Command("ptest", simulate, "ptest [scores]", "what the cluster would do with the working copy",
                aliases=("simulate", "plan"), arguments=("scores|nograph|actions",), repeat=True),
        Command("get_property", get_property, "get_property [-t] [NAME…]", "values of cluster properties",
                aliases=("get-property",), arguments=("property",), repeat=True),
        Command("default-timeouts", default_timeouts, "default-timeouts ID…", "set the agents' advised timeouts",
                minimum=1, arguments=("primitive",), repeat=True),
        Command("graph", graph, "graph dot [FILE]", "dependencies for Graphviz", arguments=("dot", "file")),
    ),
    below={"ra": "crmsh.levels.ra", "cib": "crmsh.levels.cib"},
    on_leave=leave,
    is_object=is_object,
    enter_line=enter_line,
)  # fmt: skip
