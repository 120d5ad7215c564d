"""A guess at the language of a text: by its script, and in Latin letters by frequent words."""

from __future__ import annotations

import re

UNKNOWN = "unknown"
_CHARACTERS = 2_000
"""Of each text, what is looked at."""
_FEWEST = 2
"""Frequent words below which nothing is guessed."""
_WORD = re.compile(r"[^\W\d_]+")

# Script to what is guessed of it; several languages share most scripts.
_SCRIPTS = (
    (re.compile("[\u3040-\u30ff]"), "ja"),
    (re.compile("[\uac00-\ud7af]"), "ko"),
    (re.compile("[\u4e00-\u9fff]"), "zh"),
    (re.compile("[\u0400-\u04ff]"), "cyrillic script"),
    (re.compile("[\u0600-\u06ff]"), "arabic script"),
    (re.compile("[\u0590-\u05ff]"), "hebrew script"),
    (re.compile("[\u0370-\u03ff]"), "greek script"),
    (re.compile("[\u0900-\u097f]"), "devanagari script"),
    (re.compile("[\u0e00-\u0e7f]"), "thai script"),
)
_OTHER_SHARE = 0.3
"""Of the letters, from which a text is taken to be in another script than Latin."""
_KANA_SHARE = 0.05
"""Japanese mixes kana with Chinese characters."""
_FREQUENT = {
    "en": "the of and to is in that it was for are with you this be on not have how what my can",
    "de": "der die und das ist nicht ein eine ich zu den mit von auf für sie es wie dem wird",
    "fr": "le la les et des est une un du que pour dans pas vous je ce qui sur avec au",
    "es": "el los las de que y en un una por con para no es se del lo como su mi",
    "it": "il di che e la un una per non sono con del della è le si come mi gli da",
    "pt": "o de que e do da em um uma para com não os as por mais como dos no você",
    "nl": "de het een en van ik te dat die in niet is op met voor zijn je er aan hoe",
}
_WORDS = {language: frozenset(words.split()) for language, words in _FREQUENT.items()}


def guess_language(text: str) -> str:
    """Return a language code, `... script`, or `unknown`; a guess, wrong on short texts."""
    words = _WORD.findall(text[:_CHARACTERS].lower())
    letters = "".join(words)
    if not letters:
        return UNKNOWN
    for pattern, name in _SCRIPTS:
        least = _KANA_SHARE if name == "ja" else _OTHER_SHARE
        if not letters.isascii() and len(pattern.findall(letters)) >= least * len(letters):
            return name
    counts = {name: sum(word in known for word in words) for name, known in _WORDS.items()}
    best = max(counts, key=lambda name: counts[name])
    tied = sum(count == counts[best] for count in counts.values()) > 1
    return UNKNOWN if counts[best] < _FEWEST or tied else best
