"""What a change of the connected database means to live skills: discovered, judged, paused alone, told once, mended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from patchbay.agent_runtime.freezing import unseal_call
from patchbay.agent_runtime.tables import Skill
from patchbay.api.platform import Platform
from patchbay.connectors import discovery
from patchbay.connectors.refusals import SchemaChanged
from patchbay.schema_graph.call import CallContext, CallResult
from tests.api.conftest import Key
from tests.api.guides.conftest import Caller
from tests.servers.mariadb import MariaDbServer
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio

POSTGRES = """
CREATE TYPE state AS ENUM ('confirmed', 'cancelled');
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, email varchar(80) CONSTRAINT one_email UNIQUE);
CREATE TABLE appointments (id int PRIMARY KEY, customer_id int REFERENCES customers, phone varchar(20),
    starts_at timestamptz NOT NULL, status state NOT NULL, note varchar(40));
CREATE INDEX by_phone ON appointments (phone);
INSERT INTO customers VALUES (1, 'Ada Byron', 'ada@example.com');
INSERT INTO appointments VALUES (1, 1, '+14155550132', '2031-03-04 17:30Z', 'confirmed', 'Bring the card.');
"""
MYSQL = """
CREATE TABLE customers (id int PRIMARY KEY, name varchar(60) NOT NULL, email varchar(80), UNIQUE KEY one_email (email));
CREATE TABLE appointments (id int PRIMARY KEY, customer_id int, phone varchar(20), starts_at timestamp NOT NULL,
    status enum('confirmed', 'cancelled') NOT NULL, note varchar(40), KEY by_phone (phone),
    FOREIGN KEY (customer_id) REFERENCES customers (id));
INSERT INTO customers VALUES (1, 'Ada Byron', 'ada@example.com');
INSERT INTO appointments VALUES (1, 1, '+14155550132', '2031-03-04 17:30', 'confirmed', 'Bring the card.');
"""
APPOINTMENT: dict[str, Any] = {
    "toolName": "Look up an appointment",
    "operation": "appointments.read",
    "inputs": [{"param": "caller_phone", "arg": "phone", "required": True, "source": "session", "key": "caller_number"}],
    "projection": [
        {"path": ["appointment", "starts_at"], "leaf": "time"},
        {"path": ["appointment", "status"], "leaf": "status"},
        {"path": ["appointment", "note"], "leaf": "note", "optional": True},
    ],
    "enabled": True,
}
CUSTOMER: dict[str, Any] = {
    "toolName": "Find the customer",
    "operation": "customers.read",
    "inputs": [{"param": "email", "arg": "email", "required": True}],
    "projection": [{"path": ["name"], "leaf": "name"}],
    "enabled": True,
}
ARGUMENTS = {"Find the customer": {"email": "ada@example.com"}}


@dataclass
class Desk:
    """A published agent with two skills on one database. ``run`` runs a skill's live call."""

    caller: Caller
    patchbay: Platform
    org: str
    kind: str
    agent: str
    skills: dict[str, str]

    async def run(self, name: str) -> CallResult:
        async with self.patchbay.database.tenant(self.org) as session:
            row = await session.scalar(select(Skill).where(Skill.id == self.skills[name]))
        assert row is not None
        assert row.call is not None
        context = CallContext(arguments=ARGUMENTS.get(name, {}), session={"caller_number": "+14155550132"})
        return await self.patchbay.runner.run(self.org, unseal_call(row.call, row.digest or "", row.name), context)

    async def discover(self) -> None:
        await self.caller.ask("POST", f"/integrations/{self.kind}/discover")

    async def drift(self) -> dict[str, dict[str, Any]]:
        found = await self.caller.ask("GET", f"/integrations/{self.kind}/drift")
        return {entry["name"]: entry for entry in found["skills"]}

    async def events(self) -> list[dict[str, Any]]:
        return (await self.caller.ask("GET", f"/integrations/{self.kind}/drift"))["events"]


async def desk(caller: Caller, patchbay: Platform, key: Key, kind: str, credentials: dict[str, Any], *bindings: Any) -> Desk:
    body = {"credentials": credentials, "defaultCountry": "US"}
    await caller.ask("POST", f"/integrations/{kind}/connect", body)
    await caller.ask("POST", f"/integrations/{kind}/discover")
    agent = (await caller.ask("POST", "/agents", {"name": "Desk"}, status=201))["id"]
    path = f"/agents/{agent}/integrations/{kind}/bindings"
    made = [await caller.ask("POST", path, binding, status=201) for binding in bindings or (APPOINTMENT, CUSTOMER)]
    await caller.ask("POST", f"/agents/{agent}/publish", status=201)
    return Desk(caller, patchbay, key.org_id, kind, agent, {skill["name"]: skill["id"] for skill in made})


CASES: dict[str, tuple[str, str, str, str | None, Any]] = {
    "an unrelated column": ("ALTER TABLE customers ADD vip int", "unchanged", "unchanged", None, None),
    "a comment": ("COMMENT ON COLUMN appointments.note IS 'Words.'", "cosmetic", "unchanged", "texts_changed", None),
    "a value more": ("ALTER TYPE state ADD VALUE 'done'", "cosmetic", "unchanged", "values_changed", None),
    "an output widened": ("ALTER TABLE appointments ALTER note TYPE varchar(80)", "cosmetic", "unchanged", "widened", None),
    "a filter widened": ("ALTER TABLE appointments ALTER phone TYPE text", "cosmetic", "unchanged", "widened", None),
    "never empty": ("ALTER TABLE appointments ALTER note SET NOT NULL", "cosmetic", "unchanged", "nullable_changed", None),
    "the index": ("DROP INDEX by_phone", "degraded", "unchanged", "index_gone", None),
    "an optional column": ("ALTER TABLE appointments DROP note", "degraded", "unchanged", "field_gone", None),
    "an optional column's type": (
        "ALTER TABLE appointments ALTER note TYPE int USING 1", "degraded", "unchanged", "type_changed", None,
    ),
    "an optional column's name": (
        "ALTER TABLE appointments RENAME note TO notes", "degraded", "unchanged", "field_gone",
        [{"field": "projection.2.path", "before": ["appointment", "note"], "after": ["notes"]}],
    ),
    "a column": ("ALTER TABLE appointments DROP status", "broken", "unchanged", "field_gone", None),
    "a column's type": (
        "ALTER TABLE appointments ALTER starts_at TYPE date", "broken", "unchanged", "type_changed", None,
    ),
    "a filter's type": (
        "ALTER TABLE appointments ALTER phone TYPE numeric USING 1", "broken", "unchanged", "type_changed", None,
    ),
    "a column's name": (
        "ALTER TABLE appointments RENAME starts_at TO start_at", "broken", "unchanged", "field_gone",
        [{"field": "projection.0.path", "before": ["appointment", "starts_at"], "after": ["start_at"]}],
    ),
    "a filter's name": (
        "ALTER TABLE appointments RENAME phone TO phone_number", "broken", "unchanged", "field_gone",
        [{"field": "inputs.0.arg", "before": "phone", "after": "phone_number"}],
    ),
    "a table's name": (
        "ALTER TABLE appointments RENAME TO appointment_list", "broken", "unchanged", "operation_gone",
        [
            {"field": "operation", "before": "appointments.read", "after": "appointment_list.read"},
            {"field": "projection.0.path", "before": ["appointment", "starts_at"], "after": ["starts_at"]},
            {"field": "projection.1.path", "before": ["appointment", "status"], "after": ["status"]},
            {"field": "projection.2.path", "before": ["appointment", "note"], "after": ["note"]},
        ],
    ),
    "the unique key": ("ALTER TABLE customers DROP CONSTRAINT one_email", "unchanged", "broken", "key_gone", None),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
async def test_each_change_of_a_postgres_schema_means_one_thing(
    caller: Caller, patchbay: Platform, key: Key, tls_postgres: PostgresServer, case: str
) -> None:
    change, first, second, code, renamed = CASES[case]
    credentials = tls_postgres.create_database(sql=POSTGRES)
    made = await desk(caller, patchbay, key, "postgres", credentials)
    assert {e["status"] for e in (await made.drift()).values()} == {"unchanged"}
    tls_postgres.execute(credentials["database"], change)
    await made.discover()
    await check(made, {"Look up an appointment": first, "Find the customer": second}, code, renamed)


MYSQL_CASES: dict[str, tuple[str, str, str, str | None, Any]] = {
    "a value more": (
        "ALTER TABLE appointments MODIFY status enum('confirmed', 'cancelled', 'done') NOT NULL",
        "cosmetic", "unchanged", "values_changed", None,
    ),
    "an output widened": ("ALTER TABLE appointments MODIFY note varchar(80)", "cosmetic", "unchanged", "widened", None),
    "the index": ("ALTER TABLE appointments DROP KEY by_phone", "degraded", "unchanged", "index_gone", None),
    "an optional column": ("ALTER TABLE appointments DROP note", "degraded", "unchanged", "field_gone", None),
    "a column": ("ALTER TABLE appointments DROP status", "broken", "unchanged", "field_gone", None),
    "a column's name": (
        "ALTER TABLE appointments CHANGE starts_at start_at timestamp NOT NULL", "broken", "unchanged", "field_gone",
        [{"field": "projection.0.path", "before": ["appointment", "starts_at"], "after": ["start_at"]}],
    ),
    "the unique key": ("ALTER TABLE customers DROP KEY one_email", "unchanged", "broken", "key_gone", None),
}  # fmt: skip


@pytest.mark.parametrize("case", MYSQL_CASES)
async def test_each_change_of_a_mariadb_schema_means_one_thing(
    caller: Caller, patchbay: Platform, key: Key, tls_mariadb: MariaDbServer, case: str
) -> None:
    change, first, second, code, renamed = MYSQL_CASES[case]
    credentials = tls_mariadb.create_database(sql=MYSQL)
    made = await desk(caller, patchbay, key, "mysql", credentials)
    tls_mariadb.execute(credentials["database"], change)
    await made.discover()
    await check(made, {"Look up an appointment": first, "Find the customer": second}, code, renamed)


async def check(made: Desk, expected: dict[str, str], code: str | None, renamed: Any) -> None:
    """The statuses are as expected, the reasons too; broken skills are refused, the others run and give what is left."""
    drift = await made.drift()
    assert {name: entry["status"] for name, entry in drift.items()} == expected
    for name, entry in drift.items():
        assert (entry["draft"], entry["live"], entry["paused"]) == (True, True, entry["status"] == "broken")
        if entry["status"] == "unchanged":
            assert entry["reasons"] == []
            assert (await made.run(name)).row_count == 1
            continue
        assert code in [reason["code"] for reason in entry["reasons"]]
        assert (entry["suggestion"] or {}).get("changes") == renamed
        if entry["paused"]:
            with pytest.raises(SchemaChanged):
                await made.run(name)
            continue
        result = await made.run(name)
        assert result.rows[0]["status"] == "confirmed"
        missing = code in ("field_gone", "type_changed")
        assert (result.rows[0]["note"] is None) == missing
        assert any("'note' cannot be given" in note for note in result.notes) == missing
    told = {event["skillId"]: event["data"]["status"] for event in await made.events()}
    assert told == {made.skills[name]: status for name, status in expected.items() if status != "unchanged"}


async def test_a_suggestion_is_applied_as_it_is_and_mends_the_skill(
    caller: Caller, patchbay: Platform, key: Key, tls_postgres: PostgresServer
) -> None:
    credentials = tls_postgres.create_database(sql=POSTGRES)
    made = await desk(caller, patchbay, key, "postgres", credentials)
    change = "ALTER TABLE appointments RENAME starts_at TO start_at; ALTER TABLE appointments RENAME phone TO phone_number"
    tls_postgres.execute(credentials["database"], change)
    await made.discover()
    skill = made.skills["Look up an appointment"]
    path = f"/agents/{made.agent}/skills/{skill}"
    shown = await caller.ask("GET", path)
    assert (shown["enabled"], shown["drift"]["status"], shown["drift"]["paused"]) == (True, "broken", True)
    mended = await caller.ask("PATCH", path, {"binding": shown["drift"]["suggestion"]["binding"]})
    assert (mended["drift"]["status"], mended["enabled"]) == ("unchanged", True)
    assert (await made.run("Look up an appointment")).rows[0]["note"] == "Bring the card."
    entries = [
        entry for entry in (await caller.ask("GET", "/integrations/postgres/drift"))["skills"] if entry["skillId"] == skill
    ]
    assert [(e["draft"], e["live"], e["status"]) for e in entries] == [(True, False, "unchanged"), (False, True, "broken")]
    await caller.ask("POST", f"/agents/{made.agent}/publish", status=201)
    assert {name: entry["status"] for name, entry in (await made.drift()).items()} == dict.fromkeys(made.skills, "unchanged")
    told = [event["data"] for event in await made.events() if event["skillId"] == skill]
    assert [(data["status"], data["was"], data["worse"]) for data in told] == [
        ("unchanged", "broken", False),
        ("broken", "unchanged", True),
    ]


async def test_a_paused_skill_is_published_only_knowingly(
    caller: Caller, patchbay: Platform, key: Key, tls_postgres: PostgresServer
) -> None:
    credentials = tls_postgres.create_database(sql=POSTGRES)
    made = await desk(caller, patchbay, key, "postgres", credentials)
    tls_postgres.execute(credentials["database"], "ALTER TABLE appointments DROP status")
    await made.discover()
    refused = await caller.refused("POST", f"/agents/{made.agent}/publish")
    assert (refused["status"], refused["code"]) == (409, "skill_paused")
    assert refused["paused"] == [{"skillId": made.skills["Look up an appointment"], "name": "Look up an appointment"}]
    await caller.ask("POST", f"/agents/{made.agent}/publish", {"acceptPaused": True}, status=201)
    await caller.ask("PATCH", f"/agents/{made.agent}/skills/{made.skills['Look up an appointment']}", {"enabled": False})
    await caller.ask("POST", f"/agents/{made.agent}/publish", status=201)
    tls_postgres.execute(credentials["database"], "ALTER TABLE appointments ADD status state NOT NULL DEFAULT 'confirmed'")
    await made.discover()
    assert (await made.drift())["Look up an appointment"]["status"] == "unchanged"
    assert (await made.run("Look up an appointment")).rows[0]["status"] == "confirmed"


async def test_what_was_discovered_without_judging_is_judged_when_somebody_looks(
    caller: Caller, patchbay: Platform, key: Key, tls_postgres: PostgresServer
) -> None:
    """As after a discovery by a process without the hook, or one whose judging failed; told once however many look."""
    credentials = tls_postgres.create_database(sql=POSTGRES)
    made = await desk(caller, patchbay, key, "postgres", credentials)
    tls_postgres.execute(credentials["database"], "ALTER TABLE appointments DROP status")
    await discovery.discover(patchbay.database, patchbay.vault, patchbay.guard, org_id=made.org, kind="postgres")
    shown = await caller.ask("GET", f"/agents/{made.agent}/skills/{made.skills['Look up an appointment']}")
    assert (shown["drift"]["status"], shown["drift"]["judgedAt"]) == ("broken", None)
    for _ in range(3):
        assert (await made.drift())["Look up an appointment"]["judgedAt"] is not None
    assert len(await made.events()) == 1


async def test_drift_names_nothing_blocked_and_nobody_elses(
    caller: Caller, patchbay: Platform, key: Key, make_key: Any, tls_postgres: PostgresServer
) -> None:
    credentials = tls_postgres.create_database(sql=POSTGRES)
    made = await desk(caller, patchbay, key, "postgres", credentials)
    tls_postgres.execute(credentials["database"], "ALTER TABLE appointments RENAME note TO notes")
    await made.discover()
    await caller.ask("PATCH", "/integrations/postgres/scoping", {"blockedColumns": {"appointments": ["note", "notes"]}})
    whole = await caller.ask("GET", "/integrations/postgres/drift")
    entry = next(e for e in whole["skills"] if e["name"] == "Look up an appointment")
    assert (entry["status"], entry["reasons"], entry["suggestion"]) == ("degraded", [], None)
    assert "note" not in str(whole)
    skill = await caller.ask("GET", f"/agents/{made.agent}/skills/{entry['skillId']}")
    assert (skill["binding"], skill["drift"]["reasons"]) == (None, [])
    other = await make_key(org="Globex")
    response = await caller.http.get("/api/v1/integrations/postgres/drift", headers=other.headers)
    assert (response.status_code, response.json()["code"]) == (409, "integration_not_connected")
