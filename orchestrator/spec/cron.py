"""The `cron` and `rate` expressions of EventBridge Scheduler: checked, and when they fire next.

The rules are those of https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTHS = tuple(name.upper() for name in calendar.month_abbr[1:])
RATE = re.compile(r"([1-9][0-9]{0,3}) (minute|minutes|hour|hours|day|days)")
YEARS = 200
"""How far EventBridge Scheduler looks ahead, from 1970."""


@dataclass(frozen=True)
class Part:
    """One of the six parts of a cron expression."""

    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()
    """Words for the numbers from `first` on."""
    special: str = ""
    """A regex of what only this part may say."""


PARTS = (
    Part("minute", 0, 59),
    Part("hour", 0, 23),
    Part("day of the month", 1, 31, special=r"\?|L|LW|([1-9]|[12][0-9]|3[01])W"),
    Part("month", 1, 12, MONTHS),
    Part("day of the week", 1, 7, DAYS, special=r"\?|L|([1-7]|[A-Z]{3})(L|#[1-5])"),
    Part("year", 1970, 1970 + YEARS - 1),
)


def cron_problem(text: str) -> tuple[str, str] | None:
    """Return what is wrong with a cron expression and what to write instead; None if nothing."""
    parts = text.split()
    if len(parts) != len(PARTS):
        names = ", ".join(part.name for part in PARTS)
        what = f"{text!r} has {len(parts)} parts, and cron on AWS has six: {names}"
        return what, "Write '0 6 ? * MON *' for Mondays at six."
    for part, word in zip(PARTS, parts, strict=True):
        if not _is_valid(part, word.upper()):
            fix = f"Write *, {part.first}-{part.last}, a list, or a step such as {part.first}/2."
            return f"the {part.name} cannot be {word!r}", fix
    if (parts[2] == "?") == (parts[4] == "?"):
        what = f"{text!r}: exactly one of day of the month and day of the week has to be '?'"
        return what, "Write '0 6 ? * MON *' for a day of the week, '0 6 1 * ? *' for one of months."
    return None


def rate_problem(text: str) -> tuple[str, str] | None:
    """Return what is wrong with a rate and what to write instead; None if nothing."""
    found = RATE.fullmatch(text)
    if found is None:
        return f"{text!r} is no rate", "Write '7 days', '12 hours' or '1 day'."
    if (found[1] == "1") == found[2].endswith("s"):
        right = f"{found[1]} {found[2].rstrip('s')}{'' if found[1] == '1' else 's'}"
        return f"{text!r} is refused by AWS", f"Write '{right}'."
    return None


def next_time(text: str, timezone: str, after: datetime) -> datetime | None:
    """Return when a valid cron expression fires next after `after`; None if it never does.

    A time that the clock skips in spring fires an hour later, one that it repeats fires once.
    """
    zone = ZoneInfo(timezone)
    words = [word.upper() for word in text.split()]
    minutes, hours, months, years = (
        {value for value in range(PARTS[at].first, PARTS[at].last + 1) if _holds(at, words, value)}
        for at in (0, 1, 3, 5)
    )
    day = after.astimezone(zone).date()
    while day.year <= max(years, default=0):
        if day.year not in years or day.month not in months:
            day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
            continue
        if _day_fits(words[2], words[4], day):
            for hour in sorted(hours):
                for minute in sorted(minutes):
                    at = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
                    if at > after:
                        return at.astimezone(after.tzinfo)
        day += timedelta(days=1)
    return None


def rate_interval(text: str) -> timedelta:
    """Return the time between two runs of a valid rate."""
    count, unit = text.split()
    return int(count) * timedelta(**{f"{unit.rstrip('s')}s": 1})


def _is_valid(part: Part, word: str) -> bool:
    return all(_piece_is_valid(part, piece) for piece in word.split(","))


def _piece_is_valid(part: Part, piece: str) -> bool:
    if part.special and re.fullmatch(part.special, piece):
        named = re.match("[A-Z]{3}", piece)
        return named is None or named[0] in part.names
    base, slash, step = piece.partition("/")
    if slash and not (step.isdecimal() and int(step) >= 1):
        return False
    if base == "*":
        return True
    ends = [_number(part, end) for end in base.split("-")]
    return len(ends) <= 2 and all(end is not None for end in ends)


def _number(part: Part, word: str) -> int | None:
    if word in part.names:
        return part.first + part.names.index(word)
    if word.isdecimal() and part.first <= int(word) <= part.last:
        return int(word)
    return None


def _holds(at: int, words: list[str], value: int) -> bool:
    return any(value in _values(PARTS[at], piece) for piece in words[at].split(","))


def _values(part: Part, piece: str) -> Iterator[int]:
    """Yield the numbers that a piece without special letters means."""
    base, slash, step = piece.partition("/")
    first, last = part.first, part.last
    if base != "*":
        ends = [number for end in base.split("-") if (number := _number(part, end)) is not None]
        first, last = ends[0], (part.last if slash and len(ends) == 1 else ends[-1])
    if first > last:  # FRI-MON goes over the end of the week.
        yield from (*range(first, part.last + 1), *range(part.first, last + 1))
        return
    yield from range(first, last + 1, int(step) if slash else 1)


def _day_fits(of_month: str, of_week: str, day: date) -> bool:
    if of_month != "?":
        return any(_month_day(piece, day) for piece in of_month.split(","))
    return any(_week_day(piece, day) for piece in of_week.split(","))


def _month_day(piece: str, day: date) -> bool:
    length = calendar.monthrange(day.year, day.month)[1]
    if piece == "L":
        return day.day == length
    if piece.endswith("W"):
        wanted = length if piece == "LW" else min(int(piece[:-1]), length)
        return day == _nearest_weekday(day.replace(day=wanted), length)
    return day.day in _values(PARTS[2], piece)


def _nearest_weekday(day: date, length: int) -> date:
    """Return the working day nearest to `day` in its month."""
    move: dict[int, Callable[[], int]] = {
        calendar.SATURDAY: lambda: -1 if day.day > 1 else 2,
        calendar.SUNDAY: lambda: 1 if day.day < length else -2,
    }
    return day + timedelta(days=move.get(day.weekday(), lambda: 0)())


def _week_day(piece: str, day: date) -> bool:
    number = day.isoweekday() % 7 + 1  # AWS counts from Sunday, which is 1.
    if piece == "L":
        return number == PARTS[4].last
    for letter in ("L", "#"):
        base, found, rest = piece.partition(letter)
        if found and _number(PARTS[4], base) is not None:
            length = calendar.monthrange(day.year, day.month)[1]
            is_last = day.day + 7 > length
            nth = (day.day - 1) // 7 + 1
            return _number(PARTS[4], base) == number and (
                is_last if letter == "L" else nth == int(rest)
            )
    return number in _values(PARTS[4], piece)
