"""Runs the tests with the compiled policy engine, when PACEKEEPER_TEST_COMPILED is set.

`./run compile` leaves the extension modules in `.venv/compiled/modules`, with a list of the sources that they were made
of. They are loaded from there in the place of the checkout's sources, after it was made sure that these are the same:
a test must never pass on what was compiled from something else.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parent.parent
MODULES = Path(sys.prefix) / "compiled" / "modules"
INGREDIENTS = ("pengine", "cib", "ipc", "schemas")
"""Packages that the extension modules are made of or that their types come from."""
WANTED = bool(os.environ.get("PACEKEEPER_TEST_COMPILED"))


class NotUsable(Exception):
    """The extension modules are missing, or they are not those of these sources."""


class CompiledModules(MetaPathFinder):
    """Finds modules of the policy engine among the extension modules."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a compiled module is; None for all others."""
        file = self._directory / (fullname.replace(".", "/") + EXTENSION_SUFFIXES[0])
        if not file.is_file():
            return None
        return spec_from_file_location(fullname, file, loader=ExtensionFileLoader(fullname, str(file)))


def use_compiled(root: Path = ROOT, directory: Path = MODULES) -> None:
    """Load the compiled form from now on. Raises NotUsable."""
    check(root, directory)
    loaded = sorted(name for name in sys.modules if name.startswith("pengine."))
    if loaded:
        raise NotUsable(f"{loaded[0]} is loaded already, in plain Python")
    sys.meta_path.insert(0, CompiledModules(directory))


def check(root: Path, directory: Path) -> None:
    """Raise NotUsable unless the extension modules were made of exactly the sources below `root`."""
    try:
        _, *lines = (directory / "sources").read_text(encoding="utf-8").splitlines()
    except OSError:
        raise NotUsable(f"there is no compiled policy engine in {directory}: ./run compile") from None
    made_of = {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}
    files = [root / "setup.py", *(path for package in INGREDIENTS for path in (root / package).rglob("*.py"))]
    found = {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    changed = sorted(name for name in made_of.keys() | found.keys() if made_of.get(name) != found.get(name))
    if changed:
        raise NotUsable(f"the compiled policy engine is of other sources ({', '.join(changed[:3])}): ./run compile")
