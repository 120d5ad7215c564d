"""Rewards that can be verified: no model is asked whether an answer is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def exact_answer(completions: Sequence[str], chosen: Sequence[str], **_: Any) -> list[float]:
    """Return 1 for each completion that is the true answer, and 0 for the others."""
    pairs = zip(completions, chosen, strict=True)
    return [float(written.strip() == answer.strip()) for written, answer in pairs]
