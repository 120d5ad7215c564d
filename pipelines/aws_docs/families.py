"""Operations that are near-copies of each other, found so that they stay together."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service_models import Operation

COMPARED_CHARACTERS = 300
"""13 % of the operations share this much of their opening with another one."""


def family_keys(operations: Sequence[Operation]) -> list[str]:
    """Return one key an operation, equal for all operations of a family.

    Two operations are of one family if they have the same name (`TagResource` is in 200 services)
    or open with the same words, or if a chain of such pairs joins them.
    """
    parent: dict[str, str] = {}
    for operation in operations:
        join(parent, keys_of(operation))
    return [digest(root(parent, keys_of(operation)[0])) for operation in operations]


def share(key: str) -> float:
    """Return a number from 0 to 1 that depends on nothing but the key."""
    return int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) / 0xFFFFFFFF


def keys_of(operation: Operation) -> list[str]:
    """Return what an operation shares with others of its family."""
    words = " ".join(re.findall(r"\w+", operation.text.lower()))[:COMPARED_CHARACTERS]
    keys = [f"name {operation.name.lower()}"]
    return [*keys, f"text {words}"] if words else keys


def join(parent: dict[str, str], keys: Iterable[str]) -> None:
    """Make all `keys` members of one family; the smallest root stays, whatever the order."""
    roots = sorted({root(parent, key) for key in keys})
    for other in roots:
        parent[other] = roots[0]


def root(parent: dict[str, str], key: str) -> str:
    """Return the key that stands for the family of `key`."""
    parent.setdefault(key, key)
    while parent[key] != key:
        parent[key] = parent[parent[key]]
        key = parent[key]
    return key


def digest(text: str) -> str:
    """Return a short name for `text`."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
