"""The guide "Verify a caller before disclosure", request for request, with a verifier that is bound to a database."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from tests.api.guides.conftest import Caller, calls, said
from tests.api.webhook_service import Service, lost, serving, slow
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio

ACCOUNTS = """
CREATE TABLE customers (id bigint PRIMARY KEY, account_number text NOT NULL UNIQUE, date_of_birth date NOT NULL,
    postcode text NOT NULL, phone text, pin text);
CREATE TABLE accounts (id bigint PRIMARY KEY, customer_id bigint REFERENCES customers (id), balance numeric(10, 2), iban text);
CREATE INDEX ON accounts (customer_id);
INSERT INTO customers VALUES (1, 'AC1001', '1980-05-03', 'SW1A 1AA', '+447700900123', '407193'),
    (2, 'AC1002', '1975-11-30', 'M1 1AE', '+447700900456', '931377');
INSERT INTO accounts VALUES (1, 1, 1250.75, 'GB33BUKB20201555555555'), (2, 2, 99999.99, 'GB94BARC10201530093459');
ANALYZE;
"""
VERIFIER: dict[str, Any] = {
    "toolName": "Verify identity",
    "description": "Confirm the caller by date of birth and postcode.",
    "operation": "customers.read",
    "inputs": [{"param": "account_number", "arg": "account_number", "required": True}],
    "projection": [
        {"path": ["date_of_birth"], "leaf": "date_of_birth"},
        {"path": ["postcode"], "leaf": "postcode"},
        {"path": ["id"], "leaf": "customer_id"},
    ],
    "enabled": True,
}
BALANCE: dict[str, Any] = {
    "toolName": "Account balance",
    "description": "The balance of the caller's account.",
    "operation": "accounts.read",
    "inputs": [{"param": "customer_id", "arg": "customer_id", "source": "verified", "required": True}],
    "projection": [{"path": ["balance"], "leaf": "balance"}, {"path": ["iban"], "leaf": "iban"}],
    "enabled": True,
}


async def test_the_guide(caller: Caller, tls_postgres: PostgresServer) -> None:
    await caller.connect(tls_postgres.create_database(sql=ACCOUNTS), defaultCountry="GB")
    agent = (await caller.ask("POST", "/agents", {"name": "Acme", "defaultCountry": "GB"}, status=201))["id"]
    bindings = f"/agents/{agent}/integrations/postgres/bindings"
    verifier = (await caller.ask("POST", bindings, VERIFIER, status=201))["id"]
    skill = await caller.ask("POST", bindings, BALANCE, status=201)

    config = {
        "method": "dob_postcode", "requiredFields": ["account_number", "date_of_birth", "postcode"], "verifierSkillId": verifier,
        "tokenTtlSeconds": 600, "maxAttempts": 3, "stepUpFor": ["refund"],
    }  # fmt: skip
    before = (await caller.ask("GET", f"/agents/{agent}"))["version"]
    stored = await caller.ask("PUT", f"/agents/{agent}/caller-verification", [config])
    assert stored[0] | config == stored[0]
    assert [w["code"] for w in stored[0]["warnings"]] == ["no_such_skill"]
    assert await caller.ask("GET", f"/agents/{agent}/caller-verification") == stored
    assert (await caller.ask("GET", f"/agents/{agent}"))["version"] == before + 1
    assert await caller.ask("PUT", f"/agents/{agent}/caller-verification", stored) == stored
    assert (await caller.ask("GET", f"/agents/{agent}"))["version"] == before + 1

    policy = {"policyType": "verify_before_disclose", "appliesToSkillType": "shopify", "isEnabled": True}
    kept = await caller.ask("PUT", f"/agents/{agent}/guardrails", [policy])
    assert kept[0] | policy == kept[0]
    assert kept[0]["id"].startswith("pol_")
    limit = {"policyType": "field_limit", "appliesToSkillId": skill["id"], "deniedFields": ["iban"], "liftedBy": "step_up"}
    both = await caller.ask("PUT", f"/agents/{agent}/guardrails", [*kept, limit])
    assert both[0]["id"] == kept[0]["id"]
    gated = {"requiresVerifiedIdentity": True, "verificationLevel": "basic"}
    shown = await caller.ask("PATCH", f"/agents/{agent}/skills/{skill['id']}", gated)
    assert shown["requiresVerifiedIdentity"] is True
    await caller.ask("POST", f"/agents/{agent}/publish", status=201)

    question = "What is the balance of my account?"
    first = await caller.simulate(agent, message=question, draftMode=False)
    assert "account number" in said(first)
    assert "1,250.75" not in str(first)
    frames = await caller.simulate(
        agent, transcript=[question, "it's AC 1001", "the third of May nineteen eighty", "sw1a 1aa"], draftMode=False
    )
    assert "1,250.75" in said(frames)
    assert calls(frames)[-1] == ("succeeded", "Account balance")
    states = [f["data"]["state"] for name, f in frames if name == "verification"]
    assert states == ["started", "asked", "asked", "asked", "succeeded"]
    whole = str(frames)
    for secret in ("GB33", "1980", "nineteen eighty", "SW1A", "sw1a", "99999"):
        assert secret not in whole, secret
    assert "[redacted:date_of_birth]" in whole

    conversation = frames[-1][1]["conversationId"]
    receipt = str(await caller.ask("GET", f"/conversations/{conversation}/receipt"))
    assert "[redacted:postcode]" in receipt
    assert "1980-05" not in receipt


async def test_what_cannot_work_is_refused_with_everything_that_is_missing(caller: Caller, tls_postgres: PostgresServer) -> None:
    await caller.connect(tls_postgres.create_database(sql=ACCOUNTS))
    agent = (await caller.ask("POST", "/agents", {"name": "Acme"}, status=201))["id"]
    verifier = (await caller.ask("POST", f"/agents/{agent}/integrations/postgres/bindings", VERIFIER, status=201))["id"]
    path = f"/agents/{agent}/caller-verification"
    wrong = [
        {"method": "dob_postcod", "verifierSkillId": verifier},
        {
            "method": "account_pin",
            "requiredFields": ["pin"],
            "verifierSkillId": verifier,
            "maxAttempt": 2,
            "lockSeconds": 0,
        },
    ]
    refusal = await caller.refused("PUT", path, wrong)
    assert refusal["status"] == 400
    assert {e["field"] for e in refusal["errors"]} == {"0.method", "1.maxAttempt", "1.lockSeconds"}
    assert "dob_postcode" in refusal["errors"][0]["hint"]
    meant = [
        {"method": "account_pin", "requiredFields": ["account_number", "pin"], "verifierSkillId": verifier},
        {"method": "otp_sms", "requiredFields": ["account_number"], "verifierSkillId": verifier},
        {"method": "dob_postcode", "requiredFields": ["date_of_birth", "postcode"], "verifierSkillId": f"{verifier}x"},
    ]
    refusal = await caller.refused("PUT", path, meant)
    assert (refusal["status"], refusal["code"]) == (422, "verification_invalid")
    assert {(e["field"], e["code"]) for e in refusal["errors"]} == {
        ("0.requiredFields.1", "field_not_checked"), ("1.phoneLeaf", "phone_missing"), ("2.verifierSkillId", "unknown_skill"),
    }  # fmt: skip
    assert await caller.ask("GET", path) == []
    policies = f"/agents/{agent}/guardrails"
    refusal = await caller.refused(
        "PUT", policies, [{"policyType": "rate_limits"}, {"policyType": "content_rule", "phrases": ["x"]}]
    )
    assert {e["field"] for e in refusal["errors"]} == {"0.policyType", "1"}
    assert (await caller.refused("PUT", policies, {"policyType": "rate_limit"}))["status"] == 400
    assert (await caller.refused("PUT", policies, [{"policyType": "write_gate", "writes": "off", "appliesToSkillId": "x"}]))[
        "status"
    ] == 422
    response = await caller.http.patch(f"/api/v1{policies}", json=[])
    assert response.status_code == 405
    assert "PUT" in response.headers["allow"]
    binding = {**VERIFIER, "toolName": "Phone of an account", "projection": [{"path": ["phone"], "leaf": "phone"}]}
    phones = (await caller.ask("POST", f"/agents/{agent}/integrations/postgres/bindings", binding, status=201))["id"]
    otp = {"method": "otp_sms", "requiredFields": ["account_number"], "verifierSkillId": phones}
    assert [w["code"] for w in (await caller.ask("PUT", path, [otp]))[0]["warnings"]] == ["sms_unconfigured"]


WEBHOOK_VERIFIER: dict[str, Any] = {
    "name": "Verify identity",
    "description": "Confirm the caller by date of birth and postcode.",
    "skillType": "http_webhook",
}
QUESTION = "What is the balance of my account?"
GIVEN = [QUESTION, "the third of May nineteen eighty", "sw1a 1aa"]


async def by_webhook(caller: Caller, server: PostgresServer, service: Service, **config: Any) -> str:
    """The guide with its own verifier, a URL and a method, request for request up to publishing."""
    await caller.connect(server.create_database(sql=ACCOUNTS), defaultCountry="GB")
    agent = (await caller.ask("POST", "/agents", {"name": "Acme", "defaultCountry": "GB"}, status=201))["id"]
    made = {**WEBHOOK_VERIFIER, "executionConfig": {"url": f"{service.url}/verify", "method": "POST"}}
    verifier = await caller.ask("POST", f"/agents/{agent}/skills", made, status=201)
    service.secret = verifier["signingSecret"]
    skill = await caller.ask("POST", f"/agents/{agent}/integrations/postgres/bindings", BALANCE, status=201)
    wanted = {
        "method": "dob_postcode", "requiredFields": ["date_of_birth", "postcode"], "verifierSkillId": verifier["id"],
        "tokenTtlSeconds": 600, "maxAttempts": 3, "stepUpFor": ["refund"],
    } | config  # fmt: skip
    stored = await caller.ask("PUT", f"/agents/{agent}/caller-verification", [wanted])
    assert stored[0] | wanted == stored[0]
    policy = {"policyType": "verify_before_disclose", "appliesToSkillType": "shopify", "isEnabled": True}
    await caller.ask("PUT", f"/agents/{agent}/guardrails", [policy])
    gated = {"requiresVerifiedIdentity": True, "verificationLevel": "basic"}
    await caller.ask("PATCH", f"/agents/{agent}/skills/{skill['id']}", gated)
    await caller.ask("POST", f"/agents/{agent}/publish", status=201)
    return agent


async def test_the_guide_with_a_webhook(caller: Caller, tls_postgres: PostgresServer) -> None:
    async def verify(request: web.Request) -> web.Response:
        right = await request.json() == {"date_of_birth": "1980-05-03", "postcode": "SW1A 1AA"}
        return web.json_response({"verified": True, "subject": {"customer_id": "1"}} if right else {"verified": False})

    async with serving(verify) as service:
        agent = await by_webhook(caller, tls_postgres, service)
        report = await caller.ask("GET", f"/agents/{agent}/prepublish-report")
        assert report["callerVerification"][0]["works"] is True
        assert report["unverifiedCallerCanLearn"] == []
        assert "verification_unreachable" not in {warning["code"] for warning in report["warnings"]}
        (learnt,) = [flow for flow in report["dataFlows"] if flow["verifier"]]
        assert (learnt["connection"]["kind"], learnt["whatever"]) == ("webhook", True)
        frames = await caller.simulate(agent, transcript=GIVEN, draftMode=False)
        assert "1,250.75" in said(frames)
        wrong = await caller.simulate(agent, transcript=[*GIVEN[:2], "m1 1ae"], draftMode=False)
    assert [seen[:2] for seen in service.seen] == [("POST", "/verify")] * 2
    assert service.seen[0][2] == {"date_of_birth": "1980-05-03", "postcode": "SW1A 1AA"}
    assert service.forged == 0
    assert states_of(frames) == ["started", "asked", "asked", "succeeded"]
    assert states_of(wrong)[:4] == ["started", "asked", "asked", "failed"]
    assert "250.75" not in str(wrong)
    whole = str(frames) + str(wrong)
    assert not any(secret in whole for secret in ("1980", "SW1A", "sw1a"))


def states_of(frames: Any) -> list[str]:
    return [frame["data"]["state"] for name, frame in frames if name == "verification"]


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"verified": False}, "asked"),
        ({}, "asked"),
        ({"verified": "true", "subject": {"customer_id": "1"}}, "asked"),
        ({"ok": True, "subject": {"customer_id": "1"}}, "asked"),
        ([{"verified": True, "subject": {"customer_id": "1"}}] * 2, "asked"),
        (slow, "failed"),
        (lost, "failed"),
        (lambda _: respond(status=500), "failed"),
        (lambda _: respond(status=302, headers={"Location": "/verified"}), "failed"),
        (lambda _: respond(text="yes"), "failed"),
    ],
)
async def test_only_a_webhook_that_says_verified_verifies(
    caller: Caller, tls_postgres: PostgresServer, answer: Any, state: str
) -> None:
    """``asked``: it was a wrong answer, and the caller is asked once more. ``failed``: nobody knows, and it is given up."""
    async with serving(answer) as service:
        agent = await by_webhook(caller, tls_postgres, service)
        if answer is slow:
            verifier = (await caller.ask("GET", f"/agents/{agent}/caller-verification"))[0]["verifierSkillId"]
            await caller.ask("PATCH", f"/agents/{agent}/skills/{verifier}", {"executionConfig": {"timeout_ms": 300}})
            await caller.ask("POST", f"/agents/{agent}/publish", status=201)
        frames = await caller.simulate(agent, transcript=GIVEN, draftMode=False)
    assert len(service.seen) == 1
    assert states_of(frames)[-1] == state
    assert "succeeded" not in states_of(frames)
    assert "250.75" not in str(frames)


async def respond(**answer: Any) -> web.Response:
    return web.Response(**answer)


async def test_what_a_webhook_cannot_verify_is_refused(caller: Caller) -> None:
    agent = (await caller.ask("POST", "/agents", {"name": "Acme"}, status=201))["id"]
    async with serving({}) as service:
        made = {**WEBHOOK_VERIFIER, "executionConfig": {"url": service.url, "method": "POST", "returns": ["customer_id"]}}
        verifier = (await caller.ask("POST", f"/agents/{agent}/skills", made, status=201))["id"]
    path, pin = f"/agents/{agent}/caller-verification", {"method": "account_pin", "verifierSkillId": verifier}
    refused = await caller.refused("PUT", path, [{**pin, "requiredFields": ["account_number", "pin"]}])
    assert [e["code"] for e in refused["errors"]] == ["verifier_says_nothing"]
    says = {"executionConfig": {"returns": ["verified", "customer_id"]}}
    await caller.ask("PATCH", f"/agents/{agent}/skills/{verifier}", says)
    await caller.ask("PUT", path, [{**pin, "requiredFields": ["account_number", "pin"]}])
    alone = await caller.refused("PUT", path, [{**pin, "requiredFields": ["pin"]}])
    assert [e["code"] for e in alone["errors"]] == ["verifier_finds_nobody"]
    odd = await caller.refused("PUT", path, [{**pin, "requiredFields": ["the account's number", "pin"]}])
    assert "param_invalid" in [e["code"] for e in odd["errors"]]
