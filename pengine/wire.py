"""How outcomes and graphs travel between processes: MessagePack."""

from __future__ import annotations

import msgspec

from pengine.graph import Graph

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Graph)


class WireError(ValueError):
    """Bytes that are not a graph."""


def encode_graph(graph: Graph) -> bytes:
    """Return the graph as bytes."""
    return _encoder.encode(graph)


def decode_graph(data: bytes) -> Graph:
    """Return the graph that `encode_graph` made; raises `WireError`."""
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise WireError(f"not a transition graph: {error}") from error
