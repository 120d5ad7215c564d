"""A survey as one JSON document, with a suggestion for each thing found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training_scripts.checking.reading import Data
    from training_scripts.checking.survey import Measured, Survey
    from training_scripts.data.problems import Problems

_FEW_ROWS = 60
"""Below, one of the default shares of 5 % and 10 % may get no row."""
_MIXED = 0.05


def report(
    data: Data, survey: Survey, problems: Problems, measured: Measured | None
) -> dict[str, Any]:
    """Return everything that was found."""
    near = survey.repeats.near()
    guessed = survey.languages.total()
    languages = survey.languages.most_common()
    document = {
        "files": len(data.files),
        "kind": data.files[0].kind,
        "format": data.format,
        "columns": dict(data.columns),
        "rows": survey.rows,
        "characters": survey.characters.to_json(),
        "words": survey.words.to_json(),
        "tokens": _tokens(survey, measured),
        "empty": survey.empty.to_json(),
        "ties": survey.ties.to_json(),
        "duplicates": {
            "exact": survey.repeats.exact(),
            "near": near,
            "near_among": survey.repeats.near_rows,
        },
        "language_guess": {name: round(count / guessed, 3) for name, count in languages},
        "personal_data": {kind: found.to_json() for kind, found in survey.personal.items()},
        "problems": {"rows": problems.count, "first": problems.first},
    }
    return {**document, "suggestions": list(suggestions(document))}


def suggestions(found: dict[str, Any]) -> Iterator[str]:
    """Yield what to do about each thing that was found."""
    if found["columns"]:
        pairs = ", ".join(f"{ours}: {theirs}" for ours, theirs in found["columns"].items())
        yield f"columns: write `columns: {{{pairs}}}` in the step of kind dataset."
    if found["problems"]["rows"]:
        yield "problems: correct these rows; a step of kind dataset refuses the file with them."
    if found["rows"] < _FEW_ROWS:
        yield "rows: few to hold some out; write `split: {validation: 0.1, test: 0.2}`."
    tokens = found["tokens"]
    if tokens and tokens.get("too_long", {}).get("rows"):
        yield f"tokens: write `max_length: {tokens['max']}`, or `truncate: true` to cut long rows."
    if found["empty"]["rows"]:
        yield "empty: fill these rows, or leave them: kind dataset drops and counts them."
    if found["ties"]["rows"]:
        yield "chosen = rejected: correct these rows, or write `drop_ties: true` to leave them out."
    yield from _about_repeats(found["duplicates"])
    yield from _about_contents(found)


def _about_repeats(duplicates: dict[str, Any]) -> Iterator[str]:
    if duplicates["exact"]:
        yield "exact duplicates: leave them; `deduplicate: near`, the default, keeps one of each."
    if duplicates["near"]:
        yield "near-duplicates: keep `deduplicate: near`, so that none is in train and test both."
    if duplicates["near"] is None:
        yield "near-duplicates: not looked for; run `pip install 'fm-orchestrator[train]'` first."


def _about_contents(found: dict[str, Any]) -> Iterator[str]:
    known = [name for name, share in found["language_guess"].items() if share >= _MIXED]
    if len([name for name in known if name != "unknown"]) > 1:
        yield "language: give rows a column `task` with their language, to have each measured."
    if any(kind["rows"] for kind in found["personal_data"].values()):
        yield "personal data: remove or replace it; a model can repeat what it was trained on."


def _tokens(survey: Survey, measured: Measured | None) -> dict[str, Any] | None:
    if measured is None:
        return None
    if survey.not_measured:
        return {"error": survey.not_measured}
    return {
        **survey.tokens.to_json(),
        "max_length": measured.max_length,
        "too_long": survey.too_long.to_json(),
    }
