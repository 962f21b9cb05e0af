from __future__ import annotations

import base64
import os
import socket
import threading
from collections.abc import Callable, Generator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from patchbay.accounts.organizations import ensure_organization
from patchbay.cli.diagnosis.checks import diagnose
from patchbay.cli.diagnosis.verdict import Verdict
from patchbay.cli.main import app
from patchbay.connectors.tables import Connection, Credential
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.vault import KEY_FILE, Vault, add_key

pytestmark = pytest.mark.anyio

Set = Callable[..., None]


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def set_environment(settings: Settings, platform_dsn: str, free_port: int, monkeypatch: pytest.MonkeyPatch) -> Set:
    """A sound installation in the environment, of which a test changes a part."""
    for name in [name for name in os.environ if name.startswith("PATCHBAY_")]:
        monkeypatch.delenv(name)

    def change(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    change(PATCHBAY_DATA_DIR=str(settings.data_dir), DATABASE_URL=platform_dsn, PATCHBAY_PORT=str(free_port))
    return change


async def verdicts() -> dict[str, Verdict]:
    return {found.id: found for found in await diagnose()}


CHECKS = [
    "settings",
    "data_dir",
    "secret_key",
    "database",
    "migrations",
    "role",
    "row_security",
    "credentials",
    "egress",
    "port",
    "model",
    "sms",
    "mail",
    "geocoder",
    "packs",
]


async def test_a_sound_installation_passes_every_check(set_environment: Set, settings: Settings) -> None:
    found = await verdicts()
    assert list(found) == CHECKS
    assert {f.id: f.message for f in found.values() if f.status != "passed"} == {}
    assert list(settings.data_dir.iterdir()) == []  # it looks, and makes nothing


@pytest.mark.parametrize(
    ("variable", "value", "check", "message"),
    [
        ("PATCHBAY_PORT", "many", "settings", "PATCHBAY_PORT"),
        ("PATCHBAY_EGRESS_ALLOW", "10.0.0.0/99", "settings", "PATCHBAY_EGRESS_ALLOW"),
        ("PATCHBAY_DATA_DIR", "/dev/null", "data_dir", "is not a directory"),
        ("PATCHBAY_SECRET_KEY", "hunter2", "secret_key", "Item 1"),
        ("DATABASE_URL", "mysql://u:hunter2@h/d", "database", "PostgreSQL address"),
        ("DATABASE_URL", "postgresql://u:hunter2@127.0.0.1:1/d", "database", "does not let us in"),
        ("PATCHBAY_EGRESS_ALLOW", "169.254.0.0/16", "egress", "metadata"),
        ("PATCHBAY_EGRESS_ALLOW", "0.0.0.0/0", "egress", "metadata"),
        ("PATCHBAY_HOST", "203.0.113.7", "port", "cannot be listened on"),
        ("PATCHBAY_LLM_BASE_URL", "localhost:8000", "model", "not an http"),
        ("PATCHBAY_LLM_BASE_URL", "http://127.0.0.1:1/v1", "model", "PATCHBAY_LLM_MODEL"),
    ],
)
async def test_what_is_wrong_is_said_with_what_to_do(
    set_environment: Set, variable: str, value: str, check: str, message: str
) -> None:
    set_environment(**{variable: value})
    found = (await verdicts())[check]
    assert found.status == "failed"
    assert message in found.message
    assert found.hint
    assert "hunter2" not in str(await verdicts())


async def test_checks_that_need_a_failed_one_are_skipped(set_environment: Set) -> None:
    set_environment(DATABASE_URL="postgresql://127.0.0.1:1/d")
    found = await verdicts()
    assert [f.id for f in found.values() if f.status == "skipped"] == ["migrations", "role", "row_security", "credentials"]
    assert found["model"].status == "passed"


async def test_a_wide_exception_is_noted(set_environment: Set) -> None:
    set_environment(PATCHBAY_EGRESS_ALLOW="10.0.0.0/8")
    assert (await verdicts())["egress"].status == "warning"
    set_environment(PATCHBAY_EGRESS_ALLOW="10.1.2.3/32,fd00::/120")
    assert (await verdicts())["egress"].status == "passed"


async def test_a_database_to_be_migrated(set_environment: Set, platform_db) -> None:
    dsn = platform_db.scratch()
    set_environment(DATABASE_URL=dsn)
    found = await verdicts()
    assert found["migrations"].status == "warning"
    assert "patchbay migrate" in str(found["migrations"].hint)
    assert found["role"].status == "skipped"
    platform_db.drop(dsn)


async def test_a_table_without_row_level_security(set_environment: Set, database: Database) -> None:
    async with database.owner() as session:
        await session.execute(text("CREATE TABLE loot (org_id text)"))
    found = (await verdicts())["row_security"]
    assert found.status == "failed"
    assert found.message == "loot: row-level security is not enabled"


async def test_a_key_file_others_may_read(set_environment: Set, settings: Settings) -> None:
    Vault.load(settings)
    path = settings.data_dir / KEY_FILE
    path.chmod(0o644)
    found = (await verdicts())["secret_key"]
    assert (found.status, found.hint) == ("failed", f"Run: chmod 600 {path}")


async def seal_one(database: Database, vault: Vault) -> None:
    org_id = (await ensure_organization(database, "Acme")).id
    async with database.tenant(org_id) as session:
        session.add(Connection(id="con_1", kind="postgres", target={}, label="x", status="connected", scoping={}))
        await session.flush()
        sealed = vault.seal(b"x", **Credential.place("con_1", "read"), org_id=org_id)
        session.add(Credential(connection_id="con_1", role="read", key_id=sealed.key_id, ciphertext=sealed.ciphertext))


async def test_credentials_and_their_keys(set_environment: Set, settings: Settings, database: Database) -> None:
    path = settings.data_dir / KEY_FILE
    await seal_one(database, Vault.load(settings))
    assert (await verdicts())["credentials"].status == "passed"

    add_key(path)
    found = (await verdicts())["credentials"]
    assert found.status == "warning"
    assert "rotate-secrets" in str(found.hint)

    set_environment(PATCHBAY_SECRET_KEY=f"other:{base64.b64encode(bytes(32)).decode()}")
    found = (await verdicts())["credentials"]
    assert found.status == "failed"
    assert "k1" in found.message


async def test_credentials_whose_key_file_is_gone(set_environment: Set, settings: Settings, database: Database) -> None:
    await seal_one(database, Vault.load(settings))
    (settings.data_dir / KEY_FILE).unlink()
    assert (await verdicts())["credentials"].status == "failed"
    assert not (settings.data_dir / KEY_FILE).exists()  # making a new one would hide the loss


class Endpoint(BaseHTTPRequestHandler):
    """Answers /healthz with 200 and anything else with the server's status, and keeps what it was sent."""

    def do_GET(self) -> None:
        self.server.seen.append(self.headers.get("Authorization"))  # type: ignore[attr-defined]
        status = 200 if self.path == "/healthz" else self.server.status  # type: ignore[attr-defined]
        self.send_response(status)
        if status == 302:
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_address[1]}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Stay quiet."""


@pytest.fixture
def endpoint(free_port: int) -> Generator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", free_port), Endpoint)
    server.seen, server.status = [], 200  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


async def test_an_address_that_a_healthy_server_holds(set_environment: Set, endpoint: HTTPServer) -> None:
    assert "healthy" in (await verdicts())["port"].message


async def test_an_address_that_something_else_holds(set_environment: Set, free_port: int) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", free_port))
        other.listen()
        found = (await verdicts())["port"]
    assert found.status == "failed"
    assert "PATCHBAY_PORT" in str(found.hint)


@pytest.mark.parametrize(
    ("status", "verdict"), [(200, "passed"), (401, "failed"), (404, "warning"), (500, "warning"), (302, "warning")]
)
async def test_a_model_endpoint(set_environment: Set, endpoint: HTTPServer, status: int, verdict: str) -> None:
    endpoint.status = status  # type: ignore[attr-defined]
    set_environment(
        PATCHBAY_LLM_BASE_URL=f"http://127.0.0.1:{endpoint.server_address[1]}/v1",
        PATCHBAY_LLM_MODEL="m",
        PATCHBAY_LLM_API_KEY="hunter2",
    )
    found = (await verdicts())["model"]
    assert found.status == verdict
    assert endpoint.seen.count("Bearer hunter2") == 1  # type: ignore[attr-defined]
    assert "hunter2" not in found.message


def test_the_command_prints_every_check_and_fails_when_one_does(set_environment: Set, tmp_path: Path) -> None:
    sound = CliRunner().invoke(app, ["doctor"])
    assert sound.exit_code == 0, sound.output
    assert "Nothing is wrong." in sound.output
    set_environment(PATCHBAY_EGRESS_ALLOW="0.0.0.0/0")
    broken = CliRunner().invoke(app, ["doctor"])
    assert broken.exit_code == 1
    assert "BAD  Egress exceptions" in broken.output
    assert "1 of 15 checks failed." in broken.output
