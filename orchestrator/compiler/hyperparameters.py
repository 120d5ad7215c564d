"""One hyperparameter of JumpStart, held to its rule: type, range and options."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.compiler.lock import LockedRule
    from orchestrator.spec.fields import Scalar

_TRUTHS = ("True", "False")


def broken_value(value: Scalar, rule: LockedRule) -> tuple[str, str] | None:
    """Return what is wrong with a value, and what to write instead; None if nothing is."""
    options = rule.options or (_TRUTHS if rule.type == "bool" else ())
    if options:
        if str(value) in options:
            return None
        return f"{value!r} is none of its values", f"Write one of {', '.join(options)}."
    if rule.type == "text":
        return None
    noun = "a whole number" if rule.type == "int" else "a number"
    if isinstance(value, bool | str) or (rule.type == "int" and value != int(value)):
        return f"{value!r} is not {noun}", f"Write {noun}{_range(rule)}."
    too_low = rule.min is not None and value < rule.min
    if too_low or (rule.max is not None and value > rule.max):
        return f"{value:g} is out of its range", f"Write {noun}{_range(rule)}."
    return None


def _range(rule: LockedRule) -> str:
    if rule.min is not None and rule.max is not None:
        return f" from {rule.min:g} to {rule.max:g}"
    if rule.min is not None:
        return f", at least {rule.min:g}"
    return "" if rule.max is None else f", at most {rule.max:g}"
