"""Jobber end to end: callers by their whole number, requests, assessments at free times, tokens that end, points that run out."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from patchbay.connectors.refusals import CredentialsRefused, SourceBusy
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.api.guides.conftest import calls, said
from tests.api.guides.google_desk import a_monday
from tests.packs.operating import Operator, operating
from tests.servers.providers.jobber import CLIENT_ID, CLIENT_SECRET, Jobber
from tests.servers.providers.provider import Trouble
from tests.servers.providers.serving import serving

pytestmark = pytest.mark.anyio
ACTIONS = ("find_client", "create_lead", "get_job_status", "check_availability", "book_assessment")
HOURS = {"timeZone": "America/Toronto", "noticeMinutes": 0}
CONFIGURATION: dict[str, Any] = {"check_availability": HOURS, "book_assessment": HOURS}
RINGS = {"caller_number": "+14155550132"}


@pytest.fixture
def jobber() -> Iterator[Jobber]:
    with serving(Jobber()) as running:
        yield running
        assert running.problems == []


@pytest.fixture
async def operator(
    jobber: Jobber, settings: Settings, database: Database, vault: Vault, tmp_path: Path
) -> AsyncIterator[Operator]:
    origins, clients = {"https://api.getjobber.com": jobber}, {"jobber": (CLIENT_ID, CLIENT_SECRET)}
    async with operating(settings, database, vault, origins, directory=tmp_path, oauth=clients) as running:
        yield running


@pytest.fixture
async def desk(operator: Operator, jobber: Jobber) -> tuple[str, dict[str, dict[str, Any]]]:
    """A published agent with every action, and its skills by their actions."""
    await operator.connect("jobber", {}, agrees_at=jobber)
    agent = await operator.agent()
    skills = await operator.provision(agent, "jobber", *ACTIONS, configuration=CONFIGURATION)
    assert all(one["enabled"] for one in skills), [one["warnings"] for one in skills]
    await operator.publish(agent)
    return agent, {one["provenance"]["action"]: one for one in skills}


def spoken(moment: datetime) -> str:
    return f"{moment:%B} {moment.day} at {moment:%I:%M %p}"


def utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def assessments(jobber: Jobber) -> list[tuple[str, str]]:
    return [(one["client"]["name"], one["assessment"]["startAt"]) for one in jobber.requests if one["assessment"]]


async def test_a_client_is_known_by_the_whole_number_alone(operator: Operator, desk: Any, jobber: Jobber) -> None:
    agent, skills = desk
    run = operator.run
    assert (await run(agent, skills["find_client"], session=RINGS)).rows == [{"client_name": "Ada Byron"}]
    jobber.add_client("Other", "Country", "+441415550132", "0141 555 0132", None)
    jobber.add_client("Longer", "Number", "+141555501320", "1415555 01320", None)
    assert (await run(agent, skills["find_client"], session=RINGS)).rows == [{"client_name": "Ada Byron"}]
    assert (await run(agent, skills["find_client"], session={"caller_number": "+14155550111"})).rows == []
    jobber.add_client("Byron", "Senior", "+14155550132", "415-555-0132", None)
    assert (await run(agent, skills["get_job_status"], session=RINGS)).ambiguous


async def test_a_caller_asks_and_leaves_a_request(operator: Operator, desk: Any, jobber: Jobber) -> None:
    agent, _ = desk
    frames = await operator.talk(agent, "How does my job stand?")
    assert calls(frames)[-1] == ("succeeded", "How my job stands")
    assert "Furnace tune-up" in said(frames)
    assert "Water heater" not in str(frames)
    turns = ["I'd like to take a request.", "Bo Diddley", "The tap drips.", "Yes."]
    frames = await operator.talk(agent, *turns, number="+14155550111")
    assert calls(frames)[-1] == ("succeeded", "Take a request"), said(frames)
    (made,) = jobber.requests
    assert (made["client"]["name"], made["client"]["phones"][0]["number"]) == ("Bo Diddley", "+14155550111")
    assert made["assessment"] is None


async def test_an_assessment_is_booked_at_a_free_time_once(operator: Operator, desk: Any, jobber: Jobber) -> None:
    agent, skills = desk
    ten = a_monday("10:00")
    jobber.add_visit(jobber.jobs[0], utc(ten - timedelta(hours=1, minutes=30)), utc(ten - timedelta(minutes=30)))
    found = await operator.run(agent, skills["check_availability"], {"preferred_date": ten.date().isoformat()})
    assert found.rows[0] == {"open_time": ten.isoformat()}
    turns = [f"Please book an assessment for {spoken(ten)}, my name is Ada Byron.", "The furnace rattles.", "Yes, please."]
    racing = [operator.talk(agent, *turns, number=f"+1415555013{n}") for n in (2, 3, 4)]
    outcomes = sorted(calls(frames)[-1][0] for frames in await asyncio.gather(*racing))
    assert outcomes == ["refused", "refused", "succeeded"]
    assert [at for _, at in assessments(jobber)] == [utc(ten)]
    (booked,) = [one for one in jobber.requests if one["assessment"]]
    assert booked["assessment"]["endAt"] == utc(ten + timedelta(hours=1))


async def test_it_gives_way_to_a_person_in_jobber_and_the_request_stays(
    operator: Operator, desk: Any, jobber: Jobber, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, _ = desk
    ten, create = a_monday("10:00"), jobber._create_request  # pyright: ignore[reportPrivateUsage]

    def by_hand_first(root: Any, input: dict[str, Any]) -> Any:
        jobber.add_visit(jobber.jobs[0], utc(ten), utc(ten + timedelta(minutes=90)))
        return create(root, input)

    monkeypatch.setattr(jobber, "_create_request", by_hand_first)
    turns = [f"Please book an assessment for {spoken(ten)}, my name is Ada Byron.", "The furnace rattles.", "Yes, please."]
    frames = await operator.talk(agent, *turns)
    assert "That time is taken" in said(frames)
    assert assessments(jobber) == []
    assert [one["title"] for one in jobber.requests] == ["The furnace rattles"]


async def test_tokens_that_end_are_renewed_once_for_all_and_rotate(operator: Operator, desk: Any, jobber: Jobber) -> None:
    agent, skills = desk
    for minutes in (0, 61):
        jobber.oauth.forget_access_tokens()
        with later(minutes):
            runs = [operator.run(agent, skills["find_client"], session=RINGS) for _ in range(8)]
            assert all(one.rows == [{"client_name": "Ada Byron"}] for one in await asyncio.gather(*runs))
    sent = [asked["refresh_token"] for asked in jobber.oauth.asked if asked["grant_type"] == "refresh_token"]
    assert len(sent) == len(set(sent)) == 2


def later(minutes: int) -> time_machine.travel:
    """As if so much time had gone by."""
    return time_machine.travel(datetime.now(UTC) + timedelta(minutes=minutes), tick=True)


async def test_in_the_middle_of_a_conversation_a_token_ends_and_then_the_consent(
    operator: Operator, desk: Any, jobber: Jobber
) -> None:
    agent, skills = desk
    jobber.oauth.forget_access_tokens()
    ten = a_monday("10:00")
    turns = [f"Please book an assessment for {spoken(ten)}, my name is Ada Byron.", "The furnace rattles.", "Yes, please."]
    assert calls(await operator.talk(agent, *turns))[-1] == ("succeeded", "Book an assessment")
    assert len(assessments(jobber)) == 1
    for grant in jobber.oauth.grants:
        grant.void = True
        grant.access_tokens.clear()
    with later(61):
        frames = await operator.talk(agent, "How does my job stand?")
        with pytest.raises(CredentialsRefused):
            await operator.run(agent, skills["find_client"], session=RINGS)
    ended = [frame["data"] for name, frame in frames if name == "tool_call"][-1]
    assert (ended["state"], ended["code"]) == ("refused", "credentials_refused")
    assert not re.search(r"invalid_grant|provider text", str(frames))
    (shown,) = await operator.caller.ask("GET", "/integrations")
    assert shown["statusReason"] == "reauthorization_required"


async def test_what_cannot_be_paid_now_is_busy_and_what_can_soon_is_waited_for(
    operator: Operator, desk: Any, jobber: Jobber
) -> None:
    agent, skills = desk
    jobber.spend(jobber.maximum + 100)  # restored at 500 points a second
    assert (await operator.run(agent, skills["find_client"], session=RINGS)).rows == [{"client_name": "Ada Byron"}]
    jobber.spend(jobber.maximum * 20)
    with pytest.raises(SourceBusy):
        await operator.run(agent, skills["find_client"], session=RINGS)


@pytest.mark.parametrize(("trouble", "code"), [("failed", "source_unavailable"), ("lost", "outcome_unknown")])
async def test_trouble_with_a_request_makes_none_twice(
    operator: Operator, desk: Any, jobber: Jobber, trouble: str, code: str
) -> None:
    agent, _ = desk
    jobber.trouble = Trouble(**{trouble: 1})
    frames = await operator.talk(agent, "I'd like to take a request.", "Ada Byron", "The tap drips.", "Yes.")
    ended = [frame["data"] for name, frame in frames if name == "tool_call"][-1]
    assert ended["code"] == code
    assert len(jobber.requests) == (trouble == "lost")
