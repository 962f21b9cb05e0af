"""`patchbay keys`, run as people and scripts run it: another process, its standard output and error apart."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from patchbay.accounts.keys import admit
from patchbay.errors import NotAuthenticated
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.vault import Vault

pytestmark = pytest.mark.anyio

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def patchbay(settings: Settings, platform_dsn: str) -> Run:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PATCHBAY_")}
    environment = {**kept, "PATCHBAY_DATA_DIR": str(settings.data_dir), "DATABASE_URL": platform_dsn, "COLUMNS": "80"}

    def run(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from patchbay.cli.main import run; run()", *arguments]
        return subprocess.run(command, env={**environment, **extra}, capture_output=True, text=True, check=False, timeout=60)

    return run


async def test_create_prints_the_key_and_nothing_else(patchbay: Run, database: Database, settings: Settings) -> None:
    done = patchbay(
        "keys", "create", "--org", "Acme", "--scopes", "agents:read, skills:read", "--scopes", "audit:read", "--name", "CI"
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"flowyte_sk_\w+\n", done.stdout)
    assert done.stdout.strip() not in done.stderr
    admission = await admit(database, Vault.load(settings), done.stdout.strip(), limit=5)
    assert admission.principal.scopes == {"agents:read", "skills:read", "audit:read"}
    assert admission.principal.label == "CI"


async def test_a_key_is_listed_and_revoked(patchbay: Run, database: Database, settings: Settings) -> None:
    first = patchbay("keys", "create", "--org", "Acme", "--scopes", "*").stdout.strip()
    patchbay("keys", "create", "--org", "Other", "--scopes", "*", "--expires-in-days", "30")
    listed = patchbay("keys", "list")
    assert listed.returncode == 0, listed.stderr
    ids = re.findall(r"key_[0-9a-z]{26}", listed.stdout)
    assert len(ids) == 2
    assert re.findall(r"key_[0-9a-z]{26}", patchbay("keys", "list", "--org", "Acme").stdout) == ids[:1]
    assert first not in listed.stdout

    wrong = patchbay("keys", "revoke", ids[0], "--org", "Other")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "no such key" in wrong.stderr
    await admit(database, Vault.load(settings), first, limit=5)

    assert patchbay("keys", "revoke", ids[0], "--org", "Acme").returncode == 0
    with pytest.raises(NotAuthenticated, match="revoked"):
        await admit(database, Vault.load(settings), first, limit=5)
    assert "revoked" in patchbay("keys", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--org", "Acme", "--scopes", "agent:read"], "Did you mean 'agents:read'"),
        (["--org", " ", "--scopes", "*"], "organization's name"),
        (["--org", "Acme", "--scopes", ","], "at least one scope"),
        (["--org", "Acme", "--scopes", "*", "--name", " "], "key's name"),
        (["--org", "Acme", "--scopes", "*", "--expires-in-days", "0"], "--expires-in-days"),
        (["--org", "Acme"], "--scopes"),
    ],
)
async def test_a_mistake_is_explained_and_prints_no_key(patchbay: Run, arguments: list[str], said: str) -> None:
    done = patchbay("keys", "create", *arguments)
    assert done.returncode != 0
    assert done.stdout == ""
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"DATABASE_URL": "mysql://u:hunter2@h/d"}, "must be a PostgreSQL address"),
        ({"DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/d"}, "patchbay doctor"),
        ({"PATCHBAY_PORT": "many"}, "PATCHBAY_PORT"),
        ({"PATCHBAY_EGRESS_ALLOW": "10.0.0.0/99"}, "PATCHBAY_EGRESS_ALLOW"),
        ({"PATCHBAY_SECRET_KEY": "hunter2"}, "id:base64"),
        ({"PATCHBAY_DATA_DIR": "/dev/null/x"}, "/dev/null"),
    ],
)
async def test_a_broken_installation_is_explained_without_secrets(patchbay: Run, environment: dict[str, str], said: str) -> None:
    done = patchbay("keys", "create", "--org", "Acme", "--scopes", "*", **environment)
    assert done.returncode == 1
    assert done.stdout == ""
    assert said in done.stderr
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr


async def test_migrate_says_what_it_did(patchbay: Run, platform_db, tmp_path: Path) -> None:
    dsn = platform_db.scratch()
    assert patchbay("migrate", DATABASE_URL=dsn).stdout.startswith("Applied 0001")
    assert patchbay("migrate", DATABASE_URL=dsn).stdout == "The database is up to date.\n"
    platform_db.drop(dsn)
