"""Documentation from HTML to plain text."""

from __future__ import annotations

import html
import re

DROPPED = re.compile(r"<(fullname|shortdesc)>.*?</\1>|<!--.*?-->", re.DOTALL)
BLOCK = re.compile(r"</?(?:p|li|ul|ol|dl|dt|dd|br|div|note|important|h\d|table|tr|pre)\b[^>]*>")
TAG = re.compile(r"</?[A-Za-z][^<>]*>")
SPACE = re.compile(r"[^\S\n]+")
BLANK_LINES = re.compile(r"\s*\n\s*")
SENTENCE_END = re.compile(r"(?<=[^A-Z.\s][.!?])\s+(?=[A-Z\"'(`])|\n")
ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|Inc|No)\.)$")


def from_html(text: str) -> str:
    """Return `text` without tags and entities; each block of it is one line."""
    if "<" in text:
        text = TAG.sub("", BLOCK.sub("\n", DROPPED.sub(" ", text)))
    text = SPACE.sub(" ", html.unescape(text))
    return BLANK_LINES.sub("\n", text).strip()


def first_sentence(text: str, max_characters: int = 200) -> str:
    """Return the first sentence of plain text; an empty string if it is longer than allowed."""
    for end in SENTENCE_END.finditer(text):
        sentence = text[: end.start()].strip()
        if not ABBREVIATION.search(sentence):
            return sentence if len(sentence) <= max_characters else ""
    return text if len(text) <= max_characters else ""
