"""The policy engine decides as the recorded scheduler did: graph, scores, summary and standard error.

The records lie beside the project (shared/conformance) and are skipped where they are not there. Cases that do not
agree yet are named in scheduler_known_failures.txt, which may only get shorter.
"""

from __future__ import annotations

import importlib.util
import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from crmsh import crm_simulate

HERE = Path(__file__).parent
DATA = HERE.parents[2] / "shared" / "conformance"
KNOWN_FAILURES = HERE / "scheduler_known_failures.txt"


def load_comparator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("scheduler_conformance", DATA / "scheduler_conformance.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(arguments: list[str]) -> tuple[int, str, str]:
    """Run crm_simulate in this process; return exit status, standard output and standard error."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = crm_simulate.main(arguments)
    return status, out.getvalue(), err.getvalue()


def disagreements(comparator: ModuleType, case: dict[str, Any], scratch: Path) -> list[str]:
    """Return what of a case does not agree with its record."""
    folder, name = DATA / "scheduler", case["name"]
    arguments = ["-x", str(folder / "xml" / f"{name}.xml"), *case.get("args", [])]

    def record(kind: str) -> str:
        path = folder / kind / f"{name}.{'exp' if kind == 'exp' else kind}"
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    graph = scratch / "graph.xml"
    wrong: list[str] = []
    status, out, err = run([*arguments, "-S"])
    if status or comparator.compare_summary(record("summary"), err + out)[0] != "exact":
        wrong.append("summary")
    status, out, err = run([*arguments, "-D", str(scratch / "graph.dot"), "-G", str(graph), "-sSQ"])
    if status or comparator.compare_graphs(record("exp"), graph.read_text(encoding="utf-8"))[0] != "exact":
        wrong.append("graph")
    if comparator.compare_scores(record("scores"), out)[0] != "exact":
        wrong.append("scores")
    if comparator.squeeze(record("stderr")) != comparator.squeeze(err):
        wrong.append("stderr")
    return wrong


@pytest.mark.conformance
@pytest.mark.timeout(300)
@pytest.mark.skipif(not DATA.is_dir(), reason="the records are not beside the project")
def test_decisions_agree_with_the_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    comparator = load_comparator()
    cases = json.loads((DATA / "scheduler" / "cases.json").read_text(encoding="utf-8"))
    known = set(KNOWN_FAILURES.read_text(encoding="utf-8").split())
    unexpected: list[str] = []
    repaired: list[str] = []
    for case in cases["cases"] if isinstance(cases, dict) else cases:
        try:
            wrong = disagreements(comparator, case, tmp_path)
        except Exception as error:
            wrong = [f"{type(error).__name__}: {error}"]
        if wrong and case["name"] not in known:
            unexpected.append(f"{case['name']}: {', '.join(wrong)}")
        elif not wrong and case["name"] in known:
            repaired.append(case["name"])
    assert not unexpected, "these cases do not agree with their records:\n" + "\n".join(unexpected)
    assert not repaired, f"these cases agree now, remove them from {KNOWN_FAILURES.name}: {' '.join(repaired)}"


def test_the_list_of_known_failures_is_sorted_and_has_no_name_twice() -> None:
    names = KNOWN_FAILURES.read_text(encoding="utf-8").split()
    assert names == sorted(set(names))
