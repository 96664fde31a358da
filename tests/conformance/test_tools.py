"""The shell and the tools answer as the recorded ones did: exit status, output, and what is in the CIB afterwards.

The records lie beside the project (shared/conformance) and are skipped where they are not there. What does not agree
yet is named in cli_known_failures.txt (cases) and crmsh_known_failures.txt (cases and, after a blank, their check).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conformance.forking import commands

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
DATA = HERE.parents[2] / "shared" / "conformance"
CASE_TIMEOUT_S = 120
"""Of one command: far more than it takes on a busy machine."""
CALLED = re.compile(r"(?:^|[|;&(])\s*([a-z][\w-]*)")
"""The programs of a shell command: words at its start and after an operator."""
OTHER_TOOLS = frozenset({"pacemaker-based", "crm_diff", "crm_error", "crm_rule", "crm_shadow", "crm_ticket", "iso8601"})
"""What the records call and this project does not have: the machine's own must not be measured in its place."""

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.timeout(1100),
    pytest.mark.skipif(not DATA.is_dir(), reason="the records are not beside the project"),
]


def load_comparator(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DATA / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cli_runner(tools: Path) -> tuple[Any, list[dict[str, Any]]]:
    """The comparator of the tools' records, and the cases that call nothing but tools of this project."""
    comparator = load_comparator("cli_conformance")
    options = argparse.Namespace(
        path=str(tools), cases=str(DATA / "cli"), env=[], timeout=CASE_TIMEOUT_S,
        exact=False, no_counters=False, stderr=False, verbose=False,
    )  # fmt: skip
    cases = [
        case
        for path in sorted((DATA / "cli" / "cases").glob("*.json"))
        for case in json.loads(path.read_text(encoding="utf-8"))
        if not OTHER_TOOLS & set(CALLED.findall(case["command"]))
    ]
    return comparator.Runner(options), cases


def crmsh_runners(tools: Path) -> list[tuple[Any, dict[str, Any]]]:
    """The cases of the shell's records, each with its comparator."""
    comparator = load_comparator("crmsh_conformance")
    options = argparse.Namespace(
        crm=str(tools / "crm"), ids=False, layout=False, timeout=CASE_TIMEOUT_S
    )  # fmt: skip
    found: list[tuple[Any, dict[str, Any]]] = []
    for path in sorted((DATA / "crmsh").glob("*.json")):
        records = json.loads(path.read_text(encoding="utf-8"))
        found += [(comparator.Run(options, records["bases"]), case) for case in records["cases"]]
    return found


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The names of all cases that fail, by list. Both sets run at once, on as many processors as there are."""
    with (
        commands(PROJECT, tmp_path_factory.mktemp("commands")) as tools,
        ThreadPoolExecutor(os.cpu_count() or 1) as pool,
    ):
        runner, cases = cli_runner(tools)
        shell = crmsh_runners(tools)
        answers = pool.map(lambda pair: pair[0].check(pair[1]), shell)
        results = pool.map(runner.run, cases)
        cli = {case["name"] for case, bad in zip(cases, results, strict=True) if bad}
        crmsh = {
            f"{case['name']} {check}"
            for (_, case), answer in zip(shell, answers, strict=True)
            for check, bad in answer
            if bad is not None
        }
    assert cases
    assert shell
    return {"cli": cli, "crmsh": crmsh}


@pytest.mark.parametrize("records", ["cli", "crmsh"])
def test_what_disagrees_with_the_records_is_what_the_list_names(failures: dict[str, set[str]], records: str) -> None:
    path = HERE / f"{records}_known_failures.txt"
    known = set(path.read_text(encoding="utf-8").splitlines())
    failed = failures[records]
    assert not failed - known, "these do not agree with their records:\n" + "\n".join(sorted(failed - known))
    assert not known - failed, f"these agree now, remove them from {path.name}:\n" + "\n".join(sorted(known - failed))


@pytest.mark.parametrize("records", ["cli", "crmsh"])
def test_each_list_is_sorted_and_has_no_name_twice(records: str) -> None:
    names = (HERE / f"{records}_known_failures.txt").read_text(encoding="utf-8").splitlines()
    assert names == sorted(set(names))
