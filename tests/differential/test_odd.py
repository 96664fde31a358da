"""Whatever a document says, crm_simulate ends in bounded time and memory: with a decision, or with a sentence."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from random import SystemRandom
from types import FrameType

import pytest

from tests.differential.decisions import Refused, ask_ours
from tests.differential.generate import generate
from tests.differential.odd import spoil

FULL = bool(os.environ.get("PACEKEEPER_TEST_FULL"))
SAMPLE_SECONDS = 600 if FULL else 10
SECONDS_MAX = 60
MEMORY_MAX = 1 << 30
REFUSALS = ("our exit status 65", "our exit status 78", "our exit status 76")

CIB = """\
<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0" have-quorum="1"
  execution-date="1700000000">
<configuration><crm_config/>
<nodes><node id="1" uname="n1"/><node id="2" uname="n2"/></nodes>
<resources><primitive id="fencing" class="stonith" type="fence_xvm"/>{resources}</resources>
<constraints>{constraints}</constraints></configuration>
<status><node_state id="1" uname="n1" in_ccm="true" crmd="online" join="member" expected="member"/>
<node_state id="2" uname="n2" in_ccm="true" crmd="online" join="member" expected="member"/></status></cib>
"""
PRIMITIVE = '<primitive id="{}" class="ocf" provider="heartbeat" type="Dummy"/>'


@contextmanager
def at_most(seconds: int, what: str) -> Iterator[None]:
    """Fail where something takes longer."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"{what} took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def decide_on(document: bytes, scratch: Path, name: str) -> None:
    """Fail where no decision and no sentence comes."""
    refusals: list[Refused] = []
    with at_most(SECONDS_MAX, name):
        try:
            ask_ours(document, scratch)
        except Refused as refusal:
            refusals.append(refusal)
    for refused in refusals:
        assert refused.kind in REFUSALS, f"{name}: {refused}"
        assert "crm_simulate: " in str(refused), f"{name}: {refused}"


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_odd_documents_are_decided_or_refused(tmp_path: Path) -> None:
    first = seed = SystemRandom().randrange(10**9)
    sys.stderr.write(f"the first seed of odd documents is {first}\n")
    end = time.monotonic() + SAMPLE_SECONDS
    while time.monotonic() < end:
        decide_on(spoil(generate(seed), seed), tmp_path, f"seed {seed}")
        seed += 1
    assert seed - first > 3


def test_some_odd_documents_are_decided_or_refused(tmp_path: Path) -> None:
    for seed in range(12):
        decide_on(spoil(generate(seed), seed), tmp_path, f"seed {seed}")


def simulate(document: str, scratch: Path) -> subprocess.CompletedProcess[str]:
    """Run crm_simulate in a process of its own, which may not take more than some memory."""
    path = scratch / "cib.xml"
    path.write_text(document)
    return subprocess.run(
        [sys.executable, "-m", "crmsh.crm_simulate", "-x", str(path), "-S"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=5 * SECONDS_MAX,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX)),
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", [1001, 2147483647])
def test_more_instances_than_anybody_can_run_are_refused(number: int, tmp_path: Path) -> None:
    meta = f'<meta_attributes id="m"><nvpair id="p" name="clone-max" value="{number}"/></meta_attributes>'
    clone = f'<clone id="c">{meta}{PRIMITIVE.format("r")}</clone>'
    process = simulate(CIB.format(resources=clone, constraints=""), tmp_path)
    assert process.returncode == 78
    assert process.stderr.endswith(f"clone 'c': clone-max has the value {number}, expected at most 1000\n")


@pytest.mark.slow
def test_more_replicas_than_anybody_can_run_are_refused(tmp_path: Path) -> None:
    bundle = '<bundle id="b"><podman image="i" replicas="1001"/><network ip-range-start="10.0.0.1"/></bundle>'
    process = simulate(CIB.format(resources=bundle, constraints=""), tmp_path)
    assert process.returncode == 78
    assert process.stderr.endswith("bundle 'b': replicas has the value 1001, expected at most 1000\n")


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_colocations_that_form_too_many_loops_are_refused(tmp_path: Path) -> None:
    names = [f"r{number}" for number in range(12)]
    constraints = "".join(
        f'<rsc_colocation id="{one}-{other}" rsc="{one}" with-rsc="{other}" score="10"/>'
        for one in names
        for other in names
        if one != other
    )
    resources = "".join(map(PRIMITIVE.format, names))
    process = simulate(CIB.format(resources=resources, constraints=constraints), tmp_path)
    assert process.returncode == 78
    assert "its colocations form loops that can be gone along in more than 1000000 ways" in process.stderr


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("kind", ["colocation", "order"])
def test_a_long_chain_of_constraints_is_followed_to_its_end(kind: str, tmp_path: Path) -> None:
    names = [f"r{number}" for number in range(700)]
    words = {"colocation": 'rsc="{1}" with-rsc="{0}" score="INFINITY"', "order": 'first="{1}" then="{0}"'}[kind]
    constraints = "".join(
        f'<rsc_{kind} id="{one}-{other}" {words.format(one, other)}/>' for one, other in pairwise(names)
    )
    resources = "".join(map(PRIMITIVE.format, names))
    process = simulate(CIB.format(resources=resources, constraints=constraints), tmp_path)
    assert process.returncode == 0, process.stderr
    assert process.stdout.count(" start on ") == 701
