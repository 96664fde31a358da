"""What travels between replicas is the same after it travelled."""

import msgspec
import pytest

from cib.history import HistoryError, HistoryPoint, Stamp, WriteId, decode, encode, extend, start
from cib.patch import Create, Delete, Modify, Move, Patch
from cib.replica_messages import (
    Announce,
    Decided,
    Forward,
    Kept,
    Need,
    NotKept,
    Outcome,
    ReplicaMessage,
    Settled,
    Snapshot,
    Update,
)
from cib.requests import Request
from cib.version import CibVersion, ConfigurationVersion

ID = WriteId("n1", 4, 9)
VERSION = CibVersion(0, 3, 1)
NEWEST = VERSION.configuration
POINT: HistoryPoint = extend(start(CibVersion(0, 2, 0), "aa"), CibVersion(0, 3, 0), "bb", ("n1", "n2"), ID)
PATCH = Patch(
    (
        Delete("/cib/a"),
        Modify("/cib", (("a", "b"),), (("a", "b"),), ("c",)),
        Create("/cib", 0, b"<x/>"),
        Move("/cib/y", 1),
    ),
    VERSION,
    CibVersion(0, 4, 0),
    "digest",
)
SETTLED = Settled(ID, 7, VERSION, configuration=True, results=(b"<x/>",))


@pytest.mark.parametrize(
    "message",
    [
        Forward(ID, 7, (Request("modify", section="status", xml=b"<x/>"),), "root", "crm", True, 1_700_000_000),
        Decided(ID, Outcome(VERSION, 78, "no", ("because",), 2, 3, (b"<x/>",))),
        Announce(Stamp(5, 1), "digest", POINT),
        Update(Stamp(5, 1), PATCH, (SETTLED,), "bb", forced=True),
        Need(Stamp(5, 1), VERSION),
        Snapshot(Stamp(5, 1), b"<cib/>", POINT, (SETTLED,)),
        Kept(Stamp(5, 1), NEWEST, ConfigurationVersion(0, 2)),
        NotKept(Stamp(5, 1), NEWEST, "No space left on device"),
    ],
)
def test_a_message_is_the_same_after_it_travelled(message: ReplicaMessage) -> None:
    data = msgspec.msgpack.encode(message)
    assert msgspec.msgpack.decode(data, type=ReplicaMessage) == message


def test_a_history_is_the_same_after_it_was_written() -> None:
    assert decode(encode(POINT)) == POINT
    assert POINT.predecessor == "aa"


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'{"format": 99, "point": {}}', b"\xff"])
def test_a_damaged_history_is_refused(data: bytes) -> None:
    with pytest.raises(HistoryError):
        decode(data)
