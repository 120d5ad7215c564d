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
MAX_LINE_BYTES = 64 * 2**20
"""Of what is read line by line: a longer one is no row, and would fill the memory."""
_ABOUT = ("readme", "license", "licence", "notice", "changelog")
"""What people and the Hugging Face hub leave beside data."""
_LOOKED_AT = 100
"""Characters of a file that UTF-16 would fill with zeros."""
_WIDE = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


@dataclass(frozen=True)
class DataFile:
    """One file of data."""

    path: Path
    name: str
    """Relative to the folder it was found in; what errors call it."""
    kind: FileKind
    compressed: bool


def find_files(folder: Path, *, where: str = "data", prefix: str = "") -> list[DataFile]:
    """Return the data files of a folder and of those in it, by name, all of one kind.

    Hidden files, `_SUCCESS` and its like, and `README`, `LICENSE`... are passed over.

    Args:
        folder: Where to look.
        where: What errors of the folder as a whole call it: the spec's field.
        prefix: What stands before each file's name in errors.

    Raises:
        JobFailure: If there is none, one is of no known kind, or the kinds are mixed.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and _is_data(path, folder))
    if not paths:
        fail(f"{where}: the folder holds no files. {_known()}")
    files = [_data_file(path, f"{prefix}{path.relative_to(folder)}") for path in paths]
    kinds = {file.kind: file.name for file in reversed(files)}
    if len(kinds) > 1:
        found = ", ".join(f"{name} ({kind})" for kind, name in sorted(kinds.items()))
        fail(f"{where}: the files are of several kinds: {found}. Keep one kind in the folder.")
    empty = [file.name for file in files if file.path.stat().st_size == 0]
    if empty:
        fail(f"{empty[0]}: the file is empty. Delete it, or write it again.")
    return files


def find_data(path: Path) -> list[DataFile]:
    """Return the one data file that `path` is, or those of the folder that it is.

    They are named as `path` names them, so that a person can open what an error points to.

    Raises:
        JobFailure: If there is none, one is of no known kind, or the kinds are mixed.
    """
    if path.is_dir():
        return find_files(path, where=str(path), prefix=f"{path}/")
    if not path.exists():
        fail(f"{path}: there is no such file or folder. Check the path.")
    if not path.is_file():
        fail(f"{path}: it is neither a file nor a folder. Name one of them.")
    if path.stat().st_size == 0:
        fail(f"{path}: the file is empty. Write it again.")
    return [_data_file(path, str(path))]


def read_lines(file: DataFile) -> Iterator[tuple[int, str]]:
    """Yield each line of a text file with its number from 1; ends of line are a line feed.

    Raises:
        JobFailure: If the file is not UTF-8, or its compression is broken.
    """
    number = 0
    try:
        with gzip.open(file.path) if file.compressed else file.path.open("rb") as stream:
            longest = -1 if file.kind == "json" else MAX_LINE_BYTES
            while line := stream.readline(longest):
                number += 1
                if len(line) == longest:
                    _refuse_long_line(file, number)
                yield number, _decode(line, file, number)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        fail(
            f"{file.name}:{number + 1}: the gzip data end early or are damaged ({error}). "
            "Copy the file again."
        )


def _refuse_long_line(file: DataFile, number: int) -> None:
    limit = f"{MAX_LINE_BYTES // 2**20} MB"
    cure = "Write one row on each line." if file.kind == "jsonl" else "Break it into lines."
    fail(f"{file.name}:{number}: the line is longer than {limit}. {cure}")


def _is_data(path: Path, folder: Path) -> bool:
    parts = path.relative_to(folder).parts
    hidden = any(part.startswith((".", "_")) for part in parts)
    return not hidden and path.name.lower().split(".")[0] not in _ABOUT


def _data_file(path: Path, name: str) -> DataFile:
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
    if number == 1 and "\0" in text[:_LOOKED_AT]:
        fail(f"{file.name}:1: not UTF-8 (it looks like UTF-16). Save the file as UTF-8.")
    return text[:-2] + "\n" if text.endswith("\r\n") else text
