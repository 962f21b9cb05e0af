"""Open times: never outside the hours, never over what is busy, never skipping one that is open, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.agent_runtime.recipes.slots import Diary, SlotSettings, Span, Taken, Week, open_starts, part_of_day

ZONES = ["America/Toronto", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC", "America/Sao_Paulo"]
DAY = timedelta(days=1)
NINE_TO_FIVE = {"from": "09:00", "to": "17:00"}


def settings(week: dict[str, list[dict[str, str]]] | None = None, **more: object) -> SlotSettings:
    given = {day: [NINE_TO_FIVE] for day in ("monday", "tuesday", "wednesday", "thursday", "friday")}
    return msgspec.convert({"workingHours": given if week is None else week, "noticeMinutes": 0, **more}, SlotSettings)


def diary(zone: str = "America/Toronto", now: str = "2031-03-03T00:00:00-05:00", **more: object) -> Diary:
    return Diary(settings(**more), ZoneInfo(zone), datetime.fromisoformat(now))  # pyright: ignore[reportArgumentType]


def local(diary: Diary, starts: list[datetime]) -> list[str]:
    return [start.astimezone(diary.zone).strftime("%a %H:%M") for start in starts]


clock = st.builds(lambda h, m: f"{h:02}:{m:02}", st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
interval = st.builds(lambda a, b: {"from": a, "to": b}, clock, clock)
weeks = st.fixed_dictionaries(
    {},
    optional={
        day: st.lists(interval, max_size=2)
        for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    },
)
moments = st.datetimes(datetime(2030, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC))


@st.composite
def diaries(draw: st.DrawFn) -> Diary:
    made = settings(
        draw(weeks),
        slotMinutes=draw(st.sampled_from([5, 15, 30, 45, 60, 90])),
        stepMinutes=draw(st.sampled_from([None, 5, 15, 30])),
        bufferMinutes=draw(st.sampled_from([0, 0, 10, 60])),
        noticeMinutes=draw(st.sampled_from([0, 60, 3000])),
        horizonDays=draw(st.integers(1, 10)),
    )
    return Diary(made, ZoneInfo(draw(st.sampled_from(ZONES))), draw(moments))


def spans_near(diary: Diary) -> st.SearchStrategy[list[Span]]:
    one = st.builds(
        lambda hours, minutes: (diary.now + timedelta(hours=hours), diary.now + timedelta(hours=hours, minutes=minutes)),
        st.integers(-10, 250),
        st.integers(0, 600),
    )
    return st.lists(one, max_size=12)


@given(diaries(), st.data())
def test_a_time_is_offered_exactly_when_nothing_stands_in_its_way(diary: Diary, data: st.DataObject) -> None:
    busy = data.draw(spans_near(diary))
    days = [diary.today + DAY * n for n in range(diary.settings.horizon_days + 1)]
    found = list(open_starts(diary, days, Taken(busy)))
    possible = [start for day in days for start in diary.starts(day)]
    for start in possible:
        low, high = start - diary.buffer, start + diary.length + diary.buffer
        stands = any(a < high and low < b for a, b in busy if a < b)
        assert (start in found) is not stands
    for start in found:
        assert start >= diary.earliest
        assert any(
            low <= start and start + diary.length <= high
            for day in {start.astimezone(diary.zone).date() - DAY, start.astimezone(diary.zone).date()}
            for low, high in diary.open_spans(day)
        )
        assert diary.offers(start) or start.astimezone(diary.zone).date() > diary.last_day


@given(diaries(), st.integers(0, 10))
def test_hours_are_those_of_the_wall_clock(diary: Diary, ahead: int) -> None:
    day = diary.today + DAY * ahead
    for (start, end), hours in zip(diary.open_spans(day), diary.settings.working_hours.on(day), strict=False):
        if len(diary.open_spans(day)) != len(diary.settings.working_hours.on(day)):
            continue  # one of them lies in the hour that the clocks skip
        for moment, told in ((start, hours.from_), (end, hours.to)):
            shown = moment.astimezone(diary.zone)
            skipped = shown.replace(tzinfo=None) != datetime.combine(shown.date(), time.fromisoformat(told))
            assert not skipped or _is_skipped(diary.zone, day, told) or _is_skipped(diary.zone, day + DAY, told)


def _is_skipped(zone: ZoneInfo, day: date, told: str) -> bool:
    wanted = datetime.combine(day, time.fromisoformat(told))
    return wanted.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wanted


@given(st.lists(st.tuples(moments, st.integers(-5, 300)), max_size=12), moments, st.integers(1, 300))
def test_taken_agrees_with_looking_at_each(raw: list[tuple[datetime, int]], start: datetime, minutes: int) -> None:
    spans = [(low, low + timedelta(minutes=length)) for low, length in raw]
    wanted = (start, start + timedelta(minutes=minutes))
    assert Taken(spans).free(wanted) is not any(a < wanted[1] and wanted[0] < b for a, b in spans if a < b)


def test_a_day_as_people_see_it() -> None:
    monday = diary(slotMinutes=60, bufferMinutes=15)
    noon = datetime(2031, 3, 3, 17, tzinfo=UTC)
    taken = Taken([(noon, noon + timedelta(hours=1))])
    starts = list(open_starts(monday, [date(2031, 3, 3)], taken))
    assert local(monday, starts) == ["Mon 09:00", "Mon 10:00", "Mon 14:00", "Mon 15:00", "Mon 16:00"]
    afternoon = open_starts(monday, [date(2031, 3, 3)], taken, "afternoon")
    assert local(monday, list(afternoon)) == ["Mon 14:00", "Mon 15:00", "Mon 16:00"]


@pytest.mark.parametrize(
    ("day", "shown"),
    [
        ("2031-03-09", ["01:00", "03:00", "04:00"]),  # the clocks skip the hour from two to three
        ("2031-11-02", ["01:00", "01:00", "02:00", "03:00", "04:00"]),  # one to two comes twice
        ("2031-11-03", ["01:00", "02:00", "03:00", "04:00"]),
    ],
)
def test_nights_on_which_the_clocks_change(day: str, shown: list[str]) -> None:
    night = [{"from": "01:00", "to": "05:00"}]
    rules = diary(week=dict.fromkeys(("sunday", "monday"), night), slotMinutes=60, now=f"{day}T00:00:00-05:00", horizonDays=60)
    starts = list(rules.starts(date.fromisoformat(day)))
    assert [start.astimezone(rules.zone).strftime("%H:%M") for start in starts] == shown
    assert all(b - a == timedelta(hours=1) for a, b in pairwise(starts))


def test_hours_past_midnight_belong_to_the_day_they_begin_on() -> None:
    late = diary(week={"friday": [{"from": "22:00", "to": "02:00"}]}, slotMinutes=60)
    assert local(late, list(late.starts(date(2031, 3, 7)))) == ["Fri 22:00", "Fri 23:00", "Sat 00:00", "Sat 01:00"]
    assert late.offers(datetime.fromisoformat("2031-03-08T01:00:00-05:00"))
    assert not late.offers(datetime.fromisoformat("2031-03-08T02:00:00-05:00"))


@pytest.mark.parametrize(
    ("start", "offered"),
    [
        ("2031-03-03T09:00:00-05:00", False),  # too soon
        ("2031-03-03T11:00:00-05:00", True),
        ("2031-03-03T11:10:00-05:00", False),  # nothing begins then
        ("2031-03-03T16:45:00-05:00", False),  # it would end too late
        ("2031-03-04T09:00:00-05:00", False),  # closed
        ("2031-03-08T09:00:00-05:00", False),  # a Saturday
        ("2031-03-10T09:00:00-04:00", True),
        ("2031-03-11T09:00:00-04:00", False),  # too far
    ],
)
def test_what_may_be_booked(start: str, offered: bool) -> None:
    rules = diary(now="2031-03-03T09:00:00-05:00", noticeMinutes=120, horizonDays=7, closedDays=["2031-03-04"])
    assert rules.offers(datetime.fromisoformat(start)) is offered


def test_parts_of_a_day() -> None:
    assert [part_of_day(time(hour)) for hour in (0, 11, 12, 16, 17, 23)] == [
        "morning", "morning", "afternoon", "afternoon", "evening", "evening",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"workingHours": {"monday": [{"from": "9:00", "to": "17:00"}]}},
        {"workingHours": {"mon": []}},
        {"workingHours": {}, "slotMinutes": 0},
        {"workingHours": {}, "timeZone": "Toronto"},
        {"workingHours": {}, "unknown": 1},
        {},
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, SlotSettings)


def test_a_week_names_its_days() -> None:
    assert Week().on(date(2031, 3, 3)) == ()


def test_hours_past_midnight_of_the_last_day_are_offered_as_they_are_told() -> None:
    night = {"monday": [{"from": "22:00", "to": "02:00"}]}
    late = diary(now="2031-03-02T12:00:00-05:00", week=night, horizonDays=1)
    told = list(late.starts(late.last_day))
    assert local(late, told)[-1] == "Tue 01:30"
    assert all(late.offers(start) for start in told)
    over = diary(now="2031-03-04T00:40:00-05:00", week=night, horizonDays=1)
    assert [over.offers(start) for start in told] == [False] * 6 + [True] * 2
