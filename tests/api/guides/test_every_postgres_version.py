"""The scripts, the connection test, discovery and a call on every PostgreSQL from 12 to 18 (15 is what the other tests run on).

The servers come from the npm packages that tests/versions names: the same programs as elsewhere, built with TLS.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.guides.conftest import Caller, calls, said
from tests.api.guides.test_connect_a_sql_database import APPDB, BINDING
from tests.servers.postgres import Binaries, PostgresServer

pytestmark = pytest.mark.anyio
VERSIONS = Path(__file__).resolve().parents[2] / "versions"


@pytest.fixture(scope="module", params=[12, 13, 14, 16, 17, 18])
def server(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """A running server of one version."""
    package = VERSIONS / "node_modules" / f"postgres{request.param}"
    if not package.is_dir():
        npm = shutil.which("npm")
        assert npm, "the tests need npm: `make test` installs it"
        subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=VERSIONS, check=True, capture_output=True)
    running = PostgresServer.start(Binaries(package / "native" / "bin"))
    assert running.version // 10_000 == request.param
    yield running
    running.stop()


async def test_from_the_script_to_the_answer(caller: Caller, server: PostgresServer) -> None:
    server.create_database("appdb", sql=APPDB)
    scripts = await caller.ask("GET", "/integrations/postgres/sql/scripts?database=appdb&tables=appointments")
    server.psql("appdb", scripts["readOnly"]["sql"])
    server.psql("appdb", scripts["write"]["sql"])
    credentials = server.credentials("appdb", scripts["readOnly"]["role"], scripts["generatedPassword"])
    credentials["write"] = {"user": scripts["write"]["role"], "password": scripts["write"]["generatedPassword"]}
    summary = await caller.connect(credentials, defaultCountry="US")
    assert (summary["objectCount"], summary["fieldCount"], summary["findings"]) == (3, 12, [])
    await caller.ask("PATCH", "/integrations/postgres/scoping", {"blockedColumns": {"customers": ["ssn"]}})

    agent = (await caller.ask("POST", "/agents", {"name": "Acme"}, status=201))["id"]
    await caller.ask("POST", f"/agents/{agent}/integrations/postgres/bindings", BINDING, status=201)
    frames = await caller.simulate(agent, transcript=["When is my appointment?", "415-555-0132"])
    assert calls(frames) == [("started", "Look up an appointment"), ("succeeded", "Look up an appointment")]
    assert "confirmed" in said(frames)

    for name in ("readOnly", "write"):
        server.psql("appdb", scripts[name]["revoke"])


async def test_every_awkward_feature_is_discovered(caller: Caller, server: PostgresServer) -> None:
    if server.version < 130_000:
        pytest.skip("the torture schema uses gen_random_uuid(), which PostgreSQL has since 13")
    await caller.connect(server.create_database(dataset="torture"))
    store = await caller.ask("GET", "/integrations/postgres/objects/t.store")
    types = {field["name"]: (field["type"], field["generated"]) for field in store["fields"]}
    assert types["m"] == ("enum", False)
    assert types["e"] == ("string", False)
    assert types["tags"] == ("array", False)
    assert types["a"] == ("object", False)
    assert types["full_name"] == ("string", True)
    assert {edge["name"]: edge["cardinality"] for edge in store["relationships"]}["region"] == "many_to_one"
    listed = await caller.ask("GET", "/integrations/postgres/objects?limit=100&q=ev")
    assert not [one["name"] for one in listed if one["name"].startswith("t.ev_")]
