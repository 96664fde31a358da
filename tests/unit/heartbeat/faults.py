"""A random history of faults for a cluster of `HeartbeatNode`s, from one seed."""

from random import Random

from tests.unit.heartbeat.cluster import Broken, Cluster

SIZES = (2, 3, 3, 4, 5)


def live_through(seed: int, faults: int = 8) -> Cluster:
    """Start a cluster, break it in `faults` ways, heal it, and see that it comes together. Raises Broken."""
    random = Random(seed)
    names = [f"n{number}" for number in range(1, random.choice(SIZES) + 1)]
    slow_disk = random.random() < 0.15
    cluster = Cluster(names, seed, fsync_ms=(20, 600) if slow_disk else (1, 20))
    for name in names:
        cluster.boot(name)
        cluster.run(random.choice((0, 0, 5, 300, 2500)))
    for _ in range(faults):
        _break_something(cluster, random, names)
        cluster.run(random.choice((3, 50, 400, 1100, 2500, 5000)))
    cluster.heal()
    # The longest ways: initdead of nodes that were started just now while others stop; a suspicion that ends, a merge.
    limit_ms = 4 * cluster.settings.deadtime_ms
    cluster.run(limit_ms)
    if not cluster.in_one_view():
        raise Broken(f"seed {seed}: not in one view {limit_ms} ms after healing:\n" + "\n".join(cluster.trace[-80:]))
    numbers = [view.number for name in names if (view := cluster.view(name)) is not None]
    cluster.run(3 * cluster.settings.deadtime_ms)
    if [view.number for name in names if (view := cluster.view(name)) is not None] != numbers:
        raise Broken(f"seed {seed}: the view changes without a reason:\n" + "\n".join(cluster.trace[-80:]))
    cluster.check_continuity()
    return cluster


def _break_something(cluster: Cluster, random: Random, names: list[str]) -> None:
    one, other = random.sample(names, 2)
    match random.randrange(13):
        case 0 | 1:
            cluster.crash(one)
        case 2 | 3:
            cluster.boot(*names)
        case 4:
            cluster.pause(one)
        case 5 | 6:
            cluster.wake(one)
            cluster.wake(other)
        case 7:
            cluster.cut(one, other, both=False)
        case 8:
            cluster.cut(one, other)
        case 9:
            shuffled = random.sample(names, len(names))
            place = random.randrange(1, len(names))
            cluster.partition(shuffled[:place], shuffled[place:])
        case 10:
            cluster.network.cuts.clear()
        case 11:
            cluster.network.loss = random.choice((0.0, 0.1, 0.4))
            cluster.network.duplicates = random.choice((0.0, 0.3))
            cluster.network.delay_ms = random.choice(((0, 3), (0, 80), (100, 300)))
        case 12:
            cluster.stop(one)
