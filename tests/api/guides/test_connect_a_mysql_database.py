"""The guide "Connect a SQL database", request for request, with KIND = mysql."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.guides.conftest import Caller, calls, said
from tests.api.guides.test_connect_a_sql_database import BINDING
from tests.servers.mariadb import MariaDbServer

pytestmark = pytest.mark.anyio

APPDB = """
CREATE TABLE customers (id bigint AUTO_INCREMENT PRIMARY KEY, name varchar(100) NOT NULL, ssn char(11), card_last4 char(4));
CREATE TABLE appointments (
    id bigint AUTO_INCREMENT PRIMARY KEY, customer_id bigint, phone varchar(20), starts_at timestamp NOT NULL,
    status varchar(20) NOT NULL, KEY (phone), FOREIGN KEY (customer_id) REFERENCES customers (id));
CREATE TABLE payments (id bigint PRIMARY KEY, customer_id bigint REFERENCES customers (id), amount decimal(10, 2));
INSERT INTO customers (name, ssn, card_last4) VALUES ('Ada Byron', '078-05-1120', '4242');
INSERT INTO appointments (customer_id, phone, starts_at, status) VALUES (1, '+14155550132', '2031-03-04 17:30', 'confirmed'),
    (NULL, '(415) 555-0199', '2031-03-05 09:00', 'cancelled');
"""


async def test_the_scripts_make_accounts_that_pass_the_test(caller: Caller, tls_mariadb: MariaDbServer) -> None:
    database = tls_mariadb.create_database(sql=APPDB)["database"]
    query = f"database={database}&ro_user=ro_{database}&rw_user=rw_{database}&tables=appointments"
    scripts = await caller.ask("GET", f"/integrations/mysql/sql/scripts?{query}")
    for script in (scripts["readOnly"], scripts["write"]):
        tls_mariadb.client(None, script["sql"])
    credentials: dict[str, Any] = tls_mariadb.credentials(database, scripts["readOnly"]["role"], scripts["generatedPassword"])
    credentials["port"] = str(credentials["port"])
    credentials["write"] = {"user": scripts["write"]["role"], "password": scripts["write"]["generatedPassword"]}

    tested = await caller.ask("POST", "/integrations/mysql/sql/test", {"credentials": credentials})
    assert tested["ok"]
    assert {check["status"] for check in tested["checks"]} == {"passed"}
    assert await caller.ask("GET", "/integrations") == []

    for weak in ("disable", "prefer"):
        refused = await caller.ask("POST", "/integrations/mysql/sql/test", {"credentials": {**credentials, "sslmode": weak}})
        assert not refused["ok"]
    private = await caller.ask("POST", "/integrations/mysql/sql/test", {"credentials": {**credentials, "host": "10.0.0.5"}})
    assert next(check for check in private["checks"] if check["id"] == "address")["status"] == "failed"
    for script in (scripts["readOnly"], scripts["write"]):
        tls_mariadb.client(None, script["revoke"])


async def test_what_cannot_be_in_a_script_is_said_by_the_name_of_its_parameter(caller: Caller) -> None:
    problem = await caller.refused("GET", "/integrations/mysql/sql/scripts?database=mysql&ro_user=root&password=a%5Cb&tables=x.y")
    assert problem["status"] == 400
    assert {error["field"]: error["code"] for error in problem["errors"]} == {
        "database": "reserved",
        "ro_user": "reserved",
        "password": "character",
        "tables.0": "other_database",
    }


async def test_from_the_connection_to_the_answer(caller: Caller, tls_mariadb: MariaDbServer) -> None:
    credentials = tls_mariadb.create_database(sql=APPDB)
    connected = await caller.ask("POST", "/integrations/mysql/connect", {"credentials": credentials, "defaultCountry": "US"})
    assert connected["status"] == "connected"
    assert credentials["password"] not in str(connected)
    summary = await caller.ask("POST", "/integrations/mysql/discover")
    assert (summary["objectCount"], summary["fieldCount"]) == (3, 12)
    scoping = {"blockedTables": ["payments"], "blockedColumns": {"customers": ["ssn", "card_last4"]}}
    await caller.ask("PATCH", "/integrations/mysql/scoping", scoping)
    for path in ("/schema", "/objects", "/operations?readOnly=false", "/objects/customers", "/search?q=ssn%20card%20payments"):
        answer = str(await caller.ask("GET", f"/integrations/mysql{path}"))
        assert "ssn" not in answer, path
        assert "card_last4" not in answer, path
    found = await caller.ask("GET", "/integrations/mysql/search?q=appointment%20status")
    assert found[0]["object"] == "appointments"

    agent = (await caller.ask("POST", "/agents", {"name": "Acme Support"}, status=201))["id"]
    skill = await caller.ask("POST", f"/agents/{agent}/integrations/mysql/bindings", BINDING, status=201)
    assert (skill["skillType"], skill["enabled"]) == ("mysql", True)
    assert "SELECT" not in str(skill)
    blocked = {**BINDING, "toolName": "Leak", "projection": [{"path": ["customer", "ssn"], "leaf": "number"}]}
    refusal = await caller.refused("POST", f"/agents/{agent}/integrations/mysql/bindings", blocked)
    assert refusal["status"] == 422

    await caller.ask("POST", f"/agents/{agent}/publish", status=201)
    asked = "Hi, can you tell me when my appointment is?"
    frames = await caller.simulate(agent, transcript=[asked, "It is 415-555-0132"], draftMode=False)
    assert calls(frames) == [("started", "Look up an appointment"), ("succeeded", "Look up an appointment")]
    assert "confirmed" in said(frames)
    assert "5:30 PM" in said(frames)
