"""How long the policy engine takes for each document in a directory (`crm_simulate --profile`)."""

from __future__ import annotations

import os
import time

from crmsh import exit_codes
from crmsh.failure import Failure
from crmsh.simulation.source import read_document
from pengine.collector import paused_collector
from pengine.graph_builder import build_graph
from pengine.local_zone import local_zone
from pengine.reading import read_cluster
from pengine.scheduler import decide
from pengine.unpack import unpack_element


def profile(directory: str, repeat: int) -> list[tuple[str, float]]:
    """Return each XML file of a directory and the processor time in seconds that all repetitions took.

    Raises Failure where the directory or a file can't be read, or a file is no valid configuration.
    """
    try:
        names = sorted(name for name in os.listdir(directory) if name.endswith(".xml"))
    except OSError as error:
        raise Failure(exit_codes.NO_INPUT, f"Couldn't read {directory}: {error.strerror}") from None
    return [_measured(os.path.join(directory, name), repeat) for name in names]


def _measured(path: str, repeat: int) -> tuple[str, float]:
    root, _ = read_document(path)
    now = int(time.time())
    begin = time.process_time()
    for _ in range(repeat):
        with paused_collector():
            cluster = read_cluster(unpack_element(root, local_zone(os.environ.get("TZ"))), now, sanitized=True)
            decide(cluster)
            build_graph(cluster)
    return path, time.process_time() - begin
