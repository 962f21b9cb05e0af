"""What of a write is proven on the live server, in the write role's own session, without running it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from patchbay.connectors.proof import CallNotProvable
from patchbay.connectors.proving import prove
from patchbay.connectors.sql.credentials import parse_sql_credentials
from patchbay.connectors.sql.provenance import NotReadable, Reference, read_write
from patchbay.schema_graph.call import Candidate, statement_of
from tests.connectors.writes.places import GUARD, Place, back, model

pytestmark = pytest.mark.anyio
CHANGE: dict[str, Any] = {
    "operation": "orders.update",
    "inputs": [model("id"), model("note"), model("total", required=False)],
    "projection": back("number", "state"),
}


async def refusal(place: Place, made: Candidate) -> str:
    with pytest.raises(CallNotProvable) as refused:
        await prove(made, place.view, credentials=place.credentials, guard=GUARD)
    return refused.value.reason


async def test_proving_runs_nothing(place: Place) -> None:
    before = place.all("orders"), place.all("audited"), place.all("log")
    await place.proven(**CHANGE)
    await place.proven(operation="audited.insert", inputs=[model("id"), model("value")])
    assert (place.all("orders"), place.all("audited"), place.all("log")) == before


async def test_what_a_write_sets_off_is_told(place: Place) -> None:
    proven = await place.proven(operation="audited.update", inputs=[model("id"), model("value")])
    (warning,) = proven.warnings
    trigger = "audit_values" if place.kind == "postgres" else "audit_updates"
    assert (warning.code, f"'{trigger}'" in warning.message) == ("side_effects", True)
    assert (await place.proven(**CHANGE)).warnings == ()


async def test_a_server_that_hides_its_triggers_is_told_apart(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    if place.kind == "postgres":
        pytest.skip("PostgreSQL shows them to everybody")
    monkeypatch.setattr("patchbay.connectors.sql.mysql.write_target._names_triggers", lambda _: False)
    (warning,) = (await place.proven(**CHANGE)).warnings
    assert warning.code == "side_effects_unseen"
    user = place.raw["write"]["user"]
    place.execute(f"GRANT TRIGGER ON orders TO '{user}'@'%'")
    try:
        assert (await place.proven(**CHANGE)).warnings == ()
    finally:
        place.execute(f"REVOKE TRIGGER ON orders FROM '{user}'@'%'")


async def test_a_missing_privilege_is_found_before_anything_runs(place: Place) -> None:
    user = place.raw["write"]["user"]
    who = f'"{user}"' if place.kind == "postgres" else f"'{user}'@'%'"
    insert: dict[str, Any] = {"operation": "codes.insert", "inputs": [model("code"), model("must")], "projection": back("value")}
    update: dict[str, Any] = {"operation": "codes.update", "inputs": [model("code"), model("value")]}
    made = {name: place.candidate(**body) for name, body in (("insert", insert), ("update", update))}
    for privilege, needed in (("INSERT", "insert"), ("UPDATE", "update"), ("SELECT", "update"), ("SELECT", "insert")):
        place.execute(f"REVOKE {privilege} ON codes FROM {who}")
        try:
            assert await refusal(place, made[needed]) == "write_permission_missing"
        finally:
            place.execute(f"GRANT {privilege} ON codes TO {who}")
    assert await prove(made["update"], place.view, credentials=place.credentials, guard=GUARD)


async def test_a_table_that_cannot_undo_is_not_written_to(place: Place) -> None:
    made = place.candidate(operation="plain.insert", inputs=[model("id"), model("value")])
    if place.kind == "mysql":
        assert await refusal(place, made) == "not_transactional"
    else:
        assert (await prove(made, place.view, credentials=place.credentials, guard=GUARD)).call.effect == "write"


async def test_what_became_another_thing_is_refused(place: Place) -> None:
    made = place.candidate(operation="codes.update", inputs=[model("code"), model("value")])
    quick: list[tuple[str, str, set[str]]] = [
        ("ALTER TABLE codes DROP CONSTRAINT codes_pkey", "ALTER TABLE codes ADD PRIMARY KEY (code)", {"schema_changed"}),
        ("CREATE RULE off AS ON UPDATE TO codes DO INSTEAD NOTHING", "DROP RULE off ON codes", {"not_writable"}),
        ("ALTER TABLE codes ALTER value TYPE bytea USING NULL", "ALTER TABLE codes ALTER value TYPE text USING NULL",
         {"parameter_mismatch"}),
    ] if place.kind == "postgres" else [
        ("ALTER TABLE codes DROP PRIMARY KEY", "ALTER TABLE codes ADD PRIMARY KEY (code)", {"schema_changed"}),
        ("ALTER TABLE codes ENGINE = Aria", "ALTER TABLE codes ENGINE = InnoDB", {"not_transactional"}),
        ("ALTER TABLE codes MODIFY code int", "ALTER TABLE codes MODIFY code varchar(60)", {"parameter_mismatch"}),
    ]  # fmt: skip
    for change, undo, reasons in quick:
        place.execute(change)
        try:
            assert await refusal(place, made) in reasons, change
        finally:
            place.execute(undo)


@pytest.mark.parametrize(
    "alter",
    [
        lambda sql: sql.replace("note", "customer_id", 1),
        lambda sql: sql.split(" WHERE ")[0],
        lambda sql: sql + "; DELETE FROM orders",
        lambda sql: "DELETE FROM orders WHERE id = 1",
        lambda sql: "SELECT 1",
        lambda sql: sql.replace("orders", "customers", 1),
    ],
)
async def test_a_statement_that_is_not_the_plan_s_is_refused(place: Place, alter: Callable[[str], str]) -> None:
    made = place.candidate(**CHANGE)
    call = statement_of(made)
    wrong = msgspec.structs.replace(made, body=msgspec.structs.replace(call, sql=alter(call.sql)))
    assert await refusal(place, wrong) == "provenance_unproven"


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t (a) SELECT a FROM u",
        "INSERT INTO t VALUES ($1)",
        "INSERT INTO t (a) VALUES ($1), ($2)",
        "INSERT INTO t (a) VALUES (pg_sleep(1))",
        "INSERT INTO t (a) VALUES ($1) ON CONFLICT DO NOTHING",
        "WITH x AS (DELETE FROM u RETURNING a) INSERT INTO t (a) VALUES ($1)",
        "UPDATE t SET a = (SELECT b FROM u) WHERE a = $1",
        "UPDATE t SET a = b FROM u WHERE t.a = u.a",
        "UPDATE t SET a = $1",
        "UPDATE t SET (a, b) = ($1, $2) WHERE a = $3",
        "UPDATE t SET a = $1 WHERE a = $2 RETURNING *",
        "UPDATE t SET a = $1 /* x */ WHERE a = $2",
        "DELETE FROM t WHERE a = $1",
        "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE",
        "UPDATE t, u SET t.a = $1 WHERE t.a = $2",
        "REPLACE INTO t (a) VALUES ($1)",
    ],
)
def test_writes_that_do_more_than_they_may_are_not_read(sql: str) -> None:
    for dialect in ("postgres", "mysql"):
        with pytest.raises(NotReadable):
            read_write(sql, dialect)


def test_what_a_write_returns_is_read_under_whatever_name() -> None:
    sql = 'UPDATE "s"."t" AS "r" SET "a" = $1 WHERE "r"."b" = $2 RETURNING "r"."c" AS "leaf", "r"."d"'
    assert read_write(sql, "postgres").outputs == (Reference("s", "t", "c"), Reference("s", "t", "d"))


async def test_without_write_credentials_there_is_no_session(place: Place) -> None:
    reading = parse_sql_credentials(place.kind, {name: value for name, value in place.raw.items() if name != "write"})
    with pytest.raises(LookupError):
        await prove(place.candidate(**CHANGE), place.view, credentials=reading, guard=GUARD)
