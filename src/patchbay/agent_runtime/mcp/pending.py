"""A change that waits to be confirmed over MCP: one in a session, by a token bound to its exact arguments that works once."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from patchbay.agent_runtime.conversation.confirming import call_digest
from patchbay.agent_runtime.conversation.journal import Held
from patchbay.agent_runtime.frozen import FrozenSkill

GOOD_FOR_S = 300.0
_KEPT = "confirming"


class Waiting(msgspec.Struct, kw_only=True):
    """The call that waits. ``digest`` is over the skill's sealed call and the canonical arguments; ``token`` a hash."""

    slug: str
    digest: str
    arguments: dict[str, Any]
    token: str
    until: float


def ask(held: Held, skill: FrozenSkill, arguments: Mapping[str, Any]) -> str:
    """The token that confirms this call; what waited before is forgotten."""
    token = secrets.token_urlsafe(24)
    waiting = Waiting(
        slug=skill.slug,
        digest=call_digest(skill, arguments),
        arguments=dict(arguments),
        token=_hashed(token),
        until=time.time() + GOOD_FOR_S,
    )
    held.state[_KEPT] = msgspec.to_builtins(waiting)
    return token


def take(held: Held, token: Any) -> Waiting | None:
    """The call that ``token`` confirms. Whatever was sent, nothing waits any more."""
    stored = held.state.pop(_KEPT, None)
    try:
        waiting = msgspec.convert(stored, Waiting) if stored is not None else None
    except msgspec.ValidationError:
        return None
    if waiting is None or not isinstance(token, str) or waiting.until < time.time():
        return None
    return waiting if hmac.compare_digest(_hashed(token), waiting.token) else None


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
