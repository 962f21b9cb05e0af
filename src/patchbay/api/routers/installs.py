"""Installs that begin in a provider's app store: two stops of a browser without a key, and the claim of whoever signed in."""

from __future__ import annotations

from hmac import compare_digest
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Body
from pydantic import Field
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from patchbay.agent_runtime.bodies import Body as RequestBody
from patchbay.agent_runtime.bodies import read_body
from patchbay.api.access import IntegrationsWrite
from patchbay.api.auditing import announce
from patchbay.api.documented import Documented
from patchbay.api.envelope import ApiResponse, enveloped
from patchbay.api.html_pages import page
from patchbay.api.paths import Kind
from patchbay.api.platform import Platform, platform_of
from patchbay.api.problems import problems
from patchbay.api.routers.integrations import ConnectionShown
from patchbay.api.routing import PREFIX, door_router
from patchbay.api.visit import visit_of
from patchbay.connectors import connecting, connections, installs
from patchbay.connectors.catalog import check_kind
from patchbay.errors import PatchbayError
from patchbay.packs.connecting import provided_for
from patchbay.packs.installing import Installing, client_of, installing

router = door_router("/integrations/{kind}", tag="integrations")
browser = APIRouter(tags=["integrations"])

_BROWSER = "patchbay_install"
"""The cookie that says which browser began: whoever is sent somebody else's way back must not end up with their account."""
CLAIM_PAGE = "/integrations/claim"
_PATH = f"{PREFIX}/integrations/{{kind}}/install"
_REFUSED = (
    "This link cannot be used",
    "It was not signed by the provider, is too old, or began in another browser. Start the install again.",
)
_FAILED = ("Not installed", "The provider did not complete the install. Start it again.")


class ClaimBody(RequestBody):
    """``shop`` is the account that was installed, ``claimSecret`` what came with the browser's way back."""

    shop: Annotated[str, Field(min_length=1, max_length=255)]
    claim_secret: Annotated[str, Field(min_length=1, max_length=200)]


@router.post(
    "/claim",
    response_model=ApiResponse[ConnectionShown],
    summary="Claim a Shopify App Store install",
    responses=problems(400, 403, 404, 409, 413, 415, 422, 503),
)
async def claim_install(
    principal: IntegrationsWrite, request: Request, kind: Kind, body: Annotated[Any, Documented(ClaimBody), Body()]
) -> Any:
    """Complete an install that began in the provider's app store before there was an account here: the stored token becomes an
    ordinary connection of your organization. The secret works once.
    """
    check_kind(kind)
    await announce(request)
    wanted, platform = read_body(ClaimBody, body), platform_of(request)
    started = _started(platform, kind, wanted.shop)
    holder = platform.install_holder
    if started is None or holder is None:
        raise installs.NoPendingInstall
    token = await installs.pending_token(platform.database, platform.vault, holder, kind, started.account, wanted.claim_secret)
    fields = {started.install.account: started.account, started.install.token: token}
    provided = provided_for(platform.packs[kind], {"credentials": fields}, platform.settings, again=False)
    # The install is used up before the connection is stored, and given back when that fails; who comes second finds nothing.
    async with platform.database.tenant(holder) as holding:
        await installs.take_install(holding, kind, started.account, wanted.claim_secret)
        async with platform.database.tenant(principal.org_id) as session:
            made = await connecting.connect(
                platform.database,
                session,
                platform.vault,
                platform.guard,
                org_id=principal.org_id,
                kind=kind,
                body={},
                provided=provided,
            )
            visit_of(request).resource_id = made.connection.id
            shown = await connections.connection_json(session, made.connection)
    return enveloped(shown)


@browser.get(_PATH, summary="Begin an install from a provider's app store", include_in_schema=False)
async def begin_install(request: Request, kind: str) -> Response:
    """For the browser that the provider sends with a signed query; it goes on to where a person agrees."""
    platform = platform_of(request)
    visit_of(request).route = _PATH
    started = _signed(platform, kind, request)
    if started is None or platform.settings.public_url is None:
        return page(_REFUSED, 400)
    nonce = installs.new_nonce(platform.vault, started.account)
    back_to = _back_to(platform, kind)
    sent_on = RedirectResponse(started.authorize_url(platform.settings, back_to=back_to, state=nonce), 303)
    secure = back_to.startswith("https:")
    sent_on.set_cookie(
        _BROWSER,
        nonce,
        max_age=installs.FRESH_S,
        path=_PATH.replace("{kind}", kind),
        secure=secure,
        httponly=True,
        samesite="lax",
    )
    return sent_on


@browser.get(f"{_PATH}/callback", summary="Come back from a provider's app store", include_in_schema=False)
async def finish_install(request: Request, kind: str) -> Response:
    """The code is exchanged and the token kept. The secret that claims it goes on in the fragment, which no server logs."""
    platform = platform_of(request)
    visit_of(request).route = f"{_PATH}/callback"
    started = _signed(platform, kind, request)
    state, code = request.query_params.get("state", ""), request.query_params.get("code", "")
    holder, public_url = platform.install_holder, platform.settings.public_url
    if started is None or holder is None or public_url is None or not installs.is_nonce(platform.vault, started.account, state):
        return page(_REFUSED, 400)
    if not compare_digest(request.cookies.get(_BROWSER, "").encode(), state.encode()):
        return page(_REFUSED, 400)
    url, ca_pem = started.token_url(platform.settings)
    try:
        token = await installs.token_for(platform.guard, url, started.client, code, ca_pem=ca_pem)
    except PatchbayError:
        return page(_FAILED, 400)
    secret = await installs.keep_install(platform.database, platform.vault, holder, kind, started.account, token)
    home = f"{public_url.rstrip('/')}{CLAIM_PAGE}"
    return RedirectResponse(f"{home}?kind={quote(kind)}&shop={quote(started.account)}#claimSecret={secret}", 303)


def _started(platform: Platform, kind: str, account: str) -> Installing | None:
    pack = platform.packs.get(kind)
    return None if pack is None else installing(pack, platform.settings, account)


def _signed(platform: Platform, kind: str, request: Request) -> Installing | None:
    """The install that a query signed by the provider is about."""
    pack = platform.packs.get(kind)
    client = None if pack is None else client_of(pack, platform.settings)
    if (
        pack is None
        or client is None
        or pack.identity.install is None
        or not installs.is_signed(request.query_params.multi_items(), client)
    ):
        return None
    return installing(pack, platform.settings, request.query_params.get(pack.identity.install.account, ""))


def _back_to(platform: Platform, kind: str) -> str:
    return f"{(platform.settings.public_url or '').rstrip('/')}{_PATH.replace('{kind}', kind)}/callback"
