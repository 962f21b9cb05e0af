"""One source: pools, breaker, caps, cancellation, and servers that die."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable
from typing import Any

import pytest

from patchbay.connectors.breaker import FAILURES, LONGEST_S, Breaker
from patchbay.connectors.refusals import (
    CredentialsRefused,
    PermissionMissing,
    SchemaChanged,
    SourceBusy,
    SourceRefused,
    SourceTimeout,
    SourceUnavailable,
    ValueNotAccepted,
)
from patchbay.connectors.sql.postgres.backend import PREPARED_MOST, Answer
from patchbay.connectors.sql.postgres.execute import Source
from tests.servers.fronts import front
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio
BY_PHONE = b"SELECT id, name FROM customers WHERE phone = $1 LIMIT 6"


async def ask(source: Source, sql: bytes = BY_PHONE, *values: bytes, seconds: float = 5.0, limit: int = 200_000) -> Answer:
    deadline = asyncio.get_running_loop().time() + seconds
    given = values or ((b"+14165550007",) if sql is BY_PHONE else ())
    return await source.execute(sql, given, rows=6, limit=limit, deadline=deadline)


async def test_sessions_are_opened_when_needed_and_kept(
    sample: dict[str, Any], open_source: Any, session_count: Callable[[str], int]
) -> None:
    source = open_source(sample, size=3)
    assert session_count(sample["user"]) == 0
    assert (await ask(source)).rows == [(b"7", b"name 7")]
    assert session_count(sample["user"]) == 1
    await asyncio.gather(*(ask(source) for _ in range(30)))
    assert session_count(sample["user"]) <= 3
    source.pool.end_idle(asyncio.get_running_loop().time(), older_than_s=0)
    await source.pool.close()
    assert session_count(sample["user"]) == 0


async def test_every_session_is_read_only(sample: dict[str, Any], tls_postgres: PostgresServer, open_source: Any) -> None:
    tls_postgres.execute(sample["database"], f'GRANT INSERT ON customers TO "{sample["user"]}"')
    with pytest.raises(SourceRefused):
        await ask(open_source(sample), b"INSERT INTO customers (id) VALUES (-1) RETURNING id")
    assert tls_postgres.execute(sample["database"], "SELECT count(*) FROM customers WHERE id = -1") == [(0,)]


async def test_a_second_statement_is_refused(sample: dict[str, Any], open_source: Any) -> None:
    with pytest.raises(SourceRefused):
        await ask(open_source(sample), b"SELECT 1; SELECT 2")


async def test_waiting_for_a_session_ends_with_the_deadline(sample: dict[str, Any], open_source: Any) -> None:
    source = open_source(sample, size=1)
    await ask(source)
    holding = asyncio.create_task(ask(source, b"SELECT pg_sleep(0.6)::text"))
    await asyncio.sleep(0.1)
    with pytest.raises(SourceBusy):
        await ask(source, seconds=0.2)
    await holding
    assert (await ask(source)).rows, "the one that waited in vain did not keep the place"


async def test_a_late_statement_is_cancelled_and_its_session_given_up(
    sample: dict[str, Any], open_source: Any, session_count: Callable[[str], int]
) -> None:
    source = open_source(sample, size=1)
    with pytest.raises(SourceTimeout):
        await ask(source, b"SELECT waited FROM slow WHERE id = 1", seconds=0.3)
    assert (await ask(source)).rows == [(b"7", b"name 7")]
    assert session_count(sample["user"]) == 1


async def test_a_cancelled_caller_cancels_the_statement(
    sample: dict[str, Any], open_source: Any, tls_postgres: PostgresServer
) -> None:
    source = open_source(sample, size=1)
    task = asyncio.create_task(ask(source, b"SELECT pg_sleep(30)::text", seconds=40))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await ask(source)).rows == [(b"7", b"name 7")]
    await source.pool.close()
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%' AND pid <> pg_backend_pid()"
    assert tls_postgres.execute("postgres", sleeping) == [(0,)]


async def test_closing_waits_for_the_sessions_in_use(
    sample: dict[str, Any], open_source: Any, session_count: Callable[[str], int]
) -> None:
    source = open_source(sample, size=2)
    task = asyncio.create_task(ask(source, b"SELECT pg_sleep(0.4)::text", seconds=5))
    await asyncio.sleep(0.1)
    await source.pool.close()
    assert source.pool.ended
    assert session_count(sample["user"]) == 0
    assert (await task).rows == [(b"",)]


async def test_callers_cancelled_in_every_state_leave_the_pool_whole(sample: dict[str, Any], open_source: Any) -> None:
    source = open_source(sample, size=2)
    for step in range(25):
        tasks = [asyncio.create_task(ask(source)) for _ in range(6)]
        await asyncio.sleep(step * 0.002)
        for task in tasks[step % 2 :: 2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    answers = await asyncio.gather(*(ask(source) for _ in range(8)))
    assert all(answer.rows == [(b"7", b"name 7")] for answer in answers)


@pytest.mark.parametrize("through", ["directly", "pooler"])
async def test_a_huge_value_does_not_fill_the_memory(
    sample: dict[str, Any], pooled: dict[str, Any], open_source: Any, through: str
) -> None:
    source = open_source(sample if through == "directly" else pooled, size=1)
    await ask(source)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = await ask(source, b"SELECT id, body FROM big ORDER BY id DESC", seconds=30)
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert answer.cut
    assert grown_mb < 40, "100 MB were sent"
    assert (await ask(source)).rows == [(b"7", b"name 7")]


async def test_long_answers_arrive_whole(sample: dict[str, Any], open_source: Any) -> None:
    source = open_source(sample, size=1)
    for length in (10, 8_000, 16_000, 16_384, 17_000, 33_000, 70_000, 150_000, 500_000):
        answer = await ask(
            source, b"SELECT repeat('y', $1::int), n FROM generate_series(1, 3) n", b"%d" % length, limit=5_000_000
        )
        assert not answer.cut
        assert [(len(row[0] or b""), row[1]) for row in answer.rows] == [(length, b"1"), (length, b"2"), (length, b"3")]


async def test_the_server_dies_in_the_middle_and_comes_back(mortal: Any, open_source: Any) -> None:
    credentials = mortal.create_database(sql="CREATE TABLE t (id int); INSERT INTO t VALUES (1)")
    source = open_source(credentials, size=2)
    await asyncio.gather(*(ask(source, b"SELECT id FROM t") for _ in range(4)))
    running = asyncio.create_task(ask(source, b"SELECT pg_sleep(20)::text", seconds=3))
    await asyncio.sleep(0.3)
    mortal.kill()
    with pytest.raises(SourceUnavailable):
        await running
    mortal.revive()
    await asyncio.sleep(1.1)
    assert (await ask(source, b"SELECT id FROM t")).rows == [(b"1",)]


async def test_an_idle_session_the_server_ended_is_replaced_unseen(
    sample: dict[str, Any], open_source: Any, tls_postgres: PostgresServer
) -> None:
    source = open_source(sample, size=2)
    await asyncio.gather(ask(source), ask(source))
    tls_postgres.execute("postgres", f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{sample['user']}'")
    assert (await ask(source)).rows == [(b"7", b"name 7")]


async def test_a_changed_result_type_is_prepared_anew(open_source: Any, tls_postgres: PostgresServer) -> None:
    credentials = tls_postgres.create_database(sql="CREATE TABLE t (id int, v int); INSERT INTO t VALUES (1, 2)")
    source = open_source(credentials, size=1)
    assert (await ask(source, b"SELECT v FROM t")).rows == [(b"2",)]
    tls_postgres.execute(credentials["database"], "ALTER TABLE t ALTER v TYPE numeric(5,2)")
    assert (await ask(source, b"SELECT v FROM t")).rows == [(b"2.00",)]
    tls_postgres.execute(credentials["database"], "ALTER TABLE t DROP v")
    with pytest.raises(SchemaChanged):
        await ask(source, b"SELECT v FROM t")
    tls_postgres.execute(credentials["database"], "REVOKE SELECT ON t FROM PUBLIC, " + credentials["user"])
    with pytest.raises(PermissionMissing):
        await ask(source, b"SELECT id FROM t")


async def test_a_value_the_column_cannot_hold(sample: dict[str, Any], open_source: Any) -> None:
    with pytest.raises(ValueNotAccepted) as refused:
        await ask(open_source(sample), b"SELECT name FROM customers WHERE id = $1", b"99999999999999")
    assert "99999" not in str(refused.value)


async def test_prepared_statements_are_bounded(sample: dict[str, Any], open_source: Any) -> None:
    source = open_source(sample, size=1)
    for number in range(PREPARED_MOST + 20):
        await ask(source, b"SELECT name FROM customers WHERE id = %d" % number)
    answer = await ask(source, b"SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'pb%'")
    assert int(answer.rows[0][0] or 0) <= PREPARED_MOST
    assert (await ask(source, b"SELECT name FROM customers WHERE id = 3")).rows == [(b"name 3",)]


async def test_wrong_credentials_and_dead_hosts_are_refused_and_then_not_tried(sample: dict[str, Any], open_source: Any) -> None:
    with pytest.raises(CredentialsRefused):
        await ask(open_source({**sample, "password": "wrong"}))
    dead = open_source({**sample, "port": 1})
    for _ in range(FAILURES):
        with pytest.raises(SourceUnavailable) as refused:
            await ask(dead)
        assert "Retry-After" not in refused.value.headers
    with pytest.raises(SourceUnavailable) as refused:
        await ask(dead)
    assert refused.value.headers["Retry-After"] == "1"
    assert refused.value.extensions["reason"] == "source_unavailable"


async def test_a_slow_network_ends_with_the_deadline_and_not_later(
    sample: dict[str, Any], open_source: Any, tls_postgres: PostgresServer
) -> None:
    with front(tls_postgres.host, tls_postgres.port) as slow:
        source = open_source({**sample, "port": slow.port}, size=1)
        assert (await ask(source)).rows == [(b"7", b"name 7")]
        slow.delay_s = 0.5
        with pytest.raises(SourceTimeout):
            await ask(source, seconds=0.2)
        slow.delay_s = 0.0
        assert (await ask(source)).rows == [(b"7", b"name 7")]
        slow.cut()
        assert (await ask(source)).rows == [(b"7", b"name 7")], "a cut line is replaced unseen"


class TestThroughATransactionPooler:
    async def test_calls_work_and_are_read_only(self, pooled: dict[str, Any], open_source: Any) -> None:
        source = open_source(pooled, size=4)
        answers = await asyncio.gather(*(ask(source, BY_PHONE, b"+1416555%04d" % n) for n in range(1, 40)))
        assert [answer.rows for answer in answers] == [[(b"%d" % n, b"name %d" % n)] for n in range(1, 40)]
        settings = (
            b"SELECT current_setting('transaction_read_only'), current_setting('TimeZone'), current_setting('statement_timeout')"
        )
        answer = await ask(source, settings, seconds=2)
        assert answer.rows[0][:2] == (b"on", b"UTC")
        assert answer.rows[0][2] not in (b"0", b"4s")

    async def test_nothing_is_left_behind(self, pooled: dict[str, Any], open_source: Any, tls_postgres: PostgresServer) -> None:
        source = open_source(pooled, size=2)
        await ask(source)
        answer = await ask(source, b"SELECT count(*) FROM pg_prepared_statements WHERE name <> ''")
        assert answer.rows == [(b"0",)]

    async def test_an_error_leaves_the_source_usable(self, pooled: dict[str, Any], open_source: Any) -> None:
        source = open_source(pooled, size=1)
        with pytest.raises(SchemaChanged):
            await ask(source, b"SELECT nothing FROM customers")
        assert (await ask(source)).rows == [(b"7", b"name 7")]

    async def test_a_late_statement_is_cancelled(self, pooled: dict[str, Any], open_source: Any) -> None:
        source = open_source(pooled, size=1)
        with pytest.raises(SourceTimeout):
            await ask(source, b"SELECT waited FROM slow WHERE id = 1", seconds=0.4)
        assert (await ask(source)).rows == [(b"7", b"name 7")]


def test_the_breaker_opens_probes_and_closes() -> None:
    breaker = Breaker()
    for _ in range(FAILURES):
        assert breaker.admit(0.0) == 0
        breaker.failed(0.0)
    assert breaker.admit(0.5) == 0.5
    assert breaker.admit(1.5) == 0, "one probe may go"
    assert breaker.admit(1.5) > 0, "only one"
    breaker.failed(1.5)
    assert breaker.admit(3.0) == 0.5, "it stays open twice as long"
    assert breaker.admit(4.0) == 0
    breaker.abandoned()
    assert breaker.admit(4.0) == 0, "a probe that was given up lets another go"
    breaker.succeeded()
    assert breaker.admit(4.0) == 0
    assert breaker.admit(4.0) == 0
    for attempt in range(40):
        breaker.failed(5.0 + 100.0 * attempt)
    assert breaker.admit(5.0 + 100.0 * attempt) == LONGEST_S


def test_a_hundred_calls_that_one_outage_ended_open_it_once() -> None:
    breaker = Breaker()
    for _ in range(100):
        assert breaker.admit(7.0) == 0
    for _ in range(100):
        breaker.failed(7.1)
    assert breaker.admit(7.6) == pytest.approx(0.5)
    assert breaker.admit(8.2) == 0, "a second later one may find out that it is back"
    breaker.failed(8.3)
    assert breaker.admit(8.3) == pytest.approx(2.0)
