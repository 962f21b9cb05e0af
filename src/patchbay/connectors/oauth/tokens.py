"""Tokens as they are kept, and the strict reading of the answer that brings them (RFC 6749, section 5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from patchbay.connectors.http.authorizing import Signature
from patchbay.connectors.http.header_fields import is_field_value
from patchbay.connectors.http.signing import bearer
from patchbay.connectors.oauth.refusals import TokenAnswerInvalid, TokenRefused, TokenServerBusy

TOKEN_MOST = 16_384
LONGEST_LIFE_S = 10 * 366 * 86_400
EARLY_S = 60.0
"""A token is renewed this long before it ends, or when half its life is over where that is later."""
_MARGIN_S = 2.0
_LATER = frozenset(("temporarily_unavailable", "server_error", "slow_down"))


class Tokens(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Times are seconds since 1970. ``ends_at`` None: it serves until it is refused. The representation shows no token."""

    access_token: str
    obtained_at: float
    ends_at: float | None = None
    refresh_token: str | None = None

    def __repr__(self) -> str:
        return f"Tokens(ends_at={self.ends_at}, refreshable={self.refresh_token is not None})"

    @property
    def due_at(self) -> float:
        """When it should be renewed."""
        if self.ends_at is None:
            return float("inf")
        return self.ends_at - min(EARLY_S, (self.ends_at - self.obtained_at) / 2)

    @property
    def useless_at(self) -> float:
        """From when on it is not sent any more: a little before its end, for it has a way to go."""
        return float("inf") if self.ends_at is None else self.ends_at - min(_MARGIN_S, (self.ends_at - self.obtained_at) / 2)

    def signature(self) -> Signature:
        """What it adds to a request (RFC 6750, section 2.1)."""
        return bearer(self.access_token)

    def without_refresh(self) -> Tokens:
        """The access token alone: what is left when the grant is gone."""
        return msgspec.structs.replace(self, refresh_token=None)


def read_tokens_answer(status: int, body: bytes, *, asked_at: float, before: Tokens | None = None) -> Tokens:
    """The tokens in an answer. A refresh token that is not sent again stays as it was (section 6). An answer that leaves the type
    out, though it must not, is taken to bring a bearer token, as large servers do.

    Raises :class:`TokenRefused` for an error answer (section 5.2; some servers send one with status 200), TokenServerBusy for
    one that says to come back later, :class:`TokenAnswerInvalid` for what is none of these.
    """
    answer = _object(body)
    said = answer.get("error")
    if isinstance(said, str) and said in _LATER:
        raise TokenServerBusy
    if status == 401 or (status in (200, 400, 403) and isinstance(said, str)):
        raise TokenRefused(said if isinstance(said, str) else "invalid_client")
    if status != 200 or not answer:
        raise TokenAnswerInvalid
    kind = answer.get("token_type", "bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise TokenAnswerInvalid("The authorization server gives tokens of another type than bearer.")
    life = _life(answer.get("expires_in"))
    return Tokens(
        access_token=_token(answer.get("access_token")),
        obtained_at=asked_at,
        ends_at=None if life is None else asked_at + life,
        refresh_token=_refresh_token(answer.get("refresh_token")) or (before.refresh_token if before is not None else None),
    )


def _object(body: bytes) -> Mapping[str, Any]:
    """The answer's object; empty for anything else."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


def _token(value: Any) -> str:
    if (
        not isinstance(value, str)
        or not 0 < len(value) <= TOKEN_MOST
        or not is_field_value(value)
        or " " in value
        or "\t" in value
    ):
        raise TokenAnswerInvalid
    return value


def _refresh_token(value: Any) -> str | None:
    """Any visible text (RFC 6749, appendix A.17); absent, null and empty all mean that there is none."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > TOKEN_MOST or not is_field_value(value):
        raise TokenAnswerInvalid
    return value


def _life(value: Any) -> int | None:
    """``expires_in``, which some servers send as text."""
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 12:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= LONGEST_LIFE_S:
        raise TokenAnswerInvalid("The authorization server gives tokens without a sensible lifetime.")
    return value
