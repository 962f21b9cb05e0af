"""A CRM end to end: contacts by the number that rings, tickets of verified callers, and writes that are sent once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from patchbay.connectors.refusals import CallRefused, RecordNotFound, SeveralRecords
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.api.guides.conftest import calls, said
from tests.packs.operating import Operator, operating
from tests.servers.providers.crm import TOKEN, Crm, contact
from tests.servers.providers.provider import Trouble
from tests.servers.providers.serving import serving

pytestmark = pytest.mark.anyio
CONNECT = {"credentials": {"address": "crm.example.com/api", "access_token": TOKEN}}
ACTIONS = ("find_contact", "open_tickets", "create_ticket", "add_note", "verify_contact")
RINGS = {"caller_number": "+14155550132"}
PROOF = ("ada@example.com", "M5V 2T6")


@pytest.fixture
def crm() -> Iterator[Crm]:
    with serving(Crm()) as running:
        yield running
        assert running.problems == []


@pytest.fixture
async def operator(crm: Crm, settings: Settings, database: Database, vault: Vault, tmp_path: Path) -> AsyncIterator[Operator]:
    async with operating(settings, database, vault, {"https://crm.example.com": crm}, directory=tmp_path) as running:
        yield running


@pytest.fixture
async def desk(operator: Operator) -> tuple[str, dict[str, dict[str, Any]]]:
    """A published agent with every action, and its skills by their actions."""
    await operator.connect("crm", CONNECT)
    agent = await operator.agent(country="CA")
    skills = await operator.provision(agent, "crm", *ACTIONS)
    assert all(one["enabled"] for one in skills), [one["warnings"] for one in skills]
    await operator.verified_by(agent, skills[-1], "caller_email", "postcode")
    await operator.publish(agent)
    return agent, {one["provenance"]["action"]: one for one in skills}


async def test_tickets_are_told_to_a_verified_caller_alone(operator: Operator, desk: Any) -> None:
    agent, _ = desk
    asked = "How do my tickets stand?"
    assert "Gears" not in str(await operator.talk(agent, asked))
    wrong = await operator.talk(agent, asked, "ada@example.com", "K1A 0B1")
    assert "Gears" not in str(wrong)
    frames = await operator.talk(agent, asked, *PROOF)
    assert calls(frames)[-1] == ("succeeded", "How my tickets stand")
    assert "Gears jam" in said(frames)
    assert not any(other in str(frames) for other in ("Cards fade", "Tape tears"))
    # Whose tickets they are follows from the verification, not from the number: another phone tells Ada her own.
    elsewhere = await operator.talk(agent, asked, *PROOF, number="+14155550199")
    assert "Gears jam" in said(elsewhere)
    assert "Tape tears" not in str(elsewhere)


async def test_a_ticket_is_opened_once_and_makes_a_contact_once(operator: Operator, desk: Any, crm: Crm) -> None:
    agent, skills = desk
    turns = ["Please open a ticket, my name is Bo Diddley.", "The tap drips", "Yes."]
    frames = await operator.talk(agent, *turns, number="+14155550111")
    assert calls(frames)[-1] == ("succeeded", "Open a ticket"), said(frames)
    assert (crm.contacts[-1]["firstName"], crm.contacts[-1]["phone"]) == ("Bo", "+14155550111")
    said_ = {"caller_name": "Eve New", "subject": "No light"}
    session = {"caller_number": "+14155550122"}
    await asyncio.gather(*(operator.run(agent, skills["create_ticket"], said_, key="same", session=session) for _ in range(3)))
    assert [one["phone"] for one in crm.contacts].count("+14155550122") == 1
    assert [one["subject"] for one in crm.tickets].count("No light") == 1


async def test_a_note_is_for_the_contact_who_rings(operator: Operator, desk: Any, crm: Crm) -> None:
    agent, skills = desk
    frames = await operator.talk(agent, "Please leave a note.", "Call me on Monday", "Yes.")
    assert calls(frames)[-1] == ("succeeded", "Leave a note"), said(frames)
    assert [(one["contactId"], one["text"]) for one in crm.notes] == [("ct_1", "Call me on Monday")]
    note = {"note": "x"}
    with pytest.raises(RecordNotFound):
        await operator.run(agent, skills["add_note"], note, key="k1", session={"caller_number": "+14155550111"})
    crm.contacts.append(contact(3, "Byron", "Senior", "+14155550132", None))
    with pytest.raises(SeveralRecords):
        await operator.run(agent, skills["add_note"], note, key="k2", session=RINGS)
    assert (await operator.run(agent, skills["find_contact"], session=RINGS)).ambiguous
    assert len(crm.notes) == 1


@pytest.mark.parametrize(
    ("trouble", "code", "notes"),
    [
        (Trouble(lost=1), None, 1),
        (Trouble(failed=1, at="/api/contacts/ct_1/notes"), None, 1),
        (Trouble(limited=1), None, 1),
        (Trouble(limited=9), "source_busy", 0),
        (Trouble(failed=9, at="/api/contacts"), "source_unavailable", 0),
        (Trouble(failed=9, at="/api/contacts/ct_1/notes"), "outcome_unknown", 0),
    ],
    ids=["lost", "failed once", "limited once", "limited", "failed", "failing write"],
)
async def test_trouble_notes_once_or_not_at_all(
    operator: Operator, desk: Any, crm: Crm, trouble: Trouble, code: str | None, notes: int
) -> None:
    agent, skills = desk
    crm.trouble = trouble
    refused = None
    try:
        await operator.run(agent, skills["add_note"], {"note": "Call me"}, key="k", session=RINGS)
    except CallRefused as error:
        refused = error.code
    assert (refused, len(crm.notes)) == (code, notes)


async def test_a_token_that_is_withdrawn_is_told_and_one_that_is_wrong_connects_nothing(
    operator: Operator, desk: Any, crm: Crm
) -> None:
    agent, skills = desk
    crm.token = "another"
    with pytest.raises(CallRefused) as refused:
        await operator.run(agent, skills["find_contact"], session=RINGS)
    assert refused.value.code == "credentials_refused"
    assert (await operator.caller.refused("POST", "/integrations/crm/connect", CONNECT))["code"] == "authorization_refused"
