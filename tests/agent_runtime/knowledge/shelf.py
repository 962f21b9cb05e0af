"""Sources of knowledge as they are when they have been read: rows, without anybody reading anything."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy import update

from patchbay.agent_runtime.knowledge.tables import KnowledgeIndex, KnowledgePassage, KnowledgeSource
from patchbay.store.database import Database
from patchbay.store.ids import new_id

MENU = (
    ("Menu > Pizzas > Margherita", "San Marzano tomato, fresh mozzarella, basil. Medium $12, large $16."),
    ("Menu > Pizzas > Supreme", "Pepperoni, Italian sausage, mushrooms, green peppers and olives. Medium $17, large $22."),
    ("Hours", "We are open Tuesday to Saturday from 11:30 a.m. to 9 p.m. Closed on Sundays and Mondays."),
    ("Delivery", "We deliver within four miles. The delivery fee is $3.99. The minimum order is $20."),
)


async def add_source(
    database: Database,
    org_id: str,
    agent_id: str,
    label: str = "Menu",
    passages: Sequence[tuple[str, str]] | None = MENU,
    *,
    kind: str = "text",
    language: str = "en",
    refresh_hours: int | None = None,
    status: str | None = None,
) -> str:
    """A source; with ``passages`` None it has not been read."""
    source_id = new_id("kns")
    row = KnowledgeSource(
        id=source_id,
        agent_id=agent_id,
        kind=kind,
        label=label,
        status=status or ("pending" if passages is None else "indexed"),
        refresh_hours=refresh_hours,
    )
    async with database.tenant(org_id) as session:
        session.add(row)
    if passages is not None:
        await read_into(database, org_id, source_id, passages, language=language)
    return source_id


async def read_into(
    database: Database, org_id: str, source_id: str, passages: Sequence[tuple[str, str]], *, language: str = "en"
) -> str:
    """A new index of the source, which takes the place of the one before."""
    content = "\n\n".join(f"{heading}\n{body}" for heading, body in passages)
    index_id = new_id("kni")
    async with database.tenant(org_id) as session:
        session.add(
            KnowledgeIndex(
                id=index_id,
                source_id=source_id,
                sha256=hashlib.sha256(content.encode()).hexdigest(),
                content=content,
                language=language,
            )
        )
        await session.flush()
        session.add_all(
            KnowledgePassage(index_id=index_id, number=number, heading=heading, body=body)
            for number, (heading, body) in enumerate(passages)
        )
        await session.execute(
            update(KnowledgeSource).where(KnowledgeSource.id == source_id).values(index_id=index_id, status="indexed")
        )
    return index_id
