"""Authorizations that are under way in somebody's browser, and why a connection is not as it should be.

Revision 0003, after 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

APP = "patchbay_app"
LOOKUP = "patchbay_lookup"
ORG = "nullif(current_setting('app.org', true), '')"

# Whose authorization a browser comes back from: the state it brings is all there is to go by.
STATE_OWNER = """
CREATE FUNCTION {schema}.oauth_state_owner(presented_hash bytea)
RETURNS TABLE (id text, org_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
    SELECT s.id, s.org_id FROM {schema}.oauth_states s
     WHERE s.state_hash = presented_hash AND s.expires_at > clock_timestamp()
$function$
"""
SIGNATURE = "oauth_state_owner(bytea)"


def upgrade() -> None:
    """Add the reason to connections; create the states, under row-level security, and the look-up by hash."""
    op.add_column("connections", sa.Column("status_reason", sa.Text(), nullable=True))
    op.create_table(
        "oauth_states",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("state_hash", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.Column("return_to", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("org_id", sa.Text(), server_default=sa.text(ORG), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_oauth_states_connection_id_connections"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("fk_oauth_states_org_id_organizations"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oauth_states")),
        sa.UniqueConstraint("state_hash", name=op.f("uq_oauth_states_state_hash")),
    )
    op.create_index(op.f("ix_oauth_states_connection_id"), "oauth_states", ["connection_id"], unique=False)
    op.create_index(op.f("ix_oauth_states_org_id"), "oauth_states", ["org_id"], unique=False)
    op.execute("ALTER TABLE oauth_states ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE oauth_states FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON oauth_states USING (org_id = {ORG}) WITH CHECK (org_id = {ORG})")
    op.execute(f"CREATE POLICY lookup ON oauth_states TO {LOOKUP} USING (true)")
    op.execute(f"GRANT SELECT, INSERT, DELETE ON oauth_states TO {APP}")
    op.execute(f"GRANT SELECT (id, org_id, state_hash, expires_at) ON oauth_states TO {LOOKUP}")
    create_function()


def create_function() -> None:
    """The look-up runs as the role that may read only what it compares and returns.

    A role may own a function only in a schema it may create in, so it may for a moment.
    """
    schema = quoted_schema()
    op.execute(f"GRANT CREATE ON SCHEMA {schema} TO {LOOKUP}")
    op.get_bind().exec_driver_sql(STATE_OWNER.replace("{schema}", schema))
    op.execute(f"ALTER FUNCTION {schema}.{SIGNATURE} OWNER TO {LOOKUP}")
    op.execute(f"REVOKE CREATE ON SCHEMA {schema} FROM {LOOKUP}")
    op.execute(f"SET LOCAL ROLE {LOOKUP}")
    op.execute(f"REVOKE ALL ON FUNCTION {schema}.{SIGNATURE} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {schema}.{SIGNATURE} TO {APP}")
    op.execute("RESET ROLE")


def quoted_schema() -> str:
    """The schema the tables are in, quoted."""
    return str(op.get_bind().exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one())


def downgrade() -> None:
    """Undo the revision."""
    op.execute(f"DROP FUNCTION {quoted_schema()}.{SIGNATURE}")
    op.drop_table("oauth_states")
    op.drop_column("connections", "status_reason")
