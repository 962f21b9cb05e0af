"""A verification under way, as the conversation keeps it between turns: what was given so far is sealed, and wiped at its end."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from patchbay.agent_runtime.conversation.journal import Held
from patchbay.store.vault import Sealed, SecretUnreadable, Vault

_PLACE = {"table": "conversations", "column": "state.verifying"}


class Verifying(msgspec.Struct, kw_only=True, omit_defaults=True):
    """``check`` is the configuration's id, ``needed`` the level that was asked for, ``grants`` what success gives.

    ``asking`` counts the fields; at their number it is the one-time code. ``request`` is the call that waits: its tool and
    arguments as the model wrote them. ``sealed`` holds what the caller has given.
    """

    check: str
    needed: int
    grants: int
    request: dict[str, str]
    asking: int = 0
    misses: int = 0
    asides: int = 0
    sends: int = 0
    sealed: dict[str, str] | None = None


class Given(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What the caller has given: canonical values by field. ``code`` is the one-time code's keyed hash until ``code_until``.

    ``facts`` are what the verifier said of whoever has the phone that the code went to; None when it found nobody.
    """

    values: dict[str, str] = {}
    code: str | None = None
    code_until: float = 0.0
    facts: dict[str, Any] | None = None


def under_way(held: Held) -> Verifying | None:
    """The verification that the conversation is in; an unreadable one is none."""
    stored = held.state.get("verifying")
    if stored is None:
        return None
    try:
        return msgspec.convert(stored, Verifying)
    except msgspec.ValidationError:
        return None


def keep(held: Held, verifying: Verifying) -> None:
    """Store where the verification stands."""
    held.state["verifying"] = msgspec.to_builtins(verifying)


def drop(held: Held) -> None:
    """End the verification, and with it everything the caller has given."""
    held.state.pop("verifying", None)


def seal(vault: Vault, held: Held, given: Given) -> dict[str, str]:
    """What was given, encrypted for this conversation alone."""
    sealed = vault.seal(msgspec.json.encode(given), row_id=held.id, org_id=held.org_id, **_PLACE)
    return {"key": sealed.key_id, "text": base64.b64encode(sealed.ciphertext).decode()}


def unseal(vault: Vault, held: Held, stored: Mapping[str, str] | None) -> Given:
    """What was given so far. What cannot be read any more has to be given again."""
    if stored is None:
        return Given()
    try:
        sealed = Sealed(stored["key"], base64.b64decode(stored["text"]))
        return msgspec.json.decode(vault.open(sealed, row_id=held.id, org_id=held.org_id, **_PLACE), type=Given)
    except (SecretUnreadable, msgspec.DecodeError, ValueError):
        return Given()
