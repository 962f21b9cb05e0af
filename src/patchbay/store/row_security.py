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
    SELECT c.relname AS name, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced, c.relkind IN ('r', 'p') AS plain,
           coalesce(bool_or(p.polname = 'tenant' AND p.polpermissive AND p.polcmd = '*' AND p.polroles = '{0}'
                            AND pg_get_expr(p.polqual, c.oid) = rule.wanted
                            AND pg_get_expr(p.polwithcheck, c.oid) = rule.wanted), false) AS held,
           coalesce(array_agg(p.polname::text) FILTER (WHERE p.polname <> 'tenant' AND p.polpermissive
                    AND NOT p.polroles <@ ARRAY(SELECT oid FROM pg_roles WHERE rolname = 'patchbay_lookup')), '{}') AS wider
      FROM pg_class c
      LEFT JOIN pg_policy p ON p.polrelid = c.oid
     CROSS JOIN LATERAL (SELECT CASE c.relname WHEN 'organizations' THEN 'id' ELSE 'org_id' END) AS own (name)
     CROSS JOIN LATERAL (SELECT format('(%s = NULLIF(current_setting(%L::text, true), %L::text))', own.name, 'app.org', ''))
           AS rule (wanted)
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
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
    if not found.plain:
        return "it is not a plain table, so row-level security does not apply to it"
    if not found.enabled or not found.forced:
        return "row-level security is not " + ("forced" if found.enabled else "enabled")
    if not found.held:
        return "it has no policy that compares with the organization for reading and writing"
    if found.wider:
        return f"another policy widens it: {', '.join(found.wider)}"
    return None


class _Table(msgspec.Struct):
    name: str
    enabled: bool
    forced: bool
    plain: bool
    held: bool
    wider: list[str]
