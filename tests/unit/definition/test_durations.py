from datetime import timedelta

import pytest

from orchestrator.definition.durations import parse_duration
from orchestrator.errors import DefinitionError


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("P30D", timedelta(days=30)),
        ("p30d", timedelta(days=30)),
        ("30d", timedelta(days=30)),
        ("P4DT12H", timedelta(days=4, hours=12)),
        ("T12H", timedelta(hours=12)),
        ("PT1H30M5S", timedelta(hours=1, minutes=30, seconds=5)),
        ("P1Y2M3W", timedelta(days=365 + 60 + 21)),
        ("P1M", timedelta(days=30)),
        ("PT1M", timedelta(minutes=1)),
    ],
)
def test_a_duration_is_a_time_span(text, span):
    assert parse_duration(text) == span


@pytest.mark.parametrize(
    "text", ["", "P", "T", "PT", "P1", "1 day", "P1H", "-P1D", "P1.5D", "P1DT"]
)
def test_anything_else_is_refused(text):
    with pytest.raises(DefinitionError, match="Write an ISO 8601 duration such as P30D"):
        parse_duration(text)


def test_a_duration_beyond_all_calendars_is_refused():
    with pytest.raises(DefinitionError, match="too long"):
        parse_duration("P99999999999Y")
