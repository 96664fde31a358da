"""The cib level: shadow copies of the configuration."""

from __future__ import annotations

from pathlib import Path

from crmsh.backend import BackendError, FileBackend, LiveBackend, shadow_directory, shadow_path
from crmsh.language.errors import did_you_mean
from crmsh.levels.framework import Command, CommandError, Level, Session, commands


def _names() -> list[str]:
    directory = shadow_directory()
    return (
        sorted(path.name.removeprefix("shadow.") for path in directory.glob("shadow.*")) if directory.is_dir() else []
    )


def _existing(name: str) -> Path:
    path = shadow_path(name)
    if not path.exists():
        raise CommandError(f"there is no shadow CIB '{name}'{did_you_mean(name, _names())}")
    return path


def _switch(session: Session, name: str) -> None:
    session.drop_copy()
    session.backend = LiveBackend() if name == "live" else FileBackend(str(shadow_path(name)), name)


def new(session: Session, arguments: list[str]) -> None:
    """Make a shadow copy and use it."""
    words = [word for word in arguments if word not in ("withstatus", "force", "empty")]
    name = words[0] if words else "tmp"
    path = shadow_path(name)
    if path.exists() and "force" not in arguments and not session.force:
        raise CommandError(f"the shadow CIB '{name}' exists: use force to replace it")
    if "empty" in arguments:
        from cib.initial import empty_document

        data = empty_document().to_bytes()
    else:
        data = session.backend.read()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"cannot make {path.parent}: {error.strerror}") from None
    FileBackend(str(path)).write(data)
    _switch(session, name)
    session.info(f"{name} shadow CIB created")


def use(session: Session, arguments: list[str]) -> None:
    """Work on a shadow copy, or on the live CIB."""
    name = arguments[0] if arguments else "live"
    if name != "live":
        _existing(name)
    _switch(session, name)


def list_names(session: Session, arguments: list[str]) -> None:
    """The shadow copies."""
    session.out("\n".join(_names()))


def delete(session: Session, arguments: list[str]) -> None:
    """Remove shadow copies."""
    for name in arguments:
        if session.backend.name == name:
            raise CommandError(f"'{name}' is in use: 'cib use live' first")
        _existing(name).unlink()


def reset(session: Session, arguments: list[str]) -> None:
    """Copy the live CIB into a shadow copy."""
    name = arguments[0] if arguments else session.backend.name
    _existing(name)
    FileBackend(str(shadow_path(name))).write(LiveBackend().read())
    session.drop_copy()


def commit(session: Session, arguments: list[str]) -> None:
    """Write a shadow copy to the cluster."""
    from cib.requests import Request
    from crmsh.language.xml import children, parse_xml, to_line

    name = arguments[0] if arguments else session.backend.name
    root = parse_xml(_existing(name).read_bytes())
    configuration = next((child for child in children(root) if child.tag == "configuration"), None)
    if configuration is None:
        raise CommandError(f"the shadow CIB '{name}' has no configuration")
    request = Request(op="replace", section="configuration", xml=to_line(configuration).encode())
    try:
        LiveBackend().apply([request], session.force)
    except BackendError as error:
        raise CommandError(f"'{name}' was not written: {error.text}", error.details, error.rc) from error
    session.info(f"committed '{name}' shadow CIB to the cluster")


def diff(session: Session, arguments: list[str]) -> None:
    """What differs between the shadow copy in use and the live CIB."""
    import difflib

    from crmsh.configuration.show import select, text_of
    from crmsh.configuration.working_copy import WorkingCopy

    texts = []
    for backend in (LiveBackend(), session.backend):
        copy = WorkingCopy.from_bytes(backend.read())
        texts.append(text_of(copy, select(copy, [])).splitlines())
    session.out("\n".join(difflib.unified_diff(texts[0], texts[1], "live", session.backend.name, lineterm="")))


def divergences(session: Session, arguments: list[str]) -> None:
    """Configurations of this node that lost when histories met, or that were edited by hand and not taken."""
    from datetime import UTC, datetime

    from crmd.client import ClientError

    try:
        kept = LiveBackend().client().divergences()
    except (BackendError, ClientError) as error:
        raise CommandError(error.text, error.details, error.rc) from error
    for each in kept:
        when = datetime.fromtimestamp(each.kept_at, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        # What somebody edited or broke has no version of its own.
        version = f"version {'.'.join(map(str, each.version))}, " if any(each.version) else ""
        session.out(f"{each.path}: {version}kept {when}: {each.reason}")
    if not kept:
        session.info("nothing was kept aside on this node; other nodes have lists of their own")
        return
    session.info("compare one: 'cib import FILE NAME', then 'cib diff'; restore it: 'cib commit NAME'")


def import_file(session: Session, arguments: list[str]) -> None:
    """Make a shadow copy of a document: a scheduler input, or what `divergences` lists."""
    import bz2

    source = Path(arguments[0])
    name = arguments[1] if len(arguments) > 1 else source.name.split(".")[0]
    try:
        data = source.read_bytes()
        if source.suffix == ".bz2":
            data = bz2.decompress(data)
        shadow_path(name).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"cannot read {source}: {error}") from None
    FileBackend(str(shadow_path(name))).write(data)
    _switch(session, name)


LEVEL = Level(
    name="cib",
    summary="shadow copies of the configuration",
    commands=commands(
        Command("new", new, "new [NAME] [force] [empty]", "make a shadow copy and use it"),
        Command("use", use, "use [NAME|live]", "work on a shadow copy", maximum=2, arguments=("shadow",)),
        Command("list", list_names, "list", "the shadow copies", maximum=0),
        Command("delete", delete, "delete NAME…", "remove shadow copies", minimum=1, arguments=("shadow",),
                repeat=True),
        Command("reset", reset, "reset [NAME]", "copy the live CIB into it", maximum=1, arguments=("shadow",)),
        Command("commit", commit, "commit [NAME]", "write it to the cluster", maximum=1, arguments=("shadow",)),
        Command("diff", diff, "diff", "difference to the live CIB", maximum=0),
        Command("divergences", divergences, "divergences", "configurations of this node that were kept aside",
                maximum=0),
        Command("import", import_file, "import FILE [NAME]", "a document in a file as shadow copy", minimum=1,
                maximum=2, arguments=("file",)),
    ),
)  # fmt: skip
