"""`cibadmin`: read and change the CIB as XML."""

from __future__ import annotations

import sys
from pathlib import Path

from crmsh import exit_codes
from crmsh.backend import Backend, BackendError, open_backend
from crmsh.options import OPTIONAL, REQUIRED, VERSION_LINE, Option, Parsed, UsageError, help_text, parse

OPTIONS = (
    Option("query", ("-Q", "--query"), "print the CIB or a part of it", section="Commands"),
    Option("upgrade", ("-u", "--upgrade"), "bring it to the newest schema", section="Commands"),
    Option("erase", ("-E", "--erase"), "empty it", section="Commands"),
    Option("bump", ("-B", "--bump"), "increase epoch by one", section="Commands"),
    Option("create", ("-C", "--create"), "add an object", section="Commands"),
    Option("modify", ("-M", "--modify"), "merge an object", section="Commands"),
    Option("patch", ("-P", "--patch"), "apply a difference", section="Commands"),
    Option("replace", ("-R", "--replace"), "put an object in the place of the old", section="Commands"),
    Option("delete", ("-D", "--delete"), "remove an object", section="Commands"),
    Option("delete-all", ("-d", "--delete-all"), "remove all that the XPath matches", section="Commands"),
    Option("empty", ("-a", "--empty"), "print an empty CIB", OPTIONAL, "SCHEMA", section="Commands"),
    Option("md5-sum", ("-5", "--md5-sum"), "print the digest of the input", section="Commands"),
    Option("md5-sum-versioned", ("-6", "--md5-sum-versioned"), "print its digest with version", section="Commands"),
    Option("xml-file", ("-x", "--xml-file"), "input from FILE", REQUIRED, "FILE", section="Data"),
    Option("xml-text", ("-X", "--xml-text"), "input from TEXT", REQUIRED, "TEXT", section="Data"),
    Option("xml-pipe", ("-p", "--xml-pipe"), "input from standard input", section="Data"),
    Option("force", ("-f", "--force"), "do what is dangerous", section="Advanced options"),
    Option("timeout", ("-t", "--timeout"), "seconds to wait", REQUIRED, "SEC", section="Advanced options"),
    Option("user", ("-U", "--user"), "act as this user", REQUIRED, "USER", section="Advanced options"),
    Option("scope", ("-o", "--scope"), "work on this section", REQUIRED, "SECTION", section="Advanced options"),
    Option("xpath", ("-A", "--xpath"), "work on what this matches", REQUIRED, "XPATH", section="Advanced options"),
    Option("score", ("--score",), "let value++ and value+=N add", section="Advanced options"),
    Option("allow-create", ("-c", "--allow-create"), "modify: add what is not there", section="Advanced options"),
    Option("no-children", ("-n", "--no-children"), "print elements without their children",
           section="Advanced options"),
    Option("node-path", ("-e", "--node-path"), "print the paths of the matches", section="Advanced options"),
    Option("show-access", ("-S", "--show-access"), "", OPTIONAL),
    Option("local", ("-l", "--local"), ""),
    Option("sync-call", ("-s", "--sync-call"), ""),
    Option("node", ("-N", "--node"), "", REQUIRED),
    Option("host", ("-h", "--host"), "", REQUIRED),
    Option("output-as", ("--output-as",), "text or xml", REQUIRED, "FORMAT", section="Output"),
    Option("output-to", ("--output-to",), "", REQUIRED),
    Option("verbose", ("-V", "--verbose"), "more detail"),
    Option("version", ("-$", "--version"), "print the version"),
    Option("help", ("-?", "--help", "--help-all"), "this text"),
)  # fmt: skip
COMMANDS = ("query", "upgrade", "erase", "bump", "create", "modify", "patch", "replace", "delete", "delete-all",
            "empty", "md5-sum", "md5-sum-versioned")  # fmt: skip
_DANGEROUS = "The supplied command is considered dangerous. To prevent accidental destruction of the cluster, the --force flag is required in order to proceed."  # noqa: E501


class Refused(Exception):
    """The tool ends with this code and text."""

    def __init__(self, rc: int, text: str, details: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.rc, self.text, self.details = rc, text, details


def main(argv: list[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    request = " ".join(["cibadmin", *arguments])
    as_xml = False
    try:
        given = parse(OPTIONS, arguments)
        as_xml = given.get("output-as") == "xml"
        if given.has("help"):
            sys.stdout.write(help_text("cibadmin", "read and change the CIB", OPTIONS, "[command] [options] [data]"))
            return exit_codes.OK
        if given.has("version"):
            sys.stdout.write(VERSION_LINE)
            return exit_codes.OK
        result = _run(given)
    except UsageError as error:
        return _end(exit_codes.USAGE, (f"cibadmin: {error}",), as_xml, request)
    except BackendError as error:
        lines = (f"cibadmin: CIB API call failed: {exit_codes.text_of(error.rc)}", error.text, *error.details)
        return _end(error.rc, lines, as_xml, request)
    except Refused as error:
        return _end(error.rc, (f"cibadmin: {error.text}", *error.details), as_xml, request)
    return _answer(result, given, as_xml, request)


def _end(rc: int, lines: tuple[str, ...], as_xml: bool, request: str) -> int:
    if as_xml:
        from crmsh.status.xml_output import envelope, finish

        sys.stdout.write(finish(envelope(request), rc, list(lines)))
    else:
        sys.stderr.write("".join(f"{line}\n" for line in lines))
    return rc


def _answer(result: str, given: Parsed, as_xml: bool, request: str) -> int:
    if not as_xml:
        sys.stdout.write(result)
        return exit_codes.OK
    from crmsh.status.xml_output import envelope, finish

    root = envelope(request)
    if given.has("md5-sum") or given.has("md5-sum-versioned"):
        root.add("md5-sum", digest=result.strip())
    elif result:
        # The answer's own markup must not be escaped.
        text = finish(root, exit_codes.OK)
        head, _, tail = text.partition("\n")
        safe = result.replace("]]>", "]]]]><![CDATA[>")
        sys.stdout.write(f"{head}\n  <output><![CDATA[{safe}]]></output>\n{tail}")
        return exit_codes.OK
    sys.stdout.write(finish(root, exit_codes.OK))
    return exit_codes.OK


def _command(given: Parsed) -> str:
    chosen = [name for name in COMMANDS if given.has(name)]
    if len(chosen) > 1 and chosen != ["query", chosen[-1]]:
        raise UsageError(f"--{chosen[0]} and --{chosen[1]} cannot be given together")
    return chosen[-1] if chosen else "query"


def _run(given: Parsed) -> str:
    command = _command(given)
    if given.words:
        raise UsageError(f"non-option words: {' '.join(given.words)}")
    if command == "empty":
        return _empty(given.get("empty"))
    if command in ("md5-sum", "md5-sum-versioned"):
        return _digest(given)
    if command in ("erase", "delete-all") and not given.has("force"):
        raise Refused(exit_codes.UNSAFE, _DANGEROUS)
    if command == "upgrade" and not given.has("force"):
        raise Refused(exit_codes.UNSAFE, _DANGEROUS)
    return _apply(command, given, open_backend())


def _apply(command: str, given: Parsed, backend: Backend) -> str:
    from cib.requests import Request

    needs_input = command in ("create", "modify", "patch", "replace") or (
        command in ("delete", "delete-all") and not given.has("xpath")
    )
    xml = _input(given, command) if needs_input else b""
    operation = "delete" if command == "delete-all" else command
    section = given.get("scope")
    if operation in ("create", "modify", "replace", "delete") and not section and xml:
        section = _section_of(xml)
    request = Request(
        op=operation,  # type: ignore[arg-type]
        section=section,
        xpath=given.get("xpath"),
        xml=xml,
        allow_create=given.has("allow-create"),
        multiple=command == "delete-all",
        score_update=given.has("score"),
        no_children=given.has("no-children"),
        node_path=given.has("node-path"),
    )
    results = backend.apply([request], force=given.has("force"))
    if command != "query" or not results:
        return ""
    return _pretty(results[0], given)


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
        raise Refused(exit_codes.CONFIG, f"Couldn't parse the input: {error}") from None
    if tag in ("cib", "configuration", "status"):
        return tag if tag != "cib" else ""
    return "fencing-topology" if tag == "fencing-topology" else SECTION_OF.get(tag, "") or ""


def _input(given: Parsed, command: str) -> bytes:
    if given.has("xml-text"):
        return given.get("xml-text").encode()
    if given.has("xml-file"):
        name = given.get("xml-file")
        try:
            return Path(name).read_bytes()
        except OSError as error:
            raise Refused(exit_codes.NO_INPUT, f"Couldn't read {name}: {error.strerror}") from None
    if given.has("xml-pipe"):
        return sys.stdin.buffer.read()
    raise UsageError(f"--{command} needs input: -x FILE, -X TEXT or -p")


def _empty(schema: str) -> str:
    from cib.initial import empty_document
    from crmsh.language.xml import to_text

    document = empty_document()
    if schema:
        document.root.set("validate-with", schema)
    return to_text(document.root)


def _digest(given: Parsed) -> str:
    from cib.document import Document
    from cib.errors import CibError

    source = _input(given, "md5-sum")
    try:
        document = Document.from_bytes(source, "the input")
    except CibError as error:
        raise Refused(error.rc, error.text) from None
    return f"{document.digest()}\n"


if __name__ == "__main__":
    sys.exit(main())
