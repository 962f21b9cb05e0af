"""Recipes as calls: frozen with their parts, run through the ordinary runner, one at a time where they hold something."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
import pytest

from patchbay.agent_runtime.recipes.freezing import freeze_recipe
from patchbay.agent_runtime.recipes.recipe import PartNeeded, Parts, RecipeInvalid, RecipeSettings
from patchbay.agent_runtime.recipes.running import AT_ONCE, Busy, RecipeRunner, RunningParts
from patchbay.connectors.refusals import CallNotSupported, SourceTimeout
from patchbay.schema_graph.arguments import MissingArguments
from patchbay.schema_graph.call import CallContext, CallInput, CallResult, FrozenCall, Output, RecipeCall
from patchbay.schema_graph.canonical import seal, unseal
from patchbay.store.database import Database
from tests.agent_runtime.doubles import call_input, frozen_call, output


class Greeting(RecipeSettings, frozen=True, kw_only=True):
    words: str = "Hello"


class Greet:
    """Looks a name up, then writes a greeting down."""

    name: ClassVar[str] = "greet"
    effect: ClassVar[Any] = "write"
    settings: ClassVar[type[RecipeSettings]] = Greeting
    parts: ClassVar[Mapping[str, PartNeeded]] = {
        "find": PartNeeded(effect="read", arguments=("number",), leaves=("name",)),
        "write": PartNeeded(effect="write", arguments=("text",)),
    }

    def inputs(self, settings: Greeting, parts: Mapping[str, FrozenCall]) -> tuple[CallInput, ...]:
        return (call_input("number"),)

    def outputs(self, settings: Greeting, parts: Mapping[str, FrozenCall]) -> tuple[Output, ...]:
        return (output("said"),)

    async def run(self, settings: Greeting, arguments: Mapping[str, Any], parts: Parts, context: CallContext) -> CallResult:
        found = await parts.run("find", {"number": arguments["number"]})
        said = f"{settings.words}, {found.rows[0]['name']}"
        await parts.run("write", {"text": said})
        return CallResult(rows=[{"said": said}], row_count=1, outcome="done")


pytestmark = pytest.mark.anyio

RECIPES: Any = {"greet": Greet()}


def parts() -> dict[str, FrozenCall]:
    return {
        "find": frozen_call(
            [call_input("number"), call_input("caller", source="session", key="caller_number")], [output("name")]
        ),
        "write": frozen_call([call_input("text")], effect="write"),
    }


class Recorder:
    """A runner that answers a name and remembers what it ran."""

    def __init__(self, slow: float = 0.0) -> None:
        self.ran: list[tuple[str, CallContext]] = []
        self.slow = slow

    async def run(self, org_id: str, call: FrozenCall, context: CallContext) -> CallResult:
        self.ran.append((call.effect, context))
        await asyncio.sleep(self.slow)
        return CallResult(rows=[{"name": "Ada"}], row_count=1)


CONTEXT = CallContext(arguments={"number": "7"}, session={"caller_number": "+14155550100"}, idempotency_key="k")


async def test_a_recipe_is_one_call_that_keeps_its_digest_and_its_parts() -> None:
    call = freeze_recipe("greet", {"words": "Hi"}, parts(), recipes=RECIPES)
    assert [(one.param, one.source) for one in call.inputs] == [("number", "model"), ("caller", "session")]
    assert (call.effect, call.kind, call.operation, call.guarantee) == ("write", "recipe", "greet", "none")
    sealed = seal(call)
    assert unseal(sealed.document, sealed.digest) == call
    assert isinstance(call.body, RecipeCall)
    assert call.body.settings == {"words": "Hi"}


async def test_parts_run_with_what_the_recipe_gives_and_keys_of_their_own(database: Database) -> None:
    runner = Recorder()
    call = freeze_recipe("greet", {}, parts(), recipes=RECIPES)
    result = await RecipeRunner(runner, database, RECIPES).run("org_1", call, CONTEXT)
    assert result.rows == [{"said": "Hello, Ada"}]
    assert [(effect, c.arguments, c.idempotency_key) for effect, c in runner.ran] == [
        ("read", {"number": "7"}, "k_find"),
        ("write", {"text": "Hello, Ada"}, "k_write"),
    ]
    assert all(c.session == CONTEXT.session for _, c in runner.ran)


async def test_arguments_are_checked_before_any_part_runs(database: Database) -> None:
    runner = Recorder()
    call = freeze_recipe("greet", {}, parts(), recipes=RECIPES)
    with pytest.raises(MissingArguments):
        await RecipeRunner(runner, database, RECIPES).run("org_1", call, msgspec.structs.replace(CONTEXT, arguments={}))
    assert runner.ran == []


async def test_a_recipe_that_is_not_of_the_set_is_not_run(database: Database) -> None:
    call = freeze_recipe("greet", {}, parts(), recipes=RECIPES)
    with pytest.raises(CallNotSupported):
        await RecipeRunner(Recorder(), database, {}).run("org_1", call, CONTEXT)


@pytest.mark.parametrize(("slow_part", "error"), [("find", SourceTimeout), ("write", TimeoutError)])
async def test_a_slow_part_is_a_refusal_until_something_is_being_written(
    database: Database, slow_part: str, error: type[Exception]
) -> None:
    class Slow(Recorder):
        async def run(self, org_id: str, call: FrozenCall, context: CallContext) -> CallResult:
            self.slow = 5.0 if (call.effect == "write") == (slow_part == "write") else 0.0
            return await super().run(org_id, call, context)

    call = freeze_recipe("greet", {}, parts(), recipes=RECIPES)
    hurried = msgspec.structs.replace(call, caps=msgspec.structs.replace(call.caps, deadline_ms=50))
    with pytest.raises(error):
        await RecipeRunner(Slow(), database, RECIPES).run("org_1", hurried, CONTEXT)


def test_everything_that_is_wrong_with_the_parts_is_said_at_once() -> None:
    wrong = {
        "find": frozen_call([call_input("phone")], [output("nickname")]),
        "wrote": frozen_call([call_input("text")], effect="write"),
    }
    with pytest.raises(RecipeInvalid) as refused:
        freeze_recipe("greet", {"word": 1}, wrong, recipes=RECIPES)
    assert sorted({finding.field for finding in refused.value.errors}) == [
        "parts.find.inputs", "parts.find.projection", "parts.write", "parts.wrote", "settings",
    ]  # fmt: skip
    with pytest.raises(RecipeInvalid):
        freeze_recipe("great", {}, parts(), recipes=RECIPES)


async def test_one_resource_is_held_by_one_run_at_a_time(database: Database) -> None:
    inside, most = 0, 0

    async def hold(org_id: str, resource: str) -> None:
        nonlocal inside, most
        async with RunningParts(Recorder(), database, org_id, parts(), CONTEXT).held(resource):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.05)
            inside -= 1

    await asyncio.gather(*(hold("org_1", "calendar") for _ in range(3)))
    assert most == 1
    await asyncio.gather(hold("org_1", "calendar"), hold("org_1", "another"))
    assert most == 2


async def test_many_bookings_at_once_leave_connections_for_everybody_else(database: Database) -> None:
    inside, most = 0, 0

    class Counting(Recorder):
        async def run(self, org_id: str, call: FrozenCall, context: CallContext) -> CallResult:
            nonlocal inside, most
            inside += 1
            most = max(most, inside)
            result = await super().run(org_id, call, context)
            inside -= 1
            return result

    call = freeze_recipe("greet", {}, parts(), recipes=RECIPES)
    recipes = RecipeRunner(Counting(slow=0.01), database, RECIPES)
    done = await asyncio.gather(*(recipes.run("org_1", call, CONTEXT) for _ in range(20)))
    assert len(done) == 20
    assert most == AT_ONCE


async def test_who_waits_too_long_for_a_resource_is_told_that_it_is_busy(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy import text

    from patchbay.agent_runtime.recipes import running

    monkeypatch.setattr(running, "_WAIT", text("SET LOCAL lock_timeout = '50ms'"))
    one, other = (RunningParts(Recorder(), database, "org_1", parts(), CONTEXT) for _ in range(2))
    async with one.held("calendar"):
        with pytest.raises(Busy):
            async with other.held("calendar"):
                raise AssertionError
