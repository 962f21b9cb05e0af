"""docs/guide.md works as it stands: its blocks are run in their order against a real server and a real PostgreSQL."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from patchbay.store.embedded import release_embedded, start_embedded
from tests.servers.postgres import PostgresServer
from tests.servers.processes import free_port

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs/guide.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A platform of this test's own."""
    ours = {
        "PATCHBAY_DATA_DIR": str(tmp_path / "data"),
        "PATCHBAY_PORT": str(free_port()),
        "PATCHBAY_EGRESS_ALLOW": "127.0.0.1/32",
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PATCHBAY_", "DATABASE_URL"))}
    return {**inherited, **ours}


@pytest.fixture
def server(environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """`patchbay serve`, ready; the URL of its API."""
    patchbay = shutil.which("patchbay")
    assert patchbay
    with (tmp_path / "serve.log").open("wb") as log:
        process = subprocess.Popen([patchbay, "serve"], env=environment, stdout=log, stderr=log)
        url = f"http://127.0.0.1:{environment['PATCHBAY_PORT']}"
        try:
            deadline = time.monotonic() + 60
            while not ready(url):
                assert process.poll() is None, (tmp_path / "serve.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield f"{url}/api/v1"
        finally:
            process.terminate()
            process.wait(30)
            directory = Path(environment["PATCHBAY_DATA_DIR"])
            start_embedded(directory)
            release_embedded(directory)


def ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as response:
            return response.status == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def test_the_guide_works_as_it_stands(
    environment: dict[str, str], server: str, tls_postgres: PostgresServer, tmp_path: Path
) -> None:
    tls_postgres.create_database("appdb", sql="".join(blocks("sql")))
    (tmp_path / "ca.pem").write_text(tls_postgres.ca_pem)
    here = {
        "API": server,
        "ADMIN": tls_postgres.superuser_dsn("appdb"),
        "DB_HOST": tls_postgres.host,
        "DB_PORT": str(tls_postgres.port),
        "DB_CA": str(tmp_path / "ca.pem"),
    }
    script = "set -euo pipefail\n" + "\n".join(blocks("bash")).replace("uv run patchbay", "patchbay")
    try:
        run = subprocess.run(
            ["bash", "-c", script], env={**environment, **here}, cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
    finally:
        tls_postgres.drop_database("appdb")
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    stream = (tmp_path / "stream.txt").read_text()
    for part in ("event: done", "March 4, 2031 at 9:30 AM", "confirmed", "Ada Byron"):
        assert part in stream
    assert "078-05" not in run.stdout
    assert '"agent_message"' in run.stdout.splitlines()[-1]
