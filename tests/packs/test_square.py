"""Square end to end: callers who ask, book, move and cancel, against a seller whose token could book a time twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from patchbay.connectors.refusals import WriteRefused
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.api.guides.conftest import calls, said
from tests.api.guides.google_desk import a_monday
from tests.packs.operating import Operator, operating
from tests.servers.providers.provider import Asked, Trouble
from tests.servers.providers.serving import serving
from tests.servers.providers.square import ADA, ALAN, LOCATION, SERVICE, TOKEN, Square

pytestmark = pytest.mark.anyio
AT = {"locationId": LOCATION}
CONFIGURATION: dict[str, Any] = {
    "search_catalog": {"currency": "USD"},
    "lookup_order": {"currency": "USD", **AT},
    "check_availability": {"serviceVariationId": SERVICE, **AT},
    "book": {"serviceVariationId": SERVICE, **AT},
    "list_bookings": AT,
    "move_booking": AT,
    "cancel_booking": AT,
}
ACTIONS = ("find_customer", *CONFIGURATION, "verify_customer")
PROOF = ("ada@example.com", "M5V 2T6")


@pytest.fixture
def square() -> Iterator[Square]:
    with serving(Square(open_hours=(0, 24))) as running:
        yield running
        assert running.problems == []


@pytest.fixture
async def operator(
    square: Square, settings: Settings, database: Database, vault: Vault, tmp_path: Path
) -> AsyncIterator[Operator]:
    origins = {"https://connect.squareup.com": square}
    async with operating(settings, database, vault, origins, directory=tmp_path) as running:
        yield running


@pytest.fixture
async def desk(operator: Operator) -> str:
    """A published agent with every action, whose callers are verified by address and postcode."""
    await operator.connect("square", {"credentials": {"access_token": TOKEN}})
    agent = await operator.agent(country="CA")
    skills = await operator.provision(agent, "square", *ACTIONS, configuration=CONFIGURATION)
    assert all(one["enabled"] for one in skills), [one["warnings"] for one in skills]
    await operator.verified_by(agent, skills[-1], "caller_email", "postcode")
    await operator.publish(agent)
    return agent


def spoken(moment: datetime) -> str:
    return f"{moment:%B} {moment.day} at {moment:%I:%M %p}"


async def skill_of(operator: Operator, agent_id: str, name: str) -> dict[str, Any]:
    return next(one for one in await operator.caller.ask("GET", f"/agents/{agent_id}/skills") if one["name"] == name)


def utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def test_a_wrong_token_connects_nothing(operator: Operator) -> None:
    wrong = {"credentials": {"access_token": "EAAA_this_is_not_the_token_at_all"}}
    assert (await operator.caller.refused("POST", "/integrations/square/connect", wrong))["code"] == "authorization_refused"


async def test_anybody_may_ask_what_there_is_and_what_it_costs(operator: Operator, desk: str) -> None:
    frames = await operator.talk(desk, "Please recognise the caller.", "Please search the catalogue.", "rye")
    assert [name for state, name in calls(frames) if state == "succeeded"] == ["Recognise the caller", "Search the catalogue"]
    assert "Ada Byron" in said(frames)
    assert "9.00 USD" in said(frames)


async def test_orders_and_bookings_are_told_to_whom_they_belong(operator: Operator, desk: str, square: Square) -> None:
    square.book(utc(a_monday("10:00")), ALAN)
    asked = "Please look up my orders."
    before = await operator.talk(desk, asked)
    assert "ready" not in said(before)
    wrong = await operator.talk(desk, asked, "alan@example.com", "M5V 2T6")
    assert "Wedding cake" not in str(wrong)
    frames = await operator.talk(desk, asked, *PROOF, "Please list my bookings.")
    assert "42.50 USD" in said(frames)
    assert calls(frames)[-1] == ("succeeded", "List my bookings")
    assert "Wedding" not in str(frames)
    told = [frame["data"]["result"]["rowCount"] for name, frame in frames if name == "tool_call" and "result" in frame["data"]]
    assert told == [2, 0]


async def test_a_caller_books_moves_and_cancels(operator: Operator, desk: str, square: Square) -> None:
    ten, two = a_monday("10:00"), a_monday("14:00")
    frames = await operator.talk(desk, f"Please book an appointment for {spoken(ten)}, my name is Ada Byron.", "Yes, please.")
    assert calls(frames)[-1] == ("succeeded", "Book an appointment")
    (booking,) = square.bookings
    assert (booking["start_at"], booking["customer_id"]) == (utc(ten), ADA["id"])
    assert len(square.customers) == 2
    turns = [f"Please move my booking to {spoken(two)}.", f"It is {spoken(ten)}.", *PROOF, "Yes."]
    frames = await operator.talk(desk, *turns)
    assert calls(frames)[-1] == ("succeeded", "Move my booking"), frames
    assert (booking["start_at"], booking["version"]) == (utc(two), 1)
    frames = await operator.talk(desk, "Please cancel my booking.", f"It is {spoken(two)}.", *PROOF, "Yes.")
    assert calls(frames)[-1] == ("succeeded", "Cancel my booking")
    assert booking["status"] == "CANCELLED_BY_SELLER"


async def test_who_is_new_is_made_once(operator: Operator, desk: str, square: Square) -> None:
    turns = [f"Please book an appointment for {spoken(a_monday())}, my name is Bo Diddley.", "Yes."]
    frames = await operator.talk(desk, *turns, number="+14155550111")
    assert calls(frames)[-1] == ("succeeded", "Book an appointment")
    bo = square.customers[-1]
    assert (bo["given_name"], bo["family_name"], bo["phone_number"]) == ("Bo", "Diddley", "+14155550111")
    assert square.bookings[0]["customer_id"] == bo["id"]


async def test_of_callers_who_want_one_time_one_gets_it(operator: Operator, desk: str, square: Square) -> None:
    turns = [f"Please book an appointment for {spoken(a_monday())}, my name is Ada Byron.", "Yes, please."]
    racing = [operator.talk(desk, *turns, number=f"+1415555013{n}") for n in range(3)]
    outcomes = sorted(calls(frames)[-1][0] for frames in await asyncio.gather(*racing))
    assert outcomes == ["refused", "refused", "succeeded"]
    assert len(square.bookings) == 1


async def test_what_somebody_has_changed_meanwhile_is_not_cancelled(
    operator: Operator, desk: str, square: Square, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = square.book(utc(a_monday()))
    cancel = await skill_of(operator, desk, "Cancel my booking")
    answer = square.answer

    def changed_first(asked: Asked) -> web.Response:
        if asked.path.endswith("/cancel"):
            booking["version"] += 1
        return answer(asked)

    monkeypatch.setattr(square, "answer", changed_first)
    with pytest.raises(WriteRefused):
        await operator.run(desk, cancel, {}, key="k", verified={"customer_id": ADA["id"]})
    assert booking["status"] == "ACCEPTED"


@pytest.mark.parametrize(
    ("trouble", "code", "booked"),
    [("lost", None, 1), ("failed", None, 1), ("limited", "source_busy", 0), ("token", "credentials_refused", 0)],
)
async def test_trouble_books_once_or_not_at_all(
    operator: Operator, desk: str, square: Square, trouble: str, code: str | None, booked: int
) -> None:
    if trouble == "token":
        square.token = "another"
    else:
        square.trouble = Trouble(**{trouble: 1}, at="/v2/bookings")
    turns = [f"Please book an appointment for {spoken(a_monday())}, my name is Ada Byron.", "Yes, please."]
    frames = await operator.talk(desk, *turns)
    ended = [frame["data"] for name, frame in frames if name == "tool_call"][-1]
    assert ended.get("code") == code, ended
    assert len(square.bookings) == booked


async def test_free_times_are_those_of_the_seller(operator: Operator, desk: str, square: Square) -> None:
    ten = a_monday("10:00")
    square.book(utc(ten))
    check = await skill_of(operator, desk, "Check free times")
    asked = {"from_time": ten.isoformat(), "to_time": (ten + timedelta(days=1)).isoformat()}
    rows = (await operator.run(desk, check, asked)).rows
    assert rows[0] == {"free_at": a_monday("11:00").isoformat()}
    square.service_version += 1
    frames = await operator.talk(
        desk, f"Please book an appointment for {spoken(a_monday('11:00'))}, my name is Ada Byron.", "Yes."
    )
    assert calls(frames)[-1] == ("succeeded", "Book an appointment")
