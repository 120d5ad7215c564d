"""Plain words to values by the core schema of YAML 1.2, save that leading zeros stay text."""

from __future__ import annotations

import re

Value = None | bool | int | float | str

NULLS = frozenset(("", "~", "null", "Null", "NULL"))
BOOLEANS = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
INFINITIES = (".inf", ".Inf", ".INF")
SPECIAL_FLOATS = {
    **dict.fromkeys((*INFINITIES, *(f"+{word}" for word in INFINITIES)), float("inf")),
    **dict.fromkeys((f"-{word}" for word in INFINITIES), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}

# The core schema reads 012345678901 as a number, and an AWS account id would lose its zero.
INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,99})")
OCTAL = re.compile(r"0o[0-7]{1,99}")
HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]{1,99}")
FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?")


def resolve_scalar(word: str) -> Value:
    """Return the value of a plain scalar: `1e-4` is a number, `no` a word, `0123` text."""
    if word in NULLS:
        return None
    if word in BOOLEANS:
        return BOOLEANS[word]
    if word in SPECIAL_FLOATS:
        return SPECIAL_FLOATS[word]
    if INTEGER.fullmatch(word):
        return int(word)
    if OCTAL.fullmatch(word):
        return int(word[2:], 8)
    if HEXADECIMAL.fullmatch(word):
        return int(word[2:], 16)
    return float(word) if FLOAT.fullmatch(word) else word
