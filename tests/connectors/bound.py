"""A binding on a real database, all the way: checked on what discovery finds, compiled, proven, run, and shaped."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from typing import Any, Literal

import psycopg

from patchbay.bindings.check import Checked, Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import parse_binding
from patchbay.connectors.proving import prove
from patchbay.connectors.shaped import shaped
from patchbay.connectors.sql.credentials import parse_sql_credentials
from patchbay.connectors.sql.postgres.discovery import discover_graph
from patchbay.connectors.systems import system_of
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.call import CallContext, CallResult, Candidate, FrozenCall
from patchbay.schema_graph.coercion import zone_info
from patchbay.schema_graph.scoping import Scoping, View
from tests.connectors.discovery.mysql_reading import discover
from tests.servers.mariadb import MariaDbServer
from tests.servers.postgres import PostgresServer

GUARD = EgressGuard([ip_network("127.0.0.1/32")])
ZONE = "America/Toronto"
Kind = Literal["postgres", "mysql"]


class Bound:
    """A database of ``kind``, made by ``sql``."""

    def __init__(self, kind: Kind, server: PostgresServer | MariaDbServer, sql: str) -> None:
        self.kind: Kind = kind
        self.server = server
        self.raw = server.create_database(sql=sql)
        self.credentials = parse_sql_credentials(kind, self.raw)
        self.graph = self.discovered()

    def discovered(self) -> Any:
        if isinstance(self.server, MariaDbServer):
            return discover(self.raw)
        with psycopg.connect(self.server.superuser_dsn(self.raw["database"]), autocommit=True) as connection:
            return discover_graph(connection)

    def execute(self, sql: str) -> None:
        """As the database's owner."""
        if isinstance(self.server, MariaDbServer):
            self.server.execute(self.raw["database"], "SET sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES');" + sql)
            return
        with psycopg.connect(self.server.superuser_dsn(self.raw["database"]), autocommit=True) as connection:
            connection.execute(sql.encode())

    def checked(self, body: dict[str, Any], *, scoping: Scoping | None = None) -> tuple[View, Checked]:
        view = View(self.graph, scoping or Scoping())
        target = Target(connection_id="con_1", kind=self.kind, time_zone=ZONE, default_country="CA")
        return view, check(parse_binding({"toolName": "t"} | body), view, target)

    def compiled(self, body: dict[str, Any]) -> tuple[View, Candidate]:
        view, made = self.checked(body)
        return view, compile_plan(made.plan, view)

    async def proven(self, candidate: Candidate, view: View) -> FrozenCall:
        return (await prove(candidate, view, credentials=self.credentials, guard=GUARD)).call

    async def frozen(self, body: dict[str, Any]) -> FrozenCall:
        view, candidate = self.compiled(body)
        return await self.proven(candidate, view)

    async def run(self, call: FrozenCall, **context: Any) -> CallResult:
        ready, zone = shaped(system_of(self.kind).ready(call)), zone_info(ZONE)
        given = CallContext(**({"arguments": {}, "time_zone": ZONE} | context))
        values = ready.values(given, zone)
        source: Any = system_of(self.kind).source(self.credentials, GUARD, role="read", authorizer=None)
        try:
            answer = await ready.run(source, values, asyncio.get_running_loop().time() + 5)
            return ready.result(source, answer, zone_name=ZONE, zone=zone, duration_ms=0)
        finally:
            await source.close()
