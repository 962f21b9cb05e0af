"""Running frozen calls: what must hold before, during and after, and what happens when it stops holding."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
import pytest

from patchbay.connectors import freshness
from patchbay.connectors.refusals import (
    CallNotSupported,
    CallRefused,
    ConnectionReplaced,
    ConnectionUnknown,
    NotConnected,
    PermissionMissing,
    SchemaChanged,
    ScopedOut,
    ScopingUnconfirmed,
    SourceTimeout,
    WriteRoleMissing,
)
from patchbay.connectors.runtime import CallRunner
from patchbay.schema_graph.arguments import ArgumentRefused, ArgumentsInvalid, MissingArguments
from patchbay.schema_graph.call import CallContext, Caps, FrozenCall
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.connectors import shop
from tests.connectors.platform import GUARD, Shop, by_phone, open_shop
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio
SEVENTH = {"customer_name": "name 7", "customer_email": "c7@example.com"}


@pytest.fixture(scope="module")
def shared_credentials(tls_postgres: PostgresServer) -> dict[str, Any]:
    return tls_postgres.create_database(sql=shop.SQL)


@pytest.fixture
async def acme(database: Database, vault: Vault, shared_credentials: dict[str, Any]) -> Shop:
    return await open_shop(database, vault, shared_credentials)


@contextlib.asynccontextmanager
async def running(database: Database, vault: Vault) -> AsyncGenerator[CallRunner]:
    runner = CallRunner(database, vault, GUARD)
    await runner.start()
    try:
        yield runner
    finally:
        await runner.stop()


@pytest.fixture
async def runner(database: Database, vault: Vault) -> AsyncGenerator[CallRunner]:
    async with running(database, vault) as started:
        yield started


async def until_refused(runner: CallRunner, org: str, call: FrozenCall, context: CallContext, kind: type[CallRefused]) -> float:
    """Run until the refusal comes; the seconds it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        try:
            await runner.run(org, call, context)
        except kind:
            return loop.time() - began
        assert loop.time() - began < 5
        await asyncio.sleep(0.01)


class TestResults:
    async def test_a_row_is_found_by_a_number_said_another_way(self, acme: Shop, runner: CallRunner) -> None:
        result = await runner.run(acme.org, acme.find_customer, by_phone("416-555-0007"))
        assert result.rows == [SEVENTH]
        assert (result.row_count, result.truncated, result.ambiguous, result.notes) == (1, False, False, ())
        assert result.duration_ms > 0

    async def test_values_have_the_form_of_their_columns(self, acme: Shop, runner: CallRunner) -> None:
        context = CallContext(arguments={"ticket_number": "24"}, time_zone="Europe/Berlin")
        (row,) = (await runner.run(acme.org, acme.find_ticket, context)).rows
        assert row == {
            "number": "24",
            "state": "open",
            "opened": "2026-03-02T13:00:00+01:00",
            "picked_up": "2026-03-02T15:30:00+01:00",
            "price": "36.00",
            "customer_name": "name 25",
        }

    async def test_no_row_is_an_empty_result(self, acme: Shop, runner: CallRunner) -> None:
        result = await runner.run(acme.org, acme.find_customer, by_phone("+1 416 555 9999"))
        assert (result.rows, result.row_count, result.truncated) == ([], 0, False)

    async def test_more_rows_than_the_cap_are_said(self, acme: Shop, runner: CallRunner) -> None:
        body = {
            "toolName": "Tickets of a customer",
            "operation": "tickets.read",
            "inputs": [{"param": "customer", "arg": "customer_id", "required": True}],
            "projection": [{"path": ["id"], "leaf": "number"}],
            "limit": 3,
        }
        call = shop.frozen(body, acme.connection_id)
        result = await runner.run(acme.org, call, CallContext(arguments={"customer": 8}))
        assert (result.row_count, result.truncated) == (3, True)
        assert any("first 3" in note for note in result.notes)

    async def test_more_bytes_than_the_cap_are_said(self, acme: Shop, runner: CallRunner) -> None:
        body = {
            "toolName": "Notes of a customer",
            "operation": "tickets.read",
            "inputs": [{"param": "customer", "arg": "customer_id", "required": True}],
            "projection": [{"path": ["note"], "leaf": "note"}],
        }
        call = msgspec.structs.replace(shop.frozen(body, acme.connection_id), caps=Caps(rows=5, bytes=50))
        result = await runner.run(acme.org, call, CallContext(arguments={"customer": 8}))
        assert (result.row_count, result.truncated) == (2, True)
        assert any("50 bytes" in note for note in result.notes)

    async def test_two_records_for_one_person_are_ambiguous(
        self, database: Database, vault: Vault, runner: CallRunner, tls_postgres: PostgresServer
    ) -> None:
        credentials = tls_postgres.create_database(sql=shop.SQL)
        tls_postgres.execute(credentials["database"], "UPDATE customers SET phone = '+14165550007' WHERE id IN (7, 8)")
        acme = await open_shop(database, vault, credentials)
        result = await runner.run(acme.org, acme.find_customer, by_phone())
        assert (result.row_count, result.ambiguous) == (2, True)

    async def test_many_callers_at_once(self, acme: Shop, runner: CallRunner) -> None:
        call = acme.find_customer
        results = await asyncio.gather(*(runner.run(acme.org, call, by_phone(f"+1 416 555 {n:04d}")) for n in range(1, 200)))
        assert [result.rows[0]["customer_name"] for result in results] == [f"name {n}" for n in range(1, 200)]


class TestArguments:
    async def test_what_the_model_may_not_send_is_refused(self, acme: Shop, runner: CallRunner) -> None:
        context = CallContext(arguments={"caller_phone": "+14165550007", "sql": "DROP TABLE customers"})
        with pytest.raises(ArgumentRefused):
            await runner.run(acme.org, acme.find_customer, context)

    async def test_missing_and_malformed_values(self, acme: Shop, runner: CallRunner) -> None:
        with pytest.raises(MissingArguments):
            await runner.run(acme.org, acme.find_customer, CallContext(arguments={}))
        with pytest.raises(ArgumentsInvalid):
            await runner.run(acme.org, acme.find_customer, by_phone("call me maybe"))

    async def test_text_cannot_become_sql(self, acme: Shop, runner: CallRunner) -> None:
        body = {**shop.FIND_CUSTOMER, "inputs": [{"param": "mail", "arg": "email", "required": True}]}
        call = shop.frozen(body, acme.connection_id)
        for text in ("' OR true --", "$1", "\\'; DROP TABLE customers; --", '{"x"}', "NULL"):
            assert (await runner.run(acme.org, call, CallContext(arguments={"mail": text}))).rows == []


class TestRefusals:
    async def test_every_refusal_is_typed_and_says_what_next(self, acme: Shop, runner: CallRunner) -> None:
        await acme.disconnect()
        with pytest.raises(NotConnected) as refused:
            await runner.run(acme.org, acme.find_customer, by_phone())
        assert refused.value.extensions.keys() == {"layer", "reason", "nextStep", "say"}
        assert refused.value.reason == "integration_not_connected"
        for kind in CallRefused.__subclasses__():
            shown = kind()
            assert shown.say
            assert shown.next_step
            assert "SELECT" not in str(shown)

    async def test_another_organization_cannot_run_the_call(
        self, acme: Shop, database: Database, vault: Vault, runner: CallRunner, shared_credentials: dict[str, Any]
    ) -> None:
        other = await open_shop(database, vault, shared_credentials, name="Other")
        call = acme.find_customer
        assert (await runner.run(acme.org, call, by_phone())).rows == [SEVENTH]
        with pytest.raises(ConnectionUnknown):
            await runner.run(other.org, call, by_phone())
        with pytest.raises(ConnectionUnknown):
            await runner.run(acme.org, msgspec.structs.replace(call, connection_id="con_none"), by_phone())

    async def test_calls_of_another_format_or_kind(self, acme: Shop, runner: CallRunner) -> None:
        for change in ({"format_version": 99}, {"kind": "mysql"}):
            with pytest.raises(CallNotSupported):
                await runner.run(acme.org, msgspec.structs.replace(acme.find_customer, **change), by_phone())
        with pytest.raises(WriteRoleMissing):
            await runner.run(acme.org, msgspec.structs.replace(acme.find_customer, effect="write"), by_phone())

    async def test_a_replaced_connection(self, acme: Shop, runner: CallRunner, tls_postgres: PostgresServer) -> None:
        call = acme.find_customer
        assert (await runner.run(acme.org, call, by_phone())).rows
        await acme.connect(tls_postgres.create_database(sql=shop.SQL))
        assert await until_refused(runner, acme.org, call, by_phone(), ConnectionReplaced) < 1

    async def test_disconnecting_stops_calls_and_connecting_resumes_them(self, acme: Shop, runner: CallRunner) -> None:
        call = acme.find_customer
        assert (await runner.run(acme.org, call, by_phone())).rows
        await acme.disconnect()
        assert await until_refused(runner, acme.org, call, by_phone(), NotConnected) < 1
        await acme.connect(acme.credentials)
        while True:
            with contextlib.suppress(NotConnected):
                assert (await runner.run(acme.org, call, by_phone())).rows == [SEVENTH]
                break

    async def test_rotated_credentials_take_over(
        self, database: Database, vault: Vault, runner: CallRunner, tls_postgres: PostgresServer
    ) -> None:
        credentials = tls_postgres.create_database(sql=shop.SQL)
        acme = await open_shop(database, vault, credentials)
        call = acme.find_customer
        assert (await runner.run(acme.org, call, by_phone())).rows
        role = credentials["user"]
        tls_postgres.execute("postgres", f"ALTER ROLE \"{role}\" PASSWORD 'new-secret-1'")
        await acme.connect({**credentials, "password": "new-secret-1"})
        await asyncio.sleep(0.6)
        tls_postgres.execute("postgres", f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'")
        assert (await runner.run(acme.org, call, by_phone())).rows == [SEVENTH]

    async def test_what_changes_at_the_source_after_publishing(
        self, database: Database, vault: Vault, runner: CallRunner, tls_postgres: PostgresServer
    ) -> None:
        credentials = tls_postgres.create_database(sql=shop.SQL)
        acme = await open_shop(database, vault, credentials)
        call = acme.find_customer
        assert (await runner.run(acme.org, call, by_phone())).rows
        tls_postgres.execute(credentials["database"], f'REVOKE SELECT ON customers FROM "{credentials["user"]}"')
        with pytest.raises(PermissionMissing):
            await runner.run(acme.org, call, by_phone())
        tls_postgres.execute(
            credentials["database"],
            f'GRANT SELECT ON customers TO "{credentials["user"]}"; ALTER TABLE customers DROP email',
        )
        with pytest.raises(SchemaChanged):
            await runner.run(acme.org, call, by_phone())

    async def test_a_changed_slice_stops_the_call_and_an_unrelated_change_does_not(self, acme: Shop, runner: CallRunner) -> None:
        customer, ticket = acme.find_customer, acme.find_ticket
        context = CallContext(arguments={"ticket_number": 24})
        assert (await runner.run(acme.org, customer, by_phone())).rows
        await acme.discovered(shop.graph(note_type="integer"))
        await asyncio.sleep(0.4)
        assert (await runner.run(acme.org, customer, by_phone())).rows
        assert (await runner.run(acme.org, ticket, context)).rows
        changed = msgspec.structs.replace(customer, slice_fingerprint="0" * 64)
        with pytest.raises(SchemaChanged):
            await runner.run(acme.org, changed, by_phone())

    async def test_the_deadline_of_a_call(self, acme: Shop, runner: CallRunner, tls_postgres: PostgresServer) -> None:
        call = msgspec.structs.replace(acme.find_customer, caps=Caps(deadline_ms=300))
        assert (await runner.run(acme.org, call, by_phone())).rows
        with tls_postgres.connect(acme.credentials["database"]) as connection, connection.transaction():
            connection.execute("LOCK TABLE customers IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(SourceTimeout):
                await runner.run(acme.org, call, by_phone())
        assert (await runner.run(acme.org, call, by_phone())).rows == [SEVENTH]


class TestScoping:
    async def test_a_blocked_column_stops_live_calls_in_every_process(
        self, acme: Shop, database: Database, vault: Vault, runner: CallRunner
    ) -> None:
        call = acme.find_customer
        async with running(database, vault) as other:
            for one in (runner, other):
                assert (await one.run(acme.org, call, by_phone())).rows == [SEVENTH]
            await acme.block(blockedColumns={"customers": ["EMAIL"]})
            waits = await asyncio.gather(*(until_refused(one, acme.org, call, by_phone(), ScopedOut) for one in (runner, other)))
            assert max(waits) < 1
            await acme.block(blockedColumns={})
            await asyncio.sleep(0.6)
            assert (await other.run(acme.org, call, by_phone())).rows == [SEVENTH]

    async def test_a_column_only_filtered_by_counts(self, acme: Shop, runner: CallRunner) -> None:
        await acme.block(blockedColumns={"public.customers": ["phone"]})
        with pytest.raises(ScopedOut) as refused:
            await runner.run(acme.org, acme.find_customer, by_phone())
        assert "phone" not in str(refused.value)

    async def test_a_view_over_a_blocked_column(self, acme: Shop, runner: CallRunner) -> None:
        body = {**shop.FIND_CUSTOMER, "operation": "directory.read", "projection": [{"path": ["name"], "leaf": "name"}]}
        call = shop.frozen(body, acme.connection_id)
        assert (await runner.run(acme.org, call, by_phone())).rows == [{"name": "name 7"}]
        await acme.block(blockedTables=["customers"])
        assert await until_refused(runner, acme.org, call, by_phone(), ScopedOut) < 1

    async def test_blocking_while_the_statement_runs_withholds_its_rows(
        self, acme: Shop, runner: CallRunner, tls_postgres: PostgresServer
    ) -> None:
        call = acme.find_customer
        assert (await runner.run(acme.org, call, by_phone())).rows
        with tls_postgres.connect(acme.credentials["database"]) as connection:
            with connection.transaction():
                connection.execute("LOCK TABLE customers IN ACCESS EXCLUSIVE MODE")
                task = asyncio.create_task(runner.run(acme.org, call, by_phone()))
                await asyncio.sleep(0.1)
                await acme.block(blockedColumns={"customers": ["email"]})
                await asyncio.sleep(0.4)
            with pytest.raises(ScopedOut):
                await task

    async def test_without_the_heartbeat_every_call_asks_for_itself(
        self, acme: Shop, runner: CallRunner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        call = acme.find_customer
        assert (await runner.run(acme.org, call, by_phone())).rows
        await runner._states.stop()  # pyright: ignore[reportPrivateUsage]
        await acme.block(blockedColumns={"customers": ["email"]})
        assert await until_refused(runner, acme.org, call, by_phone(), ScopedOut) < 1.5

    async def test_when_the_store_does_not_answer_nothing_runs_on_what_is_stale(
        self, acme: Shop, vault: Vault, platform_dsn: str
    ) -> None:
        call = acme.find_customer
        store = Database.at(platform_dsn)
        async with running(store, vault) as runner:
            assert (await runner.run(acme.org, call, by_phone())).rows
            store.dsn = "host=127.0.0.1 port=1 dbname=gone"
            await store.engine.dispose()
            gone = Database.at("postgresql://nobody@127.0.0.1:1/gone")
            store.engine = gone.engine
            await runner._states.stop()  # pyright: ignore[reportPrivateUsage]
            wait = await until_refused(runner, acme.org, call, by_phone(), ScopingUnconfirmed)
            assert wait <= freshness.FRESH_S + 0.5

    async def test_a_process_that_was_paused_does_not_trust_what_it_knew(
        self, acme: Shop, runner: CallRunner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        call = acme.find_customer
        assert (await runner.run(acme.org, call, by_phone())).rows
        states = runner._states  # pyright: ignore[reportPrivateUsage]
        await states.stop()
        monkeypatch.setattr(states, "_clock", lambda: freshness.now() + 3600)
        assert states.fresh(acme.connection_id) is None
        await acme.block(blockedColumns={"customers": ["email"]})
        with pytest.raises(ScopedOut):
            await runner.run(acme.org, call, by_phone())


async def test_a_caller_that_goes_away_leaves_the_runner_whole(acme: Shop, runner: CallRunner) -> None:
    call = acme.find_customer
    for step in range(20):
        tasks = [asyncio.create_task(runner.run(acme.org, call, by_phone())) for _ in range(8)]
        await asyncio.sleep(step * 0.001)
        for task in tasks[::2]:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(outcome, asyncio.CancelledError) or outcome.rows == [SEVENTH]  # pyright: ignore[reportAttributeAccessIssue]
    assert (await runner.run(acme.org, call, by_phone())).rows == [SEVENTH]


async def test_an_equal_call_read_again_is_the_same_call(acme: Shop, runner: CallRunner) -> None:
    for _ in range(3):
        call = msgspec.json.decode(msgspec.json.encode(acme.find_customer), type=FrozenCall)
        assert (await runner.run(acme.org, call, by_phone())).rows == [SEVENTH]
    assert len(runner._by_content) == 1  # pyright: ignore[reportPrivateUsage]
