"""Where a browser comes back to after a person agreed, or did not. Needs no key: the state it brings is the proof.

What is shown and where the browser is sent depends on nothing the request says: neither text nor address of it is repeated.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from patchbay.accounts import audit
from patchbay.api.html_pages import page
from patchbay.api.platform import platform_of
from patchbay.api.visit import visit_of
from patchbay.connectors.oauth.callback_address import CALLBACK_PATH

router = APIRouter(tags=["integrations"])

_CONNECTED = ("Connected", "The integration is connected. You can close this page.")
_OVER = ("This link is over", "It was used already, took too long, or another one was begun. Connect the integration again.")
_FAILED = {
    "authorization_denied": ("Not connected", "Access was not granted. Connect the integration again to be asked once more."),
    "authorization_failed": ("Not connected", "The provider did not complete the authorization. Connect the integration again."),
    "verification_failed": ("Not connected", "The system did not accept the access that was granted. Check its definition."),
}


@router.get(
    CALLBACK_PATH,
    summary="Come back from an OAuth provider",
    response_class=HTMLResponse,
    responses={
        303: {"description": "To the `redirectUrl` of the connect."},
        400: {"description": "A page that says why not.", "content": {"text/html": {}}},
    },
)
async def finish_authorization(
    request: Request,
    state: Annotated[str, Query(description="From the `oauthUrl`; it serves once, for ten minutes.")] = "",
    code: Annotated[str | None, Query(description="What the provider gives when a person agreed.")] = None,
    error: Annotated[str | None, Query(description="What it says when they did not.")] = None,
    iss: Annotated[str | None, Query(description="Who the provider is (RFC 9207).")] = None,
) -> Response:
    """For the browser of whoever opened the `oauthUrl`, not for API clients. Finishes the connection and says so."""
    # Loaded when the first browser comes back: a server that connects nothing so starts without it.
    from patchbay.connectors.oauth.authorization import StateUnknown, finish, settled

    platform, visit = platform_of(request), visit_of(request)
    visit.route = CALLBACK_PATH

    async def recorded(session: AsyncSession, connection_id: str, well: bool) -> None:
        done = audit.Done(
            principal=None,
            method=visit.method,
            path=visit.path,
            route=visit.route,
            status=200 if well else 400,
            request_id=visit.request_id,
            resource_id=connection_id,
        )
        await audit.record(session, done)

    try:
        finished = await finish(
            platform.database, platform.vault, platform.guard, state=state, code=code, error=error, issuer=iss, recorded=recorded
        )
    except StateUnknown:
        return page(_OVER, 400)
    if finished.return_to is not None:
        told = urlencode({name: value for name, value in settled(finished).items() if value})
        return RedirectResponse(f"{finished.return_to}{'&' if '?' in finished.return_to else '?'}{told}", 303)
    return page(_CONNECTED, 200) if finished.reason is None else page(_FAILED[finished.reason], 400)
