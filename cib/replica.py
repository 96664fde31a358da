"""The core of replication."""

from __future__ import annotations

from cib.replica_events import Effect, Event, StoreEffect, StoreEvent

__all__ = ["Effect", "Event", "StoreEffect", "StoreEvent"]
