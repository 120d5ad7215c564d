"""How times, counts and metrics are written for people, the same in the terminal and the report."""

from __future__ import annotations

import math


def duration(seconds: float | None) -> str:
    """Return `0.4 s`, `12 s`, `3 min 05 s` or `2 h 07 min`; `-` when not known."""
    if seconds is None or not math.isfinite(seconds):
        return "-"
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def clock(seconds: float | None) -> str:
    """Return `0:07`, `2:31` or `1:02:07`, for where there is little room; empty when not known."""
    if seconds is None or not math.isfinite(seconds):
        return ""
    whole = max(round(seconds), 0)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"


def number(value: float | None) -> str:
    """Return `value` with four significant digits and thousands apart; `-` when not known."""
    if value is None or not math.isfinite(value):
        return "-"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) < 1e-3:
        return f"{value:.3g}"
    return f"{value:.4g}"


def score(value: float | None) -> str:
    """Return a metric between 0 and 1 with three decimals, so that columns line up."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:.3f}" if abs(value) < 100 else number(value)


def plural(count: int, noun: str) -> str:
    """Return `1 step` or `2 steps`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def shortened(text: str, width: int, *, ellipsis: str = "…") -> str:
    """Return `text` cut to `width` characters, its end replaced by an ellipsis."""
    if len(text) <= width:
        return text
    return text[: max(width - len(ellipsis), 0)] + ellipsis


def finite_number(value: object) -> float | None:
    """Return `value` as a float; None if it is not a number, or nan or infinite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
