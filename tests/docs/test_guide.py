"""docs/guide.md works as it stands: its blocks are run in their order against a real server and a real PostgreSQL."""

from __future__ import annotations

import json
from pathlib import Path

from tests.docs.conftest import blocks, run_bash
from tests.servers.postgres import PostgresServer


def test_the_guide_works_as_it_stands(
    environment: dict[str, str], server: str, tls_postgres: PostgresServer, tmp_path: Path
) -> None:
    tls_postgres.create_database("appdb", sql="".join(blocks("guide.md", "sql")))
    (tmp_path / "ca.pem").write_text(tls_postgres.ca_pem)
    here = {
        "API": server,
        "ADMIN": tls_postgres.superuser_dsn("appdb"),
        "DB_HOST": tls_postgres.host,
        "DB_PORT": str(tls_postgres.port),
        "DB_CA": str(tmp_path / "ca.pem"),
    }
    try:
        run = run_bash("guide.md", {**environment, **here}, tmp_path)
    finally:
        tls_postgres.drop_database("appdb")
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    stream = (tmp_path / "stream.txt").read_text()
    for part in ("event: done", "March 4, 2031 at 9:30 AM", "confirmed", "Ada Byron"):
        assert part in stream
    proposed = json.loads((tmp_path / "auto.json").read_text())["data"]
    assert (proposed["binding"]["operation"], proposed["enabled"]) == ("appointments.read", False)
    assert proposed["autoMap"]["questions"]
    assert "078-05" not in run.stdout
    assert '"state":"refused"' in run.stdout.splitlines()[-1]
    called, refused = (json.loads((tmp_path / name).read_text())["data"] for name in ("called.json", "refused.json"))
    assert called["rows"][0]["customer_name"] == "Ada Byron"
    assert (refused["status"], refused["missing"]) == ("refused", ["caller_phone"])
    events = json.loads((tmp_path / "receipt.json").read_text())["data"]
    assert [event["data"]["state"] for event in events] == ["started", "succeeded", "started", "refused"]
