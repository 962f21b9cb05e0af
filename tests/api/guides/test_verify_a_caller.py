"""The guide "Verify a caller before disclosure", request for request, with a verifier that is bound to a database."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.guides.conftest import Caller, calls, said
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
