"""ISO 8601 dates and times, durations and calendar patterns, as date rules use them.

Instants are whole seconds since the epoch. A date-time without an offset is in the zone that the caller
names. Calendar, ordinal (2005-020) and week dates (2005-W03-4) are understood.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

from cib.record import Record
from cib.values import ValueFormatError

_EXPECTED = "an ISO 8601 date and time (such as 2026-03-01 12:00:00Z)"
_DATE = re.compile(
    r"(?P<year>\d{4})(?:-?W(?P<week>\d{2})-?(?P<weekday>\d)|-(?P<ordinal>\d{3})(?!\d)"
    r"|-?(?P<month>\d{2})-?(?P<day>\d{2})|-(?P<only_month>\d{2}))?"
)
_TIME = re.compile(r"(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?(?:[.,]\d+)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?$")


class Duration(Record):
    """Calendar amounts that are added to an instant, largest unit first."""

    __slots__ = ("days", "hours", "minutes", "months", "seconds", "weeks", "years")

    def __init__(
        self,
        years: int = 0,
        months: int = 0,
        weeks: int = 0,
        days: int = 0,
        hours: int = 0,
        minutes: int = 0,
        seconds: int = 0,
    ) -> None:
        self.years = years
        self.months = months
        self.weeks = weeks
        self.days = days
        self.hours = hours
        self.minutes = minutes
        self.seconds = seconds


class DatePattern(Record):
    """A `date_spec`: for each unit that is given the range of values (low, high) that match."""

    __slots__ = ("ranges",)

    def __init__(self, ranges: tuple[tuple[str, int | None, int | None], ...]) -> None:
        self.ranges = ranges


def parse_instant(text: str, zone: tzinfo = UTC) -> int:
    """Return the instant that `text` names in seconds since the epoch; raises `ValueFormatError`."""
    stripped = text.strip()
    date_match = _DATE.match(stripped)
    if date_match is None:
        clock = _TIME.match(stripped.removeprefix("T"))
        raise ValueFormatError(text, _EXPECTED + (" with a date" if clock else ""))
    day = _calendar_day(date_match, text)
    rest = stripped[date_match.end() :].strip()
    seconds, offset = 0, zone
    if rest:
        seconds, offset = _time_of_day(rest.removeprefix("T").strip(), text, zone)
    moment = datetime(day.year, day.month, day.day, tzinfo=offset) + timedelta(seconds=seconds)
    return int(moment.timestamp())


def _calendar_day(match: re.Match[str], text: str) -> date:
    year = int(match["year"])
    try:
        if match["week"]:
            return date.fromisocalendar(year, int(match["week"]), int(match["weekday"]))
        if match["ordinal"]:
            return date(year, 1, 1) + timedelta(days=int(match["ordinal"]) - 1)
        if match["month"]:
            return date(year, int(match["month"]), int(match["day"]))
        return date(year, int(match["only_month"] or 1), 1)
    except ValueError:
        raise ValueFormatError(text, _EXPECTED) from None


def _time_of_day(clock: str, text: str, zone: tzinfo) -> tuple[int, tzinfo]:
    match = _TIME.match(clock)
    if match is None:
        raise ValueFormatError(text, _EXPECTED)
    hours, minutes, seconds = int(match[1]), int(match[2] or 0), int(match[3] or 0)
    if hours > 24 or minutes > 59 or seconds > 60:
        raise ValueFormatError(text, _EXPECTED)
    offset: tzinfo = zone
    if match[4] == "Z":
        offset = UTC
    elif match[4]:
        digits = match[4][1:].replace(":", "").ljust(4, "0")
        delta = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        offset = timezone(delta if match[4][0] == "+" else -delta)
    return hours * 3600 + minutes * 60 + seconds, offset


def add_duration(instant: int, duration: Duration, zone: tzinfo = UTC) -> int:
    """Return the instant later by `duration`; a day that a month does not have becomes its last."""
    moment = datetime.fromtimestamp(instant, zone)
    months = moment.year * 12 + (moment.month - 1) + duration.years * 12 + duration.months
    year, month = divmod(months, 12)
    month += 1
    first_of_next = date(year + month // 12, month % 12 + 1, 1)
    last_day = (first_of_next - timedelta(days=1)).day
    moment = moment.replace(year=year, month=month, day=min(moment.day, last_day))
    moment += timedelta(
        weeks=duration.weeks,
        days=duration.days,
        hours=duration.hours,
        minutes=duration.minutes,
        seconds=duration.seconds,
    )
    return int(moment.timestamp())


def matches_pattern(instant: int, pattern: DatePattern, zone: tzinfo = UTC) -> bool:
    """Say whether every unit of the pattern holds for the instant."""
    moment = datetime.fromtimestamp(instant, zone)
    week_year, week, weekday = moment.isocalendar()
    units = {
        "years": moment.year,
        "months": moment.month,
        "monthdays": moment.day,
        "hours": moment.hour,
        "minutes": moment.minute,
        "seconds": moment.second,
        "yeardays": moment.timetuple().tm_yday,
        "weekyears": week_year,
        "weeks": week,
        "weekdays": weekday,
    }
    for unit, low, high in pattern.ranges:
        value = units[unit]
        if (low is not None and value < low) or (high is not None and value > high):
            return False
    return True
