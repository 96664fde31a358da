"""The time zone in which dates without an offset are meant: that of this machine."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_SYSTEM_ZONE = "/etc/localtime"


def local_zone(name: str | None) -> tzinfo:
    """Return the zone called `name` (the environment's TZ), or that of the system.

    A name that is not known is not an error: then the present offset from UTC is taken, as for every date.
    """
    try:
        if name:
            return ZoneInfo(name.removeprefix(":"))
        with open(_SYSTEM_ZONE, "rb") as stream:
            return ZoneInfo.from_file(stream)
    except (OSError, ValueError, ZoneInfoNotFoundError):
        return datetime.now(UTC).astimezone().tzinfo or UTC
