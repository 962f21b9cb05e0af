"""Values on their way in: what a placeholder is sent is what the server reads."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.connectors.sql.credentials import parse_sql_credentials
from patchbay.connectors.sql.postgres.execute import Source
from patchbay.connectors.sql.postgres.parameters import encoder
from patchbay.connectors.sql.postgres.values import decoder
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.call import SqlSlot
from patchbay.schema_graph.coercion import zone_info
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio

ROUND_TRIPS: list[tuple[str, str, Any, Any]] = [
    ("string", "text", 'it\'s "so" \\ {x,y} ☃\n', 'it\'s "so" \\ {x,y} ☃\n'),
    ("integer", "bigint", 9007199254740993, "9007199254740993"),
    ("decimal", "numeric", Decimal("0.10"), "0.10"),
    ("number", "double precision", 0.1, 0.1),
    ("boolean", "boolean", True, True),
    ("date", "date", date(2026, 5, 1), "2026-05-01"),
    ("time", "time", time(10, 30, 0, 5), "10:30:00.000005"),
    ("datetime", "timestamptz", datetime(2026, 5, 1, 10, 0, tzinfo=UTC), "2026-05-01T10:00:00+00:00"),
    ("duration", "interval", timedelta(days=1, seconds=90), "P1DT1M30S"),
    ("uuid", "uuid", UUID(int=7), "00000000-0000-0000-0000-000000000007"),
    ("bytes", "bytea", b"\x00\xff", "AP8="),
    ("json", "jsonb", {"a": ["☃", None, 1.5]}, {"a": ["☃", None, 1.5]}),
    ("array", "int[]", [[1, None], [3, 4]], [[1, None], [3, 4]]),
    ("string", "text", None, None),
]
MANY: list[tuple[str, str, list[Any], list[Any]]] = [
    ("string", "text[]", ["a,b", 'c"d', "e\\f", "", "NULL", None, "{}"], ["a,b", 'c"d', "e\\f", "", "NULL", None, "{}"]),
    ("integer", "bigint[]", [1, 2], ["1", "2"]),
    ("date", "date[]", [date(2026, 5, 1)], ["2026-05-01"]),
    ("string", "text[]", [], []),
]


async def test_what_is_sent_is_what_is_read(tls_postgres: PostgresServer) -> None:
    credentials = parse_sql_credentials("postgres", tls_postgres.create_database())
    source = Source(credentials, EgressGuard([ip_network("127.0.0.1/32")]), size=1)
    slots = [SqlSlot(native_type=native, type=kind) for kind, native, _, _ in ROUND_TRIPS]  # pyright: ignore[reportArgumentType]
    slots += [SqlSlot(native_type=native, type=kind, many=True) for kind, native, _, _ in MANY]  # pyright: ignore[reportArgumentType]
    sent = [encoder(slot)(case[2]) for slot, case in zip(slots, [*ROUND_TRIPS, *MANY], strict=True)]
    select = ", ".join(f"${n}::{slot.native_type}" for n, slot in enumerate(slots, 1))
    deadline = asyncio.get_running_loop().time() + 10
    answer = await source.execute(f"SELECT {select}".encode(), sent, rows=1, limit=100_000, deadline=deadline)
    await source.pool.close()
    utc = zone_info("UTC")
    read = [
        None if raw is None else decoder(oid, agent_zone=utc, source_zone=utc, elements={})(raw)
        for oid, raw in zip(answer.oids, answer.rows[0], strict=True)
    ]
    assert read == [case[3] for case in [*ROUND_TRIPS, *MANY]]


@given(st.lists(st.one_of(st.none(), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))))
def test_any_list_of_texts_survives_the_array_form(items: list[str | None]) -> None:
    slot = SqlSlot(native_type="text", type="string", many=True)
    written = encoder(slot)(items)
    assert written is not None
    read = decoder(1009, agent_zone=zone_info("UTC"), source_zone=None, elements={})
    assert read(written) == items
