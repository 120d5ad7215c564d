"""Documentation from HTML to plain text."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DROPPED = re.compile(r"<(fullname|shortdesc)>.*?</\1>|<!--.*?-->", re.DOTALL)
BLOCK = re.compile(r"</?(?:p|li|ul|ol|dl|dt|dd|br|div|note|important|h\d|table|tr|pre)\b[^>]*>")
TAG = re.compile(r"</?[A-Za-z][^<>]*>")
SPACE = re.compile(r"[^\S\n]+")
BLANK_LINES = re.compile(r"\s*\n\s*")
SENTENCE_END = re.compile(r"(?<=[^A-Z.\s][.!?])\s+(?=[A-Z\"'(`])|\n")
MAX_SENTENCE = 200
NOTICE = re.compile(
    r"no longer|not supported|preview release|fleet types|deprecated|end support|end of support"
    r"|availability notice|is documentation|documentation is for|Classic documentation"
    r"|subject to chang|applies only|existing customers|^(if|for|to|see) |^version \d",
    re.IGNORECASE,
)
ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|Inc|No)\.)$")


def from_html(text: str) -> str:
    """Return `text` without tags and entities; each block of it is one line."""
    if "<" in text:
        text = TAG.sub("", BLOCK.sub("\n", DROPPED.sub(" ", text)))
    text = SPACE.sub(" ", html.unescape(text))
    return BLANK_LINES.sub("\n", text).strip()


def summary(text: str) -> str:
    """Return the first sentence that says what is done, notices about availability left out."""
    return next((one for one in sentences(text) if one and not NOTICE.search(one)), "")


def first_sentence(text: str) -> str:
    """Return the first sentence of plain text; an empty string if it is very long."""
    return next(sentences(text), "")


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of plain text; an empty string in place of a very long one."""
    start = 0
    for end in (*(found.span() for found in SENTENCE_END.finditer(text)), (len(text), len(text))):
        sentence = text[start : end[0]].strip()
        if sentence and not ABBREVIATION.search(sentence):
            yield sentence if len(sentence) <= MAX_SENTENCE else ""
            start = end[1]
