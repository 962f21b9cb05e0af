"""The demo's own platform store: settings that keep away from the user's, an organization, and a key to go on with."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from patchbay.accounts.keys import create_key
from patchbay.accounts.organizations import ensure_organization
from patchbay.cli.demo.failures import DemoFailed
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.migrate import migrate
from patchbay.store.vault import Vault

KEY_DAYS = 7


def demo_settings(ordinary: Settings, data_dir: Path, *, allow: str | None = None) -> Settings:
    """The ordinary settings with a store and keys of the demo's own in ``data_dir``, and ``allow`` added to the egress list."""
    networks = ",".join(filter(None, (ordinary.egress_allow, allow)))
    return ordinary.model_copy(update={"data_dir": data_dir, "database_url": None, "secret_key": None, "egress_allow": networks})


def prepare_store(settings: Settings, organization: str) -> str:
    """Start and migrate the store and make a key of ``organization`` for everything, which ends after a week."""
    return asyncio.run(_prepare(settings, organization))


async def _prepare(settings: Settings, organization: str) -> str:
    database = await Database.open(settings)
    try:
        await migrate(database)
        owner = await ensure_organization(database, organization)
        ends = datetime.now(UTC) + timedelta(days=KEY_DAYS)
        _, secret = await create_key(
            database, Vault.load(settings), org_id=owner.id, name="patchbay demo", scopes=["*"], expires_at=ends
        )
    finally:
        await database.close()
    return secret


@contextmanager
def only_one(data_dir: Path) -> Generator[None]:
    """Hold the data directory against a second demo. The system lets go of it however this process ends."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.fdopen(os.open(data_dir / "demo.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+")
    except OSError as error:
        raise DemoFailed(
            f"The data directory {data_dir} cannot be used: {error.strerror}.", "Pass another one with --data-dir."
        ) from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = handle.read().strip() or "unknown"
            raise DemoFailed(
                f"Another demo is running in {data_dir} (process {pid}).", "Stop it with Ctrl+C, or pass another --data-dir."
            ) from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield
