"""Byte-level BPE by looking words up: the same ids as `tokenizers`, several times sooner.

Natural text repeats its words, and a word's ids never depend on the words around it. So each word
is encoded once, by the tokenizer's own model, and then looked up. Done only where it is exact:
Latin letters and common punctuation, without added tokens, under splitting rules that are known
here. All other text goes to the tokenizer as a whole.
"""

from __future__ import annotations

import json
import os
import re
import unicodedata
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

# How each tokenizer family splits text into words. Sources: OpenAI GPT-2, encoder.py; the Split
# pre-tokenizers in tokenizer.json of Llama 3 (also GPT-4's) and of Qwen 2 to 3.
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_QWEN = _LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
_KNOWN = frozenset({_GPT2, _LLAMA3, _QWEN})

# Latin letters, accents and general punctuation: blocks that were full before any Unicode version
# in use, so that Python and the tokenizer agree on what is a letter, a number or a space.
_BLOCKS = (range(0x00, 0x250), range(0x2010, 0x2028), range(0x2030, 0x205F))
_CHARACTERS = [chr(code) for block in _BLOCKS for code in block]

_MOST_WORDS = 500_000
_CHECKED = 50
_MANY_CORES = 8
"""From here on the tokenizer's own threads are as quick."""


class WordEncoder(dict[str, "list[int]"]):
    """Word to its ids, filled as words come; encodes texts that are exact this way."""

    def __init__(self, backend: Any, pattern: str, added: Sequence[str]) -> None:
        super().__init__()
        self._model = backend.model
        self._split = re.compile(_for_python(pattern)).findall
        refused = [f"[^{re.escape(''.join(_CHARACTERS))}]", *map(re.escape, added)]
        self._refused = re.compile("|".join(refused)).search
        self._alphabet = _byte_level_alphabet()

    def __missing__(self, word: str) -> list[int]:
        if len(self) >= _MOST_WORDS:
            self.clear()
        letters = word.encode().decode("latin-1").translate(self._alphabet)
        ids = [token.id for token in self._model.tokenize(letters)]
        self[word] = ids
        return ids

    def can_encode(self, text: str) -> bool:
        """Return whether looking up words gives exactly the tokenizer's ids for `text`."""
        return not self._refused(text) and unicodedata.is_normalized("NFC", text)

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text that `can_encode` allows."""
        return list(chain.from_iterable(map(self.__getitem__, self._split(text))))


def word_encoder(
    backend: Any, texts: Sequence[str], *, cores: int | None = None
) -> WordEncoder | None:
    """Return an encoder for a `tokenizers.Tokenizer`, if looking up words is exact and worth it.

    Args:
        backend: The tokenizer.
        texts: Some of what is to be encoded; tried both ways, for safety.
        cores: How many the process may use; the machine's if None.
    """
    if (cores or _cores()) >= _MANY_CORES:
        return None
    spec = json.loads(backend.to_str())
    pattern = _pattern(spec)
    if pattern is None:
        return None
    encoder = WordEncoder(backend, pattern, [token["content"] for token in spec["added_tokens"]])
    sample = [text for text in texts[:_CHECKED] if encoder.can_encode(text)]
    expected = backend.encode_batch(sample, add_special_tokens=False)
    same = all(encoder.encode(text) == e.ids for text, e in zip(sample, expected, strict=True))
    return encoder if same else None


def _cores() -> int:
    # macOS cannot say which cores a process may use.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _pattern(spec: dict[str, Any]) -> str | None:
    """The splitting rule of a byte-level BPE tokenizer, if it is one that is known."""
    model, splitter = spec["model"], spec["pre_tokenizer"] or {}
    plain = spec["normalizer"] is None or spec["normalizer"]["type"] == "NFC"
    if model["type"] != "BPE" or model.get("dropout") or not plain:
        return None
    if splitter.get("type") == "ByteLevel":
        return _GPT2 if splitter["use_regex"] and not splitter["add_prefix_space"] else None
    steps = splitter.get("pretokenizers", [])
    if [step["type"] for step in steps] != ["Split", "ByteLevel"]:
        return None
    split, byte_level = steps
    isolated = split["behavior"] == "Isolated" and not split["invert"]
    bare = not byte_level["use_regex"] and not byte_level["add_prefix_space"]
    pattern = split["pattern"].get("Regex")
    return pattern if isolated and bare and pattern in _KNOWN else None


def _for_python(pattern: str) -> str:
    """The pattern for Python's `re`, without classes of Unicode, right for `_CHARACTERS` only."""
    letters = _class_of("L")
    numbers = _class_of("N")
    # Unicode's White_Space; Python's own class also takes the separators 0x1c to 0x1f.
    space = " \t\n\r\f\v\x85\xa0"
    for inside in (r"[^\s\p{L}\p{N}]", r"[^\r\n\p{L}\p{N}]"):
        listed = inside.replace(r"\p{L}", letters).replace(r"\p{N}", numbers)
        pattern = pattern.replace(inside, listed.replace(r"\s", space))
    pattern = pattern.replace(r"\p{L}", f"[{letters}]").replace(r"\p{N}", f"[{numbers}]")
    return pattern.replace(r"\S", f"[^{space}]").replace(r"\s", f"[{space}]")


def _class_of(category: str) -> str:
    """The characters of a Unicode category, as ranges within a character class."""
    codes = [ord(letter) for letter in _CHARACTERS if unicodedata.category(letter)[0] == category]
    starts = [code for code in codes if code - 1 not in codes]
    ends = [code for code in codes if code + 1 not in codes]
    return "".join(f"{chr(start)}-{chr(end)}" for start, end in zip(starts, ends, strict=True))


def _byte_level_alphabet() -> dict[int, str]:
    """Each byte as byte-level BPE writes it (OpenAI GPT-2, encoder.py, bytes_to_unicode)."""
    printable = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    moved = [code for code in range(256) if code not in printable]
    return {code: chr(256 + number) for number, code in enumerate(moved)}
