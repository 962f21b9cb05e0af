"""Google Calendar through the API: connect, provision, and callers who book, move and cancel, also two at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest

from patchbay.api.platform import Platform
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.api.conftest import Key
from tests.api.guides.conftest import Caller, calls, said
from tests.api.guides.google_desk import CALLER, a_monday, agree, front_desk, google_platform, operator_of
from tests.servers.providers.google import SCOPES, Google, google

pytestmark = pytest.mark.anyio
USER = "front.desk@example.com"
PROVISION = "/agents/{}/integrations/google_calendar/provision"


@pytest.fixture
async def server() -> AsyncGenerator[Google]:
    async with google() as running:
        running.calendars.open(USER)
        yield running


@pytest.fixture
async def calendar_platform(
    settings: Settings, database: Database, vault: Vault, server: Google, tmp_path: Path
) -> AsyncIterator[Platform]:
    async with google_platform(settings, database, vault, server, tmp_path) as platform:
        yield platform


@pytest.fixture
async def operator(calendar_platform: Platform, key: Key) -> AsyncIterator[Caller]:
    async with operator_of(calendar_platform, key) as caller:
        yield caller


@pytest.fixture
async def desk(operator: Caller, server: Google) -> str:
    """An agent with every action, published."""
    await agree(operator, server, "google_calendar")
    agent_id = await front_desk(operator)
    await operator.ask("POST", PROVISION.format(agent_id))
    await operator.ask("POST", f"/agents/{agent_id}/publish", status=201)
    return agent_id


def booked(server: Google) -> list[str]:
    calendar = server.calendars.all[USER]
    return sorted(e["start"]["dateTime"] for e in calendar.events.values() if e["status"] != "cancelled")


async def test_connecting_asks_for_no_more_than_events(operator: Caller, server: Google) -> None:
    answer = await agree(operator, server, "google_calendar")
    assert answer.status_code == 200, answer.text
    (asked,) = server.accounts.asked
    assert (asked["scope"], asked["access_type"], asked["prompt"]) == (SCOPES["calendar"], "offline", "consent")
    (shown,) = await operator.ask("GET", "/integrations")
    assert (shown["kind"], shown["status"], shown["definition"]) == ("google_calendar", "connected", None)
    actions = await operator.ask("GET", "/integrations/google_calendar/actions")
    assert [one["slug"] for one in actions] == [
        "check_availability", "book_appointment", "reschedule_appointment", "cancel_appointment",
    ]  # fmt: skip


async def test_every_action_is_provisioned_ready(operator: Caller, server: Google) -> None:
    await agree(operator, server, "google_calendar")
    agent_id = await front_desk(operator)
    made = await operator.ask("POST", PROVISION.format(agent_id))
    assert [(one["created"], one["skill"]["enabled"], one["skill"]["skillType"]) for one in made] == [
        (True, True, "google_calendar")
    ] * 4
    again = await operator.ask("POST", PROVISION.format(agent_id))
    assert [one["created"] for one in again] == [False] * 4
    hours = {"workingHours": {"monday": [{"from": "9am", "to": "17:00"}]}}
    book = made[1]["skill"]
    refused = await operator.refused("PATCH", f"/agents/{agent_id}/skills/{book['id']}", {"executionConfig": hours})
    assert (refused["code"], refused["errors"][0]["code"]) == ("recipe_invalid", "setting_invalid")


def spoken(moment: datetime) -> str:
    return f"{moment:%B} {moment.day} at {moment:%I:%M %p}"


async def test_a_caller_books_changes_and_cancels(operator: Caller, server: Google, desk: str) -> None:
    calendar = server.calendars.all[USER]
    ten, two = a_monday("10:00"), a_monday("14:00")
    server.calendars.add(calendar, a_monday("09:00").isoformat(), ten.isoformat(), "Secret meeting")
    turns = [
        f"Please check availability on {ten:%B} {ten.day}.",
        f"Please book an appointment for {spoken(ten)}, my name is Ada Byron.",
        "Yes, please.",
    ]
    frames = await operator.simulate(desk, transcript=turns, draftMode=False, session=CALLER)
    assert "10:00 AM" in said(frames)
    assert "Secret" not in str(frames)
    assert booked(server) == [a_monday("09:00").isoformat(), ten.isoformat()]
    event = next(e for e in calendar.events.values() if e["summary"] != "Secret meeting")
    assert event["summary"] == "Ada Byron"
    assert event["extendedProperties"]["private"] == {
        "patchbayOwner": "+14155550132",
        "callerName": "Ada Byron",
        "callerPhone": "+14155550132",
    }
    turns = [f"I'd like to reschedule my appointment to {spoken(two)}.", "Yes."]
    # Whoever calls from another number has no appointment, whatever they say.
    stranger = await operator.simulate(desk, transcript=turns, draftMode=False, session={"callerNumber": "+14155550199"})
    assert calls(stranger)[-1] == ("refused", "Reschedule appointment")
    assert "couldn't find an appointment of yours" in said(stranger)
    frames = await operator.simulate(desk, transcript=turns, draftMode=False, session=CALLER)
    assert calls(frames)[-1] == ("succeeded", "Reschedule appointment")
    assert booked(server)[-1] == two.isoformat()
    turns = ["Please cancel my appointment.", f"It is {spoken(two)}.", "Yes."]
    frames = await operator.simulate(desk, transcript=turns, draftMode=False, session=CALLER)
    assert calls(frames)[-1] == ("succeeded", "Cancel appointment")
    assert booked(server) == [a_monday("09:00").isoformat()]


async def test_of_two_callers_who_want_one_time_exactly_one_gets_it(operator: Caller, server: Google, desk: str) -> None:
    ten = a_monday("10:00")
    turns = [f"Please book an appointment for {spoken(ten)}, my name is Ada Byron.", "Yes, please."]
    racing = [
        operator.simulate(desk, transcript=turns, draftMode=False, session={"callerNumber": f"+1415555013{n}"}) for n in range(3)
    ]
    outcomes = sorted(calls(frames)[-1][0] for frames in await asyncio.gather(*racing))
    assert outcomes == ["refused", "refused", "succeeded"]
    assert booked(server) == [ten.isoformat()]


async def test_it_gives_way_to_a_person_at_the_calendar(operator: Caller, server: Google, desk: str) -> None:
    calendar, ten = server.calendars.all[USER], a_monday("10:00")
    by_hand = ten.isoformat(), a_monday("11:00").isoformat()
    server.before("events.insert", lambda: server.calendars.add(calendar, *by_hand, "By hand"))
    turns = [f"Please book an appointment for {spoken(ten)}, my name is Ada Byron.", "Yes, please."]
    frames = await operator.simulate(desk, transcript=turns, draftMode=False, session=CALLER)
    assert "That time is taken" in said(frames)
    assert [e["summary"] for e in calendar.events.values() if e["status"] != "cancelled"] == ["By hand"]


@pytest.mark.parametrize("trouble", ["lost", "failed", "slow", "expired", "busy", "quota", "gone"])
async def test_trouble_on_the_way_books_once_or_not_at_all(operator: Caller, server: Google, desk: str, trouble: str) -> None:
    ten = a_monday("10:00")
    expected, code = [ten.isoformat()], None
    if trouble == "lost":
        server.lose(matching="events.insert")
    elif trouble == "failed":
        server.fail(503, matching="events.insert")
    elif trouble == "slow":
        server.slow(4.5, matching="events.insert")
    elif trouble == "expired":
        server.accounts.expire()
    elif trouble == "busy":
        server.fail(429, "rateLimitExceeded", matching="events.insert")
        expected, code = [], "source_busy"
    elif trouble == "quota":
        server.fail(403, "userRateLimitExceeded", matching="events.insert")
        expected, code = [], "source_busy"
    else:
        server.accounts.withdraw()
        expected, code = [], "credentials_refused"
    turns = [f"Please book an appointment for {spoken(ten)}, my name is Ada Byron.", "Yes, please."]
    frames = await operator.simulate(desk, transcript=turns, draftMode=False, session=CALLER)
    ended = [frame["data"] for name, frame in frames if name == "tool_call"][-1]
    assert ended.get("code") == code, ended
    assert booked(server) == expected
    if trouble == "gone":
        (shown,) = await operator.ask("GET", "/integrations")
        assert shown["statusReason"] == "reauthorization_required"


async def test_a_blocked_field_stops_the_action(operator: Caller, server: Google, desk: str) -> None:
    await operator.ask("PATCH", "/integrations/google_calendar/scoping", {"blockedTables": ["Event"], "blockedColumns": {}})
    await asyncio.sleep(1.1)
    frames = await operator.simulate(desk, message="Please check availability on Monday.", draftMode=False, session=CALLER)
    ended = [frame["data"] for name, frame in frames if name == "tool_call"][-1]
    assert (ended["state"], ended["code"]) == ("refused", "scoped_out")
    assert server.count("calendar.events.list") == 1  # only the one that proved the credentials
