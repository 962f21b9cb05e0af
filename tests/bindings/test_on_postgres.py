"""Compiled statements on a real PostgreSQL: it takes every one as it is, and they find what they should."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patchbay.bindings.check import BindingInvalid, Checked, Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import parse_binding
from patchbay.connectors.sql.postgres.discovery import discover_graph
from patchbay.connectors.sql.postgres.parameters import encoder
from patchbay.schema_graph.arguments import prepare_slots, validate_arguments
from patchbay.schema_graph.call import CallContext, Candidate
from patchbay.schema_graph.scoping import View
from tests.bindings.test_sql_properties import bindings
from tests.servers.postgres import PostgresServer

SHOP = """
CREATE SCHEMA odd;
CREATE TYPE odd."Mood ""x" AS ENUM ('open', 'In Progress', 'done');
CREATE DOMAIN odd.tel AS text CHECK (value ~ '^[-+() 0-9]*$');
CREATE TABLE region (country text, code text, name text, PRIMARY KEY (country, code));
CREATE TABLE client (
  id int PRIMARY KEY, name text, phone varchar(20), mobile odd.tel, office_phone bigint, initials char(3),
  country text, code text,
  FOREIGN KEY (country, code) REFERENCES region (country, code));
CREATE TABLE odd."Visit.s" (
  "Id ""1" bigint PRIMARY KEY, client_id int REFERENCES client (id), "select" odd."Mood ""x",
  starts timestamptz, wall timestamp(0), fee numeric(10,2),
  ratio real, day date, opens time, took interval, token uuid, flag boolean, tags text[], address inet);
INSERT INTO region VALUES ('CA', 'ON', 'Ontario'), ('CA', 'QC', 'Quebec');
INSERT INTO client VALUES
  (1, 'Ada', '(613) 555-0142', '613-555-0142', 6135550142, 'AB', 'CA', 'ON'),
  (2, 'Ben', '+1 613 555 0143', '1-613-555-0143', 16135550143, 'B', NULL, NULL),
  (3, 'Cid', '514 555 0142', '0044 20 7946 0018', 442079460018, 'CCC', 'CA', 'QC');
INSERT INTO odd."Visit.s" VALUES
  (1, 1, 'open', '2031-01-01 10:00Z', '2031-01-01 05:00', 10.50, 0.5, '2031-01-01', '10:00', '1 hour',
   '8d3e1a52-0a55-4a5e-9a39-0d9f5f6f8f01', true, '{a}', '10.0.0.1'),
  (2, 1, 'In Progress', '2032-01-01 10:00Z', '2032-01-01 05:00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (3, 2, NULL, '2020-01-01 10:00Z', NULL, 1, 1, '2020-01-01', '11:00', '2 hours', NULL, false, NULL, NULL);
ANALYZE;
"""
TARGET = Target(connection_id="con_1", kind="postgres", time_zone="America/Toronto", default_country="CA")
VISITS = 'odd."Visit.s".read'


class Shop:
    """A database, its view, and bindings run on it."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.view = View(discover_graph(connection))

    def checked(self, **body: Any) -> tuple[Checked, Candidate]:
        made = check(parse_binding({"toolName": "t"} | body), self.view, TARGET)
        return made, compile_plan(made.plan, self.view)

    def run(self, arguments: dict[str, Any], **body: Any) -> list[tuple[str | None, ...]]:
        """The rows of a binding in text form, its placeholders filled as the product fills them."""
        _, candidate = self.checked(**body)
        context = CallContext(arguments=arguments, session={"caller_number": "+16135550142"}, time_zone="Asia/Tokyo")
        values = validate_arguments(candidate.plan.inputs, context)
        slots = candidate.body.slots
        filled = prepare_slots(slots)(values, datetime.now(UTC))
        sent = [encoder(slot)(value) for slot, value in zip(slots, filled, strict=True)]
        result = self.connection.pgconn.exec_params(candidate.body.sql.encode(), sent)
        assert result.status == psycopg.pq.ExecStatus.TUPLES_OK, result.error_message
        cells = [[result.get_value(row, column) for column in range(result.nfields)] for row in range(result.ntuples)]
        return [tuple(None if cell is None else cell.decode() for cell in row) for row in cells]

    def takes(self, statement: str) -> str:
        """What the server says against a statement; empty when it prepares it."""
        result = self.connection.pgconn.prepare(b"", statement.encode())
        return "" if result.status == psycopg.pq.ExecStatus.COMMAND_OK else result.error_message


@pytest.fixture(scope="module")
def shop(tls_postgres: PostgresServer) -> Iterator[Shop]:
    database = tls_postgres.create_database(sql=SHOP)["database"]
    with psycopg.connect(tls_postgres.superuser_dsn(database), autocommit=True) as connection:
        yield Shop(connection)


NAME = [{"path": ["name"], "leaf": "name"}]
VISIT = [{"path": ['"Id ""1"'], "leaf": "id"}]


@pytest.mark.parametrize("column", ["phone", "mobile", "office_phone"])
@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("613 555 0142", ["Ada"]),
        ("+1 (613) 555-0143", ["Ben"]),
        ("16135550142", ["Ada"]),
        ("613-555-0199", []),
        ("+44 613 555 0142", []),
    ],
)
def test_a_phone_is_found_however_it_is_stored(shop: Shop, column: str, said: str, names: list[str]):
    rows = shop.run(
        {"caller_phone": said},
        operation="client.read",
        inputs=[{"param": "caller_phone", "arg": column, "required": True}],
        projection=NAME,
    )
    assert [name for (name,) in rows] == names


def test_the_session_supplies_the_number(shop: Shop):
    inputs = [{"param": "caller_phone", "arg": "client.phone", "source": "session"}]
    projection = [{"path": ["client", "name"], "leaf": "name"}, {"path": ["client.region.name"], "leaf": "region"}]
    order = [{"path": ["starts"], "direction": "desc"}]
    rows = shop.run({}, operation=VISITS, inputs=inputs, projection=projection, orderBy=order, limit=1)
    assert rows == [("Ada", "Ontario")]


def test_a_neighbour_that_is_absent_keeps_its_record(shop: Shop):
    obj = shop.view.object("client")
    assert obj is not None
    (edge,) = [e.name for e in obj.edges if e.target == "region"]
    projection = [*NAME, {"path": [edge, "name"], "leaf": "region"}]
    rows = shop.run(
        {"n": 2}, operation="client.read", inputs=[{"param": "n", "arg": "id", "required": True}], projection=projection
    )
    assert rows == [("Ben", None)]


@pytest.mark.parametrize(
    ("rule", "ids"),
    [
        ({"arg": "select", "value": "in progress"}, ["2"]),
        ({"arg": "select", "op": "in", "value": ["open", "done"]}, ["1"]),
        ({"arg": "select", "op": "ne", "value": "open"}, ["2", "3"]),
        ({"arg": "select", "op": "is_null"}, ["3"]),
        ({"arg": "starts", "op": "ge", "value": {"now": True}}, ["1", "2"]),
        ({"arg": "starts", "op": "lt", "value": "2031-06-01T00:00"}, ["1", "3"]),
        ({"arg": "wall", "value": "2031-01-01T10:00Z"}, ["1"]),
        ({"arg": "wall", "op": "gt", "value": "2031-01-01T04:59"}, ["1", "2"]),
        ({"arg": "fee", "value": 10.5}, ["1"]),
        ({"arg": "fee", "op": "in", "value": ["1", 10.500]}, ["1", "3"]),
        ({"arg": "fee", "value": "10.504"}, []),
        ({"arg": "ratio", "op": "le", "value": 0.5}, ["1"]),
        ({"arg": "day", "op": "le", "value": {"now": True}}, ["3"]),
        ({"arg": "opens", "op": "gt", "value": "10:30"}, ["3"]),
        ({"arg": "took", "op": "ge", "value": "PT90M"}, ["3"]),
        ({"arg": "token", "value": "8D3E1A52-0A55-4A5E-9A39-0D9F5F6F8F01"}, ["1"]),
        ({"arg": "flag", "value": False}, ["3"]),
        ({"arg": "client.initials", "value": "AB"}, ["1", "2"]),
        ({"arg": "client.name", "op": "not_null"}, ["1", "2", "3"]),
    ],
)
def test_every_operator_and_type(shop: Shop, rule: dict[str, Any], ids: list[str]):
    rows = shop.run({}, operation=VISITS, filters=[rule], projection=VISIT)
    assert [one for (one,) in rows] == ids


def test_an_optional_condition_drops_out(shop: Shop):
    body: dict[str, Any] = {
        "operation": VISITS,
        "inputs": [{"param": "client", "arg": "client_id", "required": True}, {"param": "state", "arg": "select"}],
        "filters": [{"arg": "starts", "op": "ge", "param": "since"}],
        "projection": VISIT,
    }
    assert shop.run({"client": 1}, **body) == [("1",), ("2",)]
    assert shop.run({"client": 1, "state": "OPEN"}, **body) == [("1",)]
    assert shop.run({"client": 1, "since": "2031-01-01T19:00"}, **body) == [("1",), ("2",)]  # 10:00Z in Tokyo
    assert shop.run({"client": 1, "since": "2031-01-01T19:01"}, **body) == [("2",)]


def test_of_optional_identities_one_is_demanded(shop: Shop):
    inputs = [{"param": "caller_phone", "arg": "phone"}, {"param": "caller_name", "arg": "name"}]
    body: dict[str, Any] = {"operation": "client.read", "inputs": inputs, "projection": NAME}
    assert shop.run({}, **body) == []
    assert shop.run({"caller_name": "Cid"}, **body) == [("Cid",)]
    assert shop.run({"caller_phone": "6135550143"}, **body) == [("Ben",)]


def test_what_a_caller_says_is_never_sql(shop: Shop):
    inputs = [{"param": "caller_name", "arg": "name", "required": True}]
    body: dict[str, Any] = {"operation": "client.read", "inputs": inputs, "projection": NAME}
    for said in ("' OR 1=1 --", "Ada'; DROP TABLE client; --", "$1", "\\", "{Ada}", 'a"b'):
        assert shop.run({"caller_name": said}, **body) == []
    assert shop.run({"caller_name": "Ada"}, **body) == [("Ada",)]


@pytest.fixture(scope="module", params=["torture", "sakila", "northwind"])
def sample(request: pytest.FixtureRequest, tls_postgres: PostgresServer) -> Iterator[Shop]:
    database = tls_postgres.create_database(dataset=request.param)["database"]
    with psycopg.connect(tls_postgres.superuser_dsn(database), autocommit=True) as connection:
        yield Shop(connection)


@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_server_takes_every_statement(sample: Shop, data: st.DataObject):
    body = data.draw(bindings(sample.view))
    try:
        _, candidate = sample.checked(**body)
    except BindingInvalid:
        return
    assert sample.takes(candidate.body.sql) == ""
