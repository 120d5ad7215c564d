"""ISO 8601 durations, as `CacheConfig.ExpireAfter` has them."""

from __future__ import annotations

import re
from datetime import timedelta

from orchestrator.errors import DefinitionError, Problem

_DURATION = re.compile(
    r"P?(?=.)(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?",
    re.IGNORECASE,
)
_DAYS = {"years": 365, "months": 30, "weeks": 7, "days": 1}
_SECONDS = {"hours": 3600, "minutes": 60, "seconds": 1}


def parse_duration(text: str) -> timedelta:
    """Return `P30D` or `P4DT12H` as a time span; a year is 365 days, a month 30.

    AWS's own examples drop the `P` and use small letters (`30d`, `T12H`), so both are read.

    Raises:
        DefinitionError: If it is not a duration.
    """
    match = _DURATION.fullmatch(text)
    if match is None or text.upper() == "P":
        fix = "Write an ISO 8601 duration such as P30D or PT12H."
        raise DefinitionError(Problem("duration", f"{text!r} is not a duration", fix))
    parts = {name: int(amount) for name, amount in match.groupdict().items() if amount}
    days = sum(amount * _DAYS.get(name, 0) for name, amount in parts.items())
    seconds = sum(amount * _SECONDS.get(name, 0) for name, amount in parts.items())
    try:
        return timedelta(days=days, seconds=seconds)
    except OverflowError:
        raise DefinitionError(Problem("duration", f"{text!r} is too long", "")) from None
