"""The passes that make rows of files: read and clean, drop what repeats, group, split, write."""

from __future__ import annotations

import hashlib
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from training_scripts.container import fail
from training_scripts.data.cleaning import clean, is_empty, is_tie
from training_scripts.data.files import find_files
from training_scripts.data.formats import placed_samples
from training_scripts.data.problems import Problems
from training_scripts.data.readers import read_records
from training_scripts.data.rows import row_text, row_to_line
from training_scripts.data.similarity import Bands, Groups, band_hashes, group_similar
from training_scripts.data.smoke_rows import READ_FOR_EACH, few_rows
from training_scripts.data.split import Shares, side_of, sides_are_not_empty
from training_scripts.data.statistics import statistics
from training_scripts.data.templates import render

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training_scripts.data.formats import Format, Sample
    from training_scripts.data.rows import Row
    from training_scripts.data.split import Side
    from training_scripts.data.spool import Spool
    from training_scripts.data.templates import Template
    from training_scripts.smoke import Smoke

Deduplicate = Literal["none", "exact", "near"]

TIE = (
    "'chosen' and 'rejected' are the same, so the row prefers nothing. "
    "Correct it, or write `drop_ties: true`."
)

_BATCH = 1_000
_REPORT_EVERY = 100_000


@dataclass(frozen=True)
class Wanted:
    """What the spec says of the dataset (kind `dataset`; its fields are explained there)."""

    data_format: Format | Literal["auto"]
    columns: Mapping[str, str]
    template: Template
    system_prompt: str | None
    shares: Shares
    group_by: str | None
    deduplicate: Deduplicate
    threshold: float
    max_rows: int | None
    min_characters: int
    drop_ties: bool
    smoke_rows: int | None = None
    """In a smoke run: rows of all sides together, each of which has some."""


@dataclass(frozen=True)
class Kept:
    """Which spooled rows are used, and what decides the side of each."""

    numbers: NDArray[np.int64]
    """Ascending row numbers of the spool."""
    keys: list[str]
    """Per kept row: equal keys are on one side."""
    counts: dict[str, int]


@dataclass(frozen=True)
class Written:
    """What the written rows came to."""

    counts: dict[str, float]
    statistics: dict[str, Any]
    """The document `statistics.json`."""


def read_into(spool: Spool, folder: Path, wanted: Wanted) -> dict[str, int]:
    """Read a folder's rows, clean them, and spool those that say enough; return counts.

    Raises:
        JobFailure: If a file or a row cannot be used.
    """
    problems = Problems()
    counts: Counter[str] = Counter(rows_read=0, dropped_empty=0, dropped_short=0, dropped_ties=0)
    records = read_records(find_files(folder), problems)
    enough = wanted.smoke_rows * READ_FOR_EACH if wanted.smoke_rows else None
    for place, sample in placed_samples(
        records,
        problems,
        data_format=wanted.data_format,
        columns=wanted.columns,
        group_by=wanted.group_by,
    ):
        counts["rows_read"] += 1
        if counts["rows_read"] % _REPORT_EVERY == 0:
            print(f"read {counts['rows_read']:,} rows", flush=True)
        cleaned = clean(sample)
        reason = _why_dropped(cleaned, wanted)
        if reason == "dropped_ties" and not wanted.drop_ties:
            problems.add(place, TIE)
        elif reason is not None:
            counts[reason] += 1
        else:
            spool.append(cleaned)
            if len(spool) == enough:
                break
    problems.fail_if_any()
    if not len(spool):
        fail(
            f"data: no rows are left of {counts['rows_read']:,} ({counts['dropped_empty']:,} "
            f"empty, {counts['dropped_ties']:,} with chosen = rejected, "
            f"{counts['dropped_short']:,} under min_characters {wanted.min_characters})."
        )
    return dict(counts)


def _why_dropped(sample: Sample, wanted: Wanted) -> str | None:
    """The count that a row goes into instead of the data; None if it is used."""
    if is_empty(sample):
        return "dropped_empty"
    if is_tie(sample):
        return "dropped_ties"
    return "dropped_short" if len(sample.content()) < wanted.min_characters else None


def choose(spool: Spool, wanted: Wanted) -> Kept:
    """Return which rows are kept, and what keeps groups of them on one side."""
    keys = spool.keys()
    numbers = np.arange(len(keys))
    counts = {"duplicates_exact": 0, "duplicates_near": 0}
    if wanted.deduplicate != "none":
        numbers = np.sort(np.unique(keys, return_index=True)[1])
        counts["duplicates_exact"] = len(keys) - len(numbers)
    if wanted.max_rows is not None and len(numbers) > wanted.max_rows:
        # The smallest keys: as good as a random choice, and mostly the same when data grow.
        smallest = np.argsort(keys[numbers], kind="stable")[: wanted.max_rows]
        numbers = np.sort(numbers[smallest])
    groups = Groups.of(len(numbers))
    if wanted.deduplicate == "near":
        groups = _group_near(spool, numbers, wanted.threshold)
        counts["duplicates_near"] = groups.merged
    labels = None
    if wanted.group_by is not None:
        labels = [_label(sample.group) for sample in spool.read_many(numbers)]
        _join_equal(groups, labels)
    roots = groups.roots().tolist()
    named = [labels[root] if labels else f"{keys[numbers[root]]:016x}" for root in roots]
    if wanted.smoke_rows:
        few, named = few_rows(named, wanted.shares, wanted.smoke_rows)
        numbers = numbers[few]
    return Kept(numbers, named, counts)


def write_splits(spool: Spool, kept: Kept, wanted: Wanted, folders: Mapping[Side, Path]) -> Written:
    """Word the kept rows, write `SIDE.jsonl` into each side's folder, and count them.

    Raises:
        JobFailure: If a side would be empty, or the template cannot word a row.
    """
    sides = [side_of(key, wanted.shares) for key in kept.keys]
    counts: Counter[Side] = Counter({"train": 0, "validation": 0, "test": 0})
    counts.update(sides)
    sides_are_not_empty(counts, wanted.shares)
    rows = (
        render(sample, wanted.template, wanted.system_prompt)
        for sample in spool.read_many(kept.numbers)
    )
    paths = {side: folder / f".{side}.jsonl.partial" for side, folder in folders.items()}
    try:
        lengths, tasks = _write_rows(rows, sides, paths)
    except BaseException:
        for path in paths.values():
            path.unlink(missing_ok=True)
        raise
    for side, path in paths.items():
        path.replace(folders[side] / f"{side}.jsonl")
    found = {
        "rows": len(sides),
        **{f"rows_{side}": count for side, count in counts.items()},
        "groups": len(set(kept.keys)),
        "characters": int(lengths.sum()),
        "characters_mean": round(float(lengths.mean()), 2),
        "characters_median": float(np.median(lengths)),
        "characters_max": int(lengths.max()),
    }
    return Written(found, statistics(lengths, sides, tasks))


def _write_rows(
    rows: Iterable[Row], sides: Sequence[Side], paths: Mapping[Side, Path]
) -> tuple[NDArray[np.int64], Counter[tuple[str, Side]]]:
    """Write each row to its side's file; return the characters of each, and rows by task."""
    lengths = np.empty(len(sides), dtype=np.int64)
    tasks: Counter[tuple[str, Side]] = Counter()
    with ExitStack() as opened:
        files = {
            side: opened.enter_context(path.open("w", encoding="utf-8", newline="\n"))
            for side, path in paths.items()
        }
        for number, row in enumerate(rows):
            lengths[number] = len(row_text(row))
            files[sides[number]].write(row_to_line(row))
            if row.task is not None:
                tasks[row.task, sides[number]] += 1
    return lengths, tasks


def _group_near(spool: Spool, numbers: NDArray[np.int64], threshold: float) -> Groups:
    bands = Bands.for_threshold(threshold)
    hashes = np.empty((len(numbers), bands.bands), dtype=np.uint64)
    remaining = spool.read_many(numbers)
    start = 0
    while texts := [sample.content() for sample in islice(remaining, _BATCH)]:
        hashes[start : start + len(texts)] = band_hashes(texts, bands)
        start += len(texts)
    return group_similar(hashes, lambda row: spool.read(int(numbers[row])).content(), threshold)


def _join_equal(groups: Groups, labels: list[str]) -> None:
    first: dict[str, int] = {}
    for row, label in enumerate(labels):
        groups.union(first.setdefault(label, row), row)


def _label(group: str | None) -> str:
    # Hashed, so that a million long values do not stay in memory.
    return (
        "group:"
        + hashlib.blake2b((group or "").encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    )


def wanted_from(settings: Mapping[str, Any], smoke: Smoke | None = None) -> Wanted:
    """Return what a step's settings ask for, with the caps of a smoke run if it is one."""
    split = settings["split"]
    return Wanted(
        data_format=settings["format"],
        columns=settings["columns"],
        template=settings["prompt_template"],
        system_prompt=settings["system_prompt"],
        shares=Shares(split["validation"], split["test"], split["seed"]),
        group_by=split["group_by"],
        deduplicate=settings["deduplicate"],
        threshold=settings["near_duplicate_threshold"],
        max_rows=settings["max_rows"],
        min_characters=settings["min_characters"],
        drop_ties=settings["drop_ties"],
        smoke_rows=smoke.rows if smoke else None,
    )
