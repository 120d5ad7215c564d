"""The store: keys as files that no key can leave, whole or not at all."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import KeyOutsideStoreError, StoreError
from orchestrator.local.keys import decode_names, encode_key
from orchestrator.local.store import Store

if TYPE_CHECKING:
    from pathlib import Path

PARTS = st.one_of(
    st.sampled_from(
        ["a", "b", "a.txt", "", "%object", "%empty", "%more", "a%b", "%25", "é", "A b"]
    ),
    st.text(st.characters(blacklist_categories=["Cs"]), max_size=12),
    st.text("xyz", min_size=100, max_size=300),
)
KEYS = (
    st.lists(PARTS, min_size=1, max_size=4)
    .map("/".join)
    .filter(lambda key: key and not key.startswith("/") and "\0" not in key)
    .filter(lambda key: not {".", ".."} & set(key.split("/")) and len(key.encode()) <= 1024)
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "s3")


@given(KEYS)
def test_every_key_comes_back_from_its_file_name(key: str) -> None:
    names = encode_key(key)
    assert decode_names(names) == key
    assert all(name not in {"", ".", ".."} and "/" not in name for name in names)
    assert all(len(os.fsencode(name)) < 250 for name in names)


@given(st.lists(KEYS, unique=True, max_size=8), st.data())
@settings(max_examples=60, deadline=None)
def test_the_store_holds_what_a_dictionary_would(
    tmp_path_factory: pytest.TempPathFactory, keys: list[str], data: st.DataObject
) -> None:
    store = Store(tmp_path_factory.mktemp("store"))
    expected = {f"s3://bucket/{key}": os.fsencode(key[:50]) for key in keys}
    for uri, content in expected.items():
        store.put_bytes(uri, content)
    assert {uri: store.get(uri) for uri in expected} == expected
    prefix = data.draw(st.sampled_from(["", "a", "a/", *keys, *(key[:3] for key in keys)]))
    if prefix.startswith("/") or {".", ".."} & set(prefix.split("/")):
        return
    found = [item.uri for item in store.list(f"s3://bucket/{prefix}")]
    wanted = [uri for uri in expected if uri.startswith(f"s3://bucket/{prefix}")]
    assert sorted(found) == sorted(wanted)


@pytest.mark.parametrize("order", [("a", "a/b"), ("a/b", "a")])
def test_an_object_and_objects_below_it_live_side_by_side(
    store: Store, order: tuple[str, str]
) -> None:
    for key in order:
        store.put_bytes(f"s3://bucket/{key}", key.encode())
    store.put_bytes("s3://bucket/a", b"again")
    assert store.get("s3://bucket/a") == b"again"
    assert store.get("s3://bucket/a/b") == b"a/b"
    assert [item.location.key for item in store.list("s3://bucket/")] == ["a", "a/b"]
    store.delete("s3://bucket/a")
    assert [item.location.key for item in store.list("s3://bucket/")] == ["a/b"]


@pytest.mark.parametrize(
    "uri",
    [
        "s3://b/../../etc/passwd",
        "s3://b/a/../../x",
        "s3://b/..",
        "s3://b/./x",
        "s3://b//etc/passwd",
        "s3://b/a\0b",
        "s3://../x",
        "s3://.hidden/x",
        "s3://a..b/x",
    ],
)
def test_no_key_leaves_its_bucket(store: Store, uri: str, tmp_path: Path) -> None:
    for act in (store.get, store.list, store.find, store.tree, store.delete):
        with pytest.raises(KeyOutsideStoreError):
            act(uri)
    with pytest.raises(KeyOutsideStoreError):
        store.put_bytes(uri, b"x")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("uri", ["file:///etc/passwd", "s3://", "/etc/passwd", "", "s3:/b/x"])
def test_what_is_no_s3_uri_is_refused(store: Store, uri: str) -> None:
    with pytest.raises(StoreError, match="is not an S3 URI"):
        store.get(uri)


def test_a_link_inside_the_store_is_not_followed(store: Store, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("s")
    store.put_bytes("s3://bucket/x", b"x")
    (store.root / "bucket/link").symlink_to(outside)
    (store.root / "bucket/file").symlink_to(outside / "secret")
    for act in (store.find, store.list, lambda uri: store.put_bytes(uri, b"x")):
        with pytest.raises(KeyOutsideStoreError, match="leads out of the store"):
            act("s3://bucket/link/secret")
    assert store.find("s3://bucket/file") is None
    assert [item.uri for item in store.list("s3://bucket/")] == ["s3://bucket/x"]
    assert (outside / "secret").read_text() == "s"


def test_a_folder_comes_back_as_it_was_stored(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep/er").mkdir(parents=True)
    (source / "a").write_text("1")
    (source / "deep/er/b").write_text("2")
    (source / "linked").symlink_to("deep/er/b")
    assert store.upload(source, "s3://bucket/run/1") == [
        "s3://bucket/run/1/a",
        "s3://bucket/run/1/deep/er/b",
        "s3://bucket/run/1/linked",
    ]
    store.put_bytes("s3://bucket/run/10/other", b"not below run/1 as a folder")
    assert store.download("s3://bucket/run/1", tmp_path / "target") == 3
    found = {
        path.relative_to(tmp_path / "target").as_posix(): path.read_text()
        for path in (tmp_path / "target").rglob("*")
        if path.is_file()
    }
    assert found == {"a": "1", "deep/er/b": "2", "linked": "2"}


def test_a_single_object_is_downloaded_under_its_last_name(store: Store, tmp_path: Path) -> None:
    store.put_bytes("s3://bucket/code/job.py", b"x")
    assert store.download("s3://bucket/code/job.py", tmp_path / "in") == 1
    assert (tmp_path / "in/job.py").read_bytes() == b"x"


def test_an_object_or_a_folder_has_a_path(store: Store) -> None:
    store.put_bytes("s3://b/a/c", b"inner")
    store.put_bytes("s3://b/a/e", b"outer")
    store.put_bytes("s3://b/a/e/f", b"below")
    for uri in ("s3://b/a", "s3://b/a/"):
        folder = store.path(uri)
        assert folder is not None
        assert (folder / "c").read_bytes() == b"inner"
    single, below = store.path("s3://b/a/e"), store.path("s3://b/a/e/")
    assert single is not None
    assert single.read_bytes() == b"outer"
    assert below is not None
    assert (below / "f").read_bytes() == b"below"
    assert store.path("s3://b") == store.root / "b"
    assert store.path("s3://b/none") is None
    assert store.path("s3://none/") is None


def test_a_path_never_leads_out_of_the_store(store: Store, tmp_path: Path) -> None:
    store.put_bytes("s3://b/a", b"x")
    (tmp_path / "secret").mkdir()
    (store.root / "b" / "out").symlink_to(tmp_path / "secret")
    with pytest.raises(KeyOutsideStoreError):
        store.path("s3://b/out/")
    with pytest.raises(KeyOutsideStoreError):
        store.path("s3://b/../a")


def test_a_downloaded_file_shares_nothing_with_the_store(store: Store, tmp_path: Path) -> None:
    store.put_bytes("s3://bucket/x", b"before")
    store.download("s3://bucket/x", tmp_path / "in")
    (tmp_path / "in/x").write_bytes(b"after!")
    assert store.get("s3://bucket/x") == b"before"


def test_a_link_out_of_an_uploaded_folder_is_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source/x").symlink_to("/etc/passwd")
    with pytest.raises(KeyOutsideStoreError, match="outside of what the job wrote"):
        store.upload(tmp_path / "source", "s3://bucket/run/")


def test_writers_of_one_object_and_of_objects_below_it_lose_nothing(store: Store) -> None:
    def write(key: str) -> None:
        for number in range(60):
            store.put_bytes(f"s3://bucket/{key}", f"{key} {number}".encode())

    threads = [threading.Thread(target=write, args=(key,)) for key in ("a", "a/b", "a/b/c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get("s3://bucket/a") == b"a 59"
    assert store.get("s3://bucket/a/b") == b"a/b 59"
    assert store.get("s3://bucket/a/b/c") == b"a/b/c 59"
    assert [item.location.key for item in store.list("s3://bucket/")] == ["a", "a/b", "a/b/c"]


def test_a_missing_object_is_named(store: Store) -> None:
    with pytest.raises(StoreError, match="s3://bucket/x: there is no such object"):
        store.get("s3://bucket/x")


def test_an_object_written_anew_is_told_apart_even_at_the_same_size_and_time(store: Store) -> None:
    versions = []
    for content in (b"one", b"two"):
        store.put_bytes("s3://bucket/x", content)
        (written,) = store.list("s3://bucket/x")
        os.utime(written.path, (0, 0))
        (found,) = store.list("s3://bucket/x")
        versions.append(found.version)
    assert versions[0] != versions[1]
