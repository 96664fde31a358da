"""`crm_verify`: check a configuration."""

from __future__ import annotations

import sys
from pathlib import Path

from crmsh import exit_codes
from crmsh.backend import BackendError, open_backend
from crmsh.options import REQUIRED, VERSION_LINE, Option, UsageError, help_text, parse

OPTIONS = (
    Option("live-check", ("-L", "--live-check"), "check the running cluster's configuration"),
    Option("xml-file", ("-x", "--xml-file"), "check FILE", REQUIRED, "FILE"),
    Option("xml-text", ("-X", "--xml-text"), "check TEXT", REQUIRED, "TEXT"),
    Option("xml-pipe", ("-p", "--xml-pipe"), "check standard input"),
    Option("save-xml", ("-S", "--save-xml"), "write what was checked to FILE", REQUIRED, "FILE"),
    Option("output-as", ("--output-as",), "text or xml", REQUIRED, "FORMAT"),
    Option("verbose", ("-V", "--verbose"), "print warnings too"),
    Option("quiet", ("-q", "--quiet"), "print nothing"),
    Option("version", ("-$", "--version"), "print the version"),
    Option("help", ("-?", "--help", "--help-all"), "this text"),
)


def main(argv: list[str] | None = None) -> int:
    """Run the tool: 0 for a sound configuration, 78 for one with errors."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        given = parse(OPTIONS, arguments)
    except UsageError as error:
        sys.stderr.write(f"crm_verify: {error}\n")
        return exit_codes.USAGE
    if given.has("help"):
        sys.stdout.write(help_text("crm_verify", "check a configuration", OPTIONS))
        return exit_codes.OK
    if given.has("version"):
        sys.stdout.write(VERSION_LINE)
        return exit_codes.OK
    source = ""
    try:
        if given.has("xml-file"):
            source = given.get("xml-file")
            data = Path(source).read_bytes()
        elif given.has("xml-text"):
            data = given.get("xml-text").encode()
        elif given.has("xml-pipe"):
            data = sys.stdin.buffer.read()
        elif given.has("live-check"):
            data = open_backend().read()
        else:
            sys.stderr.write("crm_verify: No configuration source specified. Use --help for usage information.\n")
            return exit_codes.USAGE
    except OSError as error:
        sys.stderr.write(f"crm_verify: Couldn't read {source}: {error.strerror}\n")
        return exit_codes.NO_INPUT
    except BackendError as error:
        sys.stderr.write(f"crm_verify: {error.text}\n")
        return error.rc
    if given.has("save-xml"):
        Path(given.get("save-xml")).write_bytes(data)
    return _report(data, source, given.has("quiet"), given.has("verbose"), given.get("output-as") == "xml", arguments)


def _report(data: bytes, source: str, quiet: bool, verbose: bool, as_xml: bool, arguments: list[str]) -> int:
    from crmsh.configuration.verify import verify_cib

    reports = verify_cib(data, source)
    errors = [report for report in reports if report.severity == "error"]
    shown = reports if verbose else errors
    code = exit_codes.CONFIG if errors else exit_codes.OK
    lines = [f"{report.severity}: {report.sentence()}" for report in shown]
    if errors:
        lines.append("Configuration invalid (with errors)")
    if as_xml:
        from crmsh.status.xml_output import envelope, finish

        sys.stdout.write(finish(envelope(" ".join(["crm_verify", *arguments])), code, lines))
    elif not quiet:
        sys.stderr.write("".join(f"{line}\n" for line in lines))
    return code


if __name__ == "__main__":
    sys.exit(main())
