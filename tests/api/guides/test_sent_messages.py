"""Mail, text messages and messages that are taken, from the skill to what arrives, and what a hostile caller makes of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestServer
from sqlalchemy import select

from patchbay.accounts.tables import OperatorEvent
from patchbay.agent_runtime.conversation.model import Finish, ToolCallRequest
from patchbay.agent_runtime.guardrails.gates import SENDS_MOST
from patchbay.api.app import create_app
from patchbay.api.platform import Platform, open_platform
from patchbay.connectors.sms.segments import segments
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.api.conftest import Key, MakeKey, ScriptedModel, client_of, problem
from tests.api.guides.conftest import Caller, calls, said
from tests.servers.mail_server import Mailbox, mail_server
from tests.servers.upstreams.sms_carrier import SENDER, SID, TOKEN, UNROUTABLE, SmsCarrier

pytestmark = pytest.mark.anyio
EMAIL: dict[str, Any] = {
    "name": "Send the order",
    "description": "Send the order to the kitchen.",
    "skillType": "email",
    "executionConfig": {
        "to": "kitchen@shop.example",
        "subject": "Order from {name}",
        "body": "Items: {items}\n\n{name}",
        "fromName": "Tony's Pizza",
        "parameters": [{"name": "items", "required": True}, {"name": "name"}],
    },
}
SMS: dict[str, Any] = {
    "name": "Text the directions",
    "skillType": "sms",
    "executionConfig": {"text": "We are at 120 Main St. {note}", "parameters": [{"name": "note"}]},
}
CALLER = {"callerNumber": "+14155550123"}


@dataclass
class Office:
    """A platform with a mail server and a carrier, an agent on it, and a model that says what it is told to."""

    caller: Caller
    platform: Platform
    key: Key
    model: ScriptedModel
    mail: Mailbox
    carrier: SmsCarrier
    agent: str

    async def skill(self, body: dict[str, Any]) -> dict[str, Any]:
        """A skill, reviewed and enabled."""
        made = await self.caller.ask("POST", f"/agents/{self.agent}/skills", body, status=201)
        assert made["enabled"] is False
        review = {"enabled": True, "review": {"digest": made["reviewDigest"], "note": "fine"}}
        return await self.caller.ask("PATCH", f"/agents/{self.agent}/skills/{made['id']}", review)

    async def call(self, skill: dict[str, Any], arguments: str, **more: Any) -> list[tuple[str, dict[str, Any]]]:
        """The model asks for the skill with these arguments, the caller says yes."""
        asking = [ToolCallRequest(call_id="c", name=skill["slug"], arguments=arguments), Finish()]
        self.model.answers = [asking, [Finish()]]
        return await self.caller.simulate(self.agent, transcript=["do it", "yes please"], **{"session": CALLER, **more})


@pytest.fixture
async def office(settings: Settings, database: Database, vault: Vault, key: Key, tmp_path: Path) -> AsyncIterator[Office]:
    mail, carrier, model = Mailbox(), SmsCarrier(), ScriptedModel()
    async with mail_server(mail, None, tmp_path) as port, TestServer(carrier.app()) as sms:
        configured = settings.model_copy(
            update={
                "egress_allow": "127.0.0.1/32",
                "rate_limit_per_minute": 100_000,
                "smtp_host": "localhost",
                "smtp_port": port,
                "smtp_from": "agent@shop.example",
                "smtp_tls": "none",
                "sms_account_sid": SID,
                "sms_auth_token": type(settings).model_validate({"sms_auth_token": TOKEN}).sms_auth_token,
                "sms_from": SENDER,
                "sms_base_url": str(sms.make_url("")),
            }
        )
        async with (
            open_platform(configured, database=database, vault=vault, models=lambda _: model) as platform,
            client_of(create_app(configured, platform=platform), key.headers) as http,
        ):
            caller = Caller(http)
            agent = await caller.ask("POST", "/agents", {"name": "Tony's Pizza", "defaultCountry": "US"}, status=201)
            yield Office(caller, platform, key, model, mail, carrier, agent["id"])


async def test_a_mail_is_confirmed_and_sent_once(office: Office) -> None:
    skill = await office.skill(EMAIL)
    tried = await office.caller.ask("POST", f"/agents/{office.agent}/skills/{skill['id']}/preview", {"arguments": {"items": "2"}})
    assert (tried["executed"], tried["request"]["mail"]["to"], office.mail.taken) == (False, ["kitchen@shop.example"], [])
    frames = await office.call(skill, '{"items": "2 large", "name": "Ada"}')
    ((to, message),) = office.mail.taken
    assert (to, message["subject"], message["from"]) == (
        ["kitchen@shop.example"],
        "Order from Ada",
        "Tony's Pizza <agent@shop.example>",
    )
    assert message.get_content().splitlines() == ["Items: 2 large", "", "Ada"]
    assert ("succeeded", "Send the order") in calls(frames)
    assert "Shall I go ahead?" in said(frames)


async def test_a_mail_whose_answer_is_lost_is_told_as_unknown(office: Office) -> None:
    skill = await office.skill(EMAIL)
    office.mail.answers = [None]
    frames = await office.call(skill, '{"items": "2"}')
    assert "can't tell whether that went through" in said(frames)
    async with office.platform.database.tenant(office.key.org_id) as session:
        assert await session.scalar(select(OperatorEvent.type)) == "write.unknown"


@pytest.mark.parametrize(
    "arguments",
    [
        '{"items": "x", "to": "thief@evil.example"}',
        '{"items": "x", "recipient": "thief@evil.example"}',
        '{"items": "x", "name": "Ada", "bcc": "thief@evil.example"}',
    ],
)
async def test_nobody_else_gets_the_mail(office: Office, arguments: str) -> None:
    frames = await office.call(await office.skill(EMAIL), arguments)
    assert (office.mail.taken, ("refused", "Send the order") in calls(frames)) == ([], True)


async def test_no_value_becomes_a_header_a_placeholder_or_a_flood(office: Office) -> None:
    skill = await office.skill(EMAIL)
    value = "Ada\\r\\nBcc: thief@evil.example\\r\\n\\r\\n{items} " + "x" * 1500
    await office.call(skill, f'{{"items": "{{name}} {{to}}", "name": "{value[:1400]}"}}')
    ((to, message),) = office.mail.taken
    assert (to, message["bcc"], len(str(message["subject"])) <= 300) == (["kitchen@shop.example"], None, True)
    assert message.get_content().splitlines()[0] == "Items: {name} {to}"


async def test_the_verified_callers_own_address_and_no_other(office: Office) -> None:
    config = {"toCaller": {"source": "verified", "key": "email"}, "subject": "Your booking", "parameters": []}
    skill = await office.skill({**EMAIL, "executionConfig": config})
    frames = await office.call(skill, "{}")
    assert (office.mail.taken, [s for s, _ in calls(frames)]) == ([], ["refused"])
    path = f"/agents/{office.agent}/skills/{skill['id']}/preview"
    tried = await office.caller.ask("POST", path, {"verified": {"email": "ada@example.com"}})
    assert tried["request"]["mail"]["to"] == ["ada@example.com"]
    refusal = await office.caller.refused("POST", path, {"verified": {"email": "a@example.com, b@example.com"}})
    assert refusal["code"] == "value_not_accepted"


@pytest.mark.parametrize(
    ("type", "config"),
    [
        ("email", {"subject": "x"}),
        ("email", {"to": [], "subject": "x"}),
        ("email", {"to": "a@example.com\nBcc: b@example.com", "subject": "x"}),
        ("email", {"to": ["{email}"], "subject": "x", "parameters": [{"name": "email"}]}),
        ("email", {"to": "a@example.com", "subject": "{who}"}),
        ("email", {"toCaller": {"source": "model"}, "subject": "x"}),
        ("email", {"toCaller": {}, "subject": "x", "parameters": [{"name": "recipient"}]}),
        ("sms", {"text": "{who}"}),
        ("sms", {"text": "x", "to": "12"}),
        ("sms", {"text": "x", "to": "{number}", "parameters": [{"name": "number"}]}),
        ("sms", {"text": "x" * 500, "maxSegments": 1}),
        ("take_message", {"notify": {"email": ["nobody"]}}),
        ("take_message", {"notify": {"sms": "1"}}),
        ("take_message", {"to": "a@example.com"}),
    ],
)
async def test_what_is_no_message_is_refused(office: Office, type: str, config: dict[str, Any]) -> None:
    body = {"name": "x", "skillType": type, "executionConfig": config}
    refusal = await office.caller.refused("POST", f"/agents/{office.agent}/skills", body)
    assert refusal["status"] == 400, refusal
    assert all(one["field"].startswith(("executionConfig", "parametersSchema")) for one in refusal["errors"])


async def test_a_text_message_goes_to_the_number_that_rings(office: Office) -> None:
    skill = await office.skill(SMS)
    await office.call(skill, '{"note": "See you"}')
    assert office.carrier.sent == [("+14155550123", "We are at 120 Main St. See you")]
    frames = await office.call(skill, "{}", session={})
    assert ("refused", "Text the directions") in calls(frames)
    frames = await office.call(skill, '{"note": "' + "x" * 900 + '"}')
    assert "too long for a text message" in str(frames)
    frames = await office.call(skill, "{}", session={"callerNumber": UNROUTABLE})
    assert "I can't send that text message right now" in str(frames)
    assert len(office.carrier.sent) == 1


@pytest.mark.parametrize("number", ["anonymous", "Restricted", " Unavailable ", "+266696687", "+86282452253", "86282452253"])
async def test_a_withheld_number_is_no_number(office: Office, number: str) -> None:
    frames = await office.call(await office.skill(SMS), "{}", session={"callerNumber": number})
    assert ("refused", "Text the directions") in calls(frames)
    assert "I can't see who is calling" in said(frames)
    assert office.carrier.sent == []


async def test_a_name_that_cannot_be_kept_is_asked_for_again(office: Office) -> None:
    skill = await office.skill({"name": "Take a message", "skillType": "take_message", "executionConfig": {}})
    for name in ("Ada\\u0000B", "x" * 201, "\\u202eAda", "=?utf-8?q?=0D=0ABcc:_x?="):
        await office.call(skill, f'{{"caller_name": "{name}", "message": "Hi"}}')
    kept = await office.caller.ask("GET", f"/agents/{office.agent}/messages")
    assert [one["callerName"] for one in kept] == ["=?utf-8?q?=0D=0ABcc:_x?=", "\u202eAda"]  # the others were asked for again
    async with office.platform.database.tenant(office.key.org_id) as session:
        assert set(await session.scalars(select(OperatorEvent.type))) == {"message.taken"}


async def test_a_conversation_floods_nobody(office: Office) -> None:
    body = {"name": "Take a message", "skillType": "take_message", "executionConfig": {}}
    made = await office.caller.ask("POST", f"/agents/{office.agent}/skills", body, status=201)
    path = f"/agents/{office.agent}/skills/{made['id']}"
    made = await office.caller.ask("PATCH", path, {"stakes": "low", "requiresConfirmation": False})
    await office.caller.ask("PATCH", path, {"enabled": True, "review": {"digest": made["reviewDigest"]}})
    await office.caller.ask("POST", f"/agents/{office.agent}/publish", status=201)

    async def leave(number: int, conversation: str | None) -> dict[str, Any]:
        wanted: dict[str, Any] = {"arguments": {"caller_name": "Ada", "message": f"Hi {number}"}}
        wanted |= {"conversationId": conversation} if conversation else {}
        return await office.caller.ask("POST", f"{path}/call", wanted)

    first = await leave(0, None)
    answers = [first, *[await leave(number, first["conversationId"]) for number in range(1, SENDS_MOST + 3)]]
    assert [one["code"] for one in answers] == [None] * SENDS_MOST + ["rate_limited"] * 3
    assert len(await office.caller.ask("GET", f"/agents/{office.agent}/messages?limit=100")) == SENDS_MOST
    assert (await leave(0, None))["code"] is None  # another conversation is another caller


async def test_a_carrier_that_is_down_leaves_it_unknown_and_one_that_is_busy_refuses(office: Office) -> None:
    from aiohttp import web

    skill = await office.skill(SMS)
    office.carrier.busy = 1
    assert ("refused", "Text the directions") in calls(await office.call(skill, "{}"))
    office.carrier.broken = web.Response(status=500)
    assert "can't tell whether that went through" in said(await office.call(skill, "{}"))


async def test_a_message_is_kept_and_the_operator_is_told(office: Office, make_key: MakeKey) -> None:
    notify = {"notify": {"email": ["boss@shop.example"], "sms": "415-555-0177"}}
    body = {"name": "Take a message", "skillType": "take_message", "executionConfig": notify}
    skill = await office.skill(body)
    assert skill["executionConfig"] == {"notify": {"email": ["boss@shop.example"], "sms": "+14155550177"}}
    left = '{"caller_name": "Ada", "phone_number": "415 555 0188", "message": "Call\\nback", "urgency": "urgent"}'
    await office.call(skill, left)
    path = f"/agents/{office.agent}/messages"
    (kept,) = await office.caller.ask("GET", path)
    assert (kept["callerName"], kept["phoneNumber"], kept["calledFrom"]) == ("Ada", "+14155550188", "+14155550123")
    assert (kept["message"], kept["urgency"], kept["skillId"]) == ("Call\nback", "urgent", skill["id"])
    assert [to for to, _ in office.mail.taken] == [["boss@shop.example"]]
    assert office.carrier.sent[0][0] == "+14155550177"
    async with office.platform.database.tenant(office.key.org_id) as session:
        event = (await session.scalars(select(OperatorEvent))).one()
    assert (event.type, event.data) == ("message.taken", {"messageId": kept["id"], "urgency": "urgent"})
    stranger = await make_key(org="Globex")
    response = await office.caller.http.get(f"/api/v1{path}", headers=stranger.headers)
    problem(response, 404, "not_found")
    narrow = await make_key("agents:read")
    problem(await office.caller.http.get(f"/api/v1{path}", headers=narrow.headers), 403, "insufficient_scope")


async def test_a_notification_that_fails_loses_no_message(office: Office) -> None:
    body = {
        "name": "Take a message",
        "skillType": "take_message",
        "executionConfig": {"notify": {"email": ["boss@shop.example"]}},
    }
    skill = await office.skill(body)
    office.mail.answers = ["554 no"]
    frames = await office.call(skill, '{"caller_name": "Ada", "message": "Hi"}')
    assert ("succeeded", "Take a message") in calls(frames)
    assert "nobody could be notified" in str(frames)
    assert len(await office.caller.ask("GET", f"/agents/{office.agent}/messages")) == 1


async def test_one_way_of_notifying_that_fails_does_not_stop_the_other(office: Office) -> None:
    notify = {"notify": {"email": ["boss@shop.example"], "sms": "+14155550177"}}
    skill = await office.skill({"name": "Take a message", "skillType": "take_message", "executionConfig": notify})
    office.mail.answers = ["554 no"]
    left = '{"caller_name": "Ada", "phone_number": "415 555 0188", "message": "' + "😀" * 900 + '"}'
    assert "nobody could be notified" in str(await office.call(skill, left))
    ((to, text),) = office.carrier.sent
    assert (to, text.startswith("Message for Tony's Pizza from Ada (+14155550188): 😀"), segments(text)) == (
        "+14155550177",
        True,
        3,
    )


async def test_one_message_under_one_key_however_often_it_is_repeated(office: Office) -> None:
    from patchbay.agent_runtime.freezing import unseal_call
    from patchbay.agent_runtime.tables import Skill
    from patchbay.schema_graph.call import CallContext

    skill = await office.skill({"name": "Take a message", "skillType": "take_message", "executionConfig": {}})
    async with office.platform.database.tenant(office.key.org_id) as session:
        row = await session.get_one(Skill, skill["id"])
        assert row.call is not None
        call = unseal_call(row.call, row.digest or "", row.name)
    context = CallContext(arguments={"caller_name": "Ada", "message": "Hi"}, idempotency_key="pb_1")
    runs = [office.platform.runtime.runner.run(office.key.org_id, call, context) for _ in range(6)]
    assert {r.outcome for r in await asyncio.gather(*runs)} == {"done"}
    for key, kept in (("pb_1", True), ("pb_2", False), (None, False)):  # as whoever finds a killed process's write asks
        asked = msgspec.structs.replace(context, idempotency_key=key)
        assert await office.platform.runtime.runner.settle(office.key.org_id, call, asked) is kept
    assert len(await office.caller.ask("GET", f"/agents/{office.agent}/messages")) == 1


async def test_without_a_server_it_is_made_with_a_warning_and_refused(caller: Caller) -> None:
    for body, code in ((EMAIL, "mail_not_configured"), (SMS, "sms_not_configured")):
        agent = await caller.ask("POST", "/agents", {"name": code}, status=201)
        skill = await caller.ask("POST", f"/agents/{agent['id']}/skills", body, status=201)
        assert code in [one["code"] for one in skill["warnings"]]
        lax = {"stakes": "low", "requiresConfirmation": False}
        skill = await caller.ask("PATCH", f"/agents/{agent['id']}/skills/{skill['id']}", lax)
        review = {"enabled": True, "review": {"digest": skill["reviewDigest"]}}
        skill = await caller.ask("PATCH", f"/agents/{agent['id']}/skills/{skill['id']}", review)
        await caller.ask("POST", f"/agents/{agent['id']}/publish", status=201)
        arguments = {"arguments": {"items": "2"} if body is EMAIL else {}, "session": CALLER}
        answer = await caller.ask("POST", f"/agents/{agent['id']}/skills/{skill['slug']}/call", arguments)
        assert (answer["status"], answer["code"]) == ("refused", code)
