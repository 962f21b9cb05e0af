"""Writes whose process was killed: found by when they began, and told once.

Revision 0006, after 0005.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

APP = "patchbay_app"
LOOKUP = "patchbay_lookup"

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
SIGNATURE = "unfinished_writes(double precision, integer)"


def upgrade() -> None:
    """Add the column with its index, the look-up, and the index that tells an unknown write once."""
    op.add_column("conversations", sa.Column("writing_since", sa.DateTime(timezone=True), nullable=True))
    unfinished = sa.text("writing_since IS NOT NULL")
    op.create_index("ix_conversations_writing_since", "conversations", ["writing_since"], postgresql_where=unfinished)
    op.create_index(
        "uq_operator_events_unknown_write",
        "operator_events",
        ["conversation_id", sa.text("(data ->> 'callId')")],
        unique=True,
        postgresql_where=sa.text("type = 'write.unknown'"),
    )
    op.execute(f"CREATE POLICY lookup ON conversations TO {LOOKUP} USING (true)")
    op.execute(f"GRANT SELECT (id, org_id, writing_since) ON conversations TO {LOOKUP}")
    create_function()


def create_function() -> None:
    """The function belongs to the role that may look before the organization is known, as those of revision 0001."""
    schema = str(op.get_bind().exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one())
    op.execute(f"GRANT CREATE ON SCHEMA {schema} TO {LOOKUP}")
    op.get_bind().exec_driver_sql(UNFINISHED_WRITES.replace("{schema}", schema))
    op.execute(f"ALTER FUNCTION {schema}.{SIGNATURE} OWNER TO {LOOKUP}")
    op.execute(f"REVOKE CREATE ON SCHEMA {schema} FROM {LOOKUP}")
    op.execute(f"SET LOCAL ROLE {LOOKUP}")
    op.execute(f"REVOKE ALL ON FUNCTION {schema}.{SIGNATURE} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {schema}.{SIGNATURE} TO {APP}")
    op.execute("RESET ROLE")


def downgrade() -> None:
    """Undo the revision."""
    op.execute(f"DROP FUNCTION {SIGNATURE}")
    op.execute("DROP POLICY lookup ON conversations")
    op.execute(f"REVOKE SELECT (id, org_id, writing_since) ON conversations FROM {LOOKUP}")
    op.drop_index("uq_operator_events_unknown_write", table_name="operator_events")
    op.drop_index("ix_conversations_writing_since", table_name="conversations")
    op.drop_column("conversations", "writing_since")
