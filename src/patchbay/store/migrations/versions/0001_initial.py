"""The first schema: its tables, row-level security on each, least grants, and the named look-up functions.

Frozen: later changes are revisions of their own.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APP = "patchbay_app"
LOOKUP = "patchbay_lookup"
ORG = "nullif(current_setting('app.org', true), '')"

# What a request may do with each table. Cascades run as the tables' owner and need no grant. What is a record (the audit log,
# published versions, events) can be added to, never changed; the rate windows belong to the look-up functions alone.
GRANTS = {
    "organizations": "SELECT",
    "api_keys": "SELECT, INSERT, UPDATE (name, expires_at, revoked_at, updated_at)",
    "audit_logs": "SELECT, INSERT",
    "idempotency_records": "SELECT, INSERT, UPDATE, DELETE",
    "rate_windows": None,
    "connections": "SELECT, INSERT, UPDATE",
    "credentials": "SELECT, INSERT, UPDATE, DELETE",
    "snapshots": "SELECT, INSERT, UPDATE (created_at), DELETE",
    "agents": "SELECT, INSERT, UPDATE",
    "agent_versions": "SELECT, INSERT",
    "skills": "SELECT, INSERT, UPDATE, DELETE",
    "conversations": "SELECT, INSERT, UPDATE",
    "conversation_events": "SELECT, INSERT",
}

# What the look-up functions may read and write, before the organization is known.
LOOKUPS = {
    "organizations": ["SELECT (id, name)"],
    "api_keys": [
        "SELECT (id, org_id, name, secret_hash, scopes, expires_at, revoked_at, last_used_at)",
        "UPDATE (last_used_at)",
    ],
    "rate_windows": ["SELECT", "INSERT", "UPDATE", "DELETE"],
    "connections": ["SELECT (id, org_id, status, scoping_version, snapshot_id, replaced_at)"],
}

# Verifies a key and counts the request against its organization's window, in one round trip.
#
# No row: there is no such key. Otherwise `verdict` is admitted, limited, expired or revoked. The window slides: requests of
# the window before count in proportion to how much of it the last `window_s` seconds still cover. A refused request is not
# counted, so waiting `retry_s` seconds is enough. `last_used_at` is brought up to date at most once a minute.
ADMIT_KEY = """
CREATE FUNCTION {schema}.admit_key(presented_id text, presented_hash bytea, most integer, window_s integer)
RETURNS TABLE (org_id text, name text, scopes jsonb, verdict text, remaining integer, reset_s integer, retry_s integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
    found_key record;
    moment timestamptz := clock_timestamp();
    opened timestamptz := to_timestamp(floor(extract(epoch FROM moment) / window_s) * window_s);
    elapsed double precision := extract(epoch FROM moment - opened);
    before integer;
    carried double precision;
    used integer;
BEGIN
    SELECT k.org_id, k.name, k.scopes, k.expires_at, k.revoked_at, k.last_used_at INTO found_key
      FROM {schema}.api_keys k WHERE k.id = presented_id AND k.secret_hash = presented_hash;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    org_id := found_key.org_id;
    name := found_key.name;
    scopes := found_key.scopes;
    IF found_key.revoked_at IS NOT NULL OR found_key.expires_at <= moment THEN
        verdict := CASE WHEN found_key.revoked_at IS NOT NULL THEN 'revoked' ELSE 'expired' END;
        RETURN NEXT;
        RETURN;
    END IF;

    SELECT w.count INTO before FROM {schema}.rate_windows w
     WHERE w.org_id = found_key.org_id AND w.window_start = opened - make_interval(secs => window_s);
    before := coalesce(before, 0);
    carried := before * (1 - elapsed / window_s);
    INSERT INTO {schema}.rate_windows AS w (org_id, window_start, count)
    SELECT found_key.org_id, opened, 1 WHERE carried + 1 <= most
        ON CONFLICT ON CONSTRAINT pk_rate_windows DO UPDATE SET count = w.count + 1 WHERE carried + w.count + 1 <= most
    RETURNING w.count INTO used;
    reset_s := ceil(window_s - elapsed);
    IF used IS NULL THEN
        SELECT w.count INTO used FROM {schema}.rate_windows w WHERE w.org_id = found_key.org_id AND w.window_start = opened;
        used := coalesce(used, 0);
        verdict := 'limited';
        remaining := 0;
        retry_s := greatest(1, ceil(CASE
            WHEN used + 1 <= most THEN window_s * (1 - (most - used - 1) / before::double precision) - elapsed
            ELSE window_s - elapsed + window_s * (1 - (most - 1) / used::double precision)
        END));
        RETURN NEXT;
        RETURN;
    END IF;
    IF used = 1 THEN
        DELETE FROM {schema}.rate_windows w
         WHERE w.org_id = found_key.org_id AND w.window_start < opened - make_interval(secs => window_s);
    END IF;
    IF found_key.last_used_at IS NULL OR found_key.last_used_at < moment - interval '1 minute' THEN
        UPDATE {schema}.api_keys k SET last_used_at = moment
         WHERE k.id = presented_id AND (k.last_used_at IS NULL OR k.last_used_at < moment - interval '1 minute');
    END IF;
    verdict := 'admitted';
    remaining := greatest(0, floor(most - used - carried));
    RETURN NEXT;
END
$function$
"""

# What a process must know about the connections it holds frozen calls for, over all organizations, several times a second.
CONNECTION_STATES = """
CREATE FUNCTION {schema}.connection_states(ids text[])
RETURNS TABLE (id text, org_id text, status text, scoping_version integer, snapshot_id text, replaced boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
    SELECT c.id, c.org_id, c.status, c.scoping_version, c.snapshot_id, c.replaced_at IS NOT NULL
      FROM {schema}.connections c WHERE c.id = ANY (ids)
$function$
"""

FUNCTIONS = {
    "admit_key(text, bytea, integer, integer)": ADMIT_KEY,
    "connection_states(text[])": CONNECTION_STATES,
}


def upgrade() -> None:
    """Create the tables, then put each under row-level security, then the functions that may look before a tenant is known."""
    create_tables()
    schema = quoted_schema()
    op.execute(f"GRANT USAGE ON SCHEMA {schema} TO {APP}, {LOOKUP}")
    for table, grants in GRANTS.items():
        secure(table)
        if grants:
            op.execute(f"GRANT {grants} ON {table} TO {APP}")
    for table, grants in LOOKUPS.items():
        op.execute(f"CREATE POLICY lookup ON {table} TO {LOOKUP} USING (true) WITH CHECK (true)")
        for grant in grants:
            op.execute(f"GRANT {grant} ON {table} TO {LOOKUP}")
    create_functions(schema)


def quoted_schema() -> str:
    """The schema the tables go to, quoted."""
    return str(op.get_bind().exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one())


def secure(table: str) -> None:
    """Force row-level security by organization. Forced: it then holds for the owner of the table as well."""
    rule = f"{'id' if table == 'organizations' else 'org_id'} = {ORG}"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {table} USING ({rule}) WITH CHECK ({rule})")


def create_functions(schema: str) -> None:
    """The look-up functions run as a role that may read only the columns they return or compare.

    A role may own a function only in a schema it may create in, so it may for a moment.
    """
    op.execute(f"GRANT CREATE ON SCHEMA {schema} TO {LOOKUP}")
    for signature, body in FUNCTIONS.items():
        op.get_bind().exec_driver_sql(body.replace("{schema}", schema))
        op.execute(f"ALTER FUNCTION {schema}.{signature} OWNER TO {LOOKUP}")
    op.execute(f"REVOKE CREATE ON SCHEMA {schema} FROM {LOOKUP}")
    op.execute(f"SET LOCAL ROLE {LOOKUP}")
    for signature in FUNCTIONS:
        op.execute(f"REVOKE ALL ON FUNCTION {schema}.{signature} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {schema}.{signature} TO {APP}")
    op.execute("RESET ROLE")


def downgrade() -> None:
    """Drop everything this revision made; the roles stay, for other databases of the cluster may use them."""
    schema = quoted_schema()
    for signature in FUNCTIONS:
        op.execute(f"DROP FUNCTION {schema}.{signature}")
    for table in GRANTS:
        op.execute(f"DROP TABLE {table} CASCADE")
    op.execute(f"REVOKE USAGE ON SCHEMA {schema} FROM {APP}, {LOOKUP}")


def create_tables() -> None:
    """The tables as the packages above declare them; a test compares."""
    op.create_table(
        "organizations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organizations")),
        sa.UniqueConstraint("name", name=op.f("uq_organizations_name")),
    )
    op.create_table(
        "rate_windows",
        sa.Column("org_id", sa.Text(), server_default=sa.text(ORG), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "window_start", name=op.f("pk_rate_windows")),
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "agents",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("draft", postgresql.JSONB(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("published_version_id", sa.Text(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Text(), server_default=sa.text(ORG), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("fk_agents_org_id_organizations"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agents")),
    )
    op.create_index(op.f("ix_agents_org_id"), "agents", ["org_id"], unique=False)
    op.create_index(
        "uq_agents_org_id_name_live", "agents", ["org_id", "name"], unique=True, postgresql_where=sa.text("deleted_at IS NULL")
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.JSONB(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Text(), server_default=sa.text(ORG), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("fk_api_keys_org_id_organizations"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
    )
    op.create_index(op.f("ix_api_keys_org_id"), "api_keys", ["org_id"], unique=False)
    op.create_table(
        "audit_logs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("actor_type", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=True),
        sa.Column("actor_label", sa.Text(), nullable=True),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=True),
        sa.Column("org_id", sa.Text(), server_default=sa.text(ORG), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("fk_audit_logs_org_id_organizations"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_logs")),
    )
    op.create_index(op.f("ix_audit_logs_org_id"), "audit_logs", ["org_id"], unique=False)
    op.create_index("ix_audit_logs_org_id_id", "audit_logs", ["org_id", "id"], unique=False)
    op.create_table(
        "connections",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("target", postgresql.JSONB(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=True),
        sa.Column("default_country", sa.Text(), nullable=True),
        sa.Column("scoping", postgresql.JSONB(), nullable=False),
        sa.Column("scoping_version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("snapshot_id", sa.Text(), nullable=True),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Text(), server_default=sa.text(ORG), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("fk_connections_org_id_organizations"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connections")),
    )
    op.create_index(op.f("ix_connections_org_id"), "connections", ["org_id"], unique=False)
    op.create_index(
        "uq_connections_org_id_kind_current",
        "connections",
        ["org_id", "kind"],
        unique=True,
        postgresql_where=sa.text("replaced_at IS NULL"),
    )
    op.create_table(
        "idempotency_records",
        sa.Column("org_id", sa.Text(), server_default=sa.text(ORG), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("fk_idempotency_records_org_id_organizations"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("org_id", "key", name=op.f("pk_idempotency_records")),
    )
    op.create_table(
        "agent_versions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("published_by", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("org_id", sa.Text(), server_default=sa.text(ORG), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_agent_versions_agent_id_agents"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("fk_agent_versions_org_id_organizations"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent_versions")),
        sa.UniqueConstraint("agent_id", "number", name=op.f("uq_agent_versions_agent_id_number")),
    )
    op.create_index(op.f("ix_agent_versions_org_id"), "agent_versions", ["org_id"], unique=False)
    op.create_table(
        "credentials",
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.Column("org_id", sa.Text(), server_default=sa.text(ORG), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_credentials_connection_id_connections"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("fk_credentials_org_id_organizations"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("connection_id", "role", name=op.f("pk_credentials")),
    )
    op.create_index(op.f("ix_credentials_org_id"), "credentials", ["org_id"], unique=False)
    op.create_table(
        "skills",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("skill_type", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=True),
        sa.Column("binding", postgresql.JSONB(), nullable=True),
        sa.Column("call", sa.LargeBinary(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.Column("settings", postgresql.JSONB(), nullable=False),
        sa.Column("warnings", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("org_id", sa.Text(), server_default=sa.text(ORG), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_skills_agent_id_agents"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name=op.f("fk_skills_connection_id_connections")),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("fk_skills_org_id_organizations"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_skills")),
        sa.UniqueConstraint("agent_id", "name", name=op.f("uq_skills_agent_id_name")),
        sa.UniqueConstraint("agent_id", "slug", name=op.f("uq_skills_agent_id_slug")),
    )
    op.create_index(op.f("ix_skills_connection_id"), "skills", ["connection_id"], unique=False)
    op.create_index(op.f("ix_skills_org_id"), "skills", ["org_id"], unique=False)
    op.create_table(
        "snapshots",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("summary", postgresql.JSONB(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("org_id", sa.Text(), server_default=sa.text(ORG), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_snapshots_connection_id_connections"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("fk_snapshots_org_id_organizations"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshots")),
    )
    op.create_index(op.f("ix_snapshots_connection_id"), "snapshots", ["connection_id"], unique=False)
    op.create_index(op.f("ix_snapshots_org_id"), "snapshots", ["org_id"], unique=False)
    op.create_table(
        "conversations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("version_id", sa.Text(), nullable=True),
        sa.Column("draft", sa.Boolean(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("session", postgresql.JSONB(), nullable=False),
        sa.Column("state", postgresql.JSONB(), nullable=False),
        sa.Column("last_seq", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("turns", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Text(), server_default=sa.text(ORG), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_conversations_agent_id_agents"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("fk_conversations_org_id_organizations"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["version_id"], ["agent_versions.id"], name=op.f("fk_conversations_version_id_agent_versions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
    )
    op.create_index(op.f("ix_conversations_agent_id"), "conversations", ["agent_id"], unique=False)
    op.create_index(op.f("ix_conversations_org_id"), "conversations", ["org_id"], unique=False)
    op.create_index("ix_conversations_org_id_started_at", "conversations", ["org_id", "started_at"], unique=False)
    op.create_table(
        "conversation_events",
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("org_id", sa.Text(), server_default=sa.text(ORG), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_conversation_events_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("fk_conversation_events_org_id_organizations"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("conversation_id", "seq", name=op.f("pk_conversation_events")),
        sa.UniqueConstraint("id", name=op.f("uq_conversation_events_id")),
    )
    op.create_index(op.f("ix_conversation_events_org_id"), "conversation_events", ["org_id"], unique=False)
    # tables that point at each other
    op.create_foreign_key(
        op.f("fk_agents_published_version_id_agent_versions"), "agents", "agent_versions", ["published_version_id"], ["id"]
    )
    op.create_foreign_key(op.f("fk_connections_snapshot_id_snapshots"), "connections", "snapshots", ["snapshot_id"], ["id"])
