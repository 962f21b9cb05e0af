"""Whether row-level security holds: what `doctor` and the tests ask the catalogue."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# Tables without a tenant: what Alembic writes itself.
TENANTLESS = frozenset({"alembic_version"})


class Breach(msgspec.Struct, frozen=True):
    """A table that row-level security does not hold, and why."""

    table: str
    reason: str


_TABLES = text("""
    SELECT c.relname AS name, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced, c.relkind::text AS kind,
           coalesce(array_agg(p.polname::text) FILTER (WHERE p.polname = 'tenant' AND p.polpermissive AND p.polcmd = '*'
                    AND p.polroles = '{0}' AND p.polqual IS NOT NULL AND p.polwithcheck IS NOT NULL), '{}') AS tenant,
           coalesce(array_agg(pg_get_expr(p.polqual, p.polrelid) || ' / ' || pg_get_expr(p.polwithcheck, p.polrelid))
                    FILTER (WHERE p.polname = 'tenant'), '{}') AS rules,
           coalesce(array_agg(p.polname::text) FILTER (WHERE p.polname <> 'tenant' AND p.polpermissive
                    AND NOT p.polroles <@ ARRAY(SELECT oid FROM pg_roles WHERE rolname = 'patchbay_lookup')), '{}') AS wider
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_policy p ON p.polrelid = c.oid
     WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
     GROUP BY c.oid ORDER BY c.relname
""")


async def breaches(session: AsyncSession, *, tenantless: Iterable[str] = TENANTLESS) -> list[Breach]:
    """Every table of the platform's schema that could show a row of another organization, with the reason.

    A table is safe when row-level security is enabled and forced, its policy ``tenant`` compares with the transaction's
    organization for reading and writing alike, and no other policy lets anyone but the look-up functions' role in.
    Views are reported too: one runs with its owner's rights.
    """
    allowed = set(tenantless)
    return [
        Breach(row.name, reason) for row in await session.execute(_TABLES) if row.name not in allowed and (reason := _flaw(row))
    ]


def _flaw(row: object) -> str | None:
    found = msgspec.convert(row, _Table, from_attributes=True)
    if found.kind not in ("r", "p"):
        return "it is not a plain table, so row-level security does not apply to it"
    if not found.enabled or not found.forced:
        return "row-level security is not " + ("forced" if found.enabled else "enabled")
    if not found.tenant or not all(rule.count("'app.org'") == 2 for rule in found.rules):
        return "it has no policy that compares with the organization for reading and writing"
    if found.wider:
        return f"another policy widens it: {', '.join(found.wider)}"
    return None


class _Table(msgspec.Struct):
    name: str
    enabled: bool
    forced: bool
    kind: str
    tenant: list[str]
    rules: list[str]
    wider: list[str]
