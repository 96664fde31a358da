"""The policy engine runs in the form that was asked for: plain Python, or compiled from exactly these sources."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import BuiltinFunctionType, FunctionType

import pytest

from pengine.form import COMPILED, PLAIN, form
from tests import engine_form
from tests.engine_form import CompiledModules, NotUsable, check

ROOT = Path(__file__).parents[3]
NEVER_COMPILED = {"__init__", "__main__", "wire", "worker"}
ENGINE = sorted(
    [f"pengine.{path.stem}" for path in (ROOT / "pengine").glob("*.py") if path.stem not in NEVER_COMPILED]
    + [f"cib.{name}" for name in ("dates", "record", "reports", "rules", "values")]
)


@pytest.mark.parametrize("name", ENGINE)
def test_every_module_runs_in_the_form_that_was_asked_for(name: str) -> None:
    module = import_module(name)
    own = [value for value in vars(module).values() if getattr(value, "__module__", "") == name]
    functions = [value for value in own if not hasattr(value, "__wrapped__")]  # a decorator's is the decorator's
    kinds = {type(value) for value in functions if isinstance(value, FunctionType | BuiltinFunctionType)}
    file = Path(module.__file__ or "")
    if engine_form.WANTED:
        assert file.is_relative_to(engine_form.MODULES)
        assert file.name.endswith(EXTENSION_SUFFIXES[0])
        assert FunctionType not in kinds
    else:
        assert file.parent == ROOT / name.partition(".")[0]
        assert file.suffix == ".py"
        assert BuiltinFunctionType not in kinds


def test_the_form_is_told_truly() -> None:
    assert form() == (COMPILED if engine_form.WANTED else PLAIN)


def test_the_worker_and_crm_simulate_tell_their_form() -> None:
    """Started from the checkout, both are plain Python."""
    for command in (["-m", "pengine", "--version"], ["-m", "crmsh.crm_simulate", "--version"]):
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
        )
        assert done.stdout.endswith("policy engine: plain Python\n")


def test_no_extension_module_lies_beside_the_sources() -> None:
    """It would be loaded in their place, whatever becomes of them."""
    packages = ("cib", "crmd", "crmsh", "heartbeat", "ipc", "lab", "lrmd", "ocf", "pengine", "schemas", "stonith")
    assert [file for package in packages for file in (ROOT / package).rglob("*.so")] == []


class Build:
    """Sources, and what a build noted about them."""

    def __init__(self, directory: Path) -> None:
        self.root, self.modules = directory / "checkout", directory / "modules"
        for name in ("setup.py", "pengine/scheduler.py", "cib/values.py"):
            self.write(name, f"# {name}\n")
        self.modules.mkdir()
        self.note()

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def note(self) -> None:
        files = sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*.py"))
        digests = [hashlib.sha256((self.root / name).read_bytes()).hexdigest() for name in files]
        lines = [f"{digest}  {name}\n" for digest, name in zip(digests, files, strict=True)]
        (self.modules / "sources").write_text("# the interpreter\n" + "".join(lines))


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return Build(tmp_path)


def test_what_was_compiled_from_these_sources_is_used(build: Build) -> None:
    check(build.root, build.modules)


def test_what_was_compiled_from_a_source_that_changed_since_is_refused(build: Build) -> None:
    build.write("pengine/scheduler.py", "# changed\n")
    with pytest.raises(NotUsable, match=r"of other sources \(pengine/scheduler.py\): ./run compile"):
        check(build.root, build.modules)


def test_what_was_compiled_before_a_source_came_or_went_is_refused(build: Build) -> None:
    build.write("pengine/table.py", "")
    with pytest.raises(NotUsable, match=r"pengine/table.py"):
        check(build.root, build.modules)
    build.note()
    (build.root / "cib/values.py").unlink()
    with pytest.raises(NotUsable, match=r"cib/values.py"):
        check(build.root, build.modules)


def test_a_build_that_did_not_end_is_refused(build: Build) -> None:
    (build.modules / "sources").unlink()
    with pytest.raises(NotUsable, match=r"there is no compiled policy engine"):
        check(build.root, build.modules)


def test_a_source_is_not_used_where_the_extension_module_lies(build: Build) -> None:
    file = build.modules / ("pengine/scheduler" + EXTENSION_SUFFIXES[0])
    file.parent.mkdir()
    file.touch()
    finder = CompiledModules(build.modules)
    found = finder.find_spec("pengine.scheduler")
    assert found is not None
    assert found.origin == str(file)
    assert finder.find_spec("pengine.wire") is None
