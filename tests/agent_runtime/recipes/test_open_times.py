"""A write at a time that others could take too: only while the system says it is open, one after the other."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from patchbay.agent_runtime.recipes.appointments import SlotTaken
from patchbay.agent_runtime.recipes.freezing import freeze_recipe
from patchbay.agent_runtime.recipes.recipe import RecipeInvalid
from patchbay.agent_runtime.recipes.running import RecipeRunner
from patchbay.connectors.refusals import RecordNotFound, SourceRefused
from patchbay.schema_graph.arguments import ArgumentsInvalid
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall
from patchbay.store.database import Database
from tests.agent_runtime.doubles import call_input, found, frozen_call, output
from tests.agent_runtime.recipes.desk import moment

pytestmark = pytest.mark.anyio

CALLER = {"caller_number": "+14155550132"}
TEN = "2026-12-01T10:00:00-05:00"
WINDOW = [moment("window_start"), moment("window_end")]
OWN = [call_input("caller_phone", source="session", key="caller_number")]
FIND = frozen_call(OWN, [output("found"), output("version", "integer"), output("now_at", "datetime")])
CHECK = frozen_call([*WINDOW, call_input("found")], [output("free_at", "datetime"), output("with_whom")])
BOOK = frozen_call(
    [call_input("found"), moment("starts_at"), call_input("version", "integer"), call_input("with_whom")],
    [output("booked_for", "datetime")],
    effect="write",
)
SLOT = {"param": "starts_at", "leaf": "free_at", "hours": 24}
SETTINGS: dict[str, Any] = {"slot": SLOT, "passes": ["version", "with_whom"]}


class Shop:
    """Open at the times in ``open``; what is booked is open no more. ``booked`` are the arguments of what was."""

    def __init__(self, *open_times: str) -> None:
        self.open = [datetime.fromisoformat(one) for one in open_times]
        self.customer: dict[str, Any] = {"found": "c1", "version": 7, "now_at": "2026-11-30T15:00:00Z"}
        self.booked: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []

    async def run(self, org_id: str, call: FrozenCall, context: CallContext) -> CallResult:
        await asyncio.sleep(0.01)
        if call == FIND:
            return found(self.customer)
        if call == CHECK:
            self.asked.append(context.arguments)
            start, end = (datetime.fromisoformat(context.arguments[name]) for name in ("window_start", "window_end"))
            return found(*({"free_at": at.isoformat(), "with_whom": "Sam"} for at in self.open if start <= at < end))
        self.booked.append(context.arguments)
        self.open.remove(datetime.fromisoformat(context.arguments["starts_at"]))
        return found({"booked_for": context.arguments["starts_at"]}, outcome="done")


async def book(database: Database, shop: Shop, starts_at: str = TEN, key: str = "k", **more: Any) -> CallResult:
    call = freeze_recipe("find_then_write", SETTINGS | more, {"find": FIND, "check": CHECK, "then": BOOK})
    said = {"starts_at": starts_at} | ({"current": "2026-11-30T10:00:00-05:00"} if "same" in more else {})
    context = CallContext(arguments=said, session=CALLER, idempotency_key=key)
    return await RecipeRunner(shop, database).run("org_1", call, context)


async def test_it_is_written_at_an_open_time_with_what_was_read(database: Database) -> None:
    shop = Shop("2026-12-01T16:00:00Z", "2026-12-01T15:00:00Z")
    assert (await book(database, shop)).outcome == "done"
    assert shop.booked == [{"found": "c1", "starts_at": TEN, "version": 7, "with_whom": "Sam"}]
    (asked,) = shop.asked
    window = [datetime.fromisoformat(asked[name]) for name in ("window_start", "window_end")]
    assert window[0] == datetime.fromisoformat(TEN)
    assert window[1] - window[0] == timedelta(hours=24)
    assert asked["found"] == "c1"


async def test_a_time_that_is_not_open_is_refused(database: Database) -> None:
    shop = Shop("2026-12-01T16:00:00Z")
    with pytest.raises(SlotTaken):
        await book(database, shop)
    assert shop.booked == []


@pytest.mark.parametrize("end", ["0001-01-01T00:00:00+05:00", "0001-01-01T06:00:00+00:00", "9999-12-31T23:00:00-05:00"])
async def test_the_ends_of_the_calendar_are_not_open(database: Database, end: str) -> None:
    shop = Shop("2026-12-01T15:00:00Z")
    with pytest.raises((SlotTaken, ArgumentsInvalid)):
        await book(database, shop, end)
    assert shop.booked == []


async def test_of_many_at_once_one_gets_the_time(database: Database) -> None:
    shop = Shop("2026-12-01T15:00:00Z")
    done = await asyncio.gather(*(book(database, shop, key=f"k{n}") for n in range(4)), return_exceptions=True)
    assert sum(isinstance(one, SlotTaken) for one in done) == 3
    assert len(shop.booked) == 1


async def test_what_the_system_does_not_tell_is_not_written_without(database: Database) -> None:
    shop = Shop("2026-12-01T15:00:00Z")
    shop.customer["version"] = None
    with pytest.raises(SourceRefused):
        await book(database, shop)
    assert shop.booked == []


async def test_which_one_is_meant_can_be_said_by_its_time(database: Database) -> None:
    same = [{"leaf": "now_at", "param": "current", "how": "time", "asks": "The time it has now"}]
    shop = Shop("2026-12-01T15:00:00Z")
    assert (await book(database, shop, same=same)).outcome == "done"
    for now_at in ("2026-11-30T15:00:01Z", "2026-11-30T10:00:00", "soon", None):
        shop.customer["now_at"] = now_at
        with pytest.raises(RecordNotFound):
            await book(database, shop, same=same)
    assert len(shop.booked) == 1


def test_nothing_that_the_recipe_gives_is_asked_for() -> None:
    call = freeze_recipe("find_then_write", SETTINGS, {"find": FIND, "check": CHECK, "then": BOOK})
    assert [one.param for one in call.inputs if one.source == "model"] == ["starts_at"]


@pytest.mark.parametrize(
    ("settings", "fields"),
    [
        (SETTINGS | {"passes": ["versions", "now_at"]}, ["settings.passes.0", "settings.passes.0", "settings.passes.1"]),
        ({"passes": SETTINGS["passes"]}, ["settings.slot"]),
        (SETTINGS | {"slot": {"param": "with_whom", "leaf": "free_at"}}, ["settings.slot.param"]),
        (SETTINGS | {"slot": {"param": "starts_at", "leaf": "open_at"}}, ["settings.slot.leaf"]),
    ],
)
def test_settings_are_of_what_is_there(settings: dict[str, Any], fields: list[str]) -> None:
    with pytest.raises(RecipeInvalid) as refused:
        freeze_recipe("find_then_write", settings, {"find": FIND, "check": CHECK, "then": BOOK})
    assert [one.field for one in refused.value.errors] == fields
