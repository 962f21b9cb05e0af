"""Bindings on discovered MariaDB schemas: compiled, proven on the live server, and run."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from typing import Any

import msgspec
import pytest

from patchbay.bindings.check import Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import parse_binding
from patchbay.connectors.proving import CallNotProvable, FilterNotIndexed, prove
from patchbay.connectors.refusals import SchemaChanged
from patchbay.connectors.sql.credentials import parse_sql_credentials
from patchbay.connectors.sql.mysql import prove as proof
from patchbay.connectors.sql.mysql.execute import Source
from patchbay.connectors.sql.mysql.ready import ReadyStatement
from patchbay.connectors.sql.provenance import NotReadable, read_statement
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.call import CallContext, CallResult, Candidate, FrozenCall, Touch
from patchbay.schema_graph.coercion import zone_info
from patchbay.schema_graph.scoping import Scoping, View
from tests.connectors.discovery.mysql_reading import discover
from tests.servers.mariadb import MariaDbServer, quoted

pytestmark = pytest.mark.anyio
GUARD = EgressGuard([ip_network("127.0.0.1/32")])
ZONE = "America/Toronto"
SHOP = """
CREATE TABLE customers (
  id int PRIMARY KEY, name varchar(60) NOT NULL, phone varchar(40), email varchar(80), ssn varchar(20), note text, vip tinyint(1),
  KEY (phone));
CREATE TABLE tickets (
  id bigint unsigned PRIMARY KEY, customer_id int NOT NULL, state enum('open', 'waiting', 'done') NOT NULL,
  opened_at timestamp NOT NULL, picked_up datetime NULL, price decimal(10, 2), KEY (picked_up), KEY (opened_at),
  FOREIGN KEY (customer_id) REFERENCES customers (id));
INSERT INTO customers SELECT seq, concat('name ', seq), concat('+1416555', lpad(seq, 4, '0')), concat('c', seq, '@example.com'),
  concat('s', seq), 'z', seq % 2 FROM seq_1_to_2000;
INSERT INTO tickets SELECT seq, 1 + seq % 1000, 'open', '2026-03-01 12:00:00' + INTERVAL seq HOUR,
  IF(seq % 2, NULL, '2026-03-02 09:30:00'), seq * 1.5 FROM seq_1_to_5000;
CREATE VIEW directory AS SELECT id, name, phone FROM customers;
CREATE VIEW counted AS SELECT state, count(*) AS n FROM tickets GROUP BY state;
ANALYZE TABLE customers, tickets;
"""
FIND_CUSTOMER: dict[str, Any] = {
    "toolName": "Find the customer",
    "operation": "customers.read",
    "inputs": [{"param": "caller_phone", "arg": "phone", "required": True}],
    "projection": [{"path": ["name"], "leaf": "customer_name"}, {"path": ["email"], "leaf": "customer_email"}],
    "enabled": True,
}
FIND_TICKET: dict[str, Any] = {
    "toolName": "Find a ticket",
    "operation": "tickets.read",
    "inputs": [{"param": "number", "arg": "id", "required": True}],
    "projection": [
        {"path": [name], "leaf": name} for name in ("id", "state", "opened_at", "picked_up", "price")
    ] + [{"path": ["customer", "name"], "leaf": "customer_name"}],
    "enabled": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def credentials(tls_mariadb: MariaDbServer) -> dict[str, Any]:
    return tls_mariadb.create_database(sql=SHOP)


@pytest.fixture(scope="module")
def view(credentials: dict[str, Any]) -> View:
    return View(discover(credentials), Scoping())


def compiled(body: dict[str, Any], view: View, *, zone: str | None = ZONE) -> Candidate:
    target = Target(connection_id="con_1", kind="mysql", time_zone=zone, default_country="CA")
    return compile_plan(check(parse_binding(body), view, target).plan, view)


async def proven(candidate: Candidate, view: View, credentials: dict[str, Any]) -> Any:
    return await prove(candidate, view, credentials=parse_sql_credentials("mysql", credentials), guard=GUARD)


async def run(call: FrozenCall, credentials: dict[str, Any], **arguments: Any) -> CallResult:
    source = Source(parse_sql_credentials("mysql", credentials), GUARD, size=1)
    ready, zone = ReadyStatement(call), zone_info(ZONE)
    try:
        values = ready.values(CallContext(arguments=arguments, time_zone=ZONE), zone)
        answer = await ready.run(source, values, asyncio.get_running_loop().time() + 5)
        return ready.result(source, answer, zone_name=ZONE, zone=zone, duration_ms=1.0)
    finally:
        await source.close()


async def answered(body: dict[str, Any], view: View, credentials: dict[str, Any], **arguments: Any) -> list[dict[str, Any]]:
    result = await proven(compiled(body, view), view, credentials)
    return (await run(result.call, credentials, **arguments)).rows


def with_sql(candidate: Candidate, sql: str) -> Candidate:
    return msgspec.structs.replace(candidate, body=msgspec.structs.replace(candidate.body, sql=sql))


class TestRunning:
    async def test_by_a_number_said_another_way(self, view: View, credentials: dict[str, Any]) -> None:
        for said in ("416 555 0007", "+1 (416) 555-0007", "1-416-555-0007"):
            rows = await answered(FIND_CUSTOMER, view, credentials, caller_phone=said)
            assert rows == [{"customer_name": "name 7", "customer_email": "c7@example.com"}]

    async def test_a_neighbours_column_and_every_form(self, view: View, credentials: dict[str, Any]) -> None:
        (row,) = await answered(FIND_TICKET, view, credentials, number="24")
        assert row == {
            "id": "24", "state": "open", "opened_at": "2026-03-02T07:00:00-05:00", "picked_up": "2026-03-02T09:30:00-05:00",
            "price": "36.00", "customer_name": "name 25",
        }  # fmt: skip

    async def test_the_next_and_the_newest(self, view: View, credentials: dict[str, Any]) -> None:
        body = {
            **FIND_TICKET,
            "inputs": [{"param": "customer", "arg": "customer_id", "required": True}],
            "filters": [{"arg": "opened_at", "op": "ge", "value": "2026-03-20T00:00:00Z"}],
            "orderBy": [{"path": ["opened_at"], "direction": "desc"}],
            "limit": 1,
        }
        newest = await answered(body, view, credentials, customer=25)
        soonest = await answered(body | {"orderBy": [{"path": ["opened_at"]}]}, view, credentials, customer=25)
        assert [row["id"] for row in newest + soonest] == ["4024", "1024"]

    async def test_nulls_come_last_both_ways(self, view: View, credentials: dict[str, Any]) -> None:
        for direction in ("asc", "desc"):
            body = {
                **FIND_TICKET,
                "inputs": [],
                "filters": [{"arg": "id", "op": "in", "value": [1, 2, 3, 4]}],
                "orderBy": [{"path": ["picked_up"], "direction": direction}],
            }
            rows = await answered(body, view, credentials)
            assert [row["picked_up"] is None for row in rows] == [False, False, True, True], direction

    async def test_optional_inputs_alone_together_and_none(self, view: View, credentials: dict[str, Any]) -> None:
        body = {
            **FIND_CUSTOMER,
            "inputs": [{"param": "phone", "arg": "phone"}, {"param": "number", "arg": "id"}, {"param": "vip", "arg": "vip"}],
        }
        seventh = [{"customer_name": "name 7", "customer_email": "c7@example.com"}]
        assert await answered(body, view, credentials, phone="416 555 0007") == seventh
        assert await answered(body, view, credentials, number=7) == seventh
        assert await answered(body, view, credentials, number=7, phone="416 555 0007", vip=True) == seventh
        assert await answered(body, view, credentials, number=7, vip=False) == []
        assert await answered(body, view, credentials, number=8, phone="416 555 0007") == []
        assert await answered(body, view, credentials) == []

    async def test_an_optional_input_does_not_cost_the_index(self, view: View, credentials: dict[str, Any]) -> None:
        body = {**FIND_CUSTOMER, "inputs": [{"param": "phone", "arg": "phone"}, {"param": "number", "arg": "id"}]}
        result = await proven(compiled(body, view), view, credentials)
        assert (result.estimate.scanned, result.estimate.rows < 20) == ((), True)

    async def test_hostile_texts_find_nothing_and_break_nothing(self, view: View, credentials: dict[str, Any]) -> None:
        body = {**FIND_CUSTOMER, "inputs": [{"param": "name", "arg": "name", "required": True}]}
        for text in ("' OR 1=1 -- ", "\\' OR 1=1 #", "\\", "'", '"', "` OR 1", "\U0001f600", "name 7%", "?"):
            assert await answered(body, view, credentials, name=text) == []
        assert len(await answered(body, view, credentials, name="name 7")) == 1

    @pytest.mark.parametrize(
        ("change", "arg", "given"),
        [
            ("MODIFY code bigint", "code", "abc"),
            ("MODIFY phone bigint", "phone", "(416) 555-0007"),
            ("MODIFY number varchar(20)", "number", 1),
            ("MODIFY code date", "code", "abc"),
        ],
    )
    async def test_a_column_of_another_type_by_now_is_compared_with_nothing(
        self, tls_mariadb: MariaDbServer, change: str, arg: str, given: Any
    ) -> None:
        """The server would take 'abc' and '(416)…' for 0, and '1x' for 1: the answer would be somebody else's."""
        columns = "name varchar(20), code varchar(20), phone varchar(20), number bigint, KEY (code), KEY (phone), KEY (number)"
        made = tls_mariadb.create_database(sql=f"CREATE TABLE customers ({columns});")
        body = {
            **FIND_CUSTOMER,
            "inputs": [{"param": "wanted", "arg": arg, "required": True}],
            "projection": [{"path": ["name"], "leaf": "name"}],
        }
        result = await proven(compiled(body, View(discover(made), Scoping())), View(discover(made), Scoping()), made)
        assert (await run(result.call, made, wanted=given)).rows == []
        tls_mariadb.execute(made["database"], f"ALTER TABLE customers {change}")
        values = "('other', NULL, 0, '1x')" if "varchar" in change else "('other', 0, 0, 2)"
        tls_mariadb.execute(made["database"], f"SET sql_mode = ''; INSERT INTO customers VALUES {values}")
        with pytest.raises(SchemaChanged):
            await run(result.call, made, wanted=given)

    async def test_views(self, view: View, credentials: dict[str, Any]) -> None:
        body = {**FIND_CUSTOMER, "operation": "directory.read", "projection": [{"path": ["name"], "leaf": "name"}]}
        assert await answered(body, view, credentials, caller_phone="416 555 0007") == [{"name": "name 7"}]
        body = {
            **FIND_CUSTOMER,
            "operation": "counted.read",
            "inputs": [{"param": "state", "arg": "state", "required": True}],
            "projection": [{"path": ["n"], "leaf": "n"}],
        }
        assert await answered(body, view, credentials, state="Open") == [{"n": "5000"}]

    async def test_more_than_the_limit_is_said(self, view: View, credentials: dict[str, Any]) -> None:
        body = {**FIND_CUSTOMER, "inputs": [{"param": "vip", "arg": "vip", "required": True}], "limit": 3}
        result = await proven(compiled(body, view), view, credentials)
        answer = await run(result.call, credentials, vip="yes")
        assert (answer.row_count, answer.truncated) == (3, True)


class TestRealDatabases:
    async def test_chinook(self, tls_mariadb: MariaDbServer) -> None:
        credentials = tls_mariadb.create_database(dataset="chinook")
        view = View(discover(credentials), Scoping())
        who = {
            "toolName": "t",
            "operation": "Customer.read",
            "inputs": [{"param": "phone", "arg": "Phone", "required": True}],
            "projection": [{"path": ["FirstName"], "leaf": "name"}, {"path": ["SupportRep", "LastName"], "leaf": "rep"}],
            "enabled": True,
        }
        found = await answered(who, view, credentials, phone="+420 2 4172 5555")
        assert found == [{"name": "František", "rep": "Park"}]
        newest = {
            "toolName": "t",
            "operation": "Invoice.read",
            "inputs": [{"param": "customer", "arg": "CustomerId", "required": True}],
            "projection": [{"path": [name], "leaf": name} for name in ("InvoiceId", "InvoiceDate", "Total")],
            "orderBy": [{"path": ["InvoiceDate"], "direction": "desc"}],
            "limit": 1,
            "enabled": True,
        }
        found = await answered(newest, view, credentials, customer=5)
        assert found == [{"InvoiceId": 361, "InvoiceDate": "2025-05-06T00:00:00-04:00", "Total": "8.91"}]

    async def test_every_table_and_view_of_sakila_can_be_bound(self, tls_mariadb: MariaDbServer) -> None:
        """Each readable column of each object in one call; spatial, set, enum and year columns are among them."""
        credentials = tls_mariadb.create_database(dataset="sakila")
        view = View(discover(credentials), Scoping())
        bound = 0
        for name in view.object_names():
            seen = view.object(name)
            assert seen is not None
            fields = [field for field in seen.fields if field.readable]
            argument = next(field for field in fields if field.filterable and field.type in ("integer", "string"))
            body = {
                "toolName": "t",
                "operation": f"{name}.read",
                "inputs": [{"param": "p", "arg": argument.name, "required": True}],
                "projection": [{"path": [field.name], "leaf": f"l{n}"} for n, field in enumerate(fields)],
                "enabled": True,
            }
            await answered(body, view, credentials, p="1")
            bound += 1
        assert bound >= 20


class TestProving:
    async def test_a_sound_call_is_frozen_as_it_was_compiled(self, view: View, credentials: dict[str, Any]) -> None:
        candidate = compiled(FIND_TICKET, view)
        result = await proven(candidate, view, credentials)
        assert (result.call.body, result.call.touches, result.call.time_zone) == (candidate.body, candidate.plan.touches, ZONE)
        assert result.warnings == ()
        assert (result.estimate.scanned, result.estimate.rows) == ((), 2)

    @pytest.mark.parametrize(
        "swap",
        [
            ("`r`.`email` AS `customer_email`", "`r`.`ssn` AS `customer_email`"),
            ("`r`.`email` AS `customer_email`", "upper(`r`.`email`) AS `customer_email`"),
            ("`r`.`email` AS `customer_email`", "COALESCE(`r`.`email`) AS `customer_email`"),
            ("`r`.`email` AS `customer_email`", "(SELECT `c`.`ssn` FROM `customers` AS `c` LIMIT 1) AS `customer_email`"),
            (" WHERE ", " WHERE `r`.`ssn` > '5' AND "),
            (" LIMIT ", " ORDER BY `r`.`ssn` LIMIT "),
            ("`r`.`name` AS `customer_name`", "`r`.`email` AS `customer_name`"),
            ("`r`.`email` AS `customer_email`", "`r`.* "),
            (" WHERE ", " WHERE sleep(1) IS NULL AND "),
            (" WHERE ", " WHERE @x IS NULL AND "),
            (" WHERE ", " WHERE @@version IS NULL AND "),
            (" LIMIT 6", " LIMIT 6 INTO OUTFILE '/tmp/x'"),
            (" LIMIT 6", " LIMIT 6; DELETE FROM customers"),
        ],
    )
    async def test_what_is_not_the_plans_counts_as_blocked(
        self, view: View, credentials: dict[str, Any], swap: tuple[str, str]
    ) -> None:
        candidate = compiled(FIND_CUSTOMER, view)
        assert swap[0] in candidate.body.sql
        with pytest.raises(CallNotProvable) as refused:
            await proven(with_sql(candidate, candidate.body.sql.replace(*swap)), view, credentials)
        assert refused.value.reason == "provenance_unproven"
        assert "ssn" not in str(refused.value) + str(refused.value.hint)

    async def test_the_type_of_what_is_compared_has_to_be_proven_too(self, view: View, credentials: dict[str, Any]) -> None:
        candidate = compiled(FIND_CUSTOMER, view)
        unseen = msgspec.structs.replace(candidate.body, sql=candidate.body.sql.replace(", `r`.`phone` FROM", " FROM"))
        assert unseen != candidate.body
        with pytest.raises(CallNotProvable):
            await proven(msgspec.structs.replace(candidate, body=unseen), view, credentials)

    async def test_the_touches_must_cover_the_predicates(self, view: View, credentials: dict[str, Any]) -> None:
        candidate = compiled(FIND_CUSTOMER, view)
        plan = msgspec.structs.replace(candidate.plan, touches=(Touch("customers", ("id", "name", "email")),))
        with pytest.raises(CallNotProvable):
            await proven(msgspec.structs.replace(candidate, plan=plan), view, credentials)

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ("ALTER TABLE customers DROP email", "schema_changed"),
            ("DROP TABLE customers", "schema_changed"),
            ("ALTER TABLE customers MODIFY email int", "schema_changed"),
            ("ALTER TABLE customers MODIFY phone bigint", "parameter_mismatch"),
            ("ALTER TABLE customers RENAME TO kept; CREATE VIEW customers AS SELECT * FROM kept", "provenance_unproven"),
        ],
    )
    async def test_what_changed_since_it_was_discovered(self, tls_mariadb: MariaDbServer, change: str, reason: str) -> None:
        columns = "id int PRIMARY KEY, name varchar(60), phone varchar(40), email varchar(80), KEY (phone)"
        credentials = tls_mariadb.create_database(sql=f"CREATE TABLE customers ({columns});")
        view = View(discover(credentials), Scoping())
        tls_mariadb.execute(credentials["database"], change)
        with pytest.raises(CallNotProvable) as refused:
            await proven(compiled(FIND_CUSTOMER, view), view, credentials)
        assert refused.value.reason == reason
        assert "SELECT" not in str(refused.value)

    async def test_a_missing_privilege_is_told(self, tls_mariadb: MariaDbServer) -> None:
        credentials = tls_mariadb.create_database(sql=SHOP)
        view = View(discover(credentials), Scoping())
        user, password = tls_mariadb.create_account("few", f"SELECT (id, name) ON {quoted(credentials['database'], 'customers')}")
        with pytest.raises(CallNotProvable) as refused:
            await proven(compiled(FIND_CUSTOMER, view), view, {**credentials, "user": user, "password": password})
        assert refused.value.reason == "permission_missing"

    async def test_a_datetime_needs_the_connections_zone(self, view: View, credentials: dict[str, Any]) -> None:
        candidate = compiled(FIND_TICKET, view)
        bare = msgspec.structs.replace(candidate, plan=msgspec.structs.replace(candidate.plan, time_zone=None))
        with pytest.raises(CallNotProvable) as refused:
            await proven(bare, view, credentials)
        assert refused.value.reason == "time_zone_missing"

    async def test_phone_formats_outside_the_sample_are_reported(self, tls_mariadb: MariaDbServer) -> None:
        credentials = tls_mariadb.create_database(sql=SHOP)
        view = View(discover(credentials), Scoping())
        tls_mariadb.execute(credentials["database"], "UPDATE customers SET phone = '(416) 555-0199' WHERE id = 7")
        (warning,) = (await proven(compiled(FIND_CUSTOMER, view), view, credentials)).warnings
        assert (warning.field, warning.code) == ("inputs.0", "phone_format_unseen")
        assert "'(999) 999-9999'" in warning.message
        assert "0199" not in warning.message

    async def test_a_scan_that_takes_too_long_is_refused(
        self, view: View, credentials: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        body = {**FIND_CUSTOMER, "inputs": [{"param": "note", "arg": "note", "required": True}]}
        allowed = await proven(compiled(body, view), view, credentials)
        assert allowed.estimate.scanned == ("r",)
        monkeypatch.setattr(proof, "UNINDEXED_ROWS_MOST", allowed.estimate.rows - 1)
        with pytest.raises(FilterNotIndexed) as refused:
            await proven(compiled(body, view), view, credentials)
        (finding,) = refused.value.errors
        assert finding.field == "inputs.0"
        table = quoted(credentials["database"], "customers")
        assert f"CREATE INDEX `idx_customers_note` ON {table} (`note`(191));" in (finding.hint or "")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1; SELECT 2",
        "DELETE FROM t",
        "SELECT a.x FROM t AS a FOR UPDATE",
        "SELECT x FROM t AS a",
        "SELECT a.x INTO @y FROM t AS a",
        "SELECT a.x FROM t AS a UNION SELECT b.y FROM u AS b",
        "SELECT /*! a.secret, */ a.x FROM t AS a",
        "SELECT a.x FROM t AS a -- WHERE",
        "SELECT a.x FROM t AS a WHERE load_file(a.x) = ?",
        "SELECT a.x FROM t AS a WHERE EXISTS (SELECT 1 FROM u)",
        "SELECT a.x FROM t AS a PROCEDURE ANALYSE()",
        "SELECT @@version FROM t AS a",
        "not sql at all (",
    ],
)
def test_what_cannot_be_told_is_not_readable(sql: str) -> None:
    with pytest.raises(NotReadable):
        read_statement(sql, "mysql")
