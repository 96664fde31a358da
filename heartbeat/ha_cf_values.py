"""The values that stand in ha.cf: durations, numbers, names, devices and addresses."""

import ipaddress
import re

from ipc.units import Milliseconds

DURATION_FORM = "seconds such as 2 or 0.5, or with a unit: 1500ms, 2s, 1m"

_DURATION = re.compile(r"(\d{1,9}|\d{0,9}\.\d{1,6})([a-z]*)", re.ASCII)
_MICROSECONDS = {
    "": 1_000_000,
    "us": 1,
    "usec": 1,
    "ms": 1000,
    "msec": 1000,
    "s": 1_000_000,
    "sec": 1_000_000,
    "m": 60_000_000,
    "min": 60_000_000,
    "h": 3_600_000_000,
    "hr": 3_600_000_000,
}
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,253}[A-Za-z0-9_])?", re.ASCII)
_TRUE = frozenset({"true", "on", "yes", "y", "1"})
_FALSE = frozenset({"false", "off", "no", "n", "0"})


class BadValue(ValueError):
    """A word of ha.cf is not what its place needs; `expected` says what would be."""

    def __init__(self, value: str, expected: str) -> None:
        super().__init__(f"{value!r}; expected {expected}")
        self.value = value
        self.expected = expected


def duration(word: str, at_least: int = 1) -> Milliseconds:
    """Whole milliseconds of `2`, `0.5`, `1500ms`, `2s`; the unit is seconds where none stands.

    Raises BadValue, also below `at_least` milliseconds or above a day.
    """
    match = _DURATION.fullmatch(word.lower())
    if match is None or match[2] not in _MICROSECONDS:
        raise BadValue(word, DURATION_FORM)
    whole, _, fraction = match[1].partition(".")
    micro = int(whole or "0") * 1_000_000 + int(fraction.ljust(6, "0") or "0")
    milliseconds = micro * _MICROSECONDS[match[2]] // 1_000_000 // 1000
    if not at_least <= milliseconds <= 86_400_000:
        raise BadValue(word, f"a duration from {at_least}ms to 24h")
    return Milliseconds(milliseconds)


def whole_number(word: str, low: int, high: int) -> int:
    """A decimal number within these ends. Raises BadValue."""
    if not (word.isascii() and word.isdigit() and len(word) <= 9 and low <= int(word) <= high):
        raise BadValue(word, f"a whole number from {low} to {high}")
    return int(word)


def boolean(word: str) -> bool:
    """The classic words for true and false, in any case. Raises BadValue."""
    if word.lower() in _TRUE:
        return True
    if word.lower() in _FALSE:
        return False
    raise BadValue(word, "on or off (or true, yes, y, 1; false, no, n, 0)")


def node_name(word: str) -> str:
    """A node's name as `uname -n` may print it. Raises BadValue."""
    if _NAME.fullmatch(word) is None:
        raise BadValue(word, "a node name as `uname -n` prints it (letters, digits, dots, dashes)")
    return word


def device(word: str) -> str:
    """A network interface's name; whether it exists is seen at start. Raises BadValue."""
    if not 1 <= len(word) <= 15 or "/" in word or word in (".", "..") or not word.isascii() or not word.isprintable():
        raise BadValue(word, "the name of a network interface such as eth0")
    return word


def host(word: str) -> str:
    """An IPv4 address of one host, or a host name that is resolved at start. Raises BadValue."""
    try:
        address = ipaddress.IPv4Address(word)
    except ValueError:
        looks_like_number = word.replace(".", "").isdigit()
        if looks_like_number or _NAME.fullmatch(word) is None:
            raise BadValue(word, "an IPv4 address such as 10.0.0.2, or a host name") from None
        return word
    if address.is_multicast or address.is_unspecified or address.is_reserved:
        raise BadValue(word, "the IPv4 address of one host")
    return str(address)


def multicast_group(word: str) -> str:
    """An IPv4 multicast address. Raises BadValue."""
    try:
        address = ipaddress.IPv4Address(word)
    except ValueError:
        address = None
    if address is None or not address.is_multicast:
        raise BadValue(word, "a multicast address from 224.0.0.0 to 239.255.255.255")
    return str(address)


def absolute_path(word: str) -> str:
    """A path from the root. Raises BadValue."""
    if not word.startswith("/") or "\0" in word:
        raise BadValue(word, "an absolute path such as /var/log/ha-log")
    if word.endswith("/"):
        raise BadValue(word, "the path of a file, not of a directory")
    return word


FACILITIES = (
    "auth", "authpriv", "cron", "daemon", "ftp", "kern", "lpr", "mail", "news", "syslog", "user", "uucp",
    "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)  # fmt: skip


def facility(word: str) -> str | None:
    """A syslog facility; None for `none`. Raises BadValue."""
    name = word.lower()
    if name == "none":
        return None
    if name not in FACILITIES:
        raise BadValue(word, "a syslog facility such as local0 or daemon, or none")
    return name
