"""Times told from that of the call: starts, offsets, and what the clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.schema_graph.arguments import prepare_slots
from patchbay.schema_graph.call import SqlSlot
from patchbay.schema_graph.moments import Moment, moment_at, read_offset

TORONTO = ZoneInfo("America/Toronto")
NOW = datetime(2031, 3, 5, 14, 30, 15, tzinfo=TORONTO)  # a Wednesday


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (True, "2031-03-05T14:30:15-05:00"),
        (Moment(), "2031-03-05T14:30:15-05:00"),
        (Moment("day"), "2031-03-05T00:00:00-05:00"),
        (Moment("week"), "2031-03-03T00:00:00-05:00"),
        (Moment("month"), "2031-03-01T00:00:00-05:00"),
        (Moment("year"), "2031-01-01T00:00:00-05:00"),
        (Moment("day", "P1D"), "2031-03-06T00:00:00-05:00"),
        (Moment(offset="P7D"), "2031-03-12T14:30:15-04:00"),  # the clocks were put forward on the 9th
        (Moment(offset="PT168H"), "2031-03-12T15:30:15-04:00"),
        (Moment(offset="-P30D"), "2031-02-03T14:30:15-05:00"),
        (Moment(offset="-P1Y2M3W4DT5H6M7S"), "2029-12-11T09:24:08-05:00"),
        (Moment("day", time_zone="Asia/Tokyo"), "2031-03-06T00:00:00+09:00"),
    ],
)
def test_what_is_asked_for(asked: bool | Moment, expected: str) -> None:
    assert moment_at(asked, NOW).isoformat() == expected


def test_a_month_later_is_the_last_day_of_a_shorter_one() -> None:
    assert moment_at(Moment(offset="P1M"), datetime(2032, 1, 31, 9, tzinfo=TORONTO)).isoformat() == "2032-02-29T09:00:00-05:00"
    assert moment_at(Moment(offset="-P1M"), datetime(2031, 3, 31, 9, tzinfo=TORONTO)).isoformat() == "2031-02-28T09:00:00-05:00"


def test_a_time_that_the_clocks_skip_is_the_one_they_are_put_forward_to() -> None:
    before = datetime(2031, 3, 8, 2, 30, tzinfo=TORONTO)
    assert moment_at(Moment(offset="P1D"), before).isoformat() == "2031-03-09T03:30:00-04:00"


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)),
    st.sampled_from(["America/Toronto", "UTC", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Gaza"]),
    st.sampled_from(["day", "week", "month", "year"]),
)
def test_now_lies_between_the_start_and_the_next(wall: datetime, zone: str, start: str) -> None:
    now = wall.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    further = {"day": "P1D", "week": "P7D", "month": "P1M", "year": "P1Y"}[start]
    first = moment_at(Moment(start), now)  # pyright: ignore[reportArgumentType]
    after = moment_at(Moment(start, further), now)  # pyright: ignore[reportArgumentType]
    assert first <= now < after
    assert after - first >= timedelta(hours=22)


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "P1", "1D", "P1.5D", "P-1D", "P1DT", "P200Y", "P99999D", "PT999999999S1M", "P1H"]
)
def test_what_is_no_offset(text: str) -> None:
    with pytest.raises(ValueError, match=r"offset|far"):
        read_offset(text)


def test_it_fills_a_placeholder_as_its_column_keeps_times() -> None:
    today = Moment("day")
    slots = [
        SqlSlot("timestamptz", "datetime", now=today, zoned=True),
        SqlSlot("timestamp", "datetime", now=today, time_zone="America/Vancouver"),
        SqlSlot("date", "date", now=Moment("day", "-P1D")),
        SqlSlot("date", "date", now=True),
    ]
    start, local, yesterday, day = prepare_slots(slots)({}, NOW)
    assert start == datetime(2031, 3, 5, tzinfo=TORONTO)
    assert local == datetime(2031, 3, 4, 21)
    assert (yesterday.isoformat(), day.isoformat()) == ("2031-03-04", "2031-03-05")
