"""What nobody saw the end of is never told as done or as refused, and what cannot be read is never told as free."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
import time_machine
from sqlalchemy import text

from patchbay.agent_runtime.recipes.running import RecipeRunner
from patchbay.agent_runtime.running import SkillRunner
from patchbay.connectors.http.results import MISMATCH, NO_RECORD, NOT_READ
from patchbay.connectors.refusals import CallRefused, OutcomeUnknown, SourceBusy, SourceUnavailable
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall
from patchbay.store.database import Database
from tests.agent_runtime.doubles import FakeRunner
from tests.agent_runtime.recipes.desk import CALLER, ZONE, Desk, ask, recipe
from tests.agent_runtime.recipes.test_appointments import BOOK, ELEVEN, HALF_ELEVEN, HALF_TEN, TEN, refused

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _monday_morning() -> Iterator[None]:
    with time_machine.travel("2031-03-03T08:00:00-05:00", tick=True):
        yield


@pytest.fixture
def desk() -> Desk:
    return Desk()


class Answering(Desk):
    """``answered`` takes the place of the next answers of an operation, after its work."""

    def __init__(self) -> None:
        super().__init__()
        self.answered: dict[str, list[CallResult]] = {}

    async def run(self, org_id: str, call: FrozenCall, context: CallContext) -> CallResult:
        result = await super().run(org_id, call, context)
        waiting = self.answered.get(call.operation)
        return waiting.pop(0) if waiting else result


# A write whose answer was lost


@pytest.mark.parametrize("trouble", [SourceUnavailable(), SourceBusy()])
@pytest.mark.parametrize("at", ["the look", "the second attempt"])
async def test_a_booking_that_was_lost_is_unknown_whatever_refuses_what_follows(
    desk: Desk, database: Database, trouble: CallRefused, at: str
) -> None:
    if at == "the look":
        desk.lost.append("insert")
        desk.before["insert"] = [lambda: desk.refusals.update(busy=[trouble])]
    else:
        desk.refusals["insert"] = [OutcomeUnknown(), trouble]
    await refused("outcome_unknown", ask(desk, database, BOOK, starts_at=TEN, caller_name="Ada"))


async def test_what_is_there_already_and_cannot_be_looked_at_is_unknown(desk: Desk, database: Database) -> None:
    await ask(desk, database, BOOK, starts_at=TEN, caller_name="Ada")
    (entry,) = desk.entries.values()
    entry.update(starts_at=ELEVEN, ends_at=HALF_ELEVEN)  # somebody moved it
    desk.before["insert"] = [lambda: desk.refusals.update(busy=[SourceUnavailable()])]
    await refused("outcome_unknown", ask(desk, database, BOOK, starts_at=TEN, caller_name="Ada"))


@pytest.mark.parametrize(("name", "part", "said"), [("reschedule", "move", {"new_time": ELEVEN}), ("cancel", "cancel", {})])
@pytest.mark.parametrize("at", ["the look", "the second attempt"])
async def test_a_change_that_was_lost_is_unknown_whatever_refuses_what_follows(
    desk: Desk, database: Database, name: str, part: str, said: dict[str, Any], at: str
) -> None:
    await ask(desk, database, BOOK, starts_at=TEN, caller_name="Ada")
    if at == "the look":
        desk.lost.append(part)
        desk.before[part] = [lambda: desk.refusals.update(mine=[SourceUnavailable()])]
    else:
        desk.refusals[part] = [OutcomeUnknown(), SourceBusy()]
    await refused("outcome_unknown", ask(desk, database, recipe(name), **said))


@pytest.mark.parametrize("answer", [{"rows": [{"reference": None}]}, {"rows": [], "notes": (NOT_READ,)}])
async def test_an_answer_that_says_nothing_is_no_booking(database: Database, answer: dict[str, Any]) -> None:
    """Somebody on the way answers 200 with a page of their own, for the insert and for the look after it."""
    for nothing in (CallResult(rows=[], row_count=0), None):
        desk = Answering()
        made = CallResult(row_count=len(answer["rows"]), outcome="done", **answer)
        desk.answered["insert"] = [made]
        desk.before["insert"] = [lambda desk=desk: desk.entries.clear()]
        if nothing is not None:
            desk.answered["busy"] = [nothing, nothing]
        else:
            desk.before["insert"].append(lambda desk=desk: desk.refusals.update(busy=[SourceUnavailable()]))
        await refused("outcome_unknown", ask(desk, database, BOOK, starts_at=TEN, caller_name="Ada"))
    seen = Answering()
    seen.answered["insert"] = [CallResult(row_count=len(answer["rows"]), outcome="done", **answer)]
    assert (await ask(seen, database, BOOK, starts_at=TEN, caller_name="Ada")).outcome == "done"


async def test_the_own_appointment_that_is_read_twice_is_no_rival(desk: Desk, database: Database) -> None:
    """A calendar that gives little at once is read by halves, and what lies over the middle comes with both."""
    desk.before["insert"] = [lambda: setattr(desk, "page", 0)]
    done = await ask(Halved(desk), database, BOOK, starts_at=TEN, caller_name="Ada")
    assert done.outcome == "done"
    assert desk.times() == [TEN]


class Halved(Desk):
    """Cuts every look of more than a quarter of an hour once something is booked."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.entries = desk.entries

    async def run(self, org_id: str, call: FrozenCall, context: CallContext) -> CallResult:
        result = await super().run(org_id, call, context)
        if call.operation == "busy" and self.entries:
            low, high = (datetime.fromisoformat(context.arguments[name]) for name in ("window_start", "window_end"))
            return msgspec.structs.replace(result, truncated=high - low > timedelta(minutes=15))
        return result


# Whether a booking that nobody saw the end of is there


async def settled(desk: Desk, database: Database, call: FrozenCall, **arguments: Any) -> bool:
    runner = SkillRunner(FakeRunner(), {"recipe": RecipeRunner(desk, database)})
    context = CallContext(arguments=arguments, session={"caller_number": CALLER}, time_zone=ZONE, idempotency_key="k1")
    before = dict(desk.entries)
    done = await runner.settle("org_1", call, context)
    assert desk.entries == before
    assert not any(name in ("insert", "move", "cancel") for name, _ in desk.ran[len(desk.ran) - 2 :])
    return done


async def test_a_booking_of_a_killed_process_is_found_by_its_reference(desk: Desk, database: Database) -> None:
    said = {"starts_at": TEN, "caller_name": "Ada"}
    assert not await settled(desk, database, BOOK, **said)
    desk.add(TEN, HALF_TEN)
    assert not await settled(desk, database, BOOK, **said), "another's appointment is none of ours"
    desk.entries.clear()
    await ask(desk, database, BOOK, **said)
    assert await settled(desk, database, BOOK, **said)
    desk.add("2031-03-03T10:15:00-05:00", ELEVEN)
    assert not await settled(desk, database, BOOK, **said), "it was killed before it could give way"


async def test_a_move_of_a_killed_process_is_found_at_its_new_time(desk: Desk, database: Database) -> None:
    move, said = recipe("reschedule"), {"new_time": ELEVEN}
    await ask(desk, database, BOOK, starts_at=TEN, caller_name="Ada")
    assert not await settled(desk, database, move, **said)
    await ask(desk, database, move, **said)
    assert await settled(desk, database, move, **said)
    assert not await settled(desk, database, recipe("cancel")), "what is gone may never have been there"


# What cannot be read


UNREAD = MISMATCH.format(leaf="starts_at")
NINE, NOON = "2031-03-03T09:00:00-05:00", "2031-03-03T12:00:00-05:00"


@pytest.mark.parametrize(
    ("rows", "notes", "first"),
    [
        ([{"starts_at": None, "ends_at": NOON}], (UNREAD,), NOON),
        ([{"starts_at": NINE, "ends_at": None}], (UNREAD,), None),
        ([{"starts_at": "next week", "ends_at": NOON}], (), NOON),
        ([{"starts_at": NINE, "ends_at": "0001-01-01T00:00:00+14:00"}], (), None),
        ([{"starts_at": None, "starts_on": "0001-01-01", "ends_on": "0001-01-01"}], (), NINE),
        ([], (NO_RECORD,), None),
        ([{"starts_at": None, "ends_at": None}], (), NINE),
        ([{"starts_at": None, "ends_at": None, "status": "cancelled"}], (UNREAD,), NINE),
    ],
)
async def test_what_cannot_be_read_counts_as_taken(
    database: Database, rows: list[dict[str, Any]], notes: tuple[str, ...], first: str | None
) -> None:
    desk = Answering()
    desk.answered["busy"] = [CallResult(rows=rows, row_count=len(rows), notes=notes)] * 2
    call = recipe("availability", noticeMinutes=0, horizonDays=1)
    found = await ask(desk, database, call, preferred_date="2031-03-03", latest_date="2031-03-04")
    assert (found.rows[0]["open_time"] if found.rows else None) == first


async def test_the_only_one_that_was_read_is_not_the_only_one_there_is(desk: Desk, database: Database) -> None:
    for n in range(3):
        start = datetime.fromisoformat(TEN) + timedelta(days=7 * n)
        desk.add(start.isoformat(), (start + timedelta(minutes=30)).isoformat(), owner=CALLER)
    desk.page = 2
    await ask(desk, database, recipe("cancel"), starts_at="2031-03-17T10:00:00-05:00")
    assert len(desk.entries) == 2
    desk.page = 0
    await refused("calendar_too_full", ask(desk, database, recipe("cancel"), starts_at=TEN))
    assert len(desk.entries) == 2


# The lock


async def test_a_lock_that_is_lost_on_the_way_books_once_and_says_so(desk: Desk, database: Database) -> None:
    """The session that holds the day is ended from outside: another one may hold it then, and each looks again after it wrote."""
    ended: list[int] = []

    async def end_sessions() -> None:
        async with database.engine.connect() as connection:
            found = await connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
                    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                )
            )
            ended.append(len(found.all()))

    class Ending(Desk):
        async def run(self, org_id: str, call: FrozenCall, context: CallContext) -> CallResult:
            if call.operation == "insert":
                await end_sessions()
            return await super().run(org_id, call, context)

    losing = Ending()
    done = await ask(losing, database, BOOK, starts_at=TEN, caller_name="Ada")
    assert (ended, done.outcome) == ([1], "done")
    await refused("slot_taken", ask(losing, database, BOOK, key="k2", starts_at=TEN, caller_name="Alan"))
    assert losing.times() == [TEN]
