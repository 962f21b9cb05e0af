"""Both kinds of server, each with a bookshop of this module's own."""

from __future__ import annotations

import pytest

from tests.connectors.writes.places import Place
from tests.servers.mariadb import MariaDbServer
from tests.servers.postgres import PostgresServer


@pytest.fixture(scope="module", params=["postgres", "mysql"])
def place(request: pytest.FixtureRequest) -> Place:
    """A bookshop on a server of either kind."""
    server: PostgresServer | MariaDbServer = request.getfixturevalue(
        "tls_postgres" if request.param == "postgres" else "tls_mariadb"
    )
    return Place(server)


@pytest.fixture(autouse=True)
def as_it_was(request: pytest.FixtureRequest) -> None:
    """Each test finds the same orders."""
    if "place" in request.fixturenames:
        place: Place = request.getfixturevalue("place")
        for table in ("lines", "visits", "codes", "log", "audited", "plain"):
            place.execute(f"DELETE FROM {place.quoted(table)}")
        place.execute("DELETE FROM orders WHERE id NOT IN (201, 202, 203)")
        place.execute("DELETE FROM customers WHERE id NOT IN (101, 102)")
        place.execute(
            "UPDATE orders SET state = 'open', note = CONCAT('note ', id), total = 10, ready_at = NULL, changed_at = NULL"
        )
