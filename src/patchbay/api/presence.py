"""Work that is only worth doing while the client that asked for it is there."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

import anyio
from starlette.requests import ClientDisconnect, Request

from patchbay.errors import PatchbayError

T = TypeVar("T")


async def while_present(request: Request, work: Awaitable[T]) -> T:
    """The result of ``work``, which is cancelled when the client goes away meanwhile; then raises :class:`ClientDisconnect`.

    Whatever the client still sends is read and dropped.
    """
    done: list[T] = []
    failed: list[Exception] = []
    async with anyio.create_task_group() as group:
        group.start_soon(_cancel_when_gone, request, group.cancel_scope, failed)
        try:
            done.append(await work)
        except Exception as error:  # raised outside of the group, which would wrap it
            failed.append(error)
        group.cancel_scope.cancel()
    for error in failed:
        raise error
    if not done:
        raise ClientDisconnect
    return done[0]


async def _cancel_when_gone(request: Request, scope: anyio.CancelScope, failed: list[Exception]) -> None:
    try:
        while (await request.receive())["type"] != "http.disconnect":
            pass
    except PatchbayError as refusal:  # a body that nobody asked for, and too large
        failed.append(refusal)
    scope.cancel()
