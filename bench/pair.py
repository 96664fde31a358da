"""Both clusters at rest with the example's service, one after the other: for what is measured on quiet nodes."""

from collections.abc import Iterator
from contextlib import contextmanager

from bench import service
from bench.ours import EXAMPLE, Ours
from bench.peer import Peer
from lab.namespaces.lab import Lab

NODES = ("node1", "node2")


@contextmanager
def resting(make: type[Ours] | type[Peer]) -> Iterator[Lab]:
    """A lab of two nodes on which the service runs and nothing is left to do."""
    with Lab.create(NODES) as lab:
        device = lab.shared_disk(content="<h1>the page</h1>\n")
        for script in sorted((EXAMPLE / "init.d").iterdir()):
            lab.install_script(script, f"/etc/init.d/{script.name}")
        cluster = make(lab)
        document = service.document(
            ids={str(number): name for number, name in enumerate(NODES, 1)},
            body=service.resources(device, "pacekeeper" if make is Ours else "heartbeat"),
            tail=service.defaults(),
        )
        for name in NODES:
            cluster.boot(name, document)
        cluster.start(NODES)
        cluster.settle(NODES[0], online=len(NODES))
        yield lab
