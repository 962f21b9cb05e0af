"""The behaviour scorecard, databases: what other tools for agents were seen to get wrong on a live call, held here.

One case a test; docs/scorecard.md lists them all (tests/docs/test_scorecard_page.py holds the two together).
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from patchbay.store.clock import TRUSTED_S
from tests.api.guides.operator_desk import Desk
from tests.servers.mariadb import MariaDbServer
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio

SHOP = """
CREATE TYPE state AS ENUM ('open', 'paid', 'cancelled');
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, phone text);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customers (id), number text NOT NULL UNIQUE,
    state state NOT NULL, quantity smallint NOT NULL, note text);
CREATE INDEX ON orders (customer_id); CREATE INDEX ON orders (state);
INSERT INTO customers VALUES (1, 'Ada Byron', '+14155550132'), (2, 'Alan Turner', '+14155550199');
INSERT INTO orders SELECT n, 1 + n % 2, 'A-' || n, 'open', n % 100, repeat('x', 20000) FROM generate_series(1, 40) n;
CREATE SEQUENCE tickets;
CREATE FUNCTION drain() RETURNS int LANGUAGE plpgsql AS 'BEGIN DELETE FROM orders; RETURN 1; END';
ANALYZE;
"""
SHOP_MYSQL = """
CREATE TABLE customers (id int PRIMARY KEY, name varchar(60) NOT NULL);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL, number varchar(20) NOT NULL UNIQUE,
    KEY (customer_id), FOREIGN KEY (customer_id) REFERENCES customers (id));
INSERT INTO customers VALUES (1, 'Ada Byron'), (2, 'Alan Turner');
INSERT INTO orders VALUES (1, 1, 'A-1'), (2, 2, 'A-2');
"""
ATTACKS = (
    "COMMIT; DELETE FROM orders; --",
    "A-1'; COMMIT; DELETE FROM orders; --",
    "A-1'); DELETE FROM orders; --",
    "WITH gone AS (DELETE FROM orders RETURNING id) SELECT * FROM gone",
    "' UNION SELECT nextval('tickets')::text --",
    "A-1' || drain()::text || '",
    "A-1' AND set_config('default_transaction_read_only', 'off', false) = 'off' --",
    "$1; DROP TABLE orders",
    "A-1\\'; DELETE FROM orders; -- ",
    "' OR '1'='1",
)
"""What a model or a caller may send as an order's number."""


@pytest.fixture
async def shop(desk: Desk, tls_postgres: PostgresServer) -> str:
    """The shop, connected; the name of its database."""
    credentials = tls_postgres.create_database(sql=SHOP)
    await desk.connect("postgres", credentials, defaultCountry="US")
    return credentials["database"]


def by_number(desk: Desk, **more: Any) -> Any:
    return desk.bind("postgres", "orders.read", ["number"], ["number", "state"], **more)


async def test_a_column_that_is_not_there_is_found_before_enabling(desk: Desk, shop: str) -> None:
    """Elsewhere a tool with a misspelt column starts, and fails on the first caller with the statement in its error.

    Here it cannot be saved: 422 with the place and the likely name, and no word of SQL.
    """
    for outputs, inputs, field in (
        (["numbr"], ["number"], "projection.0.path"),
        (["customer.nmae"], ["number"], "projection.0.path"),
        (["number"], ["numbr"], "inputs.0.arg"),
    ):
        problem = await desk.refused("postgres", "orders.read", inputs, outputs)
        assert problem["status"] == 422
        assert field in [error["field"] for error in problem["errors"]]
        assert "Did you mean" in str(problem["errors"])
        assert not {"SELECT", "FROM", "$1", "PREPARE"} & set(str(problem).replace("'", " ").split())
    preview = {"operation": "orders.read", "toolName": "x", "inputs": [], "projection": [{"path": ["numbr"], "leaf": "n"}]}
    path = f"/agents/{desk.agent}/integrations/postgres/bindings/preview"
    assert (await desk.caller.refused("POST", path, {"binding": preview}))["status"] in (400, 422)
    assert await desk.caller.ask("GET", f"/agents/{desk.agent}/skills") == []


async def test_results_are_typed_rows(desk: Desk, shop: str) -> None:
    """Elsewhere the rows come as JSON text inside a member of JSON, which a model has to unpack by itself.

    Here a row is an object whose members have types, for a program as for a model.
    """
    skill = await desk.bind("postgres", "orders.read", ["number"], ["number", "quantity", "customer.name"])
    await desk.publish()
    came = await desk.call(skill, {"number": "A-7"})
    assert came["rows"] == [{"number": "A-7", "quantity": 7, "customer_name": "Alan Turner"}]
    assert (came["rowCount"], came["truncated"], came["notes"]) == (1, False, [])


async def test_what_values_may_be_is_in_the_tool_and_enforced(desk: Desk, shop: str) -> None:
    """Elsewhere allowed values and bounds are enforced and not told, so a model can only guess.

    Here the tool's schema has them, and a value outside never reaches the database.
    """
    inputs = [
        {"param": "state", "arg": "state", "required": True},
        {"param": "quantity", "arg": "quantity", "required": True},
    ]
    skill = await desk.bind("postgres", "orders.read", inputs, ["number"])
    await desk.publish()
    (tool,) = await desk.tools()
    properties = tool["parameters"]["properties"]
    assert properties["state"]["enum"] == ["open", "paid", "cancelled"]
    assert (properties["quantity"]["minimum"], properties["quantity"]["maximum"]) == (-32768, 32767)
    for arguments, wrong in (
        ({"state": "lost", "quantity": 1}, "state"),
        ({"state": "open", "quantity": 40_000}, "quantity"),
        ({"state": "open", "quantity": "many"}, "quantity"),
    ):
        came = await desk.call(skill, arguments)
        assert (came["status"], came["invalid"], came["rows"]) == ("refused", [wrong], [])
    assert (await desk.call(skill, {"state": "open", "quantity": 7}))["status"] == "succeeded"


async def test_reads_are_marked_as_reads(desk: Desk, shop: str) -> None:
    """Elsewhere a tool that only selects is advertised as destructive, so hosts ask before each look.

    Here every read is marked one, in the schema and in a preview, and no tool says more than a model needs.
    """
    operations = await desk.caller.ask("GET", "/integrations/postgres/operations?readOnly=false")
    assert {(op["name"], op["verb"], op["effect"]) for op in operations} >= {("orders.read", "read", "read")}
    assert {op["effect"] for op in operations if op["name"].endswith(".read")} == {"read"}
    skill = await by_number(desk)
    previewed = await desk.caller.ask(
        "POST", f"/agents/{desk.agent}/skills/{skill['id']}/preview", {"arguments": {"number": "A-1"}}
    )
    assert previewed["effect"] == "read"
    await desk.publish()
    (tool,) = await desk.tools()
    assert "destructive" not in json.dumps(tool).lower()
    assert not skill["requiresConfirmation"]


async def test_one_dead_source_does_not_stop_another(desk: Desk, shop: str, tls_mariadb: MariaDbServer) -> None:
    """Elsewhere one source that refuses stops the whole server.

    Here its own skills are refused in words, and every other answers as before.
    """
    credentials = tls_mariadb.create_database(sql=SHOP_MYSQL)
    await desk.connect("mysql", credentials)
    alive = await by_number(desk, toolName="Postgres order")
    dead = await desk.bind("mysql", "orders.read", ["number"], ["number"], toolName="Mysql order")
    await desk.publish()
    assert (await desk.call(dead, {"number": "A-1"}))["rows"] == [{"number": "A-1"}]
    tls_mariadb.execute(None, f"ALTER USER '{credentials['user']}'@'%' ACCOUNT LOCK")
    for (connection,) in tls_mariadb.execute(
        None, f"SELECT id FROM information_schema.processlist WHERE user = '{credentials['user']}'"
    ):
        tls_mariadb.execute(None, f"KILL {connection}")
    for _ in range(3):
        came = await desk.call(dead, {"number": "A-1"})
        assert came["status"] in ("refused", "failed")
        assert came["rows"] == []
        assert credentials["user"] not in str(came)
        assert (await desk.call(alive, {"number": "A-1"}))["status"] == "succeeded"
    assert len(await desk.tools()) == 2


async def test_a_model_has_no_way_to_send_sql(desk: Desk, shop: str, tls_postgres: PostgresServer) -> None:
    """Elsewhere the ready-made set of tools has one that runs any statement; a row was deleted with it.

    Here a tool is a bound operation: there is none of another name, and no operation, argument or filter is text of a statement.
    """
    skill = await by_number(desk)
    await desk.publish()
    assert [tool["name"] for tool in await desk.tools()] == [skill["slug"]]
    for name in ("execute_sql", "query", "postgres-execute-sql"):
        path = f"/agents/{desk.agent}/skills/{name}/call"
        assert (await desk.caller.refused("POST", path, {"arguments": {"sql": "DELETE FROM orders"}}))["status"] == 404
    for statement in ("DELETE FROM orders", "drain()", "orders.delete", "SELECT 1"):
        assert (await desk.refused("postgres", statement, ["number"], ["number"]))["status"] == 422
        assert (await desk.refused("postgres", "orders.read", ["number"], [{"path": [statement], "leaf": "x"}]))["status"] == 422
        wrong = {"param": "number", "arg": statement, "required": True}
        assert (await desk.refused("postgres", "orders.read", [wrong], ["number"]))["status"] == 422
    assert tls_postgres.execute(shop, "SELECT count(*) FROM orders") == [(40,)]


async def test_hidden_inputs_are_refused_when_they_are_sent(desk: Desk, shop: str) -> None:
    """Elsewhere a parameter that is kept from the model is taken from the body of a direct call all the same.

    Here what comes from the session, a verification or a constant is not in the tool, and a call that sends it is refused.
    """
    hidden: list[dict[str, Any]] = [
        {"param": "phone", "arg": "customer.phone", "source": "session", "key": "caller_number", "required": True},
        {"param": "customer_id", "arg": "customer_id", "source": "verified", "key": "customer_id"},
        {"param": "state", "arg": "state", "source": "constant", "value": "open"},
    ]
    session = {"callerNumber": "+1 415 555 0132"}
    skills = [
        await desk.bind("postgres", "orders.read", ["number", one], ["number"], toolName=f"By {one['source']}") for one in hidden
    ]
    await desk.publish()
    assert [list(tool["parameters"]["properties"]) for tool in await desk.tools()] == [["number"]] * 3
    for skill, one in zip(skills, hidden, strict=True):
        came = await desk.call(skill, {"number": "A-2", one["param"]: "paid"}, session=session)
        assert (came["status"], came["rows"]) == ("refused", []), one
        came = await desk.call(skill, {"number": "A-2"}, session=session)
        assert came["rows"] == ([] if one["source"] == "verified" else [{"number": "A-2"}])
        other = await desk.call(skill, {"number": "A-1"}, session=session)
        assert other["rows"] == ([{"number": "A-1"}] if one["source"] == "constant" else [])


async def test_unknown_arguments_are_refused(desk: Desk, shop: str) -> None:
    """Elsewhere an argument that the tool does not have is ignored, and a model believes that it was heeded.

    Here the tool's schema closes the list, and the call is refused and not trimmed.
    """
    skill = await by_number(desk)
    await desk.publish()
    (tool,) = await desk.tools()
    assert tool["parameters"]["additionalProperties"] is False
    others: tuple[dict[str, Any], ...] = (
        {"limit": 1000},
        {"where": "1=1"},
        {"Number": "A-2"},
        {"": 1},
        {"number ": "A-2"},
        {"__proto__": {}},
    )
    for more in others:
        came = await desk.call(skill, {"number": "A-1", **more})
        assert (came["status"], came["rows"]) == ("refused", []), more


async def test_a_result_has_a_cap_of_rows_and_of_bytes(desk: Desk, shop: str) -> None:
    """Elsewhere a hundred thousand rows came back whole; 800 kB of them ended live calls.

    Here a call returns at most what its binding says and 64 KiB, and says so.
    """
    many = await desk.bind("postgres", "orders.read", ["state"], ["number"], toolName="Many", limit=3)
    long = await desk.bind("postgres", "orders.read", ["state"], ["number", "note"], toolName="Long", limit=50)
    await desk.publish()
    came = await desk.call(many, {"state": "open"})
    assert (came["rowCount"], came["truncated"]) == (3, True)
    assert came["notes"]
    came = await desk.call(long, {"state": "open"})
    assert came["truncated"]
    assert 0 < came["rowCount"] < 40
    assert len(json.dumps(came)) < 80_000
    assert came["notes"]
    problem = await desk.refused("postgres", "orders.read", ["state"], ["number"], limit=100_000)
    assert problem["status"] in (400, 422)


async def test_a_statement_has_a_time_limit(desk: Desk, shop: str, tls_postgres: PostgresServer) -> None:
    """Elsewhere a statement runs without end unless somebody thought of a setting.

    Here none runs longer than its call, and nothing of it is left on the server.
    """
    skill = await by_number(desk)
    await desk.publish()
    with tls_postgres.connect(shop) as blocking:
        blocking.execute("BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        came = await desk.call(skill, {"number": "A-1"})
        assert time.monotonic() - began < 6
        assert came["status"] in ("refused", "failed")
        assert came["message"]
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        assert tls_postgres.execute("postgres", waiting.replace("current_database()", f"'{shop}'")) == [(0,)]
        blocking.execute("ROLLBACK")
    assert (await desk.call(skill, {"number": "A-1"}))["status"] == "succeeded"


@pytest.mark.parametrize("attack", ATTACKS)
async def test_no_argument_is_a_statement(desk: Desk, shop: str, tls_postgres: PostgresServer, attack: str) -> None:
    """Elsewhere ``COMMIT; DELETE …`` left the read-only transaction it was wrapped in, and the row was gone.

    Here a value is a parameter of one prepared statement: it is compared, and finds nothing.
    """
    skill = await by_number(desk)
    await desk.publish()
    state = """SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM customers), (SELECT last_value FROM tickets),
        (SELECT is_called FROM tickets)"""
    before = tls_postgres.execute(shop, state)
    came = await desk.call(skill, {"number": attack})
    assert (came["status"], came["rows"]) == ("succeeded", [])
    assert tls_postgres.execute(shop, state) == before == [(40, 2, 1, False)]
    assert (await desk.call(skill, {"number": "A-1"}))["rowCount"] == 1


@pytest.mark.parametrize("attack", ATTACKS)
async def test_no_argument_is_a_statement_on_mariadb(desk: Desk, tls_mariadb: MariaDbServer, attack: str) -> None:
    """Elsewhere the attack was tried on PostgreSQL; here calls to MariaDB are text, so it is tried on them too.

    Here nothing a value holds ends its own literal.
    """
    credentials = tls_mariadb.create_database(sql=SHOP_MYSQL)
    await desk.connect("mysql", credentials)
    skill = await desk.bind("mysql", "orders.read", [{"param": "number", "arg": "number", "required": True}], ["number"])
    await desk.publish()
    came = await desk.call(skill, {"number": attack})
    assert came["rows"] == []
    assert tls_mariadb.execute(credentials["database"], "SELECT count(*) FROM orders") == [(2,)]
    assert (await desk.call(skill, {"number": "A-1"}))["rowCount"] == 1


async def test_functions_and_hidden_writes_cannot_be_bound(desk: Desk, shop: str, tls_postgres: PostgresServer) -> None:
    """Elsewhere a read-only transaction is the whole proof, and a volatile function or a sequence gets by it.

    Here functions and sequences are no operations, and no constant or filter of a binding is anything but a value.
    """
    for operation in ("drain", "drain.read", "tickets.read", "nextval", "set_config", "pg_catalog.pg_authid.read"):
        assert (await desk.refused("postgres", operation, [], ["number"]))["status"] == 422, operation
    hostile = "'; SELECT nextval('tickets'); SELECT drain(); --"
    constant = {"param": "note", "arg": "note", "source": "constant", "value": hostile}
    skill = await desk.bind("postgres", "orders.read", ["number", constant], ["number"])
    await desk.publish()
    assert (await desk.call(skill, {"number": "A-1"}))["rows"] == []
    assert tls_postgres.execute(shop, "SELECT count(*), (SELECT is_called FROM tickets) FROM orders") == [(40, False)]


async def test_a_write_is_off_until_somebody_has_reviewed_it(desk: Desk, tls_postgres: PostgresServer) -> None:
    """Elsewhere a source marked read-only went on writing, and tools that write are on from the start.

    Here the reading role never writes, and a write is created disabled, enabled by a review, and not run unconfirmed.
    """
    credentials = tls_postgres.create_database(sql=SHOP, write_tables=("orders",))
    await desk.connect("postgres", credentials)
    number = {"param": "number", "arg": "number", "required": True}
    inputs = [number, {"param": "note", "arg": "note", "required": True}]
    filters = [{"arg": "number", "param": "number"}]
    write = await desk.bind("postgres", "orders.update", inputs, ["number"], filters=filters, enabled=False)
    assert not write["enabled"]
    path = f"/agents/{desk.agent}/skills/{write['id']}"
    needed = await desk.caller.refused("PATCH", path, {"enabled": True})
    assert needed["status"] in (409, 422)
    read = await by_number(desk)
    await desk.publish()
    assert [tool["name"] for tool in await desk.tools()] == [read["slug"]]
    arguments = {"number": "A-1", "note": "mine"}
    called = f"/agents/{desk.agent}/skills/{write['slug']}/call"
    assert (await desk.caller.refused("POST", called, {"arguments": arguments}))["status"] == 404
    await desk.caller.ask("PATCH", path, {"enabled": True, "review": {"digest": needed["reviewDigest"], "note": "Looked at it."}})
    await desk.publish()
    await asyncio.sleep(TRUSTED_S)
    came = await desk.call(write, arguments)
    assert (came["status"], came["code"]) == ("refused", "confirmation_required")
    changed = "SELECT count(*) FROM orders WHERE note = 'mine'"
    assert tls_postgres.execute(credentials["database"], changed) == [(0,)]
