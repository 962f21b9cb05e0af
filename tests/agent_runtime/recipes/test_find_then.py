"""Finding one record and going on with it: only with exactly one, only the caller's own, made once where there is none."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.agent_runtime.recipes.find_then import Same
from patchbay.agent_runtime.recipes.freezing import freeze_recipe
from patchbay.agent_runtime.recipes.recipe import RecipeInvalid
from patchbay.agent_runtime.recipes.running import RecipeRunner
from patchbay.connectors.refusals import OutcomeUnknown, RecordNotFound, SeveralRecords
from patchbay.schema_graph.arguments import ArgumentRefused, MissingArguments, MissingFacts
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall
from patchbay.store.database import Database
from tests.agent_runtime.doubles import FakeRunner, call_input, found, frozen_call, output

pytestmark = pytest.mark.anyio

CALLER = {"caller_number": "+14155550132"}
NUMBER = call_input("caller_phone", source="session", key="caller_number")
FIND = frozen_call([NUMBER], [output("found"), output("phone")])
JOBS = frozen_call([call_input("found"), call_input("status", required=False)], [output("title")])
LEAD = frozen_call([call_input("found"), call_input("summary")], [output("number")], effect="write")
CLIENT = frozen_call([NUMBER, call_input("caller_name")], [output("found")], effect="write")
SAME = {"same": [{"leaf": "phone", "param": "caller_phone", "how": "phone"}]}


class System:
    """Answers by what is asked for: ``find`` what there is, ``make`` one more, the rest what they were given."""

    def __init__(self, *clients: tuple[str, str], truncated: bool = False, slow: float = 0.0) -> None:
        self.clients = list(clients)
        self.truncated = truncated
        self.slow = slow
        self.ran: list[tuple[str, dict[str, Any], str | None]] = []
        self.makes = True

    async def run(self, org_id: str, call: FrozenCall, context: CallContext) -> CallResult:
        name = {id(FIND): "find", id(JOBS): "jobs", id(LEAD): "lead", id(CLIENT): "client"}[id(call)]
        self.ran.append((name, context.arguments, context.idempotency_key))
        await asyncio.sleep(self.slow)
        if name == "find":
            rows = [{"found": id_, "phone": phone} for id_, phone in self.clients]
            return found(*rows, truncated=self.truncated)
        if name == "client":
            if not self.makes:
                return found(outcome="done")
            self.clients.append((f"new {len(self.clients)}", context.session["caller_number"]))
            return found({"found": self.clients[-1][0]}, outcome="done")
        return found({"title": "Furnace"}) if name == "jobs" else found({"number": "L-1"}, outcome="done")

    @property
    def done(self) -> list[str]:
        return [name for name, _, _ in self.ran]


async def read(database: Database, system: System, arguments: dict[str, Any] | None = None, **settings: Any) -> CallResult:
    call = freeze_recipe("find_then", settings, {"find": FIND, "then": JOBS})
    context = CallContext(arguments=arguments or {}, session=CALLER, idempotency_key="k")
    return await RecipeRunner(_Kept(system, call), database).run("org_1", call, context)


async def write(
    database: Database, system: System, *, otherwise: bool = True, session: dict[str, Any] = CALLER, key: str = "k", **said: Any
) -> CallResult:
    parts = {"find": FIND, "then": LEAD} | ({"otherwise": CLIENT} if otherwise else {})
    call = freeze_recipe("find_then_write", SAME, parts)
    context = CallContext(arguments={"summary": "No heat", **said}, session=session, idempotency_key=key)
    return await RecipeRunner(_Kept(system, call), database).run("org_1", call, context)


class _Kept:
    """Knows the parts of a recipe by what they are."""

    def __init__(self, system: System, call: FrozenCall) -> None:
        self._system = system

    async def run(self, org_id: str, call: FrozenCall, context: CallContext) -> CallResult:
        known = next(one for one in (FIND, JOBS, LEAD, CLIENT) if one == call)
        return await self._system.run(org_id, known, context)


async def test_the_one_that_is_found_is_gone_on_with(database: Database) -> None:
    system = System(("c1", "(415) 555-0132"))
    result = await read(database, system, {"status": "open"})
    assert result.rows == [{"title": "Furnace"}]
    assert system.ran == [("find", {}, "k_find"), ("jobs", {"status": "open", "found": "c1"}, "k_then")]


async def test_the_record_itself_is_told_without_what_it_is_known_by(database: Database) -> None:
    find = frozen_call([NUMBER], [output("found"), output("phone"), output("client_name")])
    call = freeze_recipe("find_then", SAME, {"find": find})
    assert [one.leaf for one in call.outputs] == ["client_name"]
    runner = FakeRunner(found({"found": "c1", "phone": "+14155550132", "client_name": "Ada"}))
    result = await RecipeRunner(runner, database).run("org_1", call, CallContext(arguments={}, session=CALLER))
    assert result.rows == [{"client_name": "Ada"}]


@pytest.mark.parametrize(
    ("clients", "truncated", "ambiguous"),
    [((), False, False), ((("c1", "1"), ("c2", "2")), False, True), ((("c1", "1"),), True, True)],
)
async def test_none_and_several_are_said_and_nothing_is_read(
    database: Database, clients: tuple[tuple[str, str], ...], truncated: bool, ambiguous: bool
) -> None:
    system = System(*clients, truncated=truncated)
    result = await read(database, system)
    assert (result.rows, result.ambiguous) == ([], ambiguous)
    assert system.done == ["find"]


async def test_one_record_met_twice_is_one(database: Database) -> None:
    system = System(("c1", "+14155550132"), ("c1", "+14155550100"))
    assert (await read(database, system)).rows == [{"title": "Furnace"}]


async def test_what_a_search_by_parts_brings_along_is_not_the_callers(database: Database) -> None:
    system = System(("other", "+441415550132"), ("mine", "+1 415 555 0132"))
    await read(database, system, **SAME)
    assert system.ran[1][1]["found"] == "mine"
    assert (await read(database, System(("other", "+441415550132")), **SAME)).rows == []


async def test_the_model_cannot_say_which_record_it_is(database: Database) -> None:
    system = System(("c1", "+14155550132"))
    for said in ({"found": "c2"}, {"caller_phone": "+14155550199"}):
        with pytest.raises(ArgumentRefused):
            await read(database, system, said)
    with pytest.raises(MissingFacts):
        await write(database, system, session={}, caller_name="Bo")
    with pytest.raises(MissingArguments):
        await write(database, system, summary=None)
    assert system.ran == []


async def test_nothing_is_written_for_none_or_for_several(database: Database) -> None:
    with pytest.raises(RecordNotFound):
        await write(database, System(), otherwise=False)
    several = System(("c1", "+14155550132"), ("c2", "+14155550132"))
    with pytest.raises(SeveralRecords):
        await write(database, several, caller_name="Ada")
    assert several.done == ["find"]


async def test_who_is_not_there_yet_is_made_first(database: Database) -> None:
    system = System()
    result = await write(database, system, caller_name="Bo Diddley")
    assert (result.rows, result.outcome) == ([{"number": "L-1"}], "done")
    assert system.ran == [
        ("find", {}, "k_find"),
        ("client", {"caller_name": "Bo Diddley"}, "k_otherwise"),
        ("lead", {"summary": "No heat", "found": "new 0"}, "k_then"),
    ]


async def test_two_calls_at_once_make_one_record(database: Database) -> None:
    system = System(slow=0.02)
    await asyncio.gather(*(write(database, system, key=f"k{n}", caller_name="Bo", summary=f"{n}") for n in range(3)))
    assert system.done.count("client") == 1
    assert system.done.count("lead") == 3


async def test_a_record_that_was_made_and_is_not_told_is_not_made_again(database: Database) -> None:
    system = System()
    system.makes = False
    with pytest.raises(OutcomeUnknown):
        await write(database, system, caller_name="Bo")
    assert "lead" not in system.done


async def test_a_record_that_the_model_names_is_one_of_the_callers_own(database: Database) -> None:
    own = {"same": [{"leaf": "found", "param": "booking", "asks": "Which booking"}]}
    call = freeze_recipe("find_then", own, {"find": FIND, "then": JOBS})
    assert [(one.param, one.source, one.required) for one in call.inputs if one.param == "booking"] == [
        ("booking", "model", True)
    ]
    system = System(("b1", "1"), ("b2", "2"), truncated=True)
    for said, done in (("B2", ["find", "jobs"]), ("b9", ["find"])):
        system.ran.clear()
        context = CallContext(arguments={"booking": said}, session=CALLER)
        await RecipeRunner(_Kept(system, call), database).run("org_1", call, context)
        assert system.done == done
    assert system.ran[0][1] == {}


def test_a_comparison_is_of_what_is_there() -> None:
    wrong = {"same": [{"leaf": "fone", "param": "caller_phone"}, {"leaf": "phone", "param": "caller"}]}
    with pytest.raises(RecipeInvalid) as refused:
        freeze_recipe("find_then", wrong, {"find": FIND, "then": JOBS})
    assert [one.field for one in refused.value.errors] == ["settings.same.0.leaf", "settings.same.1.param"]


@given(st.text(max_size=10) | st.none() | st.integers() | st.booleans(), st.sampled_from(["text", "phone", "email"]))
def test_what_is_not_there_is_never_the_same(value: Any, how: Any) -> None:
    assert not Same(leaf="a", param="b", how=how).holds({"a": value}, {"b": None})
    assert not Same(leaf="a", param="b", how=how).holds({"a": None}, {"b": value})


async def test_where_not_all_was_read_nothing_is_made_anew(database: Database) -> None:
    """The one that is meant may be among those that did not come along."""
    system = System(("c1", "+14155550199"), truncated=True)
    with pytest.raises(SeveralRecords):
        await write(database, system, caller_name="Ada")
    assert system.done == ["find"]
    assert (await read(database, system, same=SAME["same"])).truncated
