"""YAML to data: what is read as what, and what is refused at which line."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.errors import SpecError
from orchestrator.spec.findings import Findings
from orchestrator.spec.reader import MAX_SPEC_BYTES, decode_spec, read_document
from orchestrator.spec.scalars import resolve_scalar

Problems = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("1e-4", 0.0001),
        ("1E3", 1000.0),
        ("-.5", -0.5),
        ("3.", 3.0),
        ("12", 12),
        ("-7", -7),
        ("0", 0),
        ("0o17", 15),
        ("0x1F", 31),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("off", "off"),
        ("012345678901", "012345678901"),
        ("017", "017"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2026-01-01", "2026-01-01"),
        ("0b1", "0b1"),
        ("1e", "1e"),
        ("e5", "e5"),
        (".", "."),
        ("tRUE", "tRUE"),
    ],
)
def test_a_plain_word_has_the_value_of_yaml_1_2(word: str, value: object) -> None:
    resolved = resolve_scalar(word)
    assert (resolved, type(resolved)) == (value, type(value))


def test_not_a_number_is_a_float() -> None:
    assert math.isnan(float(str(resolve_scalar(".nan"))))


def refusals(text: str) -> list[str]:
    findings = Findings(Path("spec.yaml"), {})
    try:
        read_document(text, findings)
        findings.raise_problems()
    except SpecError as error:
        return [str(problem) for problem in error.problems]
    return []


def read(text: str) -> dict[str, object]:
    return dict(read_document(text, Findings(None, {})))


def test_a_quoted_word_is_text() -> None:
    assert read("a: '12'\nb: \"no\"\nc: |\n  1\n") == {"a": "12", "b": "no", "c": "1\n"}


def test_json_is_read_with_its_tabs() -> None:
    assert read('{\n\t"a": [1, 2.5, null, "x\\u00e9\\/"]\n}') == {"a": [1, 2.5, None, "xé/"]}


def test_a_key_is_text_whatever_it_looks_like() -> None:
    assert read("1: a\nno: b\nnull: c\n") == {"1": "a", "no": "b", "null": "c"}


def test_an_alias_repeats_what_its_anchor_says() -> None:
    assert read("a: &x {k: 1}\nb: *x\nc: {<<: *x, d: 2}\n") == {
        "a": {"k": 1},
        "b": {"k": 1},
        "c": {"d": 2, "k": 1},
    }


def test_a_merged_key_never_wins_over_a_written_one() -> None:
    assert read("a: &x {k: 1}\nb: {k: 2, <<: *x}\n")["b"] == {"k": 2}


def test_tags_of_the_core_schema_decide_the_type() -> None:
    assert read("a: !!str 12\nb: !!int '3'\nc: !!float 1e3\nd: ! 5\n") == {
        "a": "12",
        "b": 3,
        "c": 1000.0,
        "d": "5",
    }


def test_every_path_has_its_line() -> None:
    lines: dict[str, int] = {}
    read_document("a:\n  b: 1\n  c:\n    - x\n    - {d: 2}\n", Findings(None, lines))
    assert lines == {"a": 1, "a.b": 2, "a.c": 3, "a.c[0]": 4, "a.c[1]": 5, "a.c[1].d": 5}


def test_a_mark_of_byte_order_is_not_content() -> None:
    assert decode_spec(b"\xef\xbb\xbfname: x") == "name: x"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "spec.yaml: the spec is empty. Write `name:` and `steps:`."),
        ("# nothing\n", "spec.yaml: the spec is empty. Write `name:` and `steps:`."),
        ("~", "spec.yaml: the spec is empty. Write `name:` and `steps:`."),
        ("- a\n", "spec.yaml: the spec is a list, not a mapping. Write `name:` and `steps:`."),
        (
            "hello",
            "spec.yaml: the spec is the value 'hello', not a mapping. Write `name:` and `steps:`.",
        ),
        (
            "a: 1\nb:\n\t- c\n",
            "spec.yaml:3: this is not YAML at line 3, column 1: found character '\\t' that cannot "
            "start any token. Indent with spaces, not with tabs.",
        ),
        (
            "a: 1\nb: c: d\n",
            "spec.yaml:2: this is not YAML at line 2, column 5: mapping values are not allowed "
            "here. Put quotes around text with ': ' in it, or indent the key.",
        ),
        (
            "a: 1\nb: [1, 2\n",
            "spec.yaml:2: this is not YAML at line 2, column 4: expected ',' or ']', but got "
            "the stream end. Close the bracket or brace, or add the comma.",
        ),
        (
            "a: {b: 1\nc: 2\n",
            "spec.yaml:2: this is not YAML at line 2, column 2: expected ',' or '}', but got ':', "
            "in what was opened on line 1. Close the bracket or brace, or add the comma.",
        ),
        (
            "%YAML 2.0\n---\na: 1\n",
            "spec.yaml:1: this is not YAML at line 1, column 1: found incompatible YAML document "
            "(version 1.* is required). Remove the %YAML line.",
        ),
        (
            "a: 1\nb: 'text\nc: 2\n",
            "spec.yaml:2: this is not YAML at line 2, column 4: found unexpected end of stream. "
            "Close the quote.",
        ),
        (
            "a: @b\n",
            "spec.yaml:1: this is not YAML at line 1, column 4: found character '@' that cannot "
            "start any token. Put quotes around text that starts with this character.",
        ),
        (
            "a: {b: 1}\na: 2\n",
            "spec.yaml:1: a: the key is written twice, on line 1 and on line 2. "
            "Keep one of the two.",
        ),
        (
            "a: !python/object:os.system x\n",
            "spec.yaml:1: a: the tag '!python/object:os.system' is not allowed. "
            "Write a plain value.",
        ),
        (
            "a: !!set {x}\n",
            "spec.yaml:1: a: the tag '!!set' is not allowed. Write a plain value.",
        ),
        (
            'a: "\\ud83d"\n',
            "spec.yaml:1: a: '\\ud83d' holds half a character. Remove the escape.",
        ),
        (
            'a: {"\\ud83d": 1}\n',
            "spec.yaml:1: a: '\\ud83d' holds half a character. Remove the escape.",
        ),
        ("a: !!int x\n", "spec.yaml:1: a: 'x' is no int. Remove the tag."),
        (
            "a: 1\nb: *x\n",
            "spec.yaml:2: there is no anchor '&x' for this alias. Define it above with `&NAME`, "
            "or put quotes around text that starts with '*'.",
        ),
        (
            "a: &x [*x]\n",
            "spec.yaml:1: there is no anchor '&x' for this alias. Define it above with `&NAME`, "
            "or put quotes around text that starts with '*'.",
        ),
        (
            "? [a, b]\n: c\n",
            "spec.yaml:1: a mapping or list stands where a key belongs. Write `key: value`.",
        ),
        (
            "a: 1\n---\nb: 2\n",
            "spec.yaml:2: the file holds several documents. Keep one; remove `---`.",
        ),
        (
            "a: " + "[" * 60 + "]" * 60,
            "spec.yaml:1: this is nested more than 50 deep. Write a flat spec.",
        ),
    ],
)
def test_unreadable_text_is_refused_where_it_goes_wrong(text: str, said: str) -> None:
    assert refusals(text) == [said]


def test_a_control_character_is_refused() -> None:
    with pytest.raises(SpecError, match="this is not YAML: unacceptable character #x0007"):
        read("a: \x07")


def test_all_duplicate_keys_are_named_at_once() -> None:
    assert len(refusals("a: 1\na: 2\nb: {c: 1, c: 2}\n")) == 2


def test_a_key_written_twice_hides_no_other_problem(problems: Problems) -> None:
    places = [said.split(": ")[1] for said in problems("name: x\nname: y\nstesp: {}\n")]
    assert places == ["steps", "name", "stesp"]


def test_anchors_that_explode_are_refused_quickly() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    started = time.perf_counter()
    with pytest.raises(SpecError, match="make more than 250,000 values"):
        read("\n".join(levels))
    assert time.perf_counter() - started < 5


def test_a_huge_file_is_refused_before_it_is_parsed() -> None:
    started = time.perf_counter()
    with pytest.raises(SpecError) as caught:
        decode_spec(b"a: 1\n" * 10_000_000, file=Path("spec.yaml"))
    assert str(caught.value) == (
        "spec.yaml: the spec is 50.0 MB, and at most 1 MB is read. "
        "Name data by path instead of writing it into the spec."
    )
    assert time.perf_counter() - started < 5


def test_huge_text_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(SpecError, match="at most 1 MB is read"):
        read("#" * (MAX_SPEC_BYTES + 1))


def test_bytes_that_are_not_utf_8_are_refused_with_their_line() -> None:
    with pytest.raises(SpecError) as caught:
        decode_spec(b"name: x\ndescription: caf\xe9\n", file=Path("spec.yaml"))
    assert str(caught.value) == (
        "spec.yaml:2: the file is not UTF-8: byte 0xe9 cannot be read. Save it as UTF-8."
    )
