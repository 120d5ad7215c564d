"""What `checking/` finds in rows: personal data, languages, lengths, repeats."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import pytest

from tests.scripts.conftest import build_tokenizer
from training_scripts.checking.language import guess_language
from training_scripts.checking.lengths import Lengths
from training_scripts.checking.personal import found_in
from training_scripts.checking.repeats import Repeats, _repeated
from training_scripts.checking.survey import Measured, Survey
from training_scripts.data.formats import Sample
from training_scripts.data.rows import Message

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.train


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("write to jo.doe+x@mail.example.com.", ["email"]),
        ("call +49 30 1234567 or (212) 555-0100", ["phone", "phone"]),
        ("card 4111 1111 1111 1111", ["card"]),
        ("card 378282246310005", ["card"]),
        ("order 4111 1111 1111 1112", []),
        ("DE89 3704 0044 0532 0130 00", ["iban"]),
        ("DE88 3704 0044 0532 0130 00", []),
        ("GB82WEST12345698765432", ["iban"]),
        ("AKIAIOSFODNN7EXAMPLE", ["aws_key"]),
        ("key AKIAIOSFODNNQEXAMPLE without two digits", ["aws_key"]),
        ("the year 2024, 10-12 rows, 3.14159, v1.2.3, a@b", []),
    ],
)
def test_personal_data_are_found_by_form_and_check_digits(text: str, kinds: list[str]) -> None:
    assert list(found_in(text)) == kinds


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How do I reset the password of my account?", "en"),
        ("Wie kann ich das Passwort für die App ändern?", "de"),
        ("Comment changer le mot de passe dans les réglages ?", "fr"),
        ("パスワードを変更する方法", "ja"),
        ("如何更改密码", "zh"),
        ("Как изменить пароль", "cyrillic script"),
        ("42", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_language_is_guessed_by_script_and_frequent_words(text: str, language: str) -> None:
    assert guess_language(text) == language


def test_lengths_are_exact_below_a_thousand_and_near_above() -> None:
    lengths = Lengths()
    for length in range(100_001):
        lengths.add(length)
    assert lengths.at(0.005) == 500
    assert lengths.at(0.5) == pytest.approx(50_000, rel=0.01)
    assert lengths.to_json()["max"] == 100_000
    assert len(lengths._seen) < 4_000


def test_equal_rows_are_counted_over_spilled_hashes(tmp_path: Path) -> None:
    repeats = Repeats(tmp_path)
    for number in range(3_000):
        repeats.add(Sample(id=str(number), text=f"row {number % 1_000}"))
    assert repeats.exact() == 2_000
    repeats.close()


def test_similar_rows_are_counted_without_equal_ones(tmp_path: Path) -> None:
    repeats = Repeats(tmp_path)
    words = " ".join(f"word{number}" for number in range(100))
    for text in (words, words, words + " more", "something else"):
        repeats.add(Sample(id="", text=text))
    assert (repeats.exact(), repeats.near()) == (1, 1)
    repeats.close()


def test_rows_longer_than_max_length_are_placed(tmp_path: Path) -> None:
    survey = Survey(tmp_path)
    rows = [("a:1", Sample(id="", text="short")), ("a:2", Sample(id="", text="")),
            ("a:3", Sample(id="", text="long " * 50))]  # fmt: skip
    survey.read(rows, Measured(build_tokenizer(), max_length=20))
    survey.repeats.close()
    assert survey.too_long.first == ["a:3"]
    assert survey.tokens.count == 2
    assert survey.empty.first == ["a:2"]


def test_all_rows_are_read_though_the_tokenizer_refuses_one(tmp_path: Path) -> None:
    tokenizer = build_tokenizer()
    tokenizer.chat_template = None
    survey = Survey(tmp_path)
    said = (Message("user", "Hi"), Message("assistant", "Hello"))
    rows = [(f"a:{n}", Sample(id=str(n), messages=said)) for n in range(5_000)]
    survey.read(rows, Measured(tokenizer, max_length=20))
    survey.repeats.close()
    assert survey.rows == 5_000
    assert "has no chat template" in survey.not_measured


@pytest.mark.parametrize("passes", [1, 2, 7])
def test_more_hashes_than_memory_should_hold_are_counted_in_passes(
    tmp_path: Path, passes: int
) -> None:
    keys = array("Q", [*range(0, 640_000, 64), *range(0, 64_000, 64), 64])
    (tmp_path / "hashes").write_bytes(keys.tobytes())
    counted = [_repeated(tmp_path / "hashes", number, passes) for number in range(passes)]
    assert sum(counted) == 1_001
    assert all(counted)
