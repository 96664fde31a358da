"""What the worker is asked and what it answers, as MessagePack in one frame each.

Requests are taken in order. `LoadDocument` and `ApplyPatch` are not answered; what goes wrong with them is told
in answer to the next `Schedule`, and every further one until a document is loaded. Each `Schedule` gets exactly
one answer: `Outcome` or `Refused`.

The structs here are tagged unions, which a compiled module could not have: this module stays plain Python.
"""

from __future__ import annotations

import msgspec

from pengine.graph import Graph
from pengine.graph_plain import PlainGraph, from_plain, to_plain


class LoadDocument(msgspec.Struct, frozen=True, tag="load"):
    """Work on this document from now on (XML of a whole CIB)."""

    data: bytes


class ApplyPatch(msgspec.Struct, frozen=True, tag="patch"):
    """The document changed by this patchset (XML)."""

    data: bytes


class Schedule(msgspec.Struct, frozen=True, tag="schedule"):
    """Decide; `now` is in seconds since the epoch.

    `version` (admin_epoch, epoch, num_updates) and `configuration` (`Document.configuration_digest`) are those of the
    document that the asker means. The worker refuses where its own is older, or is the same configuration version
    with another content. Where they are left out nothing is compared.
    """

    request: int
    now: int
    version: tuple[int, int, int] = (0, 0, 0)
    configuration: str = ""


class PlacementSummary(msgspec.Struct, frozen=True):
    """Where a resource is and shall be."""

    resource: str
    current: tuple[str, ...]
    role: str
    node: str | None
    next_role: str


class Outcome(msgspec.Struct, frozen=True, tag="outcome"):
    """What was decided."""

    request: int
    graph: Graph
    notes: tuple[str, ...] = ()
    """Sentences for people: what can't be done and why."""
    deeds: tuple[str, ...] = ()
    """Sentences for people that hold until the graph is carried out."""
    placements: tuple[PlacementSummary, ...] = ()


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """There is no decision: the document or a patch could not be used. A document must be loaded anew."""

    request: int
    reason: str


WorkerRequest = LoadDocument | ApplyPatch | Schedule
WorkerReply = Outcome | Refused


def _plain(value: object) -> PlainGraph:
    """What the encoder does not know: a graph is the only such thing."""
    if isinstance(value, Graph):
        return to_plain(value)
    raise TypeError(f"{type(value).__name__} does not travel")


def _typed(kind: type, value: object) -> Graph:
    if kind is not Graph:
        raise TypeError(f"{kind.__name__} does not travel")
    return from_plain(msgspec.convert(value, PlainGraph))


_encoder = msgspec.msgpack.Encoder(enc_hook=_plain)
_graphs = msgspec.msgpack.Decoder(Graph, dec_hook=_typed)
_requests: msgspec.msgpack.Decoder[WorkerRequest] = msgspec.msgpack.Decoder(LoadDocument | ApplyPatch | Schedule)
_replies: msgspec.msgpack.Decoder[WorkerReply] = msgspec.msgpack.Decoder(Outcome | Refused, dec_hook=_typed)


class WireError(ValueError):
    """Bytes that are not what they should be."""


def encode_request(message: WorkerRequest) -> bytes:
    """Return a request as bytes."""
    return _encoder.encode(message)


def decode_request(data: bytes) -> WorkerRequest:
    """Return the request that `encode_request` made; raises `WireError`."""
    try:
        return _requests.decode(data)
    except msgspec.MsgspecError as error:
        raise WireError(f"not a request to the policy engine: {error}") from error


def encode_reply(message: WorkerReply) -> bytes:
    """Return an answer as bytes."""
    return _encoder.encode(message)


def decode_reply(data: bytes) -> WorkerReply:
    """Return the answer that `encode_reply` made; raises `WireError`."""
    try:
        return _replies.decode(data)
    except msgspec.MsgspecError as error:
        raise WireError(f"not an answer of the policy engine: {error}") from error


def encode_graph(graph: Graph) -> bytes:
    """Return the graph as bytes."""
    return _encoder.encode(graph)


def decode_graph(data: bytes) -> Graph:
    """Return the graph that `encode_graph` made; raises `WireError`."""
    try:
        return _graphs.decode(data)
    except msgspec.MsgspecError as error:
        raise WireError(f"not a transition graph: {error}") from error
