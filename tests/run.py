"""Runs everything that this machine can run, in stages, and lists at the end what was skipped and why.

usage: ./run test [--quick | --full] [--only STAGE]
"""

import argparse
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
CODE = ("ipc", "heartbeat", "cib", "pengine", "crmd", "stonith", "lrmd", "ocf", "crmsh", "lab", "tests")
ENGINE_TESTS = (
    "tests/unit/pengine",
    "tests/transcripts/pengine",
    "tests/unit/crmsh/test_simulation.py",
    "tests/conformance/test_scheduler.py",
)
NOT_HERE = 3
"""Exit code of a stage that can't be run on this machine."""


@dataclass(frozen=True)
class Stage:
    """One command whose exit code counts."""

    name: str
    command: tuple[str, ...]
    quick: bool
    """Whether `--quick` runs it."""
    minutes: float
    """Its share of the budget on two cores; a stage that takes twice as long has failed."""


def pytest(*arguments: str) -> tuple[str, ...]:
    """A pytest call that works from a checkout."""
    return (str(BIN / "python"), "-m", "pytest", "-q", *arguments)


def compiled_tests(full: bool) -> tuple[str, ...]:
    """What is run with the compiled policy engine; with its speed it is as long as the plain conformance stage."""
    more = ("tests/property/pengine", "tests/differential") if full else ()
    return ("-v", *ENGINE_TESTS, *more)


def stages(full: bool) -> list[Stage]:
    """All stages in the order in which they run: what fails fast comes first."""
    factor = 10 if full else 1
    return [
        Stage("lint", (str(BIN / "ruff"), "check", "."), True, 0.5),
        Stage("format", (str(BIN / "ruff"), "format", "--check", "-q", "."), True, 0.5),
        Stage("imports", (str(BIN / "lint-imports"),), True, 0.5),
        Stage("types", (str(BIN / "mypy"),), False, 4),
        Stage(
            "quick",
            pytest(
                "tests/unit",
                "tests/bad_input",
                "tests/transcripts",
                "tests/property",
                "tests/differential",
                "-m",
                "not slow and not lab",
            ),
            True,
            4,
        ),
        Stage(
            "slow",
            pytest("tests/unit", "tests/transcripts", "tests/property", "tests/differential", "-m", "slow and not lab"),
            False,
            6 * factor,
        ),
        Stage("conformance", pytest("tests/conformance"), False, 10),
        # The policy engine's tests once more, with its compiled form; pytest's first lines say which one runs.
        Stage("compile", ("./run", "compile"), False, 8),
        Stage("compiled", ("env", "PACEKEEPER_TEST_COMPILED=1", *pytest(*compiled_tests(full))), False, 8 * factor),
        Stage("simulation", pytest("tests/simulation", "--timeout=0"), False, 8 * factor),
        Stage("lab", pytest("tests/lab", "--timeout=180"), False, 16 * factor),
    ]


def main() -> int:
    """Run the stages; 0 only when every one of them passed."""
    parser = argparse.ArgumentParser(prog="./run test", description=__doc__.splitlines()[0] if __doc__ else "")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--quick", action="store_true", help="lint and fast tests only, about two minutes")
    group.add_argument("--full", action="store_true", help="the large counts: thousands of seeds and inputs")
    parser.add_argument("--only", metavar="STAGE", help="run this stage only")
    options = parser.parse_args()
    environment = {**os.environ, "PACEKEEPER_TEST_FULL": "1" if options.full else ""}
    results: list[tuple[Stage, bool, float]] = []
    passed = failed = 0
    skipped: list[str] = []
    compiled = False
    for stage in stages(options.full):
        needed = options.only == "compiled" and stage.name == "compile"
        if (options.only and stage.name != options.only and not needed) or (options.quick and not stage.quick):
            continue
        if stage.name == "compiled" and not compiled:
            continue
        if stage.command[1:3] == ("-m", "pytest") and not any(
            (ROOT / argument).exists() for argument in stage.command if argument.startswith("tests/")
        ):
            skipped.append(f"{stage.name}: there are no such tests")
            continue
        print(f"== {stage.name}: {' '.join(stage.command)}", flush=True)  # noqa: T201
        start = time.monotonic()
        output, code = run(stage, environment)
        if stage.name == "compile":
            compiled = code == 0
            if code == NOT_HERE:
                skipped.append(f"compiled: {output.strip().splitlines()[-1].removeprefix('run: ')}")
                continue
        results.append((stage, code in (0, 5), time.monotonic() - start))
        for kind, count in re.findall(r"(\d+) (passed|failed|error)", output.rsplit("\n", 3)[-2] if output else ""):
            passed += int(kind) if count == "passed" else 0
            failed += int(kind) if count != "passed" else 0
        skipped += [line.removeprefix("SKIPPED ") for line in output.splitlines() if line.startswith("SKIPPED ")]
    report(results, skipped)
    checks_failed = sum(not ok for _, ok, _ in results)
    print(f"{passed} passed, {max(failed, checks_failed)} failed")  # noqa: T201
    return 1 if checks_failed else 0


def run(stage: Stage, environment: dict[str, str]) -> tuple[str, int]:
    """Run one stage with its output shown as it comes; returns the output and the exit code."""
    limit = stage.minutes * 60 * 2
    process = subprocess.Popen(
        stage.command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None
    start, lines = time.monotonic(), []
    for line in process.stdout:
        lines.append(line)
        sys.stdout.write(line)
        sys.stdout.flush()
        if time.monotonic() - start > limit:
            process.kill()
            print(f"== {stage.name}: ended after {limit:.0f} s, twice its budget")  # noqa: T201
    return "".join(lines), process.wait()


def report(results: list[tuple[Stage, bool, float]], skipped: list[str]) -> None:
    """A line for each stage, then what was skipped."""
    print("\n== stages")  # noqa: T201
    for stage, ok, seconds in results:
        print(f"{'ok' if ok else 'FAILED':7}{stage.name:12}{seconds:7.1f} s")  # noqa: T201
    if skipped:
        print("== skipped")  # noqa: T201
        for line in skipped:
            print(line)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
