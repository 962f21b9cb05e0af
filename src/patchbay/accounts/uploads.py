"""Uploads: files an organization sends once and then names by id, such as the document of an API."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.accounts.tables import Upload
from patchbay.errors import Conflict, NotFound
from patchbay.store.ids import new_id

LARGEST = 25_000_000
"""Bytes of one file."""
UNUSED_KEPT = timedelta(hours=24)
STORED_MOST = 1_000_000_000
"""Bytes of all files of one organization."""
NAME_LONGEST = 255
TYPE_LONGEST = 200


class UploadMissing(NotFound):
    """There is no such upload (file_expired): it was never there, or it was deleted because nothing used it. Send it again."""

    code, title, named = "file_expired", "File expired", True


class StorageFull(Conflict):
    """The files of this organization take up all the space they may (storage_full); disconnect what they belong to."""

    code, title, status = "storage_full", "Storage full", 409


async def store_upload(session: AsyncSession, *, name: str, content_type: str, content: bytes) -> Upload:
    """Keep a file. Files that nothing used for a day are deleted on the way. Raises :class:`StorageFull`."""
    await session.execute(delete(Upload).where(Upload.attached_at.is_(None), Upload.created_at < func.now() - UNUSED_KEPT))
    stored = await session.scalar(select(func.coalesce(func.sum(Upload.size), 0))) or 0
    if stored + len(content) > STORED_MOST:
        raise StorageFull
    upload = Upload(
        id=new_id("fil"),
        name=_clean(name),
        content_type=_shown(content_type)[:TYPE_LONGEST] or "application/octet-stream",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        content=content,
    )
    session.add(upload)
    await session.flush()
    await session.refresh(upload, attribute_names=["created_at"])
    return upload


async def read_upload(session: AsyncSession, upload_id: str) -> Upload:
    """A file with its content. Raises :class:`UploadMissing`."""
    upload = await session.get(Upload, upload_id)
    if upload is None:
        raise UploadMissing
    return upload


async def attach_upload(session: AsyncSession, upload_id: str) -> None:
    """Say that something uses a file from now on. Raises :class:`UploadMissing`."""
    found = await session.execute(
        update(Upload).where(Upload.id == upload_id).values(attached_at=func.now()).returning(Upload.id)
    )
    if found.first() is None:
        raise UploadMissing


def upload_json(upload: Upload) -> dict[str, Any]:
    """One upload in its wire form, without its content."""
    return {
        "fileId": upload.id,
        "name": upload.name,
        "contentType": upload.content_type,
        "size": upload.size,
        "sha256": upload.sha256,
        "createdAt": upload.created_at,
    }


def _clean(name: str) -> str:
    """The file's own name: no folders, nothing that cannot be shown."""
    return _shown(name.replace("\\", "/").rpartition("/")[2])[:NAME_LONGEST] or "upload"


def _shown(text: str) -> str:
    """Without what cannot be shown, or stored."""
    return "".join(c for c in text if c.isprintable() and not 0xD800 <= ord(c) < 0xE000).strip()
