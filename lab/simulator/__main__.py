"""Run seeds from the command line.

usage: python -m lab.simulator [--seeds N | --seed S] [--seconds T] [--verbose] [--jobs J]
"""

import argparse
import gc
import random
import sys
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait

from lab.simulator.runner import MUST_BE_REACHED, Result, run_seed


def main() -> int:
    """0 when every promise held in every seed and everything that must be reached was."""
    parser = argparse.ArgumentParser(prog="python -m lab.simulator", description="Seeds of the cluster simulator.")
    parser.add_argument("--seed", type=int, help="run this seed only, and show its trace with --verbose")
    parser.add_argument("--seeds", type=int, default=100, help="how many fresh seeds (default 100)")
    parser.add_argument("--seconds", type=float, help="stop after this time, whatever --seeds says")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--verbose", action="store_true", help="print the trace")
    options = parser.parse_args()
    if options.seed is not None:
        result = run_seed(options.seed, verbose=options.verbose)
        sys.stdout.write("".join(f"{line}\n" for line in result.lines))
        sys.stdout.write(f"seed {result.seed}: {result.broken or 'all promises held'} (trace {result.digest})\n")
        return 1 if result.broken else 0
    first = random.SystemRandom().randrange(1 << 30)
    results = run_many(range(first, first + options.seeds), options.jobs, options.seconds)
    sys.stdout.write(summary(results))
    return 0 if not failures(results) and not unreached(results) else 1


def run_many(seeds: range, jobs: int, seconds: float | None) -> list[Result]:
    """Run seeds in several processes; stops early when the time is over."""
    deadline = time.monotonic() + seconds if seconds is not None else None
    results: list[Result] = []
    waiting = iter(seeds)
    with ProcessPoolExecutor(jobs, initializer=collect_seldom) as pool:
        running: set[Future[Result]] = set()
        while True:
            while len(running) < jobs and (deadline is None or time.monotonic() < deadline):
                seed = next(waiting, None)
                if seed is None:
                    break
                running.add(pool.submit(run_seed, seed))
            if not running:
                return sorted(results, key=lambda result: result.seed)
            done, running = wait(running, return_when=FIRST_COMPLETED)
            results += [future.result() for future in done]


def collect_seldom() -> None:
    """In a process that only runs seeds: a run makes many small values and few cycles, and looking for these after
    every 700 of them is a fifth of its time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def failures(results: list[Result]) -> list[Result]:
    """The seeds that broke a promise."""
    return [result for result in results if result.broken]


def unreached(results: list[Result]) -> list[str]:
    """What no seed reached although a good run does."""
    total: Counter[str] = sum((result.reached for result in results), Counter())
    return [name for name in MUST_BE_REACHED if not total[name]]


def summary(results: list[Result]) -> str:
    """What was run, what was reached, what failed and how to see it again."""
    total: Counter[str] = sum((result.reached for result in results), Counter())
    minutes = sum(result.virtual_ms for result in results) / 60_000
    lines = [f"{len(results)} seeds, {minutes:.0f} virtual minutes, {total['faults']} faults"]
    lines += [f"  {name:40}{count}" for name, count in sorted(total.items()) if name not in ("seeds", "faults")]
    lines += [f"not reached: {name}" for name in unreached(results)]
    for result in failures(results):
        lines.append(f"seed {result.seed}: {result.broken}")
        lines.append(f"  see it again: .venv/bin/python -m lab.simulator --seed {result.seed} --verbose")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
