"""crm_simulate as a whole, in both forms of the policy engine, beside Pacemaker's, on the same files in the same run.

usage: python -m bench.forms [--largest N] [--repeat N] [--limit SECONDS]

Each figure is one process: its start, reading and checking the document, the decision and its summary (--run, written
to nowhere). Processor seconds, user and system, which other load on the machine disturbs least, are the least of
--repeat calls; memory is the most that one of them held (what this process holds, about 40 MB, is the least that can be
told). The clusters are those of bench.mixed: at rest, at rest but for a lost node, and nothing started yet. Growth is
the exponent of the straight line through the logarithms of seconds and of resources x nodes, without the smallest
cluster, where the start counts most. What needs more than --limit processor seconds is ended. The compiled form is left
out unless `./run compile` has made it of these sources.
"""

import argparse
import math
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.figures import clean_up_on_sigterm, machine, say, table
from bench.mixed import SITUATIONS, Situation
from bench.peer import TOOLS
from tests.engine_form import MODULES, ROOT, NotUsable, check

SIZES = ((3, 20), (8, 300), (16, 1000), (32, 2000))
"""Nodes and primitives."""
PLAIN, COMPILED, PEER = "plain", "compiled", "peer"
_MAKE = (
    "import sys; from bench.mixed import mixed; "
    "sys.stdout.write(mixed(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))"
)
_START = "import sys; sys.path[:0] = sys.argv.pop(1).split(':'); from crmsh.crm_simulate import command; command()"


class Figure(msgspec.Struct, frozen=True):
    """What one program needed for one file. None where it was ended."""

    seconds: float | None
    megabytes: float

    def text(self, limit: int) -> str:
        """Seconds and megabytes as the table shows them."""
        if self.seconds is None:
            return f"over {limit} s"
        return f"{self.seconds:.3f} s, {self.megabytes:.0f} MB"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.forms", description=__doc__)
    parser.add_argument("--largest", type=int, default=SIZES[-1][1], help="the most primitives")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--limit", type=int, default=300, help="processor seconds for one call")
    options = parser.parse_args()
    clean_up_on_sigterm()
    say(machine())
    with tempfile.TemporaryDirectory() as directory:
        programs = _programs(Path(directory))
        sizes = [size for size in SIZES if size[1] <= options.largest]
        try:
            figures = {
                (situation, size): _measure(Path(directory), programs, situation, size, options.repeat, options.limit)
                for situation in SITUATIONS
                for size in sizes
            }
        except KeyboardInterrupt:
            return 130
    say("\n" + _report(figures, list(programs), options.limit))
    return 0


def _programs(directory: Path) -> dict[str, list[str]]:
    """The beginning of each command line; what is not there is left out with the reason."""
    programs = {PLAIN: [sys.executable, "-I", "-c", _START, str(ROOT)]}
    try:
        check(ROOT, MODULES)
        programs[COMPILED] = [sys.executable, "-I", "-c", _START, f"{_as_installed(directory)}:{ROOT}"]
    except NotUsable as error:
        say(f"left out: the compiled form: {error}")
    peer = f"{TOOLS}/crm_simulate"
    if shutil.which(peer):
        programs[PEER] = [peer]
        version = subprocess.run([peer, "--version"], capture_output=True, text=True, check=False).stdout
        say(f"peer: {version.splitlines()[0]}")
    else:
        say(f"left out: {peer} is not installed (Debian: pacemaker-cli-utils)")
    return programs


def _as_installed(directory: Path) -> Path:
    """The compiled packages as an installation has them: extension modules in the place of their sources."""
    target = directory / "compiled"
    for package in ("cib", "pengine"):
        shutil.copytree(ROOT / package, target / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(MODULES, target, dirs_exist_ok=True)
    for module in target.glob("*/*.so"):
        module.with_name(f"{module.name.partition('.')[0]}.py").unlink()
    return target


def _measure(
    directory: Path,
    programs: dict[str, list[str]],
    situation: Situation,
    size: tuple[int, int],
    repeat: int,
    limit: int,
) -> dict[str, Figure]:
    file = directory / "cib.xml"
    # Made in another process: what this one holds counts for those that it starts.
    with file.open("wb") as stream:
        subprocess.run([sys.executable, "-c", _MAKE, *map(str, size), situation], cwd=ROOT, stdout=stream, check=True)
    found: dict[str, Figure] = {}
    for name, command in programs.items():
        found[name] = _figure([*command, "-x", str(file), "--run"], repeat, limit)
        say(f"  {situation} {size}: {name} {found[name].text(limit)}")
    return found


def _figure(command: Sequence[str], repeat: int, limit: int) -> Figure:
    seconds: list[float] = []
    megabytes: list[float] = []
    for _ in range(repeat):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            resource.prlimit(process.pid, resource.RLIMIT_CPU, (limit, limit))
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode < 0:
            return Figure(None, 0.0)
        if process.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} exited with {process.returncode}")
        seconds.append(usage.ru_utime + usage.ru_stime)
        megabytes.append(usage.ru_maxrss / 1024)
    return Figure(min(seconds), max(megabytes))


def _report(
    figures: dict[tuple[Situation, tuple[int, int]], dict[str, Figure]], programs: list[str], limit: int
) -> str:
    rows: list[tuple[str, ...]] = [
        ("situation (nodes, primitives)", *programs, *(f"{one} / peer" for one in _own(programs)))
    ]
    for (situation, size), found in figures.items():
        ratios = (_ratio(found[one], found.get(PEER), limit) for one in _own(programs))
        rows.append((f"{situation} {size}", *(found[one].text(limit) for one in programs), *ratios))
    for situation in SITUATIONS:
        growth = (
            _growth({size: found[one] for (s, size), found in figures.items() if s == situation}) for one in programs
        )
        rows.append((f"growth, {situation}", *growth, *("" for _ in _own(programs))))
    return table(rows)


def _own(programs: list[str]) -> list[str]:
    return [one for one in programs if one != PEER]


def _ratio(ours: Figure, peer: Figure | None, limit: int) -> str:
    if ours.seconds is None or peer is None:
        return "-"
    if peer.seconds is None:
        return f"under {ours.seconds / limit:.3f}"
    return f"{ours.seconds / peer.seconds:.2f}"


def _growth(figures: dict[tuple[int, int], Figure]) -> str:
    points = [
        (math.log(nodes * primitives), math.log(figure.seconds))
        for (nodes, primitives), figure in figures.items()
        if figure.seconds is not None and (nodes, primitives) != SIZES[0]
    ]
    if len(points) < 2:
        return "-"
    middle_x, middle_y = (sum(values) / len(points) for values in zip(*points, strict=True))
    slope = sum((x - middle_x) * (y - middle_y) for x, y in points) / sum((x - middle_x) ** 2 for x, _ in points)
    return f"n^{slope:.2f}"


if __name__ == "__main__":
    sys.exit(main())
