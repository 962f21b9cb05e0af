"""``booking`` skills over a table of the owner's own: made by hand, reviewed, and booked in a conversation, once."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest

from tests.agent_runtime.recipes.test_table_of_appointments import BUSY, CANCEL, INSERT, TABLE
from tests.api.guides.conftest import Caller
from tests.docs.conftest import ROOT
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WEEK = {day: [{"from": "06:00", "to": "22:00"}] for day in DAYS}
SETTINGS: dict[str, Any] = {"workingHours": WEEK, "timeZone": "America/Toronto", "slotMinutes": 30}


async def agent_on_a_table(caller: Caller, server: PostgresServer) -> str:
    credentials = server.create_database(sql=TABLE, write_tables=("appointments",))
    await caller.connect(credentials, timeZone="America/Toronto", defaultCountry="US")
    return (await caller.ask("POST", "/agents", {"name": "Clinic", "timeZone": "America/Toronto"}, status=201))["id"]


def booking(name: str, action: str, **parts: dict[str, Any]) -> dict[str, Any]:
    config = {"action": action, "kind": "postgres", "parts": parts, "settings": SETTINGS}
    return {"name": name, "description": f"{name}.", "skillType": "booking", "executionConfig": config}


async def reviewed(caller: Caller, agent: str, skill: dict[str, Any]) -> None:
    review = {"digest": skill["reviewDigest"], "note": "looked at"}
    await caller.ask("PATCH", f"/agents/{agent}/skills/{skill['id']}", {"enabled": True, "review": review})


async def test_open_times_are_told_and_one_is_booked_once(caller: Caller, tls_postgres: PostgresServer) -> None:
    agent = await agent_on_a_table(caller, tls_postgres)
    skills = f"/agents/{agent}/skills"
    free = await caller.ask("POST", skills, booking("Open times", "check_availability", busy=BUSY), status=201)
    book = await caller.ask("POST", skills, booking("Book it", "book", busy=BUSY, insert=INSERT), status=201)
    assert (free["enabled"], book["enabled"], book["skillType"]) == (True, False, "booking")
    await reviewed(caller, agent, book)
    await caller.ask("PATCH", f"{skills}/{book['id']}", {"requiresConfirmation": False, "stakes": "low"})
    again = await caller.ask("GET", f"{skills}/{book['id']}")
    await reviewed(caller, agent, again)
    await caller.ask("POST", f"/agents/{agent}/publish", status=201)

    session = {"callerNumber": "+14155550132"}
    times = await caller.ask("POST", f"{skills}/{free['id']}/call", {"arguments": {}, "session": session})
    assert times["status"] == "succeeded", times
    start = times["rows"][0]["open_time"]
    said = {"starts_at": start, "caller_name": "Ada Byron"}
    seen = await caller.ask("POST", f"{skills}/{book['id']}/preview", {"arguments": said, "session": session})
    assert (seen["executed"], "INSERT" in (seen["statement"] or "")) == (False, True)
    calls = await asyncio.gather(
        *(caller.ask("POST", f"{skills}/{book['id']}/call", {"arguments": said, "session": session}) for _ in range(3))
    )
    assert sorted(one["status"] for one in calls) == ["refused", "refused", "succeeded"]
    assert {one["code"] for one in calls if one["status"] == "refused"} == {"slot_taken"}
    later = await caller.ask("POST", f"{skills}/{free['id']}/call", {"arguments": {}, "session": session})
    assert start not in [row["open_time"] for row in later["rows"]]


async def test_what_does_not_fit_together_is_said(caller: Caller, tls_postgres: PostgresServer) -> None:
    agent = await agent_on_a_table(caller, tls_postgres)
    for body, status, code in (
        (booking("A", "book", busy=BUSY), 422, "recipe_invalid"),
        (booking("A", "book", busy=BUSY, insert=CANCEL), 422, "recipe_invalid"),
        (booking("A", "book", busy={**BUSY, "operation": "appointment.read"}, insert=INSERT), 422, "binding_invalid"),
        (booking("A", "bok", busy=BUSY), 400, "validation_error"),
    ):
        problem = await caller.refused("POST", f"/agents/{agent}/skills", body)
        assert (problem["status"], problem["code"]) == (status, code), problem
    wrong = booking("A", "check_availability", busy=BUSY)
    wrong["executionConfig"]["settings"] = {**SETTINGS, "timeZone": "Toronto"}
    assert (await caller.refused("POST", f"/agents/{agent}/skills", wrong))["code"] == "recipe_invalid"
    wrong["executionConfig"]["kind"] = "mysql"
    assert (await caller.refused("POST", f"/agents/{agent}/skills", wrong))["status"] == 409


async def test_the_example_of_the_page_can_be_made(caller: Caller, tls_postgres: PostgresServer) -> None:
    page = (ROOT / "docs/skills.md").read_text()
    example = next(one for one in re.findall(r"```json\n(.*?)```", page, re.DOTALL) if '"booking"' in one)
    agent = await agent_on_a_table(caller, tls_postgres)
    body = json.loads(example)
    inputs = body["executionConfig"]["parts"]["insert"]["inputs"]
    inputs.append({"param": "status", "arg": "status", "source": "constant", "value": "booked"})
    made = await caller.ask("POST", f"/agents/{agent}/skills", body, status=201)
    assert made["digest"]
