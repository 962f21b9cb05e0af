"""Knowledge: sources of an agent, what they were read into, and its passages.

Revision 0008, after 0007.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

APP = "patchbay_app"
LOOKUP = "patchbay_lookup"
ORG = "nullif(current_setting('app.org', true), '')"
GRANTS = {
    "knowledge_sources": "SELECT, INSERT, UPDATE, DELETE",
    "knowledge_indexes": "SELECT, INSERT, UPDATE (frozen_at), DELETE",
    "knowledge_passages": "SELECT, INSERT, DELETE",
}

# Sources that are to be read now and that no process is at. Each is taken by a session of its own organization. Organizations take
# turns: who has fewer sources being read, and was given fewer in this answer, comes first.
DUE_KNOWLEDGE = """
CREATE FUNCTION {schema}.due_knowledge(most integer)
RETURNS TABLE (id text, org_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
    WITH busy AS (
        SELECT s.org_id, count(*) AS readers FROM {schema}.knowledge_sources s
         WHERE s.leased_until >= clock_timestamp() GROUP BY s.org_id
    ), due AS (
        SELECT s.id, s.org_id, s.due_at, row_number() OVER (PARTITION BY s.org_id ORDER BY s.due_at, s.id) AS turn
          FROM {schema}.knowledge_sources s
         WHERE s.due_at <= clock_timestamp() AND (s.leased_until IS NULL OR s.leased_until < clock_timestamp())
    )
    SELECT d.id, d.org_id FROM due d LEFT JOIN busy b ON b.org_id = d.org_id
     ORDER BY d.turn + coalesce(b.readers, 0), d.due_at LIMIT most
$function$
"""
SIGNATURE = "due_knowledge(integer)"


def upgrade() -> None:
    """Create the tables, each under row-level security like every tenant's, and the look-up of what is due."""
    create_tables()
    for table, grants in GRANTS.items():
        op.create_index(op.f(f"ix_{table}_org_id"), table, ["org_id"], unique=False)
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING (org_id = {ORG}) WITH CHECK (org_id = {ORG})")
        op.execute(f"GRANT {grants} ON {table} TO {APP}")
    op.execute(f"CREATE POLICY lookup ON knowledge_sources TO {LOOKUP} USING (true)")
    op.execute(f"GRANT SELECT (id, org_id, due_at, leased_until) ON knowledge_sources TO {LOOKUP}")
    create_function()


def create_function() -> None:
    """The function belongs to the role that may look before the organization is known, as those of revision 0001."""
    schema = str(op.get_bind().exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one())
    op.execute(f"GRANT CREATE ON SCHEMA {schema} TO {LOOKUP}")
    op.get_bind().exec_driver_sql(DUE_KNOWLEDGE.replace("{schema}", schema))
    op.execute(f"ALTER FUNCTION {schema}.{SIGNATURE} OWNER TO {LOOKUP}")
    op.execute(f"REVOKE CREATE ON SCHEMA {schema} FROM {LOOKUP}")
    op.execute(f"SET LOCAL ROLE {LOOKUP}")
    op.execute(f"REVOKE ALL ON FUNCTION {schema}.{SIGNATURE} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {schema}.{SIGNATURE} TO {APP}")
    op.execute("RESET ROLE")


def create_tables() -> None:
    """The tables as the package declares them; a test compares."""
    op.create_table(
        "knowledge_sources",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("upload_id", sa.Text(), nullable=True),
        sa.Column("given", postgresql.JSONB(), nullable=True),
        sa.Column("status", sa.Text(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("failure", postgresql.JSONB(), nullable=True),
        sa.Column("index_id", sa.Text(), nullable=True),
        sa.Column("refresh_hours", sa.Integer(), nullable=True),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("modified", sa.Text(), nullable=True),
        sa.Column("last_checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_by", sa.Text(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        _org(),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_knowledge_sources_agent_id_agents"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["upload_id"], ["uploads.id"], name=op.f("fk_knowledge_sources_upload_id_uploads")),
        _org_key("knowledge_sources"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_sources")),
    )
    op.create_index("ix_knowledge_sources_agent_id_id", "knowledge_sources", ["agent_id", "id"], unique=False)
    op.create_index(
        "ix_knowledge_sources_due_at", "knowledge_sources", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL")
    )
    op.create_index(
        "ix_knowledge_sources_leased_until",
        "knowledge_sources",
        ["leased_until"],
        postgresql_where=sa.text("leased_until IS NOT NULL"),
    )
    op.create_table(
        "knowledge_indexes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True),
        _org(),
        sa.ForeignKeyConstraint(
            ["source_id"],
            ["knowledge_sources.id"],
            name=op.f("fk_knowledge_indexes_source_id_knowledge_sources"),
            ondelete="CASCADE",
        ),
        _org_key("knowledge_indexes"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_indexes")),
    )
    op.create_index(op.f("ix_knowledge_indexes_source_id"), "knowledge_indexes", ["source_id"], unique=False)
    op.create_table(
        "knowledge_passages",
        sa.Column("index_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("heading", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        _org(),
        sa.ForeignKeyConstraint(
            ["index_id"],
            ["knowledge_indexes.id"],
            name=op.f("fk_knowledge_passages_index_id_knowledge_indexes"),
            ondelete="CASCADE",
        ),
        _org_key("knowledge_passages"),
        sa.PrimaryKeyConstraint("index_id", "number", name=op.f("pk_knowledge_passages")),
    )


def _org() -> sa.Column[str]:
    return sa.Column("org_id", sa.Text(), server_default=sa.text(ORG), nullable=False)


def _org_key(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_org_id_organizations")
    return sa.ForeignKeyConstraint(["org_id"], ["organizations.id"], name=name, ondelete="CASCADE")


def downgrade() -> None:
    """Undo the revision."""
    op.execute(f"DROP FUNCTION {SIGNATURE}")
    for table in reversed(GRANTS):
        op.drop_table(table)
