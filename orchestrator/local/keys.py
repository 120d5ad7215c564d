"""S3 URIs and keys, and where in the store an object's file lies.

A key's parts become folders and the object a file of the same name, so that a person can browse
the store. Where both `a` and `a/b` are objects, `a` lies in the file `a%object`: `%` never stands
in a name otherwise, because `encode_key` writes it as `%25`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from orchestrator.errors import KeyOutsideStoreError, StoreError

BESIDE_FOLDER = "%object"
"""Ends the file name of an object whose own name is also a folder."""
_EMPTY = "%empty"
_CONTINUED = "%more"
_MAX_NAME_BYTES = 120
_MAX_KEY_BYTES = 1024
_SPECIAL = re.compile(r"[%\x00-\x1f\x7f\\:*?\"<>|]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_BUCKET = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,254}")


@dataclass(frozen=True)
class Location:
    """A bucket, and a key or a prefix of keys in it."""

    bucket: str
    key: str

    @property
    def uri(self) -> str:
        """The `s3://` URI."""
        return f"s3://{self.bucket}/{self.key}"

    def below(self, relative: str) -> Location:
        """Return the location `relative`, taking this one as a folder."""
        base = self.key if not self.key or self.key.endswith("/") else f"{self.key}/"
        return Location(self.bucket, base + relative)


def parse_uri(uri: str) -> Location:
    """Return bucket and key of `s3://bucket/key`; the key may be empty.

    Raises:
        StoreError: If it is not such a URI.
        KeyOutsideStoreError: If the key would leave its bucket.
    """
    scheme, separator, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not separator or not bucket:
        message = f"{uri!r} is not an S3 URI. Write s3://BUCKET/KEY."
        raise StoreError(message)
    location = Location(bucket, key)
    check_location(location)
    return location


def check_location(location: Location) -> None:
    """Refuse a bucket or key that would lie outside its place in the store.

    Raises:
        KeyOutsideStoreError: If a part is `.` or `..`, or the key is absolute or holds a NUL.
    """
    parts = location.key.split("/")
    if not _BUCKET.fullmatch(location.bucket) or ".." in location.bucket:
        message = f"{location.uri!r}: {location.bucket!r} cannot be a bucket's name."
        raise KeyOutsideStoreError(message)
    if location.key.startswith("/") or "\0" in location.key or {".", ".."} & set(parts):
        message = (
            f"{location.uri!r}: the key would leave its bucket. Write it without a slash at the "
            "start, '.' and '..'."
        )
        raise KeyOutsideStoreError(message)
    size = len(location.key.encode("utf-8", "replace"))
    if size > _MAX_KEY_BYTES or _SURROGATE.search(location.key):
        message = f"{location.uri[:80]!r}: a key is UTF-8 of at most {_MAX_KEY_BYTES} bytes."
        raise StoreError(message)


def encode_key(key: str) -> tuple[str, ...]:
    """Return the names of the folders and the file that stand for `key`."""
    return tuple(name for part in key.split("/") for name in _encode_part(part))


def decode_names(names: tuple[str, ...]) -> str:
    """Return the key that `encode_key` turned into `names`; of an object beside its folder too."""
    text = "/".join(names).removesuffix(BESIDE_FOLDER).removesuffix(_CONTINUED)
    text = text.replace(_CONTINUED + "/", "").replace(_EMPTY, "")
    return unquote(text)


def _encode_part(part: str) -> tuple[str, ...]:
    if not part:
        return (_EMPTY,)
    escaped = [_SPECIAL.sub(_escape, character) for character in part]
    pieces, piece = [], ""
    for character in escaped:
        if len((piece + character).encode()) > _MAX_NAME_BYTES:
            pieces.append(piece + _CONTINUED)
            piece = ""
        piece += character
    return (*pieces, piece)


def _escape(match: re.Match[str]) -> str:
    return f"%{ord(match[0]):02X}"
