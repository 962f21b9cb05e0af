"""The guide "Connect a SQL database" and the SQL part of "Map an integration's fields", request for request."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.guides.conftest import Caller, calls, said
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio

APPDB = """
CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, ssn text, card_last4 text);
CREATE TABLE appointments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id bigint REFERENCES customers (id),
    phone text, starts_at timestamptz NOT NULL, status text NOT NULL);
CREATE INDEX ON appointments (phone);
CREATE TABLE payments (id bigint PRIMARY KEY, customer_id bigint REFERENCES customers (id), amount numeric(10, 2));
INSERT INTO customers (name, ssn, card_last4) VALUES ('Ada Byron', '078-05-1120', '4242'), ('Alan T', '219-09-9999', '1881');
INSERT INTO appointments (customer_id, phone, starts_at, status) VALUES
    (1, '+14155550132', '2031-03-04 17:30+00', 'confirmed'), (2, '(415) 555-0199', '2031-03-05 09:00+00', 'cancelled');
ANALYZE;
"""

BINDING: dict[str, Any] = {
    "toolName": "Look up an appointment",
    "description": "Find the caller's appointment by phone and read back the time and status.",
    "operation": "appointments.read",
    "inputs": [{"param": "caller_phone", "arg": "phone", "required": True}],
    "projection": [
        {"path": ["appointment", "starts_at"], "leaf": "appointment_time"},
        {"path": ["appointment", "status"], "leaf": "appointment_status"},
    ],
    "enabled": True,
}


async def test_the_guide(caller: Caller, tls_postgres: PostgresServer) -> None:
    database = tls_postgres.create_database(sql=APPDB)["database"]

    scripts = await caller.ask("GET", f"/integrations/postgres/sql/scripts?database={database}")
    assert scripts["readOnly"]["sql"]
    tls_postgres.psql(database, scripts["readOnly"]["sql"])
    credentials = tls_postgres.credentials(database, scripts["readOnly"]["role"], scripts["generatedPassword"])
    credentials["port"] = str(credentials["port"])

    tested = await caller.ask("POST", "/integrations/postgres/sql/test", {"credentials": credentials})
    assert tested["ok"], [check for check in tested["checks"] if check["status"] not in ("passed", "skipped")]
    assert await caller.ask("GET", "/integrations") == []
    connected = await caller.ask("POST", "/integrations/postgres/connect", {"credentials": credentials, "defaultCountry": "US"})
    assert connected["status"] == "connected"
    assert scripts["generatedPassword"] not in str(connected)

    summary = await caller.ask("POST", "/integrations/postgres/discover")
    assert (summary["objectCount"], summary["fieldCount"]) == (3, 12)
    scoping = {"blockedTables": ["payments"], "blockedColumns": {"customers": ["ssn", "card_last4"]}}
    await caller.ask("PATCH", "/integrations/postgres/scoping", scoping)
    for path in ("/schema", "/objects", "/operations?readOnly=false", "/objects/customers", "/search?q=ssn%20card%20payments"):
        answer = str(await caller.ask("GET", f"/integrations/postgres{path}"))
        assert "ssn" not in answer, path
        assert "card_last4" not in answer, path
        assert "payment" not in answer.replace("payment_card", ""), path
    found = await caller.ask("GET", "/integrations/postgres/search?q=appointment%20status")
    assert found[0]["object"] == "appointments"

    agent = (await caller.ask("POST", "/agents", {"name": "Acme Support"}, status=201))["id"]
    skill = await caller.ask("POST", f"/agents/{agent}/integrations/postgres/bindings", BINDING, status=201)
    assert (skill["name"], skill["skillType"], skill["enabled"]) == ("Look up an appointment", "postgres", True)
    assert [warning["code"] for warning in skill["warnings"]] == ["model_chosen_identity"]
    assert "SELECT" not in str(skill)

    blocked = {**BINDING, "toolName": "Leak", "projection": [{"path": ["customer", "ssn"], "leaf": "number"}]}
    refusal = await caller.refused("POST", f"/agents/{agent}/integrations/postgres/bindings", blocked)
    assert refusal["status"] == 422
    assert "card_last4" not in str(refusal)

    asked = {"message": "Hi, can you tell me when my appointment is?", "draftMode": False}
    early = await caller.refused("POST", f"/agents/{agent}/simulate", asked)
    assert (early["status"], early["code"]) == (409, "no_published_version")
    version = await caller.ask("POST", f"/agents/{agent}/publish", status=201)
    assert version["version"] == 1

    first = await caller.simulate(agent, **asked)
    assert "phone" in said(first).lower()
    assert calls(first) == []
    frames = await caller.simulate(agent, transcript=[asked["message"], "It is 415-555-0132"], draftMode=False)
    assert calls(frames) == [("started", "Look up an appointment"), ("succeeded", "Look up an appointment")]
    assert "confirmed" in said(frames)
    assert "5:30 PM" in said(frames)
    assert frames[-1][0] == "done"


async def test_a_caller_whose_number_the_channel_knows_is_not_asked_for_it(caller: Caller, tls_postgres: PostgresServer) -> None:
    await caller.connect(tls_postgres.create_database(sql=APPDB), defaultCountry="US")
    agent = (await caller.ask("POST", "/agents", {"name": "Acme", "timeZone": "America/Los_Angeles"}, status=201))["id"]
    binding = {**BINDING, "inputs": [{"param": "caller_phone", "arg": "phone", "required": True, "source": "session"}]}
    skill = await caller.ask("POST", f"/agents/{agent}/integrations/postgres/bindings", binding, status=201)
    assert skill["warnings"] == []
    frames = await caller.simulate(
        agent, message="When is my appointment?", session={"callerNumber": "+1 415 555 0199", "callerName": "Alan"}
    )
    assert calls(frames)[-1] == ("succeeded", "Look up an appointment")
    assert "1:00 AM" in said(frames)
    assert "cancelled" in said(frames)
