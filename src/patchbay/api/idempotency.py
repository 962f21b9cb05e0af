"""``Idempotency-Key``: the same key with the same body replays the stored answer; nothing is carried out twice.

The claim, the work and the stored answer are one transaction: a retry either finds the answer or finds nothing done, and one
that comes while the first is still running is told so (409).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Header, Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from patchbay.accounts import idempotency
from patchbay.schema_graph.canonical import canonical_json, sha256_hex

REPLAYED = "Idempotency-Replayed"


class Idempotency:
    """How this request is carried out at most once. Without a key every request is carried out."""

    def __init__(self, request: Request, key: str | None, body: Any) -> None:
        self.key = key
        self.route = f"{request.method} {request.url.path}"
        self._body = body

    async def run(
        self, session: AsyncSession, once: Callable[[], Awaitable[dict[str, Any]]], *, status: int, model: type[BaseModel]
    ) -> Response:
        """The answer of ``once``, as ``model``, with ``status``; or the answer that was stored for this key."""
        if self.key is None:
            return _answer(await once(), status, model)
        # Only now: before, the body need not be one that the route takes.
        request_hash = sha256_hex(canonical_json(self._body or {}))
        replay = await idempotency.begin(session, key=self.key, route=self.route, request_hash=request_hash)
        if replay is not None:
            return Response(replay.body, replay.status, media_type="application/json", headers={REPLAYED: "true"})
        answer = _answer(await once(), status, model)
        await idempotency.finish(
            session, key=self.key, route=self.route, request_hash=request_hash, status=status, body=bytes(answer.body)
        )
        return answer


def _answer(document: dict[str, Any], status: int, model: type[BaseModel]) -> Response:
    return Response(model.model_validate(document).model_dump_json(by_alias=True), status, media_type="application/json")


async def _idempotency(
    request: Request,
    idempotency_key: Annotated[
        str | None, Header(description="A retry with the same key and body gets the first answer again; the key is kept a day.")
    ] = None,
) -> Idempotency:
    return Idempotency(request, idempotency_key, await request.json())


Idempotent = Annotated[Idempotency, Depends(_idempotency)]
