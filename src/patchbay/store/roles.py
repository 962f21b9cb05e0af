"""The two roles nobody logs in as: ``patchbay_app`` runs every request, ``patchbay_lookup`` owns the look-up functions.

Roles belong to the whole cluster, and several databases of one may be migrated at once, which no lock inside a database can
serialise: so what another process has just made is tolerated, and what collides is tried again.
"""

from __future__ import annotations

import asyncio

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.errors import PatchbayError
from patchbay.store.database import APP_ROLE, LOOKUP_ROLE, Database

_ATTEMPTS = 20
_UNSAFE = "rolsuper OR rolbypassrls OR rolcanlogin OR rolcreaterole OR rolcreatedb"


class RolesMissing(PatchbayError):
    """The login of DATABASE_URL may not create the roles Patchbay runs under."""

    code, status, title = "roles_missing", 500, "Database roles missing"


def admin_script(login: str) -> str:
    """What an administrator runs once when the login may not create roles itself."""
    quoted = '"' + login.replace('"', '""') + '"'
    return "\n".join(
        f"CREATE ROLE {role} NOLOGIN NOSUPERUSER NOBYPASSRLS; GRANT {role} TO {quoted};" for role in (APP_ROLE, LOOKUP_ROLE)
    )


async def ensure_roles(database: Database) -> None:
    """Create both roles where they are missing and let the login take them. Idempotent.

    Raises :class:`RolesMissing` with the script for an administrator, and when a role exists that has rights it must not have.
    """
    for attempt in range(_ATTEMPTS):
        try:
            async with database.owner() as session:
                await _ensure(session)
            return
        except DBAPIError as error:
            state = getattr(error.orig, "sqlstate", None)
            if state == "42501":
                raise RolesMissing(hint=f"Have an administrator run:\n{admin_script(await _login(database))}") from None
            # 42710, 23505: someone made it in between; XX000: "tuple concurrently updated" by another GRANT
            if state not in ("42710", "23505", "XX000") or attempt == _ATTEMPTS - 1:
                raise
            await asyncio.sleep(0.02 * (attempt + 1))


async def _login(database: Database) -> str:
    async with database.engine.connect() as connection:
        return str(await connection.scalar(text("SELECT session_user")))


async def _ensure(session: AsyncSession) -> None:
    modern = int(await session.scalar(text("SELECT current_setting('server_version_num')")) or 0) >= 160000
    for role in (APP_ROLE, LOOKUP_ROLE):
        found = (
            await session.execute(text(f"SELECT ({_UNSAFE}) AS unsafe FROM pg_roles WHERE rolname = :r"), {"r": role})
        ).one_or_none()
        if found is None:
            await session.execute(text(f"CREATE ROLE {role} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS"))
        elif found.unsafe:
            raise RolesMissing(
                f"The role {role} exists with rights it must not have.",
                hint=f"Have an administrator run: ALTER ROLE {role} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS",
            )
        # before 16 there is one kind of membership; since then taking a role and inheriting from it are granted apart
        wanted = ("SET", "USAGE") if modern else ("MEMBER", "USAGE")
        may = await session.scalar(
            text("SELECT pg_has_role(session_user, :r, :take) AND pg_has_role(session_user, :r, :inherit)"),
            {"r": role, "take": wanted[0], "inherit": wanted[1]},
        )
        if not may:
            options = " WITH SET TRUE, INHERIT TRUE" if modern else ""
            await session.execute(text(f"GRANT {role} TO CURRENT_USER{options}"))
