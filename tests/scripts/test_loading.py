"""What a library says of a model that it cannot load, made one line for a person."""

from __future__ import annotations

import pytest

from training_scripts.loading import first_sentence, load_errors, why_not_loaded

pytestmark = pytest.mark.train


def test_only_the_first_sentence_is_kept_and_on_one_line() -> None:
    error = ValueError("The checkpoint has\ntype `lama`. You can update Transformers with\nthe com")
    assert first_sentence(error) == "The checkpoint has type `lama`"
    assert first_sentence(ValueError("x" * 500)) == "x" * 200 + "..."


def test_other_shapes_than_the_settings_say_are_told_as_that() -> None:
    error = RuntimeError("You set `ignore_mismatched_sizes` to `False`, thus raising an error.")
    assert why_not_loaded(error).startswith("its weights have other shapes than config.json says")


def test_damaged_weights_are_told_as_that() -> None:
    (kind,) = (kind for kind in load_errors() if kind.__name__ == "SafetensorError")
    assert why_not_loaded(kind("header too large")) == "its weights are damaged (header too large)"


def test_a_lack_of_memory_is_no_fault_of_the_files() -> None:
    with pytest.raises(RuntimeError, match="out of memory"):
        why_not_loaded(RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"))
