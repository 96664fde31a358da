"""Builds the package as pyproject.toml says; on request with the policy engine compiled ahead of time.

PACEKEEPER_COMPILED in the environment decides:

* not set or empty: plain Python, for which neither a compiler nor mypy is needed;
* `1`: the modules of `compiled_modules` become extension modules (mypyc; needs mypy, a C compiler, Python's headers);
* a directory: the extension modules that lie there are taken; somebody built them before from the same sources.

A compiled package holds no source of its compiled modules. Where both lie side by side Python loads the extension
module, whatever has become of the source; so an edit has to go through a new build. For the same reason nothing is ever
compiled into a checkout.
"""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.errors import OptionError

PLAIN = ("__init__", "__main__", "wire", "worker")
"""Modules of the policy engine that stay as they are: msgspec structs lose their tags in a compiled module."""
LOWER = ("cib/dates.py", "cib/record.py", "cib/reports.py", "cib/rules.py", "cib/values.py")
"""Of the packages below what is called for every node or attribute, and what derives classes from `Record`: in an
interpreted module none can be derived from a compiled class."""
WANTED = os.environ.get("PACEKEEPER_COMPILED", "")
NO_COMPILER = WANTED == "1" and find_spec("mypyc") is None
"""mypy is to be installed first: that is what this run is asked about, or it must fail."""


def compiled_modules() -> list[str]:
    """Return the files of what is compiled, sorted."""
    engine = [str(path) for path in Path("pengine").glob("*.py") if path.stem not in PLAIN]
    return sorted([*engine, *LOWER])


def extensions() -> list[Extension]:
    """Return the extension modules that are wanted."""
    if not WANTED or NO_COMPILER:
        return []
    if WANTED != "1":
        names = sorted(path.relative_to(WANTED) for path in Path(WANTED).rglob("*.so"))
        return [Extension(".".join(name.with_name(name.name.split(".")[0]).parts), []) for name in names]
    from mypyc.build import mypycify

    # What our own checks demand of types says nothing about whether somebody else's mypy can compile them.
    options = ["--config-file=", "--ignore-missing-imports"]
    return list(mypycify([*options, *compiled_modules()], opt_level="2", debug_level="0"))


class BuildModules(build_py):
    """Leaves out the sources of what is compiled."""

    def run(self) -> None:
        if NO_COMPILER:
            raise OptionError("to compile the policy engine mypy is needed (pip install mypy)")
        super().run()

    def find_package_modules(self, package: str, package_dir: str) -> list[tuple[str, str, str]]:
        found: list[tuple[str, str, str]] = super().find_package_modules(package, package_dir)
        if not WANTED:
            return found
        left_out = {Path(file).resolve() for file in compiled_modules()}
        return [module for module in found if Path(module[2]).resolve() not in left_out]


class BuildExtensions(build_ext):
    """Compiles, or takes what was compiled before; never beside the sources."""

    def run(self) -> None:
        if self.inplace and self.extensions:
            raise OptionError(
                "the policy engine is not compiled into a checkout, where extension modules would go on hiding sources "
                "that were changed since: install it without -e, or unset PACEKEEPER_COMPILED"
            )
        super().run()

    def build_extension(self, extension: Extension) -> None:
        if WANTED == "1":
            super().build_extension(extension)
            return
        target = Path(self.get_ext_fullpath(extension.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(WANTED, self.get_ext_filename(self.get_ext_fullname(extension.name))), target)


setup(
    ext_modules=extensions(),
    cmdclass={"build_ext": BuildExtensions, "build_py": BuildModules},
    setup_requires=["mypy>=1.10"] if NO_COMPILER else [],
)
