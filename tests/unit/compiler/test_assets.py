"""Asset hashes: from content alone, and different for different content."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from orchestrator.compiler.assets import LocalFile, code_asset, content_hash, data_asset

if TYPE_CHECKING:
    from pathlib import Path


def test_the_order_of_the_files_does_not_matter() -> None:
    assert content_hash({"a": b"1", "b": b"2"}) == content_hash({"b": b"2", "a": b"1"})


def test_names_and_bytes_both_matter() -> None:
    folders = [{"a": b"1"}, {"b": b"1"}, {"a": b"2"}, {}, {"a": b"1", "b": b""}, {"a\n1:b": b"1"}]
    assert len({content_hash(dict(folder)) for folder in folders}) == len(folders)


def test_a_file_on_disk_hashes_like_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"rows")
    file = LocalFile(path, hashlib.sha256(b"rows").hexdigest(), 4)
    assert content_hash({"a": file}) == content_hash({"a": b"rows"})


def test_an_asset_is_stored_under_its_hash(tmp_path: Path) -> None:
    code = code_asset("bucket", {"a.py": b""})
    assert code.uri == f"s3://bucket/fmo/assets/code/{content_hash({'a.py': b''})}/"
    file = LocalFile(tmp_path / "a", "0" * 64, 0)
    data = data_asset("bucket", {"a": file})
    assert data.uri.startswith("s3://bucket/fmo/assets/data/")
    assert data.files == {"a": tmp_path / "a"}
