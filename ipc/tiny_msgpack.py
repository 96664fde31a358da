"""msgpack for None, bool, int, float, str, bytes, list and dict, in pure Python.

Thin tools (crm_node, crm_attribute, crm_master, attrd_updater) run inside monitors, where importing msgspec costs
more than the whole request. Source: the msgpack specification's format table.
"""

import struct

type_error = "cannot be sent: only None, bool, int, float, str, bytes, list and dict"


class MalformedMessage(ValueError):
    """The bytes are not one complete msgpack value of a kind that this module reads."""


def packb(value: object) -> bytes:
    """Encode one value. Raises TypeError for a type that has no place here."""
    out = bytearray()
    _pack(value, out)
    return bytes(out)


def unpackb(data: bytes) -> object:
    """Decode exactly one value. Raises MalformedMessage for anything else."""
    try:
        value, end = _unpack(data, 0, 0)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise MalformedMessage(f"not a complete msgpack value: {error}") from error
    if end != len(data):
        raise MalformedMessage(f"{len(data) - end} bytes follow the value")
    return value


def _pack(value: object, out: bytearray) -> None:
    match value:
        case None:
            out.append(0xC0)
        case bool():
            out.append(0xC3 if value else 0xC2)
        case int():
            _pack_int(value, out)
        case float():
            out += b"\xcb" + struct.pack(">d", value)
        case str():
            data = value.encode()
            _pack_length(len(data), out, (0xA0, 31), (0xD9, 0xDA, 0xDB))
            out += data
        case bytes():
            _pack_length(len(value), out, None, (0xC4, 0xC5, 0xC6))
            out += value
        case list() | tuple():
            _pack_length(len(value), out, (0x90, 15), (None, 0xDC, 0xDD))
            for item in value:
                _pack(item, out)
        case dict():
            _pack_length(len(value), out, (0x80, 15), (None, 0xDE, 0xDF))
            for key, item in value.items():
                _pack(key, out)
                _pack(item, out)
        case _:
            raise TypeError(f"{type(value).__name__} {type_error}")


def _pack_int(value: int, out: bytearray) -> None:
    if 0 <= value < 0x80:
        out.append(value)
    elif -32 <= value < 0:
        out += struct.pack("b", value)
    elif value >= 0:
        out += b"\xcf" + struct.pack(">Q", value)
    else:
        out += b"\xd3" + struct.pack(">q", value)


def _pack_length(
    length: int, out: bytearray, fixed: tuple[int, int] | None, codes: tuple[int | None, int, int]
) -> None:
    if fixed is not None and length <= fixed[1]:
        out.append(fixed[0] | length)
    elif codes[0] is not None and length < 0x100:
        out += bytes((codes[0], length))
    elif length < 0x10000:
        out += bytes((codes[1],)) + struct.pack(">H", length)
    else:
        out += bytes((codes[2],)) + struct.pack(">I", length)


_MAX_DEPTH = 64
_NUMBERS = {
    0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q",
    0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q",
}  # fmt: skip
_LENGTHS = {
    0xC4: ("bin", ">B"), 0xC5: ("bin", ">H"), 0xC6: ("bin", ">I"),
    0xD9: ("str", ">B"), 0xDA: ("str", ">H"), 0xDB: ("str", ">I"),
    0xDC: ("list", ">H"), 0xDD: ("list", ">I"), 0xDE: ("map", ">H"), 0xDF: ("map", ">I"),
}  # fmt: skip
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}


def _unpack(data: bytes, at: int, depth: int) -> tuple[object, int]:
    if depth > _MAX_DEPTH:
        raise MalformedMessage(f"nested deeper than {_MAX_DEPTH} levels")
    code = data[at]
    at += 1
    if code < 0x80:
        return code, at
    if code >= 0xE0:
        return code - 0x100, at
    if code in _CONSTANTS:
        return _CONSTANTS[code], at
    if code in _NUMBERS:
        form = _NUMBERS[code]
        return struct.unpack_from(form, data, at)[0], at + struct.calcsize(form)
    if code < 0x90:
        return _unpack_sequence("map", code & 0x0F, data, at, depth)
    if code < 0xA0:
        return _unpack_sequence("list", code & 0x0F, data, at, depth)
    if code < 0xC0:
        return _unpack_sequence("str", code & 0x1F, data, at, depth)
    if code not in _LENGTHS:
        raise MalformedMessage(f"unknown msgpack type 0x{code:02x}")
    kind, form = _LENGTHS[code]
    (length,) = struct.unpack_from(form, data, at)
    return _unpack_sequence(kind, length, data, at + struct.calcsize(form), depth)


def _unpack_sequence(kind: str, length: int, data: bytes, at: int, depth: int) -> tuple[object, int]:
    if kind in ("str", "bin"):
        end = at + length
        if end > len(data):
            raise MalformedMessage("the value ends early")
        return (data[at:end].decode() if kind == "str" else data[at:end]), end
    items: list[object] = []
    for _ in range(length * 2 if kind == "map" else length):
        item, at = _unpack(data, at, depth + 1)
        items.append(item)
    if kind == "list":
        return items, at
    return dict(zip(items[::2], items[1::2], strict=True)), at
