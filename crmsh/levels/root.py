"""The root level."""

from __future__ import annotations

from crmsh.levels.framework import Command, CommandError, Level, Session, commands

STATUS_OPTIONS = {
    "bynode": "-n",
    "inactive": "-r",
    "ops": "-o",
    "timing": "-t",
    "failcounts": "-f",
    "verbose": "-V",
    "quiet": "-Q",
    "html": "--output-as=html",
    "xml": "--output-as=xml",
    "json": "--output-as=json",
    "simple": "-s",
    "tickets": "-c",
    "noheaders": "-D",
    "detail": "-R",
    "brief": "-b",
    "full": "-ncrft",
}
"""Words of `status`, and the crm_mon options that they stand for."""


def status(session: Session, arguments: list[str]) -> None:
    """What the cluster is doing, as crm_mon shows it once."""
    from crmsh import crm_mon
    from crmsh.language.errors import did_you_mean

    options = ["-1"]
    for word in arguments:
        if word.startswith("-"):
            options.append(word)
            continue
        name = next((known for known in STATUS_OPTIONS if known.startswith(word)), None)
        if name is None:
            raise CommandError(f"status: unknown word '{word}'{did_you_mean(word, list(STATUS_OPTIONS))}")
        options.append(STATUS_OPTIONS[name])
    session.out_stream.flush()
    code = crm_mon.run(options, session.backend, session.out_stream, session.err_stream, colours=session.colours)
    if code:
        raise CommandError("the status could not be shown", rc=code)


def verify(session: Session, arguments: list[str]) -> None:
    """Check the configuration that is in force."""
    from crmsh.configuration.verify import verify_cib

    problems = verify_cib(session.backend.read())
    for report in problems:
        (session.warning if report.severity == "warning" else session.error)(report.sentence())
    if any(report.severity == "error" for report in problems):
        raise CommandError("the configuration has errors")


LEVEL = Level(
    name="",
    summary="the top of the shell",
    commands=commands(
        Command(
            "status", status, "status [bynode|inactive|ops|timing|failcounts|full|xml|html|json …]",
            "what the cluster is doing", aliases=("st",), arguments=("|".join(STATUS_OPTIONS),), repeat=True,
            example="status full",
        ),
        Command("verify", verify, "verify", "check the configuration that is in force", arguments=("scores",)),
    ),
    below={
        "configure": "crmsh.levels.configure",
        "resource": "crmsh.levels.resource",
        "node": "crmsh.levels.node",
        "cib": "crmsh.levels.cib",
        "cluster": "crmsh.levels.cluster",
        "ra": "crmsh.levels.ra",
        "maintenance": "crmsh.levels.maintenance",
        "options": "crmsh.levels.options",
    },
)  # fmt: skip
