"""`patchbay keys` and `patchbay migrate`: what they print where, and how they explain mistakes."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import pytest

from patchbay.accounts.keys import admit
from patchbay.cli.main import run
from patchbay.errors import NotAuthenticated
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.vault import Vault

pytestmark = pytest.mark.anyio


class Done(NamedTuple):
    """How a command ended and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Awaitable[Done]]


@pytest.fixture
def environment(settings: Settings, platform_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PATCHBAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATCHBAY_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("DATABASE_URL", platform_dsn)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def patchbay(environment: None, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The entry point, in a thread of this process: it runs an event loop of its own."""

    def call(*arguments: str) -> Done:
        out, err = io.StringIO(), io.StringIO()
        monkeypatch.setattr(sys, "argv", ["patchbay", *arguments])
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                run()
            except SystemExit as end:
                return Done(int(end.code or 0), out.getvalue(), err.getvalue())
        raise AssertionError("a command ends the process")

    async def invoke(*arguments: str, **extra: str) -> Done:
        for name, value in extra.items():
            monkeypatch.setenv(name, value)
        return await asyncio.to_thread(call, *arguments)

    return invoke


async def test_create_prints_the_key_and_nothing_else(environment: None, database: Database, settings: Settings) -> None:
    """As a script runs it: in a process of its own, with standard output and error apart."""
    command = [
        sys.executable,
        "-c",
        "from patchbay.cli.main import run; run()",
        "keys",
        "create",
        "--org",
        "Acme",
        "--name",
        "CI",
    ]
    scopes = ["--scopes", "agents:read, skills:read", "--scopes", "audit:read"]
    done = subprocess.run([*command, *scopes], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"flowyte_sk_\w+\n", done.stdout)
    assert done.stdout.strip() not in done.stderr
    admission = await admit(database, Vault.load(settings), done.stdout.strip(), limit=5)
    assert admission.principal.scopes == {"agents:read", "skills:read", "audit:read"}
    assert admission.principal.label == "CI"


async def test_a_key_is_listed_and_revoked(patchbay: Run, database: Database, settings: Settings) -> None:
    first = (await patchbay("keys", "create", "--org", "Acme", "--scopes", "*")).stdout.strip()
    await patchbay("keys", "create", "--org", "Other", "--scopes", "*", "--expires-in-days", "30")
    listed = await patchbay("keys", "list")
    assert listed.returncode == 0, listed.stderr
    ids = re.findall(r"key_[0-9a-z]{26}", listed.stdout)
    assert len(ids) == 2
    assert re.findall(r"key_[0-9a-z]{26}", (await patchbay("keys", "list", "--org", "Acme")).stdout) == ids[:1]
    assert first not in listed.stdout

    wrong = await patchbay("keys", "revoke", ids[0], "--org", "Other")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "no such key" in wrong.stderr
    await admit(database, Vault.load(settings), first, limit=5)

    assert (await patchbay("keys", "revoke", ids[0], "--org", "Acme")).returncode == 0
    with pytest.raises(NotAuthenticated, match="revoked"):
        await admit(database, Vault.load(settings), first, limit=5)
    assert "revoked" in (await patchbay("keys", "list")).stdout


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
    done = await patchbay("keys", "create", *arguments)
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
    done = await patchbay("keys", "create", "--org", "Acme", "--scopes", "*", **environment)
    assert done.returncode == 1
    assert done.stdout == ""
    assert said in done.stderr
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr


async def test_migrate_says_what_it_did(patchbay: Run, platform_db) -> None:
    dsn = platform_db.scratch()
    assert (await patchbay("migrate", DATABASE_URL=dsn)).stdout.startswith("Applied 0001")
    assert (await patchbay("migrate", DATABASE_URL=dsn)).stdout == "The database is up to date.\n"
    platform_db.drop(dsn)
