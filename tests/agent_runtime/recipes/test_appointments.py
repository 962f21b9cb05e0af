"""Appointments over parts: an open time is found, booked once, moved and called off by its owner alone, whatever gets lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from patchbay.agent_runtime.recipes.freezing import RecipeInvalid, freeze_recipe
from patchbay.agent_runtime.recipes.owners import OwnerUnproven
from patchbay.connectors.refusals import CallRefused, OutcomeUnknown, SourceUnavailable, WriteRefused
from patchbay.schema_graph.arguments import ArgumentRefused, MissingArguments, MissingFacts
from patchbay.store.database import Database
from tests.agent_runtime.doubles import call_input, frozen_call, output
from tests.agent_runtime.recipes.desk import CALLER, HOURS, ZONE, Desk, ask, parts, recipe

pytestmark = pytest.mark.anyio
TEN, HALF_TEN = "2031-03-03T10:00:00-05:00", "2031-03-03T10:30:00-05:00"
ELEVEN, HALF_ELEVEN = "2031-03-03T11:00:00-05:00", "2031-03-03T11:30:00-05:00"
BOOK = recipe("book")


@pytest.fixture(autouse=True)
def _monday_morning() -> Iterator[None]:
    with time_machine.travel("2031-03-03T08:00:00-05:00", tick=True):
        yield


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def refused(code: str, awaitable: Any) -> CallRefused:
    with pytest.raises(CallRefused) as caught:
        await awaitable
    assert caught.value.code == code
    return caught.value


# Open times


async def test_the_next_open_times_are_told(desk: Desk, database: Database) -> None:
    desk.add("2031-03-03T09:00:00-05:00", HALF_TEN)
    desk.add(ELEVEN, HALF_ELEVEN, shown_as="free")
    desk.add("2031-03-03T11:30:00-05:00", "2031-03-03T12:00:00-05:00", status="cancelled")
    found = await ask(desk, database, recipe("availability", most=3))
    assert [row["open_time"] for row in found.rows] == [HALF_TEN, ELEVEN, HALF_ELEVEN]
    assert found.truncated


async def test_whole_days_are_days_where_the_hours_are(desk: Desk, database: Database) -> None:
    desk.add(TEN, HALF_TEN)
    whole: dict[str, Any] = {"starts_on": "2031-03-03", "ends_on": "2031-03-05", "starts_at": None, "ends_at": None}

    async def run(org_id: str, call: Any, context: Any) -> Any:
        result = await Desk.run(desk, org_id, call, context)
        return type(result)(rows=[{**row, **whole} for row in result.rows], row_count=len(result.rows))

    whole_days: Any = type("WholeDays", (), {"run": staticmethod(run)})()
    found = await ask(whole_days, database, recipe("availability"))
    assert found.rows[0] == {"open_time": "2031-03-05T09:00:00-05:00"}


@pytest.mark.parametrize(
    ("asked", "first", "note"),
    [
        ({"preferred_date": "2031-03-05"}, "2031-03-05T09:00:00-05:00", ""),
        ({"preferred_date": "2031-03-05", "part_of_day": "afternoon"}, "2031-03-05T12:00:00-05:00", ""),
        ({"preferred_date": "2031-03-08"}, "2031-03-10T09:00:00-04:00", "Nothing is open on the days asked for"),
        ({"preferred_date": "2031-01-01"}, "2031-03-03T09:00:00-05:00", ""),
        ({"latest_date": "2031-03-04"}, "2031-03-03T09:00:00-05:00", ""),
        ({"preferred_date": "2032-01-01"}, None, "Appointments can be made until 2031-04-02."),
    ],
)
async def test_days_that_were_asked_for(
    desk: Desk, database: Database, asked: dict[str, str], first: str | None, note: str
) -> None:
    found = await ask(desk, database, recipe("availability", noticeMinutes=0), **asked)
    assert (found.rows[0]["open_time"] if found.rows else None) == first
    assert "".join(found.notes).startswith(note)


async def test_a_calendar_that_does_not_fit_one_answer_is_read_in_parts(desk: Desk, database: Database) -> None:
    for minute in range(0, 480, 10):
        start = datetime.fromisoformat("2031-03-03T09:00:00-05:00") + timedelta(minutes=minute)
        if minute not in (300, 310, 320):
            desk.add(start.isoformat(), (start + timedelta(minutes=10)).isoformat())
    desk.page = 20
    found = await ask(desk, database, recipe("availability"), preferred_date="2031-03-03")
    assert [row["open_time"] for row in found.rows] == ["2031-03-03T14:00:00-05:00"]
    desk.page = 0
    await refused("calendar_too_full", ask(desk, database, recipe("availability")))


# Booking


async def test_an_appointment_is_booked_with_what_was_said(desk: Desk, database: Database) -> None:
    call = recipe("book", title="Cut for {caller_name}")
    done = await ask(desk, database, call, starts_at=TEN, caller_name="Ada Byron")
    assert (done.rows, done.outcome) == ([{"appointment_time": TEN}], "done")
    (entry,) = desk.entries.values()
    assert (entry["title"], entry["owner"], entry["caller_name"]) == ("Cut for Ada Byron", CALLER, "Ada Byron")
    assert entry["details"] == "Caller name: Ada Byron\nBooked by the agent."
    assert entry["reference"].startswith("pb")


async def test_without_a_number_of_the_channel_the_one_that_was_said_owns_it(desk: Desk, database: Database) -> None:
    call = recipe("book", owner={"country": "US"})
    await ask(desk, database, call, caller=None, starts_at=TEN, caller_name="Ada", caller_phone="(415) 555-0199")
    assert [entry["owner"] for entry in desk.entries.values()] == ["+14155550199"]
    await ask(desk, database, call, key="k2", starts_at=ELEVEN, caller_name="Ada", caller_phone="(415) 555-0199")
    assert [entry["owner"] for entry in desk.entries.values()] == ["+14155550199", CALLER]


@pytest.mark.parametrize(
    ("start", "code"),
    [
        ("2031-03-03T10:10:00-05:00", "slot_not_offered"),
        ("2031-03-03T08:30:00-05:00", "slot_not_offered"),
        ("2031-03-08T10:00:00-05:00", "slot_not_offered"),
        (ELEVEN, "slot_taken"),
    ],
)
async def test_what_is_not_open_is_not_booked(desk: Desk, database: Database, start: str, code: str) -> None:
    desk.add("2031-03-03T11:15:00-05:00", "2031-03-03T11:20:00-05:00")
    await refused(code, ask(desk, database, BOOK, starts_at=start, caller_name="Ada"))
    assert len(desk.entries) == 1


async def test_of_two_callers_who_want_one_time_one_gets_it(desk: Desk, database: Database) -> None:
    wanted = [ask(desk, database, BOOK, key=f"k{n}", starts_at=TEN, caller_name=f"Caller {n}") for n in range(4)]
    came = await asyncio.gather(*wanted, return_exceptions=True)
    assert sorted("done" if not isinstance(one, BaseException) else getattr(one, "code", repr(one)) for one in came) == [
        "done", "slot_taken", "slot_taken", "slot_taken",
    ]  # fmt: skip
    assert desk.times() == [TEN]


@pytest.mark.parametrize("trouble", ["lost", "unsent", "both", "repeated"])
async def test_a_lost_answer_books_nothing_twice(desk: Desk, database: Database, trouble: str) -> None:
    if trouble in ("lost", "unsent"):
        getattr(desk, trouble).append("insert")
    if trouble == "both":
        desk.unsent.append("insert")
        desk.lost.append("insert")
        await refused("outcome_unknown", ask(desk, database, BOOK, starts_at=TEN, caller_name="Ada"))
    done = await ask(desk, database, BOOK, starts_at=TEN, caller_name="Ada")
    again = await ask(desk, database, BOOK, starts_at=TEN, caller_name="Ada")
    assert done.rows == again.rows == [{"appointment_time": TEN}]
    assert desk.times() == [TEN]
    await refused("slot_taken", ask(desk, database, BOOK, key="another", starts_at=TEN, caller_name="Ada"))


async def test_what_was_called_off_since_is_not_told_as_booked(desk: Desk, database: Database) -> None:
    await ask(desk, database, BOOK, starts_at=TEN, caller_name="Ada")
    (entry,) = desk.entries.values()
    entry.update(status="cancelled")
    await refused("outcome_unknown", ask(desk, database, BOOK, starts_at=TEN, caller_name="Ada"))


async def test_it_gives_way_to_whoever_booked_in_between(desk: Desk, database: Database) -> None:
    desk.before["insert"] = [lambda: desk.add("2031-03-03T10:15:00-05:00", ELEVEN)]
    await refused("slot_taken", ask(desk, database, BOOK, starts_at=TEN, caller_name="Ada"))
    assert list(desk.entries) == ["hand1"]
    desk.before["insert"] = [lambda: desk.add(HALF_ELEVEN, "2031-03-03T12:00:00-05:00")]
    assert (await ask(desk, database, BOOK, key="k2", starts_at=ELEVEN, caller_name="Ada")).outcome == "done"


@pytest.mark.parametrize("how", ["it cannot", "it fails"])
async def test_where_it_cannot_give_way_a_person_is_told(desk: Desk, database: Database, how: str) -> None:
    desk.before["insert"] = [lambda: desk.add(TEN, HALF_TEN)]
    desk.refusals["cancel"] = [SourceUnavailable()]
    call = recipe("book", without=("cancel",) if how == "it cannot" else ())
    await refused("outcome_unknown", ask(desk, database, call, starts_at=TEN, caller_name="Ada"))


async def test_a_look_that_fails_afterwards_is_said(desk: Desk, database: Database) -> None:
    desk.before["insert"] = [lambda: desk.refusals.update(busy=[SourceUnavailable()])]
    done = await ask(desk, database, BOOK, starts_at=TEN, caller_name="Ada")
    assert done.outcome == "done"
    assert "could not be checked" in done.notes[0]


# One's own appointment


async def test_the_owner_moves_and_calls_off_and_nobody_else(desk: Desk, database: Database) -> None:
    move, cancel = recipe("reschedule"), recipe("cancel")
    await ask(desk, database, BOOK, starts_at=TEN, caller_name="Ada")
    for call, arguments in ((move, {"new_time": ELEVEN}), (cancel, {})):
        await refused("appointment_not_found", ask(desk, database, call, caller="+14155550177", **arguments))
        with pytest.raises(MissingFacts):
            await ask(desk, database, call, caller=None, **arguments)
        for smuggled in ({"owner": CALLER}, {"reference": next(iter(desk.entries))}):
            with pytest.raises(ArgumentRefused):
                await ask(desk, database, call, caller="+14155550177", **arguments, **smuggled)
    assert desk.times() == [TEN]
    moved = await ask(desk, database, move, new_time=ELEVEN)
    assert moved.rows == [{"appointment_time": ELEVEN}]
    assert (await ask(desk, database, move, new_time=ELEVEN)).rows == moved.rows
    assert desk.times() == [ELEVEN]
    assert (await ask(desk, database, cancel)).rows == moved.rows
    assert desk.entries == {}
    await refused("appointment_not_found", ask(desk, database, cancel))


async def test_which_one_is_asked_where_there_are_several(desk: Desk, database: Database) -> None:
    for key, start in (("a", TEN), ("b", ELEVEN)):
        await ask(desk, database, BOOK, key=key, starts_at=start, caller_name="Ada")
    with pytest.raises(MissingArguments) as asked:
        await ask(desk, database, recipe("cancel"))
    assert asked.value.params == ("starts_at",)
    await refused("appointment_not_found", ask(desk, database, recipe("cancel"), starts_at=HALF_TEN))
    await ask(desk, database, recipe("cancel"), starts_at="2031-03-03T10:00")
    assert desk.times() == [ELEVEN]


async def test_what_a_system_finds_of_another_is_left_alone(desk: Desk, database: Database) -> None:
    await ask(desk, database, BOOK, starts_at=TEN, caller_name="Ada")
    (entry,) = desk.entries.values()
    entry["owner"] = "+14155550177"

    async def everybody(org_id: str, call: Any, context: Any) -> Any:
        owner = context.arguments.get("owner")
        return await Desk.run(desk, org_id, call, context if owner is None else _with(context, owner="+14155550177"))

    careless: Any = type("Careless", (), {"run": staticmethod(everybody)})()
    await refused("appointment_not_found", ask(careless, database, recipe("cancel")))
    assert desk.times() == [TEN]


def _with(context: Any, **arguments: Any) -> Any:
    import msgspec

    return msgspec.structs.replace(context, arguments={**context.arguments, **arguments})


@pytest.mark.parametrize("trouble", ["lost", "unsent"])
async def test_moving_and_calling_off_survive_lost_answers(desk: Desk, database: Database, trouble: str) -> None:
    await ask(desk, database, BOOK, starts_at=TEN, caller_name="Ada")
    getattr(desk, trouble).append("move")
    assert (await ask(desk, database, recipe("reschedule"), new_time=ELEVEN)).outcome == "done"
    assert desk.times() == [ELEVEN]
    getattr(desk, trouble).append("cancel")
    assert (await ask(desk, database, recipe("cancel"))).outcome == "done"
    assert desk.times() == []


async def test_moving_keeps_the_rules_and_gives_way(desk: Desk, database: Database) -> None:
    move = recipe("reschedule")
    await ask(desk, database, BOOK, starts_at=TEN, caller_name="Ada")
    desk.add(ELEVEN, HALF_ELEVEN)
    await refused("slot_taken", ask(desk, database, move, new_time=ELEVEN))
    await refused("slot_not_offered", ask(desk, database, move, new_time="2031-03-03T20:00:00-05:00"))
    desk.before["move"] = [lambda: desk.add("2031-03-03T14:00:00-05:00", "2031-03-03T14:30:00-05:00")]
    await refused("slot_taken", ask(desk, database, move, new_time="2031-03-03T14:00:00-05:00"))
    assert desk.times()[0] == TEN
    desk.before["move"] = [
        lambda: desk.add("2031-03-03T15:00:00-05:00", "2031-03-03T15:30:00-05:00"),
        lambda: desk.add("2031-03-03T10:15:00-05:00", "2031-03-03T10:20:00-05:00"),
    ]
    await refused("outcome_unknown", ask(desk, database, move, new_time="2031-03-03T15:00:00-05:00"))


async def test_what_somebody_changed_meanwhile_is_not_moved(desk: Desk, database: Database) -> None:
    await ask(desk, database, BOOK, starts_at=TEN, caller_name="Ada")
    (entry,) = desk.entries.values()
    desk.before["move"] = [lambda: entry.update(version="changed")]
    with pytest.raises(WriteRefused):
        await ask(desk, database, recipe("reschedule"), new_time=ELEVEN)
    assert desk.times() == [TEN]


async def test_a_move_that_stays_unknown_is_said_to_be(desk: Desk, database: Database) -> None:
    await ask(desk, database, BOOK, starts_at=TEN, caller_name="Ada")
    desk.refusals["move"] = [OutcomeUnknown(), OutcomeUnknown()]
    await refused("outcome_unknown", ask(desk, database, recipe("reschedule"), new_time=ELEVEN))


async def test_whoever_withholds_their_number_owns_nothing(desk: Desk, database: Database) -> None:
    for key, caller, start in (("a", "anonymous", TEN), ("b", "+266696687", ELEVEN)):
        await ask(desk, database, BOOK, key=key, caller=caller, starts_at=start, caller_name="Ada")
        with pytest.raises(MissingFacts):
            await ask(desk, database, recipe("cancel"), caller=caller)
    assert [entry["owner"] for entry in desk.entries.values()] == [None, None]


async def test_an_appointment_that_was_made_longer_stays_so(desk: Desk, database: Database) -> None:
    desk.add(TEN, ELEVEN, owner=CALLER)
    desk.add("2031-03-03T14:30:00-05:00", "2031-03-03T15:00:00-05:00")
    for start, code in (("2031-03-03T14:00:00-05:00", "slot_taken"), ("2031-03-03T16:30:00-05:00", "slot_not_offered")):
        await refused(code, ask(desk, database, recipe("reschedule"), new_time=start))
    await ask(desk, database, recipe("reschedule"), new_time="2031-03-03T12:00:00-05:00")
    (moved,) = [entry for entry in desk.entries.values() if entry["owner"] == CALLER]
    assert (moved["starts_at"], moved["ends_at"]) == ("2031-03-03T12:00:00-05:00", "2031-03-03T13:00:00-05:00")


# Freezing


def test_whose_appointment_is_meant_is_never_left_to_the_model() -> None:
    whoever = frozen_call([call_input("window_start"), call_input("window_end")], [output("reference"), output("starts_at")])
    for name, hours in (("cancel", {}), ("reschedule", {"workingHours": HOURS})):
        known = ("mine", "cancel") if name == "cancel" else ("mine", "busy", "move")
        with pytest.raises(OwnerUnproven):
            freeze_recipe(name, hours, {part: parts()[part] if part != "mine" else whoever for part in known})
    said = frozen_call([call_input("phone")], [output("reference"), output("starts_at")])
    with pytest.raises(RecipeInvalid):
        freeze_recipe("cancel", {}, {"mine": said, "cancel": parts()["cancel"]})


def test_what_a_part_asks_for_is_asked_of_the_caller() -> None:
    assert [(one.param, one.source) for one in BOOK.inputs] == [
        ("starts_at", "model"), ("caller_name", "model"), ("caller_phone", "model"), ("owner", "session"),
    ]  # fmt: skip
    proven = recipe("book", owner={"source": "verified", "key": "phone"}, timeZone=ZONE)
    assert next(one for one in proven.inputs if one.param == "owner").required
