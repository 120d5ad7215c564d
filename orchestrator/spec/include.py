"""`include:`: what other files say, under what a spec says itself, merged field by field."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import SpecError
from orchestrator.spec.canonical import rename_aliases
from orchestrator.spec.findings import INCLUDED, Findings, Origin, join_path, line_of
from orchestrator.spec.reader import MAX_SPEC_BYTES, decode_spec, read_document
from orchestrator.spec.relative import joined, seen_from
from orchestrator.spec.requires import refuse_other_versions
from orchestrator.spec.wording import show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from orchestrator.spec.composer import Tree

MOST_FILES = 100
"""That one spec may include, directly or not."""


@dataclass(frozen=True)
class Document:
    """One file, as it is written."""

    data: dict[str, Tree]
    findings: Findings
    """Its lines, and what is wrong with it."""
    folder: str = ""
    """Where it is, from the folder of the spec."""


def with_included(own: Document) -> tuple[dict[str, Tree], dict[str, Origin]]:
    """Return what a spec and its included files say, and where each value of those stands.

    Names are canonical, paths are seen from the spec, and `include` is gone. Problems go to the
    findings of `own`.

    Raises:
        SpecError: If a file is written for another version of fmo.
    """
    documents = _Reading(own).documents()
    kinds = _kinds(documents)
    *others, first = [
        replace(one, data=rename_aliases(one.data, one.findings, kinds)) for one in documents
    ]
    merged, origins = dict(first.data), dict[str, Origin]()
    for other in reversed(others):
        moved = seen_from(other.data, other.folder)
        merged = _lay_under(merged, moved, "", other.findings, origins)
        own.findings.problems.extend(other.findings.problems)
    return merged, origins


class _Reading:
    """The files that one spec includes, each read once."""

    def __init__(self, own: Document) -> None:
        self._own = own
        self._root = own.findings.file.parent if own.findings.file else Path()
        self._read: set[str] = set()

    def documents(self) -> list[Document]:
        """Return every file, the weakest first and the spec itself last."""
        file = self._own.findings.file
        return self._with_below(self._own, {os.path.realpath(file): str(file)} if file else {})

    def _with_below(self, document: Document, chain: Mapping[str, str]) -> list[Document]:
        """Return a file after those that it includes; `chain` leads to it."""
        refuse_other_versions(document.data, document.findings)
        found: list[Document] = []
        for where, entry in _entries(document):
            path = joined(document.folder, entry)
            # Not Path.resolve: that raises where links lead in a circle.
            target = os.path.realpath(self._root / path)
            further = {**chain, target: self._shown(path)}
            if target in chain:
                names = [*chain.values(), chain[target]][list(chain).index(target) :]
                what = f"the files include each other: {' -> '.join(names)}"
                document.findings.refuse(where, what, "Remove `include` from one of them.")
            elif target not in self._read:
                self._read.add(target)
                included = self._document(path, where, document.findings)
                found += self._with_below(included, further) if included else []
        data = {key: value for key, value in document.data.items() if key != "include"}
        return [*found, replace(document, data=data)]

    def _document(self, path: str, where: str, findings: Findings) -> Document | None:
        """Return the file at `path`, or None and a problem of whoever includes it."""
        if len(self._read) > MOST_FILES:
            findings.refuse(where, f"more than {MOST_FILES} files are included", "Merge some.")
            return None
        file = Path(self._shown(path))
        inner = Findings(file, {})
        try:
            data = read_document(decode_spec(_bytes(self._root / path), file=file), inner)
        except SpecError as error:
            findings.problems.extend(error.problems)
            return None
        except OSError as error:
            what = f"'{file}' cannot be read: {error.strerror}"
            findings.refuse(where, what, "Check the path; it is relative to this file.")
            return None
        return Document(data, inner, posixpath.dirname(path))

    def _shown(self, path: str) -> str:
        """Return a path for people: from the working folder, as the spec's is."""
        return posixpath.normpath(self._root / path)


def _bytes(path: Path) -> bytes:
    """Return as much of a file as tells whether it is too large."""
    if path.exists() and not path.is_file():  # Reading a named pipe would wait for ever.
        raise IsADirectoryError(0, "it is not a file")
    with path.open("rb") as file:
        return file.read(MAX_SPEC_BYTES + 1)


def _entries(document: Document) -> Iterator[tuple[str, str]]:
    """Yield each path that a file includes, and where it names it; refuse what is no path."""
    given = document.data.get("include", [])
    listed = given if isinstance(given, list) else [given]
    for index, entry in enumerate(listed):
        where = f"include[{index}]" if isinstance(given, list) else "include"
        is_path = isinstance(entry, str) and entry.startswith(("./", "../", "/"))
        if is_path and "\0" not in str(entry):
            yield where, str(entry)
            continue
        what = f"expected a path of this machine, found {show(entry)}"
        is_name = isinstance(entry, str) and not is_path and "://" not in entry
        fix = f"Write './{entry}'." if is_name else ""
        document.findings.refuse(where, what, fix or "Write ./base.yaml, or a list of such paths.")


def _steps(document: Document) -> dict[str, Tree]:
    steps = document.data.get("steps")
    return steps if isinstance(steps, dict) else {}


def _kinds(documents: Sequence[Document]) -> dict[str, str]:
    """Return the kind of every step that names one; two kinds of one step are refused."""
    kinds: dict[str, str] = {}
    named: dict[str, str] = {}
    for document in documents:
        for name, step in _steps(document).items():
            kind = step.get("kind") if isinstance(step, dict) else None
            if not isinstance(kind, str):
                continue
            where = f"steps.{name}.kind"
            if kinds.setdefault(name, kind) != kind:
                what = f"the step is of kind {kind!r} here, and {kinds[name]!r} in {named[name]}"
                fix = "Give it another name, or remove `kind` here."
                document.findings.refuse(where, what, fix)
            line = line_of(document.findings.lines, where)
            named.setdefault(name, f"{document.findings.file}:{line}")
    return kinds


def _lay_under(
    own: dict[str, Tree],
    under: Mapping[str, Tree],
    where: str,
    findings: Findings,
    origins: dict[str, Origin],
) -> dict[str, Tree]:
    """Return `own` with what only `under` says; mappings in both are merged alike."""
    merged = dict(own)
    for key, value in under.items():
        place, written = join_path(where, key), merged.get(key)
        if key not in merged:
            merged[key] = value
            origins.update(_origins(value, place, findings))
        elif isinstance(written, dict) and isinstance(value, dict):
            merged[key] = _lay_under(written, value, place, findings, origins)
    return merged


def _origins(value: Tree, place: str, findings: Findings) -> Iterator[tuple[str, Origin]]:
    """Yield where a value of another file stands, and everything in it."""
    if findings.file is not None:
        yield place, Origin(findings.file, place, findings.lines.get(place), INCLUDED)
    inner: list[tuple[str | int, Tree]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    for key, item in inner:
        yield from _origins(item, join_path(place, key), findings)
