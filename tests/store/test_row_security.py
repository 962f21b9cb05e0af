"""Row-level security on the real catalogue: nothing escapes it, and the test that says so can fail."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

import patchbay.accounts.tables
import patchbay.agent_runtime.knowledge.tables
import patchbay.agent_runtime.tables
import patchbay.connectors.tables  # noqa: F401
from patchbay.accounts.organizations import ensure_organization
from patchbay.store.base import Base
from patchbay.store.database import APP_ROLE, LOOKUP_ROLE, Database
from patchbay.store.row_security import breaches

pytestmark = pytest.mark.anyio

RULE = "nullif(current_setting('app.org', true), '')"


async def test_every_table_is_under_forced_row_level_security(database: Database) -> None:
    async with database.owner() as session:
        assert await breaches(session) == []
        tables = set(await session.scalars(text("SELECT relname FROM pg_class WHERE relkind = 'r' AND relrowsecurity")))
    assert tables == set(Base.metadata.tables)


SECURED = "ALTER TABLE loot ENABLE ROW LEVEL SECURITY; ALTER TABLE loot FORCE ROW LEVEL SECURITY; "
TENANT = f"CREATE POLICY tenant ON loot USING (org_id = {RULE}) WITH CHECK (org_id = {RULE}); "


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ("", "not enabled"),
        ("ALTER TABLE loot ENABLE ROW LEVEL SECURITY; " + TENANT, "not forced"),
        (SECURED, "no policy"),
        (SECURED + "CREATE POLICY tenant ON loot USING (true) WITH CHECK (true)", "no policy"),
        (SECURED + f"CREATE POLICY tenant ON loot USING (org_id = {RULE}) WITH CHECK (true)", "no policy"),
        (SECURED + f"CREATE POLICY tenant ON loot FOR SELECT USING (org_id = {RULE})", "no policy"),
        (
            SECURED + f"CREATE POLICY tenant ON loot TO {LOOKUP_ROLE} USING (org_id = {RULE}) WITH CHECK (org_id = {RULE})",
            "no policy",
        ),
        (SECURED + TENANT.replace("USING (org_id", "USING (true OR org_id"), "no policy"),
        (SECURED + TENANT + "CREATE POLICY extra ON loot USING (true)", "widens"),
        (SECURED + TENANT + f"CREATE POLICY extra ON loot TO {LOOKUP_ROLE}, {APP_ROLE} USING (true)", "widens"),
        ("CREATE VIEW swag AS SELECT * FROM loot; " + SECURED + TENANT, "not a plain table"),
    ],
)
async def test_a_table_without_it_is_reported(database: Database, made: str, reason: str) -> None:
    async with database.owner() as session:
        for statement in ["CREATE TABLE loot (org_id text)", *filter(None, (s.strip() for s in made.split(";")))]:
            await session.execute(text(statement))
    async with database.owner() as session:
        [found] = await breaches(session)
    assert reason in found.reason


async def test_a_secured_table_is_not_reported(database: Database) -> None:
    async with database.owner() as session:
        for statement in ["CREATE TABLE loot (org_id text)", *filter(None, (s.strip() for s in (SECURED + TENANT).split(";")))]:
            await session.execute(text(statement))
        await session.execute(text(f"CREATE POLICY lookup ON loot TO {LOOKUP_ROLE} USING (true)"))
        assert await breaches(session) == []


async def test_the_security_definer_functions_are_these(database: Database) -> None:
    """The inventory: each returns ids, hashes' verdicts and states only, for nobody but the application role."""
    query = text("""
        SELECT p.oid::regprocedure::text AS signature, pg_get_function_result(p.oid) AS returns, r.rolname AS owner,
               p.proconfig AS settings, p.proacl::text AS grants, r.rolsuper OR r.rolbypassrls OR r.rolcanlogin AS mighty
          FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner
         WHERE p.prosecdef AND p.pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
         ORDER BY 1""")
    async with database.owner() as session:
        found = (await session.execute(query)).all()
        may_create = await session.scalar(text(f"SELECT has_schema_privilege('{LOOKUP_ROLE}', 'public', 'CREATE')"))
    assert {f.signature: f.returns for f in found} == {
        "admit_key(text,bytea,integer,integer)": "TABLE(org_id text, name text, scopes jsonb, verdict text, "
        "remaining integer, reset_s integer, retry_s integer)",
        "connection_states(text[])": "TABLE(id text, org_id text, status text, scoping_version integer, "
        "snapshot_id text, replaced boolean)",
        "due_knowledge(integer)": "TABLE(id text, org_id text)",
        "lease_requests(text,bytea,integer,integer,integer,integer,timestamp with time zone)": "TABLE(org_id text, name text, "
        "scopes jsonb, verdict text, remaining integer, reset_s integer, retry_s integer, granted integer, "
        "opened timestamp with time zone)",
        "oauth_state_owner(bytea)": "TABLE(id text, org_id text)",
        "unfinished_writes(double precision,integer)": "TABLE(id text, org_id text)",
    }
    for function in found:
        assert function.owner == LOOKUP_ROLE
        assert function.settings == ["search_path=pg_catalog, pg_temp"]
        assert not function.mighty
        assert sorted(function.grants.strip("{}").split(",")) == [
            f"{APP_ROLE}=X/{LOOKUP_ROLE}",
            f"{LOOKUP_ROLE}=X/{LOOKUP_ROLE}",
        ]
    assert may_create is False


async def test_the_application_role_owns_nothing_and_cannot_bypass(database: Database) -> None:
    async with database.anonymous() as session:
        role = (await session.execute(text("SELECT * FROM pg_roles WHERE rolname = current_user"))).one()
        owned = await session.scalar(text("SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole"))
        member = await session.scalar(text("SELECT count(*) FROM pg_auth_members WHERE member = current_user::regrole"))
        creates = await session.scalar(text("SELECT has_schema_privilege(current_schema(), 'CREATE')"))
    assert role.rolname == APP_ROLE
    assert not any(
        (role.rolsuper, role.rolbypassrls, role.rolcanlogin, role.rolcreaterole, role.rolcreatedb, owned, member, creates)
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_logs SET path = '/'",
        "DELETE FROM audit_logs",
        "UPDATE agent_versions SET document = ''",
        "DELETE FROM agent_versions",
        "UPDATE conversation_events SET data = '{}'",
        "DELETE FROM conversation_events",
        "DELETE FROM organizations",
        "INSERT INTO organizations (id, name) VALUES ('org_x', 'x')",
        "UPDATE api_keys SET secret_hash = ''",
        "UPDATE api_keys SET scopes = '[\"*\"]'",
        "UPDATE api_keys SET org_id = 'org_x'",
        "DELETE FROM api_keys",
        "UPDATE oauth_states SET expires_at = now()",
        "SELECT * FROM rate_windows",
        "DELETE FROM rate_windows",
        "TRUNCATE skills CASCADE",
        "ALTER TABLE skills DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON skills",
        "CREATE TABLE mine (id text)",
        "SELECT * FROM alembic_version",
    ],
)
async def test_the_application_role_may_not(database: Database, statement: str) -> None:
    organization = await ensure_organization(database, "Acme")
    with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
        async with database.tenant(organization.id) as session:
            await session.execute(text(statement))


async def test_what_a_session_sets_for_longer_does_not_reach_the_next(database: Database) -> None:
    """A transaction that sets the organization and the role for its whole connection; the pool hands that connection on."""
    one = await ensure_organization(database, "One")
    two = await ensure_organization(database, "Two")
    async with database.tenant(one.id) as session:
        backend = await session.scalar(text("SELECT pg_backend_pid()"))
        await session.execute(
            text("SELECT set_config('app.org', :org, false), set_config('role', 'none', false)"), {"org": one.id}
        )
    query = text("SELECT pg_backend_pid(), current_user, (SELECT array_agg(id) FROM organizations)")
    async with database.anonymous() as session:
        assert (await session.execute(query)).one() == (backend, APP_ROLE, None)
    async with database.tenant(two.id) as session:
        assert (await session.execute(query)).one() == (backend, APP_ROLE, [two.id])


async def test_an_empty_organization_is_no_organization(database: Database) -> None:
    with pytest.raises(ValueError, match="organization"):
        async with database.tenant(""):
            pass
    async with database.anonymous() as session:
        with pytest.raises(DBAPIError):
            await session.execute(
                text(
                    "INSERT INTO audit_logs (id, org_id, actor_type, method, path, status, request_id) "
                    "VALUES ('aud_1', '', 'system', 'GET', '/', 200, 'r')"
                )
            )
