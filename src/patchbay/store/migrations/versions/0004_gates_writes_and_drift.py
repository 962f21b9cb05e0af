"""Guardrails and caller verification of agents, reviews and drift of skills, and what is counted and told across conversations.

Revision 0004, after 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

APP = "patchbay_app"
LOOKUP = "patchbay_lookup"
ORG = "nullif(current_setting('app.org', true), '')"
GRANTS = {
    "verification_attempts": "SELECT, INSERT, UPDATE, DELETE",
    "policy_counters": "SELECT, INSERT, UPDATE, DELETE",
    "drift_observations": "SELECT, INSERT, UPDATE, DELETE",
    "operator_events": "SELECT, INSERT",
}

# Requests of a key, counted ahead: one process takes several at once, and gives back what it did not use. `admit_key` verifies
# the key and counts the first of them; the window's row is then locked until the end of the transaction, so what is granted
# beyond the first is within the limit over all processes. A quarter of what is left at most: the others want some too, and close
# to the limit every request is counted by itself. No row: no such key, or nothing was wanted (`wanted` 0 only gives back).
LEASE_REQUESTS = """
CREATE FUNCTION {schema}.lease_requests(
    presented_id text, presented_hash bytea, most integer, window_s integer, wanted integer, unused integer, unused_of timestamptz)
RETURNS TABLE (org_id text, name text, scopes jsonb, verdict text, remaining integer, reset_s integer, retry_s integer,
               granted integer, opened timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
    current_window timestamptz := to_timestamp(floor(extract(epoch FROM clock_timestamp()) / window_s) * window_s);
    more integer;
BEGIN
    IF unused > 0 AND unused_of >= current_window - make_interval(secs => window_s) THEN
        UPDATE {schema}.rate_windows w SET count = greatest(0, w.count - unused) FROM {schema}.api_keys k
         WHERE k.id = presented_id AND k.secret_hash = presented_hash AND w.org_id = k.org_id AND w.window_start = unused_of;
    END IF;
    IF wanted < 1 THEN
        RETURN;
    END IF;
    SELECT a.org_id, a.name, a.scopes, a.verdict, a.remaining, a.reset_s, a.retry_s
      INTO org_id, name, scopes, verdict, remaining, reset_s, retry_s
      FROM {schema}.admit_key(presented_id, presented_hash, most, window_s) a;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    granted := CASE WHEN verdict = 'admitted' THEN 1 ELSE 0 END;
    opened := to_timestamp(floor(extract(epoch FROM clock_timestamp()) / window_s) * window_s);
    more := least(wanted - 1, remaining / 4);
    IF granted = 1 AND more > 0 AND opened = current_window THEN
        UPDATE {schema}.rate_windows w SET count = w.count + more WHERE w.org_id = lease_requests.org_id AND w.window_start = opened;
        granted := granted + more;
        remaining := remaining - more;
    END IF;
    RETURN NEXT;
END
$function$
"""
LEASE_SIGNATURE = "lease_requests(text, bytea, integer, integer, integer, integer, timestamptz)"

# Conversations with a write that began so long ago and never told its end. Whether it is lost, a session of the organization's own
# finds out.
UNFINISHED_WRITES = """
CREATE FUNCTION {schema}.unfinished_writes(older_than_s double precision, most integer)
RETURNS TABLE (id text, org_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
    SELECT c.id, c.org_id FROM {schema}.conversations c
     WHERE c.writing_since < clock_timestamp() - make_interval(secs => older_than_s)
     ORDER BY c.writing_since LIMIT most
$function$
"""
UNFINISHED_SIGNATURE = "unfinished_writes(double precision, integer)"


def upgrade() -> None:
    """Add the columns; create the tables, each under row-level security like every tenant's."""
    op.add_column("agents", _json("guardrails", "'[]'"))
    op.add_column("agents", _json("caller_verification", "'[]'"))
    op.add_column("skills", _json("review", None))
    op.add_column("skills", _json("drift", None))
    op.add_column("skills", _json("provenance", None))
    op.add_column("conversations", sa.Column("writing_since", sa.DateTime(timezone=True), nullable=True))
    unfinished = sa.text("writing_since IS NOT NULL")
    op.create_index("ix_conversations_writing_since", "conversations", ["writing_since"], postgresql_where=unfinished)
    op.execute(f"CREATE POLICY lookup ON conversations TO {LOOKUP} USING (true)")
    op.execute(f"GRANT SELECT (id, org_id, writing_since) ON conversations TO {LOOKUP}")
    create_tables()
    for table, grants in GRANTS.items():
        op.create_index(op.f(f"ix_{table}_org_id"), table, ["org_id"], unique=False)
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING (org_id = {ORG}) WITH CHECK (org_id = {ORG})")
        op.execute(f"GRANT {grants} ON {table} TO {APP}")
    create_function(LEASE_REQUESTS, LEASE_SIGNATURE)
    create_function(UNFINISHED_WRITES, UNFINISHED_SIGNATURE)


def create_function(definition: str, signature: str) -> None:
    """The function belongs to the role that may look before the organization is known, as those of revision 0001."""
    schema = str(op.get_bind().exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one())
    op.execute(f"GRANT CREATE ON SCHEMA {schema} TO {LOOKUP}")
    op.get_bind().exec_driver_sql(definition.replace("{schema}", schema))
    op.execute(f"ALTER FUNCTION {schema}.{signature} OWNER TO {LOOKUP}")
    op.execute(f"REVOKE CREATE ON SCHEMA {schema} FROM {LOOKUP}")
    op.execute(f"SET LOCAL ROLE {LOOKUP}")
    op.execute(f"REVOKE ALL ON FUNCTION {schema}.{signature} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {schema}.{signature} TO {APP}")
    op.execute("RESET ROLE")


def create_tables() -> None:
    """The tables as the packages above declare them; a test compares."""
    op.create_table(
        "verification_attempts",
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        *_org("verification_attempts"),
        _agent("verification_attempts"),
        sa.PrimaryKeyConstraint("agent_id", "scope", "key_hash", name=op.f("pk_verification_attempts")),
    )
    op.create_table(
        "policy_counters",
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("policy_id", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        *_org("policy_counters"),
        _agent("policy_counters"),
        sa.PrimaryKeyConstraint("agent_id", "policy_id", "key_hash", "window_start", name=op.f("pk_policy_counters")),
    )
    op.create_table(
        "drift_observations",
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("leaf", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        *_org("drift_observations"),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("fk_drift_observations_connection_id_connections"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connection_id", "operation", "leaf", name=op.f("pk_drift_observations")),
    )
    op.create_table(
        "operator_events",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Text(), nullable=True),
        sa.Column("skill_id", sa.Text(), nullable=True),
        sa.Column("connection_id", sa.Text(), nullable=True),
        sa.Column("conversation_id", sa.Text(), nullable=True),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        *_org("operator_events"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator_events")),
    )
    op.create_index("ix_operator_events_org_id_id", "operator_events", ["org_id", "id"], unique=False)
    op.create_index(
        "uq_operator_events_unknown_write",
        "operator_events",
        ["conversation_id", sa.text("(data ->> 'callId')")],
        unique=True,
        postgresql_where=sa.text("type = 'write.unknown'"),
    )


def _json(name: str, default: str | None) -> sa.Column[object]:
    server_default = sa.text(default) if default is not None else None
    return sa.Column(name, postgresql.JSONB(), server_default=server_default, nullable=default is None)


def _org(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("org_id", sa.Text(), server_default=sa.text(ORG), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f(f"fk_{table}_org_id_organizations"), ondelete="CASCADE"
        ),
    ]


def _agent(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_agent_id_agents")
    return sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=name, ondelete="CASCADE")


def downgrade() -> None:
    """Undo the revision."""
    op.execute(f"DROP FUNCTION {LEASE_SIGNATURE}")
    op.execute(f"DROP FUNCTION {UNFINISHED_SIGNATURE}")
    op.execute("DROP POLICY lookup ON conversations")
    op.execute(f"REVOKE SELECT (id, org_id, writing_since) ON conversations FROM {LOOKUP}")
    op.drop_index("ix_conversations_writing_since", table_name="conversations")
    op.drop_column("conversations", "writing_since")
    for table in GRANTS:
        op.drop_table(table)
    for table, column in (
        ("skills", "provenance"),
        ("skills", "drift"),
        ("skills", "review"),
        ("agents", "caller_verification"),
        ("agents", "guardrails"),
    ):
        op.drop_column(table, column)
