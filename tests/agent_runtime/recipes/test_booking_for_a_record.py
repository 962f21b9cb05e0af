"""Booking for a record that is found, or made first: nothing is made for a time that is taken, and the parts fit together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from patchbay.agent_runtime.recipes.appointments import SlotTaken
from patchbay.agent_runtime.recipes.freezing import freeze_recipe
from patchbay.agent_runtime.recipes.recipe import RecipeInvalid
from patchbay.agent_runtime.recipes.running import RecipeRunner
from patchbay.connectors.refusals import SeveralRecords
from patchbay.schema_graph.call import CallContext, CallInput, CallResult, FrozenCall
from patchbay.store.database import Database
from tests.agent_runtime.doubles import call_input, found, frozen_call, output
from tests.agent_runtime.recipes.desk import HOURS, ZONE, moment
from tests.api.guides.google_desk import a_monday

pytestmark = pytest.mark.anyio
CALLER = {"caller_number": "+14155550132"}
SETTINGS: dict[str, Any] = {
    "workingHours": HOURS, "timeZone": ZONE, "slotMinutes": 60,
    "same": [{"leaf": "phone", "param": "caller_phone", "how": "phone"}],
}  # fmt: skip
RINGING = call_input("caller_phone", source="session", key="caller_number")
BUSY = frozen_call(
    [moment("window_start"), moment("window_end")], [output("starts_at", "datetime"), output("ends_at", "datetime")]
)
FIND = frozen_call([RINGING], [output("found"), output("phone")])
MAKE = frozen_call([RINGING, call_input("caller_name")], [output("found")], effect="write")
CLOCK = [call_input(name) for name in ("start_date", "start_time", "end_date", "end_time")]


def insert(*inputs: CallInput) -> FrozenCall:
    return frozen_call([*inputs, call_input("summary"), call_input("details", required=False)], [], effect="write")


INSERT = insert(call_input("found"), *CLOCK)


class Field:
    """A field service in memory: ``clients`` as (id, number), ``taken`` as (start, end)."""

    def __init__(self, *clients: tuple[str, str], taken: Iterable[tuple[str, str]] = ()) -> None:
        self.clients, self.taken = list(clients), list(taken)
        self.inserted: list[dict[str, Any]] = []

    async def run(self, org_id: str, call: FrozenCall, context: CallContext) -> CallResult:
        if call == BUSY:
            return found(*({"starts_at": start, "ends_at": end} for start, end in self.taken))
        if call == FIND:
            return found(*({"found": id_, "phone": phone} for id_, phone in self.clients))
        if call == MAKE:
            self.clients.append(("new", context.session["caller_number"]))
            return found({"found": "new"}, outcome="done")
        self.inserted.append(context.arguments)
        return found(outcome="done")


async def book(database: Database, field: Field) -> CallResult:
    call = freeze_recipe("book", SETTINGS, {"busy": BUSY, "find": FIND, "otherwise": MAKE, "insert": INSERT})
    said = {"starts_at": a_monday("10:00").isoformat(), "caller_name": "Ada Byron", "summary": "No heat"}
    return await RecipeRunner(field, database).run(
        "org_1", call, CallContext(arguments=said, session=CALLER, idempotency_key="k")
    )


async def test_it_is_booked_for_whom_is_found_on_the_clock_of_the_hours(database: Database) -> None:
    field = Field(("c9", "+441415550132"), ("c1", "(415) 555-0132"))
    field.clients[1] = ("c1", "+1 415 555 0132")
    assert (await book(database, field)).outcome == "done"
    (written,) = field.inserted
    assert written == {
        "found": "c1", "summary": "No heat", "details": "Summary: No heat\nBooked by the agent.",
        "start_date": a_monday().date().isoformat(), "start_time": "10:00:00",
        "end_date": a_monday().date().isoformat(), "end_time": "11:00:00",
    }  # fmt: skip


async def test_who_is_new_is_made_but_not_for_a_time_that_is_taken(database: Database) -> None:
    field = Field(taken=[(a_monday("10:30").isoformat(), a_monday("11:30").isoformat())])
    with pytest.raises(SlotTaken):
        await book(database, field)
    assert (field.clients, field.inserted) == ([], [])
    field.taken.clear()
    await book(database, field)
    assert [one["found"] for one in field.inserted] == ["new"]


async def test_for_several_nothing_is_booked(database: Database) -> None:
    field = Field(("c1", "+14155550132"), ("c2", "+14155550132"))
    with pytest.raises(SeveralRecords):
        await book(database, field)
    assert field.inserted == []


@pytest.mark.parametrize(
    "parts",
    [
        {"insert": insert(call_input("found"), CLOCK[0])},
        {"insert": insert(call_input("found"))},
        {"insert": insert(*CLOCK)},
        {"find": None},
    ],
)
def test_the_parts_fit_together(parts: dict[str, FrozenCall | None]) -> None:
    given = {"busy": BUSY, "find": FIND, "otherwise": MAKE, "insert": INSERT} | parts
    with pytest.raises(RecipeInvalid):
        freeze_recipe("book", SETTINGS, {name: call for name, call in given.items() if call is not None})
