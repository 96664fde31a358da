"""Times on a command line: `10`, `10s`, `500ms`, `2min`."""

from __future__ import annotations

from crmsh.options import UsageError


def seconds(text: str, option: str, *, bare_ms: bool = False) -> float:
    """The time in seconds; a bare number counts seconds (with `bare_ms` milliseconds). Raises UsageError."""
    from cib.values import ValueFormatError, parse_interval_ms

    if bare_ms and text.isdigit():
        return int(text) / 1000
    try:
        return parse_interval_ms(text) / 1000
    except ValueFormatError as error:
        raise UsageError(f"{option}: '{text}' is not {error.expected}") from None
