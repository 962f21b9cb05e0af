"""The packs of databases: presets are proposed in whatever schema was discovered, and what it does not hold is said."""

from __future__ import annotations

import pytest

from tests.api.guides.conftest import Caller
from tests.servers.mariadb import MariaDbServer
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio

SALON = """
CREATE TABLE clients (id int PRIMARY KEY, full_name varchar(80) NOT NULL, mobile_phone varchar(20) NOT NULL);
CREATE INDEX clients_phone ON clients (mobile_phone);
CREATE TABLE bookings (id int PRIMARY KEY, client_id int NOT NULL REFERENCES clients (id), starts_at timestamp NOT NULL,
  status varchar(20) NOT NULL);
CREATE INDEX bookings_client ON bookings (client_id);
INSERT INTO clients VALUES (1, 'Ada Byron', '+14155550132');
INSERT INTO bookings VALUES (1, 1, '2031-03-04 09:00', 'confirmed');
"""


async def install(caller: Caller, kind: str) -> dict[str, dict[str, object]]:
    agent = await caller.ask("POST", "/agents", {"name": "Salon", "defaultCountry": "US", "timeZone": "UTC"}, status=201)
    path = f"/agents/{agent['id']}/integrations/{kind}/pack/install"
    made = await caller.ask("POST", path)
    again = await caller.ask("POST", path)
    assert [one["created"] for one in again if one["skill"]] == [False] * len([one for one in made if one["skill"]])
    assert [one["skill"] and one["skill"]["id"] for one in again] == [one["skill"] and one["skill"]["id"] for one in made]
    removed = await caller.ask("DELETE", f"/agents/{agent['id']}/integrations/{kind}/provision")
    assert removed["removed"] == sorted(one["skill"]["id"] for one in made if one["skill"])
    return {one["preset"]: one for one in made}


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
async def test_presets_are_proposed_in_a_schema_nobody_has_seen(
    caller: Caller, kind: str, tls_postgres: PostgresServer, tls_mariadb: MariaDbServer
) -> None:
    server = tls_postgres if kind == "postgres" else tls_mariadb
    credentials = server.create_database(sql=SALON)
    await caller.ask("POST", f"/integrations/{kind}/connect", {"credentials": credentials, "timeZone": "UTC"})
    made = await install(caller, kind)
    for preset, operation in (("find_customer", "clients.read"), ("next_appointment", "bookings.read")):
        skill = made[preset]["skill"]
        assert isinstance(skill, dict)
        assert (skill["binding"]["operation"], skill["enabled"]) == (operation, False)
        assert skill["provenance"]["preset"] == preset
    for preset in ("order_status", "find_product"):
        assert made[preset]["skill"] is None
        assert "no_valid_binding" in str(made[preset]["reason"])
