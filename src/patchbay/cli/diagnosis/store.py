"""Checks of the platform's database, from reaching it to what it holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from patchbay.accounts.organizations import list_organizations
from patchbay.cli.diagnosis.reason import why_refused
from patchbay.cli.diagnosis.verdict import Verdict
from patchbay.connectors.tables import Credential
from patchbay.errors import PatchbayError
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.migrate import pending
from patchbay.store.row_security import breaches
from patchbay.store.vault import KEY_FILE, Vault

OLDEST_VERSION = 14

_TITLES = {
    "database": "Database",
    "migrations": "Schema",
    "role": "Application role",
    "row_security": "Row-level security",
    "credentials": "Stored credentials",
}


async def check_store(settings: Settings, *, usable: bool, readable_keys: bool) -> list[Verdict]:
    """The verdicts on the database; each check needs the ones before it. ``usable``: the data directory is."""
    if not usable and settings.database_url is None:
        return _skipped(0, "the embedded database needs the data directory")
    try:
        database = await Database.open(settings)
    except PatchbayError as error:
        failed = Verdict("database", _TITLES["database"], "failed", error.detail, error.hint)
        return [failed, *_skipped(1, "the database cannot be opened")]
    try:
        return await _in_turn(database, settings, readable_keys)
    finally:
        await database.close()


async def _in_turn(database: Database, settings: Settings, readable_keys: bool) -> list[Verdict]:
    async def credentials() -> Verdict:
        return await _credentials(database, settings, readable_keys)

    checks: list[Callable[[], Awaitable[Verdict]]] = [
        lambda: _reach(database, settings),
        lambda: _migrations(database),
        lambda: _role(database),
        lambda: _row_security(database),
        credentials,
    ]
    found: list[Verdict] = []
    for number, check in enumerate(checks):
        try:
            found.append(await check())
        except PatchbayError as error:
            found.append(_verdict(number, "failed", error.detail, error.hint))
        except SQLAlchemyError as error:
            found.append(_verdict(number, "failed", f"the database refuses: {_state(error)}", "See the database's own log."))
        if found[-1].status == "failed" or (found[-1].id == "migrations" and found[-1].status == "warning"):
            return [*found, *_skipped(number + 1, f"{found[-1].title.lower()} comes first")]
    return found


def _verdict(number: int, status: str, message: str, hint: str | None = None) -> Verdict:
    name, title = list(_TITLES.items())[number]
    return Verdict(name, title, status, message, hint)  # pyright: ignore[reportArgumentType]


def _skipped(first: int, reason: str) -> list[Verdict]:
    return [_verdict(number, "skipped", reason) for number in range(first, len(_TITLES))]


def _state(error: SQLAlchemyError) -> str:
    reason = why_refused(error)
    if reason:
        return reason
    state = getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
    return f"SQLSTATE {state}" if state else type(error).__name__


async def _reach(database: Database, settings: Settings) -> Verdict:
    try:
        async with database.owner() as session:
            version = int(await session.scalar(text("SELECT current_setting('server_version_num')")) or 0) // 10000
            standby = await session.scalar(text("SELECT pg_is_in_recovery()"))
    except SQLAlchemyError as error:
        where = (
            "DATABASE_URL" if settings.database_url else f"the embedded server's log in {settings.data_dir / 'postgres' / 'log'}"
        )
        return _verdict(
            0, "failed", f"it does not let us in: {_state(error)}", f"Check {where}: host, port, user, password, sslmode."
        )
    if version < OLDEST_VERSION:
        return _verdict(0, "failed", f"it is PostgreSQL {version}", f"Patchbay needs PostgreSQL {OLDEST_VERSION} or later.")
    if standby:
        return _verdict(0, "failed", "it is a standby, which cannot be written", "Point DATABASE_URL at the primary.")
    where = "DATABASE_URL" if settings.database_url else f"embedded in {settings.data_dir}"
    return _verdict(0, "passed", f"PostgreSQL {version}, {where}")


async def _migrations(database: Database) -> Verdict:
    missing = await pending(database)
    if missing:
        return _verdict(
            1, "warning", f"{len(missing)} migrations are to be applied", "Run `patchbay migrate`; `serve` does so too."
        )
    return _verdict(1, "passed", "up to date")


async def _role(database: Database) -> Verdict:
    async with database.anonymous() as session:
        query = "SELECT rolname, rolsuper OR rolbypassrls AS bypasses FROM pg_roles WHERE rolname = current_user"
        role = (await session.execute(text(query))).one()
    if role.bypasses:
        hint = f"Have an administrator run: ALTER ROLE {role.rolname} NOSUPERUSER NOBYPASSRLS"
        return _verdict(2, "failed", f"{role.rolname} can bypass row-level security", hint)
    return _verdict(2, "passed", f"{role.rolname} can be taken and cannot bypass row-level security")


async def _row_security(database: Database) -> Verdict:
    async with database.owner() as session:
        found = await breaches(session)
    if found:
        named = "; ".join(f"{breach.table}: {breach.reason}" for breach in found)
        return _verdict(3, "failed", named, "Tables that are not Patchbay's belong in another schema or database.")
    return _verdict(3, "passed", "forced on every table")


async def _credentials(database: Database, settings: Settings, readable_keys: bool) -> Verdict:
    used: set[str] = set()
    for organization in await list_organizations(database):
        async with database.tenant(organization.id, read_only=True) as session:
            used.update(await session.scalars(select(Credential.key_id).distinct()))
    if not used:
        return _verdict(4, "passed", "none yet")
    if not readable_keys or (settings.secret_key is None and not (settings.data_dir / KEY_FILE).exists()):
        return _verdict(
            4, "failed", "they are sealed, and there are no master keys", "Restore the key file or PATCHBAY_SECRET_KEY."
        )
    vault = Vault.load(settings)
    lost = sorted(used - set(vault.key_ids))
    if lost:
        return _verdict(4, "failed", f"some are sealed under {', '.join(lost)}, which is not listed", "Put that master key back.")
    if used != {vault.newest}:
        return _verdict(4, "warning", f"some are not under the newest key {vault.newest}", "Run `patchbay keys rotate-secrets`.")
    return _verdict(4, "passed", f"sealed under {vault.newest}")
