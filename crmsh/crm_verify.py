"""`crm_verify`: check a configuration."""

from __future__ import annotations

import sys
from pathlib import Path

from crmsh import exit_codes
from crmsh.backend import open_backend
from crmsh.failure import Failure
from crmsh.frame import Call, Tool, run
from crmsh.options import REQUIRED, Option, UsageError

TOOL = Tool(
    "crm_verify",
    "check a configuration",
    (
        Option("live-check", ("-L", "--live-check"), "check the running cluster's configuration"),
        Option("xml-file", ("-x", "--xml-file"), "check FILE", REQUIRED, "FILE"),
        Option("xml-text", ("-X", "--xml-text"), "check TEXT", REQUIRED, "TEXT"),
        Option("xml-pipe", ("-p", "--xml-pipe"), "check standard input"),
        Option("save-xml", ("-S", "--save-xml"), "write what was checked to FILE", REQUIRED, "FILE"),
        Option("verbose", ("-V", "--verbose"), "print warnings too"),
        Option("quiet", ("-q", "--quiet"), "print nothing"),
    ),
)


def main(argv: list[str] | None = None) -> int:
    """Run the tool: 0 for a sound configuration, 78 for one with errors."""
    return run(TOOL, argv, _answer)


def _answer(call: Call) -> int:
    from crmsh.configuration.verify import verify_cib

    source, data = _source(call)
    if call.given.has("save-xml"):
        _save(call.given.get("save-xml"), data)
    reports = verify_cib(data, source)
    invalid = any(report.severity == "error" for report in reports)
    shown = reports if call.given.has("verbose") else [report for report in reports if report.severity == "error"]
    lines = [f"{report.severity}: {report.sentence()}" for report in shown]
    if invalid:
        lines.append("Configuration invalid")
    if call.as_xml:
        call.errors = lines
    elif not call.given.has("quiet"):
        sys.stderr.write("".join(f"{line}\n" for line in lines))
    return exit_codes.CONFIG if invalid else exit_codes.OK


def _source(call: Call) -> tuple[str, bytes]:
    """The name of what is checked (empty where there is none) and its content."""
    given = call.given
    if given.has("xml-file"):
        name = given.get("xml-file")
        try:
            return name, Path(name).read_bytes()
        except OSError as error:
            raise Failure(exit_codes.NO_INPUT, f"Couldn't read {name}: {error.strerror}") from None
    if given.has("xml-text"):
        return "", given.get("xml-text").encode()
    if given.has("xml-pipe"):
        return "", sys.stdin.buffer.read()
    if given.has("live-check"):
        return "", open_backend().read()
    raise UsageError("No configuration source specified: -L, -x FILE, -X TEXT or -p")


def _save(name: str, data: bytes) -> None:
    try:
        Path(name).write_bytes(data)
    except OSError as error:
        raise Failure(exit_codes.CANNOT_CREATE, f"Couldn't write {name}: {error.strerror}") from None


if __name__ == "__main__":
    sys.exit(main())
