"""What is asked of the server and how its answers are read: on a real MariaDB, and as other servers would."""

from __future__ import annotations

from typing import Any, cast

import pymysql
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from patchbay.connectors.sql.credentials import parse_sql_credentials
from patchbay.connectors.sql.mysql.discovery import queries, task
from patchbay.connectors.sql.mysql.discovery.assembly import build_graph
from patchbay.connectors.sql.mysql.discovery.catalog import read_catalog
from patchbay.connectors.sql.mysql.discovery.types import resolve_type
from patchbay.connectors.sql.mysql.server import Server
from patchbay.connectors.sql.mysql.session import Connection
from patchbay.connectors.worker import HeavyWorkTimedOut, run_heavy
from patchbay.egress.guard import CheckedAddress
from patchbay.errors import PatchbayError
from patchbay.schema_graph.model import Graph
from patchbay.schema_graph.pack import unpack
from tests.connectors.discovery.mysql_reading import discover
from tests.servers.mariadb import MariaDbServer

pytestmark = pytest.mark.anyio

SQL = """
CREATE TABLE customers (id int PRIMARY KEY, phone varchar(20), doc json);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int, FOREIGN KEY (customer_id) REFERENCES customers (id));
CREATE VIEW phones AS SELECT phone FROM customers;
INSERT INTO customers VALUES (1, '(555) 010-1234', NULL), (2, '+1 555 010 1234', NULL), (3, NULL, NULL);
"""


class Answers:
    """A connection whose every answer is given: ``rows`` by a word of the query."""

    def __init__(self, server: Server, *, folding: int = 0, **rows: list[tuple[Any, ...]]) -> None:
        self.server = server
        self.given = {
            queries.DATABASE: [("shop", folding)],
            **{f"information_schema.{name}": found for name, found in rows.items()},
        }
        self.asked: list[str] = []

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        self.asked.append(statement)
        return next((found for word, found in reversed(self.given.items()) if word in statement), [])


def graph_of(answers: Answers) -> Graph:
    return build_graph(read_catalog(cast("Connection", answers)))[0]


def packed(*members: object) -> str:
    return "\0".join(str(member) for member in members)


def test_six_queries_whatever_the_number_of_tables(tls_mariadb: MariaDbServer, monkeypatch: pytest.MonkeyPatch) -> None:
    many = SQL + "".join(f"CREATE TABLE more_{n} (id int PRIMARY KEY, v varchar(9), KEY (v));" for n in range(40))
    asked: list[str] = []
    rows = Connection.rows

    def noting(self: Connection, statement: str) -> Any:
        asked.append(statement)
        return rows(self, statement)

    credentials = tls_mariadb.create_database(sql=many)
    monkeypatch.setattr(Connection, "rows", noting)
    assert len(discover(credentials).objects) == 43
    assert sum("information_schema" in statement for statement in asked) == 6
    assert sum("more_" in statement for statement in asked) == 0


def test_phones_are_sampled_within_a_time_of_their_own(tls_mariadb: MariaDbServer) -> None:
    found = discover(tls_mariadb.create_database(sql=SQL))
    assert found.objects["customers"].field("phone").formats == ("(999) 999-9999", "+9 999 999 9999")
    assert found.objects["phones"].field("phone").formats == ()


def test_mysql_8_answers() -> None:
    columns = [
        ("customer", packed("id", "int unsigned", "NO", 0, "auto_increment", "select,insert,update,references", ""), ""),
        ("customer", packed("email", "varchar(120)", "YES", 1, "", "select", "where \0 to write"), ""),
        (
            "customer",
            packed("made", "datetime", "NO", 1, "DEFAULT_GENERATED on update CURRENT_TIMESTAMP", "select,insert", ""),
            "",
        ),
        ("customer", packed("doc", "json", "YES", 0, "", "select", ""), ""),
        ("customer", packed("low", "varchar(120)", "YES", 0, "VIRTUAL GENERATED", "select,insert,update", ""), "lower(`EMAIL`)"),
    ]
    indexes = [
        ("customer", packed("by_low", 1, 0, "BTREE"), 2, None, None, "lower(`email`)"),
        ("customer", packed("by_low", 1, 0, "BTREE"), 1, "email", 20, None),
        ("customer", packed("PRIMARY", 0, 0, "BTREE"), 1, "id", None, None),
        ("customer", packed("unseen", 0, 1, "BTREE"), 1, "email", None, None),
        ("customer", packed("made_up", 0, 0, "BTREE"), 1, None, None, "(`id` + 1)"),
    ]
    tables = [("customer", "BASE TABLE", "InnoDB", 12, "who buys"), ("INNODB_X", "SYSTEM VIEW", "MEMORY", 1, "")]
    answers = Answers(Server("MySQL", (8, 0, 36)), TABLES=tables, COLUMNS=columns, STATISTICS=indexes)
    graph = graph_of(answers)
    assert list(graph.objects) == ["customer"]
    customer = graph.objects["customer"]
    fields = {f.name: f for f in customer.fields}
    assert (fields["id"].native_type, fields["id"].identity, fields["id"].insertable) == ("int unsigned", "by_default", True)
    assert (fields["email"].description, fields["email"].insertable) == ("where \0 to write", False)
    assert (fields["made"].generated, fields["made"].has_default, fields["made"].updatable) == (False, True, False)
    assert fields["doc"].type == "json"
    assert (fields["low"].generated, fields["low"].computed_from, fields["low"].insertable) == (True, ("email",), False)
    assert {index.name: index.fields for index in customer.indexes} == {
        "PRIMARY": ("id",), "by_low": ("email", None), "made_up": (None,),
    }  # fmt: skip
    assert {key.fields for key in customer.keys} == {("id",), ("email",)}
    assert not any("CHECK_CONSTRAINTS" in query or "VIEWS" in query for query in answers.asked)


@pytest.mark.parametrize(
    ("server", "hidden", "expression", "ordered"),
    [
        (Server("MariaDB", (10, 5, 8)), None, False, False),
        (Server("MariaDB", (10, 6, 0)), "IGNORED = 'YES'", False, False),
        (Server("MySQL", (5, 7, 44)), None, False, True),
        (Server("MySQL", (8, 0, 12)), "IS_VISIBLE = 'NO'", False, True),
        (Server("MySQL", (8, 4, 0)), "IS_VISIBLE = 'NO'", True, True),
    ],
)
def test_each_server_is_asked_for_what_it_has(server: Server, hidden: str | None, expression: bool, ordered: bool) -> None:
    indexes, columns = queries.indexes(server), queries.columns(server)
    assert [word for word in ("IGNORED", "IS_VISIBLE") if word in indexes] == ([hidden.split()[0]] if hidden else [])
    assert (", EXPRESSION" in indexes, "ORDER BY" in columns) == (expression, ordered)
    if hidden:
        assert hidden in indexes


def test_what_appears_or_goes_while_it_is_read() -> None:
    tables = [("kept", "BASE TABLE", "InnoDB", None, "")]
    late = [("late", packed("id", "int(11)", "NO", 0, "", "select", ""), None)]
    keys = [("fk", "kept", 1, "late_id", "late", "id"), ("fk", "late", 1, "kept_id", "kept", "id")]
    indexes = [("late", packed("PRIMARY", 0, 0, "BTREE"), 1, "id", None)]
    answers = Answers(Server("MariaDB", (11, 4, 2)), TABLES=tables, COLUMNS=late, KEY_COLUMN_USAGE=keys, STATISTICS=indexes)
    kept = graph_of(answers).objects["kept"]
    assert (kept.fields, kept.edges, kept.readable, kept.estimate) == ((), (), False, None)


@pytest.mark.parametrize(("folding", "found"), [(0, 0), (2, 1)])
def test_a_server_that_keeps_case_but_does_not_compare_it(folding: int, found: int) -> None:
    column = packed("Id", "int", "NO", 0, "", "select", "")
    answers = Answers(
        Server("MySQL", (8, 0, 36)),
        folding=folding,
        TABLES=[("Visit", "BASE TABLE", "InnoDB", 1, ""), ("Owner", "BASE TABLE", "InnoDB", 1, "")],
        COLUMNS=[("Owner", column, ""), ("Visit", column, ""), ("Visit", packed("By", "int", "NO", 0, "", "select", ""), "")],
        STATISTICS=[("Owner", packed("PRIMARY", 0, 0, "BTREE"), 1, "Id", None, None)],
        KEY_COLUMN_USAGE=[("fk", "Visit", 1, "By", "owner", "Id")],
    )
    assert sum(edge.target == "Owner" for edge in graph_of(answers).objects["Visit"].edges) == found


@given(st.text(max_size=60) | st.from_regex(r"[a-z]{1,12}\([^)]{0,12}\)?( unsigned)?", fullmatch=True))
@example("enum(")
@example("set()")
@example("decimal(10")
@example("varchar(99999999999999999999)")
@example("char(²)")
@example("tinyint( 1 )")
@example("datetime /* mariadb-5.3 */")
def test_no_type_breaks_the_reading(spelling: str) -> None:
    found = resolve_type(spelling)
    assert found.native_type
    assert found.type != "array" or found.item_type == "enum"
    assert found.max_length is None or found.max_length >= 0


@pytest.mark.parametrize(
    ("spelling", "kind", "filterable"),
    [
        ("xmltype", "string", False), ("vector(3)", "bytes", False), ("datetime /* mariadb-5.3 */", "datetime", True),
        ("TINYINT(1)", "boolean", True), ("geomcollection", "json", False), ("", "string", False), ("bit", "boolean", True),
    ],
)  # fmt: skip
def test_types_that_are_rare(spelling: str, kind: str, filterable: bool) -> None:
    found = resolve_type(spelling)
    assert (found.type, found.filterable) == (kind, filterable)


async def test_the_worker_brings_back_the_packed_graph(tls_mariadb: MariaDbServer) -> None:
    credentials = tls_mariadb.create_database(sql=SQL)
    parsed = parse_sql_credentials("mysql", credentials)
    address = CheckedAddress(parsed.host, parsed.port, "127.0.0.1")
    found = await run_heavy(task.discover_packed, parsed, address, {"blockedTables": ["orders"]})
    assert sorted(unpack(found.body).objects) == ["customers", "orders", "phones"]
    assert (found.counts["objectCount"], found.counts["badges"]["pii"]) == (2, 2)
    again = await run_heavy(task.discover_packed, parsed, address, {})
    assert again.fingerprint == found.fingerprint
    wrong = parse_sql_credentials("mysql", {**credentials, "password": "wrong"})
    with pytest.raises(PatchbayError) as refused:
        await run_heavy(task.discover_packed, wrong, address, {})
    assert "wrong" not in str(refused.value.detail)


def test_what_goes_wrong_in_between_is_a_typed_refusal(tls_mariadb: MariaDbServer, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = parse_sql_credentials("mysql", tls_mariadb.create_database(sql=SQL))
    address = CheckedAddress(parsed.host, parsed.port, "127.0.0.1")

    def ends(error: Exception) -> None:
        def raise_it(*_: object) -> Graph:
            raise error

        monkeypatch.setattr(task, "discover_graph", raise_it)

    ends(pymysql.OperationalError(1969, "Query execution was interrupted (max_statement_time exceeded)"))
    with pytest.raises(HeavyWorkTimedOut):
        task.discover_packed(parsed, address, {})
    ends(pymysql.OperationalError(2013, "Lost connection to server during query: SELECT secret"))
    with pytest.raises(PatchbayError) as lost:
        task.discover_packed(parsed, address, {})
    assert "SELECT" not in str(lost.value)
