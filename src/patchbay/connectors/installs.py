"""Installs that begin at the provider: somebody adds the app in the provider's store before they have an organization here.

The provider sends their browser with a signed query. The token that follows is kept, sealed, under an organization of the
installation's own, and a one-time secret goes back with the browser; whoever signs in and brings it claims the token.

The signature is that of Shopify's app store, HMAC-SHA256 in hex over the other members of the query, sorted and joined by ``&``.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlencode

import msgspec
from sqlalchemy import Select, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.connectors.oauth.refusals import TokenRefused, TokenServerBusy
from patchbay.connectors.tables import PendingInstall
from patchbay.egress.guard import EgressGuard
from patchbay.egress.http import OutboundClient
from patchbay.errors import Forbidden, NotFound
from patchbay.store.database import Database
from patchbay.store.vault import Sealed, Vault

HOLDER = "Installs that nobody has claimed yet"
"""The name of the organization that holds them."""
LIFE = timedelta(days=7)
FRESH_S = 600
"""How old a signed query, or the nonce of an authorization, may be."""
TOKEN_S = 10.0
ANSWER_MOST = 65_536


class NoPendingInstall(NotFound):
    """There is no install of this account that waits to be claimed (no_pending_install)."""

    code, title = "no_pending_install", "No pending install"


class ClaimRefused(Forbidden):
    """The secret does not belong to this install (claim_refused)."""

    code, title = "claim_refused", "Claim refused"


class Client(msgspec.Struct, frozen=True):
    """What this installation is to the provider."""

    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"Client({self.client_id!r})"


def is_signed(members: Sequence[tuple[str, str]], client: Client, *, now: float | None = None) -> bool:
    """Whether the provider signed this query, within the last minutes. One that could be read as another one with the same
    signature is refused: a name that comes twice, or a delimiter within a name or a value.
    """
    query = dict(members)
    if len(query) < len(members) or any("&" in name + value or "=" in name for name, value in members):
        return False
    signed = "&".join(f"{name}={value}" for name, value in sorted(query.items()) if name != "hmac")
    expected = hmac.new(client.client_secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
    try:
        age = (time.time() if now is None else now) - int(query.get("timestamp", ""))
    except ValueError:
        return False
    return hmac.compare_digest(expected.encode(), query.get("hmac", "").encode()) and abs(age) <= FRESH_S


def new_nonce(vault: Vault, account: str, *, now: float | None = None) -> str:
    """The state of an authorization that nothing has to be stored for: it names the account and when it began, and is signed."""
    began = int(time.time() if now is None else now)
    body = f"{began}.{secrets.token_urlsafe(16)}"
    return f"{body}.{_mark(vault, account, body)}"


def is_nonce(vault: Vault, account: str, nonce: str, *, now: float | None = None) -> bool:
    """Whether :func:`new_nonce` made it for this account within the last minutes."""
    body, _, mark = nonce.rpartition(".")
    began, _, _ = body.partition(".")
    if not began.isdigit() or not hmac.compare_digest(mark.encode(), _mark(vault, account, body).encode()):
        return False
    return 0 <= (time.time() if now is None else now) - int(began) <= FRESH_S


def _mark(vault: Vault, account: str, body: str) -> str:
    return vault.keyed_hash(f"install\x00{account}\x00{body}".encode()).hex()


async def token_for(guard: EgressGuard, url: str, client: Client, code: str, *, ca_pem: str | None) -> str:
    """The token for a code. Raises TokenRefused, TokenServerBusy, an OutboundFailed or EgressRefused."""
    fields = {"client_id": client.client_id, "client_secret": client.client_secret, "code": code}
    outbound = OutboundClient(guard, connections=1, authorities=ca_pem)
    try:
        answered = await outbound.request(
            "POST",
            url,
            headers={"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode(fields).encode(),
            deadline=asyncio.get_running_loop().time() + TOKEN_S,
            most_bytes=ANSWER_MOST,
            follow="never",
        )
    finally:
        await outbound.close()
    if answered.status == 429 or answered.status >= 500:
        raise TokenServerBusy
    try:
        token = msgspec.json.decode(answered.body, type=dict[str, object]).get("access_token")
    except msgspec.MsgspecError:
        token = None
    if answered.status != 200 or not isinstance(token, str) or not token:
        raise TokenRefused
    return token


async def keep_install(database: Database, vault: Vault, holder: str, kind: str, account: str, token: str) -> str:
    """Keep the token until it is claimed; the secret that claims it. A later install of the same account replaces it."""
    secret = secrets.token_urlsafe(32)
    sealed = vault.seal(token.encode(), **PendingInstall.place(kind, account), org_id=holder)
    values = {
        "secret_hash": _hash(secret),
        "key_id": sealed.key_id,
        "ciphertext": sealed.ciphertext,
        "expires_at": func.now() + LIFE,
    }
    async with database.tenant(holder) as session:
        await session.execute(delete(PendingInstall).where(PendingInstall.expires_at < func.now()))
        row = insert(PendingInstall).values(kind=kind, account=account, **values)
        await session.execute(row.on_conflict_do_update(index_elements=["kind", "account"], set_=values))
    return secret


async def pending_token(database: Database, vault: Vault, holder: str | None, kind: str, account: str, secret: str) -> str:
    """The token of an install that waits. Raises :class:`NoPendingInstall`, or :class:`ClaimRefused` for another's secret."""
    if holder is None:
        raise NoPendingInstall
    async with database.tenant(holder, read_only=True) as session:
        row = await session.scalar(_waiting(kind, account))
    if row is None:
        raise NoPendingInstall
    if not hmac.compare_digest(row.secret_hash, _hash(secret)):
        raise ClaimRefused
    return vault.open(Sealed(row.key_id, row.ciphertext), **PendingInstall.place(kind, account), org_id=holder).decode()


async def take_install(session: AsyncSession, kind: str, account: str, secret: str) -> None:
    """Use the install up: one claim gets it. ``session`` is the holder's. Raises :class:`NoPendingInstall`."""
    gone = await session.scalar(
        delete(PendingInstall)
        .where(PendingInstall.kind == kind, PendingInstall.account == account, PendingInstall.secret_hash == _hash(secret))
        .returning(PendingInstall.account)
    )
    if gone is None:
        raise NoPendingInstall


def _waiting(kind: str, account: str) -> Select[PendingInstall]:
    return select(PendingInstall).where(
        PendingInstall.kind == kind, PendingInstall.account == account, PendingInstall.expires_at > func.now()
    )


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
