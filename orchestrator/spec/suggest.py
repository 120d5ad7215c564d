"""What somebody meant: the closest of the names that exist."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_LISTED = 12


def did_you_mean(word: str, choices: Iterable[str], *, noun: str = "") -> str:
    """Return `Did you mean 'x'?`, or the choices if none is close, or nothing if there are none.

    Args:
        word: What was written.
        choices: What exists, in the order to list it.
        noun: What the choices are, in the plural, for the list: `steps`.
    """
    names = list(dict.fromkeys(choices))
    close = closest(word, names)
    if close is not None:
        return f"Did you mean {close!r}?"
    if not names:
        return ""
    listed = ", ".join(names[:MOST_LISTED])
    more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    label = f"The {noun} are" if noun else "Choose from"
    return f"{label}: {listed}{more}."


def closest(word: str, choices: Iterable[str]) -> str | None:
    """Return the choice that `word` is likely to mean; None if none is close."""
    folded = {name.lower(): name for name in reversed(list(choices))}
    close = get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None
