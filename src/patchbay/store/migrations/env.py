"""Alembic's way in. Revisions run on the connection, and in the transaction, of whoever asked for them.

``metadata`` is set only while a revision is drafted (`tests/store/draft_migration.py`): the tables live in packages above
this one, so a revision spells its tables out and a test compares the result with the code.
"""

from __future__ import annotations

from alembic import context

config = context.config
context.configure(
    connection=config.attributes["connection"],
    target_metadata=config.attributes.get("metadata"),
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
