"""Taking sources away, and leaving the uploaded files behind them: those are kept as long as something uses them."""

from __future__ import annotations

from sqlalchemy import delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.accounts.tables import Upload
from patchbay.agent_runtime.knowledge.tables import KnowledgeSource
from patchbay.connectors.tables import Connection


async def let_go(session: AsyncSession, upload_id: str) -> None:
    """Leave a file that a source was made from. What nothing else uses is then deleted like any upload that nothing uses.

    The row is locked before anybody is asked who uses it: whoever begins to use it now has to wait.
    """
    await session.execute(select(Upload.id).where(Upload.id == upload_id).with_for_update())
    by_source = exists().where(KnowledgeSource.upload_id == upload_id)
    by_definition = exists().where(Connection.definition["document"]["fileId"].astext == upload_id)
    await session.execute(update(Upload).where(Upload.id == upload_id, ~by_source, ~by_definition).values(attached_at=None))


async def forget_all(session: AsyncSession, agent_id: str) -> None:
    """Take away every source of an agent that is being deleted, with all that was made of them."""
    gone = delete(KnowledgeSource).where(KnowledgeSource.agent_id == agent_id).returning(KnowledgeSource.upload_id)
    for upload_id in sorted({found for found in (await session.scalars(gone)).all() if found is not None}):
        await let_go(session, upload_id)
