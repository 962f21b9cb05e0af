"""${message}.

Revision ${up_revision}, after ${down_revision | comma,n}. Drafted by Alembic; a new tenant table also needs `secure_tenant_table`
and grants to the application role (see 0001), or the catalogue test fails.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    """Apply the revision."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Undo the revision."""
    ${downgrades if downgrades else "pass"}
