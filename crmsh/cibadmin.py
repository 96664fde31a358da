"""`cibadmin`: read and change the CIB as XML."""

from __future__ import annotations

import sys
from functools import cache

from crmsh import exit_codes
from crmsh.backend import Backend, BackendError, open_backend
from crmsh.durations import seconds
from crmsh.failure import Failure
from crmsh.frame import Call, Tool, run
from crmsh.options import OPTIONAL, REQUIRED, Option, Parsed, UsageError

_C, _D, _A = "Commands", "Data", "Advanced options"
TOOL = Tool(
    "cibadmin",
    "read and change the CIB",
    (
        Option("query", ("-Q", "--query"), "print the CIB or a part of it", section=_C),
        Option("upgrade", ("-u", "--upgrade"), "bring it to the newest schema", section=_C),
        Option("erase", ("-E", "--erase"), "empty it", section=_C),
        Option("bump", ("-B", "--bump"), "increase epoch by one", section=_C),
        Option("create", ("-C", "--create"), "add an object", section=_C),
        Option("modify", ("-M", "--modify"), "merge an object", section=_C),
        Option("patch", ("-P", "--patch"), "apply a difference", section=_C),
        Option("replace", ("-R", "--replace"), "put an object in the place of the old", section=_C),
        Option("delete", ("-D", "--delete"), "remove an object", section=_C),
        Option("delete-all", ("-d", "--delete-all"), "remove all that the XPath matches", section=_C),
        Option("empty", ("-a", "--empty"), "print an empty CIB", OPTIONAL, "SCHEMA", section=_C),
        Option("md5-sum", ("-5", "--md5-sum"), "print the on-disk digest of the input", section=_C),
        Option("md5-sum-versioned", ("-6", "--md5-sum-versioned"), "print its digest as patches carry it", section=_C),
        Option("xml-file", ("-x", "--xml-file"), "input from FILE", REQUIRED, "FILE", section=_D),
        Option("xml-text", ("-X", "--xml-text"), "input from TEXT", REQUIRED, "TEXT", section=_D),
        Option("xml-pipe", ("-p", "--xml-pipe"), "input from standard input", section=_D),
        Option("force", ("-f", "--force"), "do what is dangerous", section=_A),
        Option("timeout", ("-t", "--timeout"), "how long to wait for the cluster (a bare number: seconds)", REQUIRED,
               "TIME", section=_A),
        Option("scope", ("-o", "--scope"), "work on this section", REQUIRED, "SECTION", section=_A),
        Option("xpath", ("-A", "--xpath"), "work on what this matches", REQUIRED, "XPATH", section=_A),
        Option("score", ("--score",), "accepted: value++ and value+=N always add", section=_A),
        Option("allow-create", ("-c", "--allow-create"), "modify: add what is not there", section=_A),
        Option("no-children", ("-n", "--no-children"), "print elements without their children", section=_A),
        Option("node-path", ("-e", "--node-path"), "print the paths of the matches", section=_A),
        Option("local", ("-l", "--local"), "accepted: queries are always answered by this node", section=_A),
        Option("sync-call", ("-s", "--sync-call"), "accepted: the tool always waits for the outcome", section=_A),
        Option("user", ("-U", "--user"), "", REQUIRED, "USER"),
        Option("show-access", ("-S", "--show-access"), "", OPTIONAL),
        Option("node", ("-N", "--node", "-h", "--host"), "", REQUIRED, "NODE"),
    ),
    usage="[command] [options] [data]",
    words=True,
    refused={
        "user": "nobody can act as another user here, since access lists are not enforced",
        "show-access": "access lists are not enforced, so that every user who reaches the cluster may read all",
        "node": "a change goes to the node that decides by itself, a query is answered by this node: run it there",
    },
)  # fmt: skip
COMMANDS = ("query", "upgrade", "erase", "bump", "create", "modify", "patch", "replace", "delete", "delete-all",
            "empty", "md5-sum", "md5-sum-versioned")  # fmt: skip
_DANGEROUS = "The supplied command is considered dangerous. To prevent accidental destruction of the cluster, the --force flag is required in order to proceed."  # noqa: E501


def main(argv: list[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    return run(TOOL, argv, _answer)


def _answer(call: Call) -> int:
    try:
        result = _run(call.given)
    except BackendError as error:
        # A request that makes no sense is no fault of the program, whatever the code is called.
        what = _REASONS.get(error.rc) or exit_codes.text_of(error.rc)
        if error.rc == exit_codes.EXISTS:
            call.write(_failed_update(call.given))
        raise Failure(error.rc, f"CIB API call failed: {what}", (error.text, *error.details)) from None
    if call.as_xml and (call.given.has("md5-sum") or call.given.has("md5-sum-versioned")):
        call.root.add("md5-sum", digest=result.strip())
        return exit_codes.OK
    call.write(result)
    return exit_codes.OK


_REASONS = {exit_codes.SOFTWARE: "the request was refused", exit_codes.EXISTS: "File exists"}


def _failed_update(given: Parsed) -> str:
    """What could not be created, in the form in which programs look for it."""
    from crmsh.language.xml import add, make, parse_xml, tag_of, to_text

    thing = parse_xml(_input(given, "create"))
    failed = make("failed", {})
    attributes = {"object-type": tag_of(thing), "operation": "cib_create", "reason": _REASONS[exit_codes.EXISTS]}
    update = add(failed, "failed_update", {"id": thing.get("id", ""), **attributes})
    update.append(thing)
    return to_text(failed)


def _command(given: Parsed) -> str:
    chosen = [name for name in COMMANDS if given.has(name)]
    if len(chosen) > 1 and chosen != ["query", chosen[-1]]:
        raise UsageError(f"--{chosen[0]} and --{chosen[1]} cannot be given together")
    return chosen[-1] if chosen else "query"


def _run(given: Parsed) -> str:
    command = _command(given)
    if command == "empty":
        return _empty(given.get("empty") or next(iter(given.words), ""))
    if given.words:
        raise UsageError(f"non-option words: {' '.join(given.words)}")
    if command in ("md5-sum", "md5-sum-versioned"):
        return _digest(given, command)
    if command in ("erase", "delete-all") and not given.has("force"):
        raise Failure(exit_codes.UNSAFE, _DANGEROUS)
    if command == "upgrade" and not given.has("force"):
        raise Failure(exit_codes.UNSAFE, _DANGEROUS)
    timeout_s = seconds(given.get("timeout"), "--timeout") if given.has("timeout") else 0
    return _apply(command, given, open_backend(timeout_s=timeout_s))


def _apply(command: str, given: Parsed, backend: Backend) -> str:
    from cib.requests import Request

    needs_input = command in ("create", "modify", "patch", "replace") or (
        command in ("delete", "delete-all") and not given.has("xpath")
    )
    xml = _input(given, command) if needs_input else b""
    operation = "delete" if command == "delete-all" else command
    section = _scope(given)
    if operation in ("create", "modify", "replace", "delete") and not section and xml:
        section = _section_of(xml)
    request = Request(
        op=operation,  # type: ignore[arg-type]
        section=section,
        xpath=given.get("xpath"),
        xml=xml,
        allow_create=given.has("allow-create"),
        multiple=command == "delete-all",
        score_update=command == "modify",
        no_children=given.has("no-children"),
        node_path=given.has("node-path"),
    )
    results = backend.apply([request], force=given.has("force"))
    if command != "query" or not results:
        return ""
    return _pretty(results[0], given)


def _scope(given: Parsed) -> str:
    """The section that is meant. Raises UsageError for one that does not exist."""
    from cib.targets import SECTIONS

    name = given.get("scope")
    if name and name not in ("cib", "all") and name not in SECTIONS:
        from crmsh.language.errors import did_you_mean

        near = did_you_mean(name, sorted(SECTIONS)) or f"; sections: {', '.join(sorted(SECTIONS))}"
        raise UsageError(f"there is no section '{name}'{near}")
    return name


def _pretty(data: bytes, given: Parsed) -> str:
    from crmsh.language.xml import children, parse_xml, to_text

    element = parse_xml(data)
    if given.has("node-path"):
        return "".join(f"{child.get('id')}\n" for child in children(element))
    return to_text(element)


def _section_of(xml: bytes) -> str:
    """Where an object belongs that is given without a scope."""
    from crmsh.configuration.sections import SECTION_OF
    from crmsh.language.xml import MalformedXml, parse_xml, tag_of

    try:
        tag = tag_of(parse_xml(xml))
    except MalformedXml as error:
        raise Failure(exit_codes.CONFIG, f"Couldn't parse the input: {error}") from None
    if tag in ("cib", "configuration", "status"):
        return tag if tag != "cib" else ""
    return "fencing-topology" if tag == "fencing-topology" else SECTION_OF.get(tag, "") or ""


def _input(given: Parsed, command: str) -> bytes:
    if given.has("xml-text"):
        return given.get("xml-text").encode()
    if given.has("xml-file"):
        name = given.get("xml-file")
        try:
            with open(name, "rb") as file:
                return file.read()
        except OSError as error:
            raise Failure(exit_codes.NO_INPUT, f"Couldn't read {name}: {error.strerror}") from None
    if given.has("xml-pipe"):
        return _standard_input()
    raise UsageError(f"--{command} needs input: -x FILE, -X TEXT or -p")


@cache
def _standard_input() -> bytes:
    """All of it, which can be read once only, though a refused object is shown again."""
    return sys.stdin.buffer.read()


def _empty(schema: str) -> str:
    from cib.initial import empty_document
    from cib.schema import schema_names
    from crmsh.language.xml import to_text

    document = empty_document()
    if schema:
        if schema not in schema_names():
            from crmsh.language.errors import did_you_mean

            near = did_you_mean(schema, list(schema_names()))
            raise UsageError(f"there is no schema '{schema}'{near}; the newest is {schema_names()[-2]}")
        document.root.set("validate-with", schema)
    return to_text(document.root)


def _digest(given: Parsed, command: str) -> str:
    from cib.digest import on_disk_digest
    from cib.document import Document
    from cib.errors import CibError

    source = _input(given, command)
    try:
        document = Document.from_bytes(source, "the input")
    except CibError as error:
        raise Failure(error.rc, error.text) from None
    return f"{on_disk_digest(document.root) if command == 'md5-sum' else document.digest()}\n"


if __name__ == "__main__":
    sys.exit(main())
