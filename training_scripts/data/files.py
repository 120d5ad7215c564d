"""Which files of a folder hold data, and their bytes as text with errors that name the line."""

from __future__ import annotations

import codecs
import gzip
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from training_scripts.container import fail

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FileKind = Literal["jsonl", "json", "csv", "parquet", "text"]

_SUFFIXES: dict[str, FileKind] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".txt": "text",
    ".md": "text",
}
_ABOUT = ("readme", "license", "licence", "notice", "changelog")
"""What people and the Hugging Face hub leave beside data."""
_WIDE = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


@dataclass(frozen=True)
class DataFile:
    """One file of data."""

    path: Path
    name: str
    """Relative to the folder it was found in; what errors call it."""
    kind: FileKind
    compressed: bool


def find_files(folder: Path) -> list[DataFile]:
    """Return the data files of a folder and of those in it, by name, all of one kind.

    Hidden files, `_SUCCESS` and its like, and `README`, `LICENSE`... are passed over.

    Raises:
        JobFailure: If there is none, one is of no known kind, or the kinds are mixed.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and _is_data(path, folder))
    if not paths:
        fail(f"data: there are no files in {folder}. {_known()}")
    files = [_data_file(path, folder) for path in paths]
    kinds = {file.kind: file.name for file in reversed(files)}
    if len(kinds) > 1:
        found = ", ".join(f"{name} ({kind})" for kind, name in sorted(kinds.items()))
        fail(f"data: the files are of several kinds: {found}. Keep one kind in the folder.")
    empty = [file.name for file in files if file.path.stat().st_size == 0]
    if empty:
        fail(f"{empty[0]}: the file is empty. Delete it, or write it again.")
    return files


def find_data(path: Path) -> list[DataFile]:
    """Return the one data file that `path` is, or those of the folder that it is.

    Raises:
        JobFailure: If there is none, one is of no known kind, or the kinds are mixed.
    """
    if path.is_dir():
        return find_files(path)
    if not path.is_file():
        fail(f"{path}: there is no such file or folder. Check the path.")
    if path.stat().st_size == 0:
        fail(f"{path.name}: the file is empty. Write it again.")
    return [_data_file(path, path.parent)]


def read_lines(file: DataFile) -> Iterator[tuple[int, str]]:
    """Yield each line of a text file with its number from 1; ends of line are a line feed.

    Raises:
        JobFailure: If the file is not UTF-8, or its compression is broken.
    """
    number = 0
    try:
        with gzip.open(file.path) if file.compressed else file.path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                yield number, _decode(line, file, number)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        fail(
            f"{file.name}:{number + 1}: the gzip data end early or are damaged ({error}). "
            "Copy the file again."
        )


def _is_data(path: Path, folder: Path) -> bool:
    parts = path.relative_to(folder).parts
    hidden = any(part.startswith((".", "_")) for part in parts)
    return not hidden and path.name.lower().split(".")[0] not in _ABOUT


def _data_file(path: Path, folder: Path) -> DataFile:
    name = str(path.relative_to(folder))
    compressed = path.suffix.lower() == ".gz"
    suffix = path.with_suffix("").suffix if compressed else path.suffix
    kind = _SUFFIXES.get(suffix.lower())
    if kind is None or (compressed and kind == "parquet"):
        fail(f"{name}: cannot be read. {_known()}")
    return DataFile(path, name, kind, compressed)


def _known() -> str:
    return f"Use {', '.join(_SUFFIXES)}; all but .parquet may be gzipped (.gz)."


def _decode(line: bytes, file: DataFile, number: int) -> str:
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        guess = _WIDE.get(line[:2]) if number == 1 else None
        found = f"it is {guess}" if guess else f"byte 0x{line[error.start]:02x} at {error.start}"
        fail(f"{file.name}:{number}: not UTF-8 ({found}). Save the file as UTF-8.")
    return text[:-2] + "\n" if text.endswith("\r\n") else text
