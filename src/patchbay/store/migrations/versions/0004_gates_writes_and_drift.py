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
ORG = "nullif(current_setting('app.org', true), '')"
GRANTS = {
    "verification_attempts": "SELECT, INSERT, UPDATE, DELETE",
    "policy_counters": "SELECT, INSERT, UPDATE, DELETE",
    "drift_observations": "SELECT, INSERT, UPDATE, DELETE",
    "operator_events": "SELECT, INSERT",
}


def upgrade() -> None:
    """Add the columns; create the tables, each under row-level security like every tenant's."""
    op.add_column("agents", _json("guardrails", "'[]'"))
    op.add_column("agents", _json("caller_verification", "'[]'"))
    op.add_column("skills", _json("review", None))
    op.add_column("skills", _json("drift", None))
    op.add_column("skills", _json("provenance", None))
    create_tables()
    for table, grants in GRANTS.items():
        op.create_index(op.f(f"ix_{table}_org_id"), table, ["org_id"], unique=False)
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING (org_id = {ORG}) WITH CHECK (org_id = {ORG})")
        op.execute(f"GRANT {grants} ON {table} TO {APP}")


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
