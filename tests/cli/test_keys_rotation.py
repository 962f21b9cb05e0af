from __future__ import annotations

import base64
import os

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from patchbay.accounts.organizations import ensure_organization
from patchbay.cli.keys import keys
from patchbay.cli.rotation import Rotation, reseal_credentials
from patchbay.connectors.tables import Connection, Credential
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.ids import new_id
from patchbay.store.vault import KEY_FILE, Sealed, SecretUnreadable, Vault, add_key

pytestmark = pytest.mark.anyio

OLD, NEW = ("k1", b"1" * 32), ("k2", b"2" * 32)


async def store(database: Database, vault: Vault, org_id: str, count: int) -> None:
    async with database.tenant(org_id) as session:
        for number in range(count):
            kind, connection_id = f"kind{number}", new_id("con")
            session.add(Connection(id=connection_id, kind=kind, target={}, label=kind, status="connected", scoping={}))
            await session.flush()
            for role in ("read", "write"):
                sealed = vault.seal(f"{connection_id} {role}".encode(), **Credential.place(connection_id, role), org_id=org_id)
                session.add(
                    Credential(connection_id=connection_id, role=role, key_id=sealed.key_id, ciphertext=sealed.ciphertext)
                )


async def opened(database: Database, vault: Vault, org_id: str) -> set[str]:
    """The key ids in use, after every credential was opened and compared."""
    async with database.tenant(org_id) as session:
        rows = (await session.scalars(select(Credential))).all()
    for row in rows:
        secret = vault.open(Sealed(row.key_id, row.ciphertext), **Credential.place(row.connection_id, row.role), org_id=org_id)
        assert secret.decode() == f"{row.connection_id} {row.role}"
    return {row.key_id for row in rows}


async def test_every_organizations_credentials_come_under_the_newest_key(database: Database) -> None:
    one, two = [(await ensure_organization(database, name)).id for name in ("One", "Two")]
    await store(database, Vault([OLD]), one, 4)
    await store(database, Vault([OLD]), two, 1)
    both, new = Vault([NEW, OLD]), Vault([NEW])

    assert await reseal_credentials(database, both, batch=3) == Rotation(resealed=10)
    assert await opened(database, new, one) == await opened(database, new, two) == {"k2"}
    assert await reseal_credentials(database, both, batch=3) == Rotation(current=10)


async def test_it_goes_on_where_it_was_stopped(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    org_id = (await ensure_organization(database, "One")).id
    await store(database, Vault([OLD]), org_id, 4)
    both = Vault([NEW, OLD])
    seal, calls = Vault.seal, iter(range(100))

    def stop_midway(self: Vault, plaintext: bytes, **place: str) -> Sealed:
        if next(calls) == 5:
            raise KeyboardInterrupt
        return seal(self, plaintext, **place)  # type: ignore[arg-type]

    monkeypatch.setattr(Vault, "seal", stop_midway)
    with pytest.raises(KeyboardInterrupt):
        await reseal_credentials(database, both, batch=2)
    monkeypatch.undo()
    assert await opened(database, both, org_id) == {"k1", "k2"}  # whole batches stand, and all still opens
    assert await reseal_credentials(database, both, batch=2) == Rotation(resealed=4, current=4)
    assert await opened(database, Vault([NEW]), org_id) == {"k2"}


async def test_what_cannot_be_read_is_counted_and_left(database: Database) -> None:
    org_id = (await ensure_organization(database, "One")).id
    await store(database, Vault([OLD]), org_id, 1)
    assert await reseal_credentials(database, Vault([NEW]), batch=1) == Rotation(unreadable=2)
    assert await opened(database, Vault([OLD]), org_id) == {"k1"}


async def test_a_credential_moved_to_another_row_does_not_open(database: Database) -> None:
    org_id = (await ensure_organization(database, "One")).id
    vault = Vault([OLD])
    await store(database, vault, org_id, 2)
    async with database.tenant(org_id) as session:
        first, second, *_ = (await session.scalars(select(Credential).where(Credential.role == "read"))).all()
        first.ciphertext, second.ciphertext = second.ciphertext, first.ciphertext
    with pytest.raises(SecretUnreadable):
        await opened(database, vault, org_id)


def encoded(key: tuple[str, bytes]) -> str:
    return f"{key[0]}:{base64.b64encode(key[1]).decode()}"


@pytest.fixture
def environment(settings: Settings, platform_dsn: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [name for name in os.environ if name.startswith("PATCHBAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATCHBAY_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("DATABASE_URL", platform_dsn)
    return settings


async def run(*arguments: str) -> tuple[int, str, str]:
    """The command in a thread of its own: it runs its own event loop."""
    import asyncio

    result = await asyncio.to_thread(CliRunner().invoke, keys, ["rotate-secrets", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


async def test_the_command_adds_a_key_to_the_file_and_seals_under_it(database: Database, environment: Settings) -> None:
    org_id = (await ensure_organization(database, "One")).id
    running = Vault.load(environment)
    await store(database, running, org_id, 1)
    code, out, said = await run("--new-key")
    assert (code, out) == (0, "")
    assert "Sealed again under k2: 2. Already under it: 0. Unreadable: 0." in said
    assert "Nothing is sealed under k1 any more" in said
    assert await opened(database, running, org_id) == {"k2"}  # a server that runs since before picks the key up
    code, _, said = await run()
    assert "Sealed again under k2: 0. Already under it: 2." in said


async def test_the_command_fails_when_something_cannot_be_read(database: Database, environment: Settings) -> None:
    org_id = (await ensure_organization(database, "One")).id
    await store(database, Vault([("lost", b"3" * 32)]), org_id, 1)
    code, _, said = await run()
    assert code == 1
    assert "Unreadable: 2." in said


async def test_with_keys_from_the_environment_the_command_cannot_make_one(
    environment: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from patchbay.errors import ValidationFailed

    monkeypatch.setenv("PATCHBAY_SECRET_KEY", f"{encoded(NEW)},{encoded(OLD)}")
    with pytest.raises(ValidationFailed, match="PATCHBAY_SECRET_KEY"):
        await run("--new-key")
    assert (await run())[0] == 0
    assert not (environment.data_dir / KEY_FILE).exists()


def test_added_keys_have_new_ids(settings: Settings) -> None:
    path = settings.data_dir / KEY_FILE
    Vault.load(settings)
    assert [add_key(path) for _ in range(3)] == ["k2", "k3", "k4"]
    assert Vault.load(settings).key_ids == ("k4", "k3", "k2", "k1")
