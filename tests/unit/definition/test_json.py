import pytest

from orchestrator.definition.json import dumps, parse
from orchestrator.errors import DefinitionError


def test_bytes_keep_the_order_of_members_and_end_with_a_line_feed():
    assert (
        dumps({"b": [1, 2.5], "a": "é"})
        == '{\n  "b": [\n    1,\n    2.5\n  ],\n  "a": "é"\n}\n'.encode()
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": object()}])
def test_what_is_not_json_is_not_written(value):
    with pytest.raises(DefinitionError, match="this is not JSON"):
        dumps(value)


def test_half_a_surrogate_pair_survives_the_round_trip():
    assert parse(dumps({"a": "\ud800"})) == {"a": "\ud800"}


def test_a_byte_order_mark_is_not_part_of_the_document():
    assert parse(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b"\xff", "utf-8"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": 1, "a": 2}', "the member 'a' is written twice"),
        (b"[" * 100_000, "nested too deep"),
        (b"9" * 5_000, "digits"),
    ],
)
def test_what_is_not_one_json_document_is_refused(data, reason):
    with pytest.raises(DefinitionError, match=reason):
        parse(data)
