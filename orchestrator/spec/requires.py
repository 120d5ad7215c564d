"""`requires: ">=0.2"`: the versions of fmo that a spec is written for."""

from __future__ import annotations

import operator
import re
from importlib import import_module
from typing import TYPE_CHECKING

from orchestrator.errors import SpecError
from orchestrator.spec.fields import REQUIRES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from orchestrator.spec.composer import Tree
    from orchestrator.spec.findings import Findings

COMPARISONS: Mapping[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
}
DISTRIBUTION = "fm-orchestrator"


def refuse_other_versions(
    data: Mapping[str, Tree], findings: Findings, version: str | None = None
) -> None:
    """Refuse a document for other versions of fmo, at once: what else is wrong is no news.

    Args:
        data: What a file says.
        findings: Where its lines are.
        version: Of this fmo; that of the installed distribution if None.

    Raises:
        SpecError: If `requires` is there and this version is not among them.
    """
    wanted = data.get("requires")
    if not isinstance(wanted, str) or not re.fullmatch(REQUIRES, wanted):
        return  # The model says what is wrong with it.
    # It takes 40 ms to import, and few specs ask.
    this = version or import_module("importlib.metadata").version(DISTRIBUTION)
    if not allows(wanted, this):
        fix = f"Run: pip install '{DISTRIBUTION}{_as_specifier(wanted)}'."
        findings.refuse("requires", f"this needs fmo {wanted}, and this is {this}", fix)
        raise SpecError(findings.problems[-1:])


def allows(wanted: str, version: str) -> bool:
    """Return whether `version` is among those that `wanted` allows: `>=0.2`, `>=0.2, <1`."""
    return all(_holds(bound, version) for bound in _as_specifier(wanted).split(","))


def _holds(bound: str, version: str) -> bool:
    sign = re.match(r"[<>=]*", bound)
    name = sign[0] if sign else ""
    return COMPARISONS[name](_numbers(version), _numbers(bound[len(name) :]))


def _as_specifier(wanted: str) -> str:
    """Return `wanted` as pip takes it; a version alone is the oldest that will do."""
    bounds = (bound.strip() for bound in wanted.split(","))
    return ",".join(bound if bound[0] in "<>=" else f">={bound}" for bound in bounds)


def _numbers(version: str) -> tuple[int, ...]:
    """Return the first three numbers of a version: `0.2` and `0.2.0.dev1` are (0, 2, 0)."""
    numbers = [int(number) for number in re.findall(r"\d+", version)[:3]]
    return tuple(numbers + [0] * (3 - len(numbers)))
