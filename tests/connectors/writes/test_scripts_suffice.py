"""The role that the write script makes can do what bound writes need."""

from __future__ import annotations

import secrets

import pytest

from patchbay.connectors.sql.credentials import parse_sql_credentials
from patchbay.connectors.sql.mysql.scripts import scripts as mysql_scripts
from patchbay.connectors.sql.postgres.scripts import scripts as postgres_scripts
from tests.connectors.writes.places import Place, back, model
from tests.servers.mariadb import MariaDbServer
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio


async def test_the_script_s_role_inserts_and_updates_and_nothing_else(
    tls_postgres: PostgresServer, tls_mariadb: MariaDbServer
) -> None:
    for server, made_by in (tls_postgres, postgres_scripts), (tls_mariadb, mysql_scripts):
        place = Place(server)
        role = f"writer_{secrets.token_hex(4)}"
        made = made_by(place.raw["database"], ["orders", "customers"], write_role=role).write
        assert made is not None
        if isinstance(server, MariaDbServer):
            server.client(None, made.sql)
        else:
            server.execute(place.raw["database"], made.sql)
        place.raw["write"] = {"user": role, "password": made.generated_password}
        place.credentials = parse_sql_credentials(place.kind, place.raw)
        place.discover()
        offered = {name for name in place.graph.operations if not name.endswith(".read")}
        assert offered == {"orders.insert", "orders.update", "customers.insert", "customers.update"}
        insert = await place.call(
            operation="orders.insert", inputs=[model("number"), model("customer_id")], projection=back("id", "state")
        )
        (row,) = (await place.run(insert, {"number": "S-1", "customer_id": 101})).rows
        assert row["state"] == "open"
        update = await place.call(operation="orders.update", inputs=[model("id"), model("note")], projection=back("note"))
        assert (await place.run(update, {"id": row["id"], "note": "by script"})).rows == [{"note": "by script"}]
