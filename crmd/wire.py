"""Bytes of the controller's socket: msgpack maps whose `type` is the message's class name."""

import msgspec

from crmd.messages import ClientReply, ClientRequest

_encoder = msgspec.msgpack.Encoder()
_requests: msgspec.msgpack.Decoder[ClientRequest] = msgspec.msgpack.Decoder(ClientRequest)
_replies: msgspec.msgpack.Decoder[ClientReply] = msgspec.msgpack.Decoder(ClientReply)


class _Numbered(msgspec.Struct):
    """What every request has, for the answer to one that is otherwise not understood."""

    id: int = 0


_numbered = msgspec.msgpack.Decoder(_Numbered)


class MalformedClientMessage(ValueError):
    """The frame is not a message of this socket; `id` is its number as far as it can be read, else 0."""

    def __init__(self, text: str, number: int) -> None:
        super().__init__(text)
        self.id = number


def encode(message: ClientRequest | ClientReply) -> bytes:
    """One message as the payload of a frame."""
    return _encoder.encode(message)


def decode_request(payload: bytes) -> ClientRequest:
    """What a tool sent. Raises MalformedClientMessage."""
    try:
        return _requests.decode(payload)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedClientMessage(str(error), _number(payload)) from error


def decode_reply(payload: bytes) -> ClientReply:
    """What the controller sent. Raises MalformedClientMessage."""
    try:
        return _replies.decode(payload)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedClientMessage(str(error), _number(payload)) from error


def _number(payload: bytes) -> int:
    try:
        return _numbered.decode(payload).id
    except (msgspec.DecodeError, RecursionError):
        return 0
