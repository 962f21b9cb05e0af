"""From the scripts to a connection that passes every check, by the type of database as the routes do it."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from patchbay.connectors.sql import setup
from patchbay.egress.guard import EgressGuard
from tests.servers.mariadb import MariaDbServer
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio
GUARD = EgressGuard([ip_network("127.0.0.1/32")])
APPDB = """
CREATE TABLE customers (id bigint PRIMARY KEY, name varchar(100) NOT NULL);
CREATE TABLE appointments (id bigint PRIMARY KEY, customer_id bigint, phone varchar(20), starts_at timestamp);
INSERT INTO customers VALUES (1, 'Ada Byron');
"""


@pytest.mark.parametrize("type_", setup.SQL_TYPES)
async def test_what_the_scripts_make_passes_every_check(
    tls_mariadb: MariaDbServer, tls_postgres: PostgresServer, type_: str
) -> None:
    server = tls_mariadb if type_ == "mysql" else tls_postgres
    database = server.create_database(sql=APPDB)["database"]
    made = setup.scripts(type_, database, ["appointments"], read_role=f"ro_{database}", write_role=f"rw_{database}")
    assert made.write is not None
    assert made.generated_password is not None
    for script in (made.read_only, made.write):
        tls_mariadb.client(None, script.sql) if type_ == "mysql" else tls_postgres.psql(database, script.sql)
    credentials = server.credentials(database, made.read_only.role, made.generated_password)
    credentials["write"] = {"user": made.write.role, "password": made.write.generated_password}
    answer = await setup.run_checks(type_, credentials, GUARD)
    assert {check["status"] for check in answer["checks"]} == {"passed"}, answer
    assert answer["ok"]
    for script in (made.read_only, made.write):
        tls_mariadb.client(None, script.revoke) if type_ == "mysql" else tls_postgres.psql(database, script.revoke)
    gone = await setup.run_checks(type_, credentials, GUARD)
    assert next(check for check in gone["checks"] if check["id"] == "authentication")["status"] == "failed"


async def test_there_is_no_set_up_for_other_types() -> None:
    with pytest.raises(KeyError):
        setup.scripts("rest", "appdb", read_role="a", write_role="b")
    with pytest.raises(KeyError):
        await setup.run_checks("../rest", {}, GUARD)
