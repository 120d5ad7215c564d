"""`data/cleaning.py`: what is made even, and what is left alone."""

from __future__ import annotations

import pytest

from training_scripts.data.cleaning import clean, clean_text, is_empty
from training_scripts.data.formats import Sample
from training_scripts.data.rows import Message


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("\n\n    indented\n", "    indented"),
        ("tab\tstays \x00\x07\u200b\ufeffhere", "tab\tstays here"),
        ("cafe\u0301", "caf\u00e9"),
        ("half an emoji \ud83d", "half an emoji \ufffd"),
        ("\u00b2 is not 2", "\u00b2 is not 2"),
    ],
)
def test_text_is_made_even(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned


def test_every_text_of_a_sample_can_be_written_as_utf_8() -> None:
    half = "x\ud83d"
    sample = Sample(
        half, messages=(Message("assistant", half),), system=half, task=half, extra={"n": half}
    )
    cleaned = clean(sample)
    assert Sample.from_json(cleaned.to_json().encode()) == cleaned


@pytest.mark.parametrize(
    ("sample", "empty"),
    [
        (Sample("a", text="x"), False),
        (Sample("a", instruction="x", output=""), True),
        (Sample("a", instruction="", output="x"), False),
        (Sample("a", messages=(Message("user", "x"), Message("assistant", ""))), True),
    ],
)
def test_a_sample_without_text_or_answer_is_empty(sample: Sample, *, empty: bool) -> None:
    assert is_empty(sample) is empty
