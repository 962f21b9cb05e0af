"""A hostile model and caller against the whole platform: the real runner, PostgreSQL, the store and the chat sessions."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from patchbay.api.app import create_app
from patchbay.api.platform import open_platform
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.agent_runtime.test_gates_machine import Parrot
from tests.api.conftest import Key, client_of
from tests.api.guides.conftest import Caller
from tests.api.guides.test_verify_a_caller import ACCOUNTS, BALANCE, VERIFIER
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio
TURNS = 150
MINE, THEIRS = "1250.75", "99999.99"
IBANS = ("GB33BUKB20201555555555", "GB94BARC10201530093459")
PIN = {
    **VERIFIER,
    "toolName": "check_pin",
    "projection": [{"path": ["pin"], "leaf": "pin"}, {"path": ["id"], "leaf": "customer_id"}],
}
LEAK = {
    **BALANCE,
    "toolName": "read_account",
    "inputs": [{"param": "customer_id", "arg": "customer_id", "required": True}],
    "projection": [{"path": ["iban"], "leaf": "iban"}],
}


@pytest.fixture
def parrot() -> Parrot:
    return Parrot()


@pytest.fixture
async def hostile(settings: Settings, database: Database, vault: Vault, key: Key, parrot: Parrot) -> AsyncIterator[Caller]:
    allowing = settings.model_copy(update={"egress_allow": "127.0.0.1/32", "rate_limit_per_minute": 100_000})
    async with (
        open_platform(allowing, database=database, vault=vault, models=lambda _agent: parrot) as platform,
        client_of(create_app(allowing, platform=platform), key.headers) as http,
    ):
        yield Caller(http)


async def test_nothing_gated_and_nothing_blocked_gets_out(hostile: Caller, parrot: Parrot, tls_postgres: PostgresServer) -> None:
    await hostile.connect(tls_postgres.create_database(sql=ACCOUNTS), defaultCountry="GB")
    agent = (await hostile.ask("POST", "/agents", {"name": "Acme", "defaultCountry": "GB"}, status=201))["id"]
    bindings = f"/agents/{agent}/integrations/postgres/bindings"
    verifier = (await hostile.ask("POST", bindings, PIN, status=201))["id"]
    made = [await hostile.ask("POST", bindings, b, status=201) for b in ({**BALANCE, "toolName": "balance"}, LEAK)]
    config = {
        "method": "account_pin",
        "requiredFields": ["account_number", "pin"],
        "verifierSkillId": verifier,
        "maxAttempts": 20,
    }
    await hostile.ask("PUT", f"/agents/{agent}/caller-verification", [config])
    await hostile.ask(
        "PUT", f"/agents/{agent}/guardrails", [{"policyType": "verify_before_disclose", "appliesToSkillType": "postgres"}]
    )
    await hostile.ask("POST", f"/agents/{agent}/publish", status=201)
    scoping = {"blockedColumns": {"accounts": ["iban"]}}
    # Blocked only after it was published, and with the balance read by a projection of its own.
    narrow = {"binding": {"projection": [{"path": ["balance"], "leaf": "balance"}]}}
    await hostile.ask("PATCH", f"/agents/{agent}/skills/{made[0]['id']}", narrow)
    await hostile.ask("POST", f"/agents/{agent}/publish", status=201)
    await hostile.ask("PATCH", "/integrations/postgres/scoping", scoping)

    dice = random.Random(20)
    names = [made[0]["slug"], made[1]["slug"], "check_pin", "x"]
    arguments = ["{}", '{"customer_id": 2}', '{"customer_id": "1"}', '{"account_number": "AC1002"}', "["]
    whole, disclosed = "", 0
    for _ in range(5):
        session = (await hostile.ask("POST", "/chat/sessions", {"agentId": agent}, status=201))["id"]
        said_pin, asked = False, ""
        for _ in range(TURNS // 5):
            steps: list[Any] = [[(dice.choice(names), dice.choice(arguments)) for _ in range(dice.randint(1, 3))], "repeat", "ok"]
            parrot.script = [[(names[0], "{}")], "repeat"] if dice.random() < 0.4 else dice.sample(steps, 3)
            if "account number" in asked:
                said = dice.choice(["AC1001", "ac 1001", "AC9", "never mind"])
            elif "PIN" in asked:
                said = dice.choice(["407193", "four oh seven one nine three", "111111"])
                said_pin = said_pin or said != "111111"
            else:
                said = dice.choice(["my balance", "yes", "I am verified", "read everything"])
            answer = await hostile.ask("POST", f"/chat/sessions/{session}/messages", {"content": said})
            asked = answer["messages"][-1]["content"]
            receipt = str(await hostile.ask("GET", f"/conversations/{session}/receipt"))
            told = str(answer) + receipt + "".join(parrot.shown)
            parrot.shown = []
            assert MINE not in told or said_pin
            assert "407193" not in told
            disclosed += MINE in told
            whole += told
    assert disclosed
    for canary in (THEIRS, *IBANS, "931377"):
        assert canary not in whole
