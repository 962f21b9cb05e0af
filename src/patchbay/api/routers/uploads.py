"""Uploads: files that are sent once and then named by their id."""

from __future__ import annotations

from typing import Any

from pydantic import Field
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from patchbay.accounts import uploads
from patchbay.api.access import KnowledgeWrite
from patchbay.api.envelope import ApiResponse, Shown, enveloped
from patchbay.api.problems import UnsupportedMediaType, problems, validation_failure
from patchbay.api.routing import door_router
from patchbay.api.times import Stamp
from patchbay.api.visit import visit_of
from patchbay.api.work import Writing
from patchbay.errors import Finding, TooLarge

router = door_router("/uploads", tag="uploads")

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary", "description": "At most 25 MB."}},
                }
            }
        },
    }
}


class UploadShown(Shown):
    """An uploaded file. What nothing uses within 24 hours is deleted."""

    file_id: str
    name: str
    content_type: str
    size: int = Field(description="In bytes.")
    sha256: str
    created_at: Stamp


@router.post(
    "",
    status_code=201,
    response_model=ApiResponse[UploadShown],
    summary="Upload a file",
    responses=problems(400, 409, 413, 415),
    openapi_extra=_BODY,
)
async def upload_file(principal: KnowledgeWrite, session: Writing, request: Request) -> Any:
    """Send one file as `multipart/form-data`, member `file`, and name it elsewhere by its `fileId`."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise UnsupportedMediaType("Send the file as multipart/form-data, in a member named file.")
    name, content_type, content = await _file_in(request)
    stored = await uploads.store_upload(
        session,
        name=name,
        content_type=content_type,
        content=content,
    )
    visit_of(request).resource_id = stored.id
    return enveloped(uploads.upload_json(stored))


async def _file_in(request: Request) -> tuple[str, str, bytes]:
    """The one file of the form: its name, content type and content."""
    try:
        async with request.form(max_files=1, max_fields=8) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise validation_failure([Finding("file", "required", "A file named file is needed.")])
            content = await file.read()
            name, content_type = file.filename or "", file.content_type or "application/octet-stream"
    except HTTPException:
        raise validation_failure([Finding("file", "form_invalid", "The form cannot be read.")]) from None
    if len(content) > uploads.LARGEST:
        raise TooLarge(f"A file has at most {uploads.LARGEST} bytes.")
    if not content:
        raise validation_failure([Finding("file", "empty", "The file is empty.")])
    return name, content_type, content
