"""Keeps Python's cyclic collector out of a decision.

A run makes hundreds of thousands of objects, all of which live until its end. The collector looks through them again
and again and finds nothing; it took more than half of the time of large runs and made it grow faster than the cluster.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_collector() -> Iterator[None]:
    """Let nothing be collected meanwhile; afterwards what is new is collected once, if the collector was on before.

    What must not be late (an answer) is sent off before the end of the block.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
            gc.collect(0)
