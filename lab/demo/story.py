"""What happens in the demo, and what is measured: a power cut and its takeover, a return and its failback."""

import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from ipc.directories import NodeDirectories
from lab.observer import Observer, Sight
from lab.outage import Kind, Recording, outage_after
from lab.probe import boottime_ms

START_S = 30.0
MOVE_S = 30.0
SETTLE_MS = 400


class Stage(Protocol):
    """Where the story plays: namespaces, or loopback addresses."""

    nodes: tuple[str, str]
    left_out: tuple[str, ...]

    @property
    def place(self) -> str: ...
    def boot(self) -> None: ...
    def start(self, node: str | None = None) -> None: ...
    def kill(self, node: str) -> None: ...
    def directories(self, node: str) -> NodeDirectories: ...
    def command(self, node: str, *argv: str) -> str: ...
    def probe(self) -> Recording: ...
    def double_mounts(self) -> list[str]: ...
    def keep(self) -> str: ...
    def log(self, node: str) -> str: ...
    def close(self) -> None: ...


class Move(msgspec.Struct, frozen=True):
    """The service moved. Milliseconds from the cause; outage as the client saw it."""

    cause: str
    from_node: str = msgspec.field(name="from")
    to: str
    outage_ms: int | None
    declared_dead_ms: int | None
    vip_ms: int | None
    started_ms: int


class Moment(msgspec.Struct, frozen=True):
    """Where everything was at one point of the story."""

    name: str
    resources: dict[str, str]
    snapshot: str = ""
    """What crm_mon printed; not part of the JSON report."""


class Story(msgspec.Struct, frozen=True):
    """The whole demo."""

    moves: tuple[Move, ...]
    moments: tuple[Moment, ...]


def play(stage: Stage, say: Callable[[str], None], check: Callable[[], None] = lambda: None) -> Story:
    """Run the demo on a stage that is laid ready. Raises TimeoutError when something does not happen.

    `check` is called wherever the story may end early, by what it raises.
    """
    first, second = stage.nodes
    say(f"Starting a cluster of 2 nodes ({stage.place})")
    check()
    stage.boot()
    check()
    probe = stage.probe()
    observer = Observer(lambda: stage.directories(second), check)
    try:
        stage.start()
        begun = observer.wait("the service runs", _all_on(first), 0, START_S)
        _wait_answering(probe, begun.at, check)
        moments = [_moment(stage, f"running on {short(first)}", second, begun)]
        say(f"The service answers from {short(first)}. Cutting the power of {short(first)} …")

        resources = set(begun.placements)
        cause = boottime_ms()
        stage.kill(first)
        taken = observer.wait("takeover", _everything_on(second, resources), cause, MOVE_S)
        _wait_answering(probe, taken.at, check)
        moments.append(_moment(stage, f"taken over by {short(second)}", second, taken))
        takeover = _move("node1 killed", first, second, cause, taken, probe, observer, dead=first)
        say(
            f"{short(second)} has taken over: the client waited {takeover.outage_ms} ms. "
            f"Starting {short(first)} again …"
        )

        cause = boottime_ms()
        stage.start(first)
        returned = observer.wait("failback", _everything_on(first, resources), cause, START_S)
        _wait_answering(probe, returned.at, check)
        moments.append(_moment(stage, f"back on {short(first)}", second, returned))
        failback = _move("node1 returned", second, first, cause, returned, probe, observer, dead=None)
        say(f"{short(first)} has its services back: the client waited {failback.outage_ms} ms.")
        return Story((takeover, failback), tuple(moments))
    finally:
        observer.close()
        probe.close()


def short(node: str) -> str:
    """A node's name without its domain."""
    return node.partition(".")[0]


def _all_on(node: str) -> Callable[[Sight], bool]:
    return lambda sight: sight.idle and bool(sight.placements) and set(sight.placements.values()) == {node}


def _everything_on(node: str, resources: set[str]) -> Callable[[Sight], bool]:
    return lambda sight: (
        set(sight.placements) >= resources and all(sight.placements[name] == node for name in resources)
    )


def _wait_answering(probe: Recording, since: int, check: Callable[[], None]) -> None:
    deadline = time.monotonic() + MOVE_S
    while not probe.answering("page", since):
        check()
        if time.monotonic() > deadline:
            raise TimeoutError("the page does not answer although the resources are started")
        time.sleep(0.02)
    time.sleep(SETTLE_MS / 1000)


def _moment(stage: Stage, name: str, node: str, sight: Sight) -> Moment:
    return Moment(name, dict(sorted(sight.placements.items())), stage.command(node, "crm_mon", "-1"))


def _move(
    name: str,
    source: str,
    target: str,
    cause: int,
    done: Sight,
    probe: Recording,
    observer: Observer,
    *,
    dead: str | None,
) -> Move:
    samples = probe.samples()
    page, address = outage_after(samples, "page", cause), outage_after(samples, _address_kind(probe), cause)
    declared = next(
        (sight.at - cause for sight in observer.sights() if dead and sight.at >= cause and dead not in sight.members),
        None,
    )
    return Move(
        cause=name,
        from_node=source,
        to=target,
        outage_ms=page.milliseconds if page else None,
        declared_dead_ms=declared,
        vip_ms=address.first_good - cause if address else None,
        started_ms=done.at - cause,
    )


def _address_kind(probe: Recording) -> Kind:
    return "address" if any(sample.kind == "address" for sample in probe.samples()) else "page"
