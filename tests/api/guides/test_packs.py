"""Curated providers through the API: catalog, connect, actions, provisioning, packs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from patchbay.api.app import create_app
from patchbay.api.platform import Platform, open_platform
from patchbay.connectors import catalog
from patchbay.settings import Settings, StandIn
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.api.conftest import Key, MakeKey, client_of
from tests.api.guides.conftest import Caller, calls, said
from tests.api.guides.crm import TOKEN, Crm
from tests.packs.desk import ACTIONS, write_pack
from tests.servers.certificates import Authority
from tests.servers.upstreams.tls import server_context

pytestmark = pytest.mark.anyio
CREDENTIALS = {"region": "eu", "key": TOKEN}


@pytest.fixture
async def crm(tmp_path: Path) -> AsyncIterator[tuple[Crm, str]]:
    """The CRM behind the pack, and its origin."""
    authority, server = Authority(), Crm()
    (tmp_path / "ca.pem").write_text(authority.pem)
    runner = web.AppRunner(server.app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(authority.issue())).start()
    yield server, f"https://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()
    await asyncio.sleep(0.01)


@pytest.fixture
async def desk_platform(
    settings: Settings, database: Database, vault: Vault, crm: tuple[Crm, str], tmp_path: Path
) -> AsyncIterator[Platform]:
    """A platform whose operator added the pack, and sends its origin to the test's server."""
    ours = settings.model_copy(
        update={
            "egress_allow": "127.0.0.1/32",
            "rate_limit_per_minute": 100_000,
            "packs_dir": write_pack(tmp_path / "packs"),
            "stand_ins": {"https://eu.desk.example": StandIn(origin=crm[1], ca_file=tmp_path / "ca.pem")},
        }
    )
    async with open_platform(ours, database=database, vault=vault) as platform:
        yield platform
    catalog.offer(())


@pytest.fixture
async def operator(desk_platform: Platform, key: Key) -> AsyncIterator[Caller]:
    async with client_of(create_app(desk_platform.settings, platform=desk_platform), key.headers) as http:
        yield Caller(http)


async def agent(operator: Caller) -> str:
    return (await operator.ask("POST", "/agents", {"name": "Front desk", "timeZone": "America/Toronto"}, status=201))["id"]


async def connected_agent(operator: Caller) -> str:
    await operator.ask("POST", "/integrations/desk/connect", {"credentials": CREDENTIALS, "defaultCountry": "US"})
    return await agent(operator)


async def test_the_catalog_shows_it_and_what_is_connected(operator: Caller) -> None:
    def entry(entries: list[dict[str, Any]]) -> dict[str, Any]:
        return next(one for one in entries if one["kind"] == "desk")

    before = entry(await operator.ask("GET", "/integrations/catalog"))
    assert (before["actionCount"], before["hasPack"], before["connected"], before["custom"]) == (3, True, False, False)
    connected = await operator.ask("POST", "/integrations/desk/connect", {"credentials": CREDENTIALS})
    assert (connected["status"], connected["label"], connected["definition"]) == ("connected", "Desk eu", None)
    after = await operator.ask("GET", "/integrations/catalog")
    assert (entry(after)["connected"], entry(after)["accountLabel"]) == (True, "Desk eu")
    assert [one["kind"] for one in after].count("desk") == 1
    kinds = {one["kind"] for one in after}
    assert not kinds & {"calendly", "hubspot", "opentable"}
    assert next(one for one in after if one["kind"] == "postgres")["hasPack"]


async def test_what_is_entered_wrongly_is_said_by_field_and_nothing_is_sent(operator: Caller, crm: tuple[Crm, str]) -> None:
    for body, fields in (
        ({}, ["credentials"]),
        ({"credentials": {"region": "europe", "key": TOKEN, "kee": 1}}, ["credentials.kee", "credentials.region"]),
        ({"credentials": {"region": "eu"}}, ["credentials.key"]),
        ({"credentials": {"region": "eu/../x", "key": TOKEN}}, ["credentials.region"]),
        ({"definition": {"type": "rest"}, "credentials": CREDENTIALS}, ["definition"]),
    ):
        problem = await operator.refused("POST", "/integrations/desk/connect", body)
        assert (problem["status"], [one["field"] for one in problem["errors"]]) == (400, fields)
    assert crm[0].asked == []


async def test_wrong_credentials_are_not_stored(operator: Caller) -> None:
    problem = await operator.refused("POST", "/integrations/desk/connect", {"credentials": {**CREDENTIALS, "key": "nope"}})
    assert problem["code"] == "authorization_refused"
    assert await operator.ask("GET", "/integrations") == []


async def test_actions_say_what_they_ask_for_and_what_is_still_to_decide(operator: Caller) -> None:
    actions = {one["slug"]: one for one in await operator.ask("GET", "/integrations/desk/actions")}
    assert actions["find_caller"]["parameters"] == []
    assert [one["name"] for one in actions["find_contact"]["parameters"]] == ["caller_phone"]
    assert [(one["name"], one["required"]) for one in actions["find_contact"]["configuration"]] == [("note", True)]
    assert (actions["rename"]["effect"], actions["rename"]["key"]) == ("write", True)
    assert (await operator.refused("GET", "/integrations/calendly/actions"))["status"] == 403
    assert (await operator.refused("GET", "/integrations/deks/actions"))["status"] == 404
    assert await operator.ask("GET", "/integrations/postgres/actions") == []


async def test_key_actions_become_skills_once(operator: Caller, crm: tuple[Crm, str]) -> None:
    agent_id = await connected_agent(operator)
    made = await operator.ask("POST", f"/agents/{agent_id}/integrations/desk/provision")
    assert [(one["created"], one["skill"]["name"], one["skill"]["enabled"]) for one in made] == [
        (True, "Recognise the account", True),
        (True, "Rename a contact", True),
    ]
    provenance = {"kind": "desk", "version": "2026-01-05", "action": "find_caller"}
    assert made[0]["skill"]["provenance"] == provenance
    assert made[1]["skill"]["review"]["by"]["type"] == "api_key"
    again = await operator.ask("POST", f"/agents/{agent_id}/integrations/desk/provision")
    assert [(one["created"], one["skill"]["id"]) for one in again] == [(False, one["skill"]["id"]) for one in made]
    blocked = await operator.ask("GET", "/integrations/desk/scoping")
    assert blocked["blockedColumns"] == {"Company": ["taxNumber"]}

    await operator.ask("POST", f"/agents/{agent_id}/publish", status=201)
    session = {"callerNumber": "+14155550132"}
    frames = await operator.simulate(agent_id, message="Do you recognise my account?", draftMode=False, session=session)
    assert calls(frames) == [("started", "Recognise the account"), ("succeeded", "Recognise the account")]
    assert "Ada Byron" in said(frames)


async def test_two_requests_at_once_make_one_skill(operator: Caller) -> None:
    agent_id = await connected_agent(operator)
    path = f"/agents/{agent_id}/integrations/desk/provision"
    many = await asyncio.gather(*(operator.ask("POST", path, {"actions": ["find_caller"]}) for _ in range(5)))
    assert sorted(one[0]["created"] for one in many) == [False, False, False, False, True]
    assert len({one[0]["skill"]["id"] for one in many}) == 1


async def test_an_action_that_needs_configuration_waits_for_it(operator: Caller) -> None:
    agent_id = await connected_agent(operator)
    (made,) = await operator.ask("POST", f"/agents/{agent_id}/integrations/desk/provision", {"actions": ["find_contact"]})
    skill = made["skill"]
    assert (skill["enabled"], skill["digest"], skill["executionConfig"]) == (False, None, {})
    assert [one["code"] for one in skill["warnings"]] == ["configuration_missing"]
    path = f"/agents/{agent_id}/skills/{skill['id']}"
    problem = await operator.refused("PATCH", path, {"executionConfig": {"note": 3, "nose": "x"}})
    assert [one["field"] for one in problem["errors"]] == ["executionConfig.nose", "executionConfig.note"]
    done = await operator.ask("PATCH", path, {"executionConfig": {"note": "Ask kindly."}})
    assert (done["enabled"], done["warnings"], done["executionConfig"]) == (True, done["warnings"], {"note": "Ask kindly."})
    assert done["binding"]["inputs"][0]["description"] == "A number. Ask kindly."
    await operator.ask("PATCH", path, {"enabled": False})
    other = await operator.ask("PATCH", path, {"executionConfig": {"note": "Be brief."}})
    assert (other["enabled"], other["binding"]["inputs"][0]["description"]) == (False, "A number. Be brief.")
    gone = await operator.ask("PATCH", path, {"executionConfig": {"note": None}})
    assert (gone["enabled"], gone["digest"], [one["code"] for one in gone["warnings"]]) == (
        False,
        None,
        ["configuration_missing"],
    )


async def test_configuration_can_come_with_the_request(operator: Caller) -> None:
    agent_id = await connected_agent(operator)
    body = {"actions": ["find_contact"], "configuration": {"find_contact": {"note": "Now."}}}
    (made,) = await operator.ask("POST", f"/agents/{agent_id}/integrations/desk/provision", body)
    assert made["skill"]["enabled"]
    for wrong in (
        {"actions": ["find_contract"]},
        {"actions": ["find_contact"], "configuration": {"rename": {}}},
        {"actions": ["find_contact"], "configuration": {"find_contact": {"note": 7}}},
        {"action": []},
    ):
        assert (await operator.refused("POST", f"/agents/{agent_id}/integrations/desk/provision", wrong))["status"] == 400


async def test_a_changed_write_is_disabled_until_it_is_reviewed(operator: Caller) -> None:
    agent_id = await connected_agent(operator)
    (made,) = await operator.ask("POST", f"/agents/{agent_id}/integrations/desk/provision", {"actions": ["rename"]})
    path = f"/agents/{agent_id}/skills/{made['skill']['id']}"
    assert made["skill"]["enabled"]
    changed = await operator.ask("PATCH", path, {"description": "Something else."})
    assert not changed["enabled"]
    assert (await operator.refused("PATCH", path, {"enabled": True}))["code"] == "review_required"


async def test_changed_settings_of_a_write_take_its_review_back(operator: Caller) -> None:
    agent_id = await connected_agent(operator)
    (made,) = await operator.ask("POST", f"/agents/{agent_id}/integrations/desk/provision", {"actions": ["rename"]})
    path = f"/agents/{agent_id}/skills/{made['skill']['id']}"
    same = await operator.ask("PATCH", path, {"executionConfig": {"wording": "The new name"}})
    assert (same["enabled"], same["digest"], same["review"]) == (True, made["skill"]["digest"], made["skill"]["review"])
    refused = await operator.refused("PATCH", path, {"executionConfig": {"wording": "Their name"}, "enabled": True})
    assert refused["code"] == "review_required"
    changed = await operator.ask("PATCH", path, {"executionConfig": {"wording": "Their name"}})
    assert (changed["enabled"], changed["binding"]["enabled"], changed["review"]) == (False, False, None)
    review = {"digest": changed["reviewDigest"], "note": "looked at"}
    assert (await operator.ask("PATCH", path, {"enabled": True, "review": review}))["enabled"]


async def test_a_setting_that_is_taken_away_and_given_anew_brings_no_review(
    desk_platform: Platform, database: Database, vault: Vault, tmp_path: Path, key: Key
) -> None:
    """In two steps as in one: what writes otherwise than it was reviewed is reviewed again."""
    needed = write_pack(tmp_path / "needed", actions=ACTIONS.replace(", default: The new name", ""))
    ours = desk_platform.settings.model_copy(update={"packs_dir": needed})
    async with (
        open_platform(ours, database=database, vault=vault) as platform,
        client_of(create_app(ours, platform=platform), key.headers) as http,
    ):
        operator = Caller(http)
        agent_id = await connected_agent(operator)
        body = {"actions": ["rename"], "configuration": {"rename": {"wording": "The new name"}}}
        (made,) = await operator.ask("POST", f"/agents/{agent_id}/integrations/desk/provision", body)
        path = f"/agents/{agent_id}/skills/{made['skill']['id']}"
        assert made["skill"]["enabled"]
        gone = await operator.ask("PATCH", path, {"executionConfig": {"wording": None}})
        assert (gone["enabled"], gone["digest"], gone["review"]) == (False, None, None)
        again = {"executionConfig": {"wording": "Whatever they say"}}
        assert (await operator.refused("PATCH", path, {**again, "enabled": True}))["code"] == "review_required"
        changed = await operator.ask("PATCH", path, again)
        assert (changed["enabled"], changed["binding"]["enabled"], changed["review"]) == (False, False, None)


async def test_what_is_not_configured_yet_cannot_be_enabled(operator: Caller) -> None:
    agent_id = await connected_agent(operator)
    (made,) = await operator.ask("POST", f"/agents/{agent_id}/integrations/desk/provision", {"actions": ["find_contact"]})
    path = f"/agents/{agent_id}/skills/{made['skill']['id']}"
    problem = await operator.refused("PATCH", path, {"enabled": True})
    assert (problem["status"], problem["code"]) == (422, "configuration_missing")
    assert not (await operator.ask("GET", path))["enabled"]
    await operator.ask("POST", f"/agents/{agent_id}/publish", status=201)


async def test_removing_leaves_what_was_made_by_hand(operator: Caller) -> None:
    agent_id = await connected_agent(operator)
    made = await operator.ask("POST", f"/agents/{agent_id}/integrations/desk/pack/install")
    assert [(one["preset"], one["created"], one["skill"]["name"]) for one in made] == [
        ("who_calls", True, "Who is calling"),
        ("ask_nicely", True, "Look somebody up"),
    ]
    again = await operator.ask("POST", f"/agents/{agent_id}/integrations/desk/pack/install")
    assert [one["created"] for one in again] == [False, False]
    by_hand = {
        "toolName": "By hand",
        "operation": "findContact",
        "inputs": [{"param": "caller_phone", "arg": "phone", "required": True}],
        "projection": [{"path": ["contact", "name"], "leaf": "name"}],
    }
    await operator.ask("POST", f"/agents/{agent_id}/integrations/desk/bindings", by_hand, status=201)
    removed = await operator.ask("DELETE", f"/agents/{agent_id}/integrations/desk/provision")
    assert removed["removed"] == sorted(one["skill"]["id"] for one in made)
    assert [one["name"] for one in await operator.ask("GET", f"/agents/{agent_id}/skills")] == ["By hand"]
    assert (await operator.ask("DELETE", f"/agents/{agent_id}/integrations/desk/provision"))["removed"] == []


async def test_a_taken_name_gets_the_providers(operator: Caller) -> None:
    agent_id = await connected_agent(operator)
    await operator.ask("POST", "/integrations/desk/discover")
    by_hand = {
        "toolName": "Recognise the account",
        "operation": "findContact",
        "inputs": [{"param": "caller_phone", "arg": "phone", "required": True}],
        "projection": [{"path": ["contact", "name"], "leaf": "name"}],
    }
    await operator.ask("POST", f"/agents/{agent_id}/integrations/desk/bindings", by_hand, status=201)
    (made,) = await operator.ask("POST", f"/agents/{agent_id}/integrations/desk/provision", {"actions": ["find_caller"]})
    assert made["skill"]["name"] == "Recognise the account (Desk)"


async def test_what_is_not_connected_or_not_there_is_refused(
    operator: Caller, make_key: MakeKey, desk_platform: Platform
) -> None:
    agent_id = await agent(operator)
    for path in ("provision", "pack/install"):
        assert (await operator.refused("POST", f"/agents/{agent_id}/integrations/desk/{path}"))["code"] == (
            "integration_not_connected"
        )
        assert (await operator.refused("POST", f"/agents/{agent_id}/integrations/hubspot/{path}"))["status"] == 403
        assert (await operator.refused("POST", f"/agents/agt_nope/integrations/desk/{path}"))["status"] == 404
    await operator.ask("POST", "/integrations/desk/connect", {"credentials": CREDENTIALS})
    other, reader = await make_key(org="Globex"), await make_key("skills:read")
    for key, status in ((other, 404), (reader, 403)):
        async with client_of(create_app(desk_platform.settings, platform=desk_platform), key.headers) as http:
            for method, path in (("POST", "provision"), ("DELETE", "provision"), ("POST", "pack/install")):
                problem = await Caller(http).refused(method, f"/agents/{agent_id}/integrations/desk/{path}")
                assert problem["status"] == status


async def test_a_newer_pack_is_taken_up_when_something_is_provisioned(
    operator: Caller, desk_platform: Platform, database: Database, vault: Vault, tmp_path: Path, key: Key
) -> None:
    agent_id = await connected_agent(operator)
    await operator.ask("POST", f"/agents/{agent_id}/integrations/desk/provision", {"actions": ["find_caller"]})
    document = (tmp_path / "packs/desk/api.yaml").read_text()
    newer = tmp_path / "newer"
    write_pack(newer, actions=ACTIONS.replace("operation: findContact", "operation: findSomebody"))
    (newer / "desk/api.yaml").write_text(document.replace("findContact", "findSomebody"))
    ours = desk_platform.settings.model_copy(update={"packs_dir": newer})
    async with (
        open_platform(ours, database=database, vault=vault) as platform,
        client_of(create_app(ours, platform=platform), key.headers) as http,
    ):
        later = Caller(http)
        body = {"actions": ["find_caller", "find_contact"], "configuration": {"find_contact": {"note": "x"}}}
        made = await later.ask("POST", f"/agents/{agent_id}/integrations/desk/provision", body)
        assert [one["created"] for one in made] == [False, True]
        assert made[1]["skill"]["binding"]["operation"] == "findSomebody"
        drift = await later.ask("GET", "/integrations/desk/drift")
        assert [one["status"] for one in drift["skills"] if one["name"] == "Recognise the account"] == ["broken"]


async def test_the_pack_of_a_provider_can_be_read(operator: Caller) -> None:
    pack = await operator.ask("GET", "/integrations/desk/pack")
    assert (pack["version"], [one["slug"] for one in pack["presets"]]) == ("2026-01-05", ["who_calls", "ask_nicely"])
    assert pack["guidance"] == {
        "behaviour": ["It knows two people."],
        "identifyingCallers": ["By the number that rings."],
        "notPossible": [],
    }
    assert (await operator.refused("GET", "/integrations/nothing_here/pack"))["status"] == 404
