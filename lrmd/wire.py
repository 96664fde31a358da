"""Bytes of the lrmd socket: msgpack maps whose `type` is the message's class name."""

import msgspec

from lrmd.messages import ControllerToExecutor, ExecutorToController

_encoder = msgspec.msgpack.Encoder()
_from_controller: msgspec.msgpack.Decoder[ControllerToExecutor] = msgspec.msgpack.Decoder(ControllerToExecutor)
_from_executor: msgspec.msgpack.Decoder[ExecutorToController] = msgspec.msgpack.Decoder(ExecutorToController)


class MalformedExecutorMessage(ValueError):
    """The frame is not a message of this socket; the text says what was expected and where."""


def encode(message: ControllerToExecutor | ExecutorToController) -> bytes:
    """One message as the payload of a frame."""
    return _encoder.encode(message)


def decode_from_controller(payload: bytes) -> ControllerToExecutor:
    """What a client sent. Raises MalformedExecutorMessage."""
    try:
        return _from_controller.decode(payload)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedExecutorMessage(str(error)) from error


def decode_from_executor(payload: bytes) -> ExecutorToController:
    """What lrmd sent. Raises MalformedExecutorMessage."""
    try:
        return _from_executor.decode(payload)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedExecutorMessage(str(error)) from error
