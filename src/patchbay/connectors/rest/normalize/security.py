"""What authorization a document asks for, in the words of a provider's definition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from patchbay.connectors.rest.documents.values import is_list, is_object
from patchbay.connectors.rest.normalize.texts import trimmed

MOST = 20
_SCOPES = 200


class SecurityScheme(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """One way to be authorized. ``scheme`` is a definition's (``api_key``, ``basic``, ``bearer``, ``oauth2_…``) or ``other``;
    ``place`` and ``name`` are an API key's.
    """

    key: str
    scheme: str
    place: str | None = msgspec.field(name="in", default=None)
    name: str | None = None
    token_url: str | None = None
    authorization_url: str | None = None
    scopes: tuple[str, ...] = ()
    description: str | None = None


def security_of(value: Mapping[str, Any]) -> tuple[SecurityScheme, ...]:
    """The security schemes of a document, those that it asks for everywhere first."""
    components = value.get("components")
    held: Any = value.get("securityDefinitions")
    if is_object(components):
        held = components.get("securitySchemes", held)
    schemes = held if is_object(held) else {}
    demanded = {name for one in _list(value.get("security")) if is_object(one) for name in one}
    read = [_read(name, one) for name, one in list(schemes.items())[:MOST] if is_object(one)]
    return tuple(sorted(read, key=lambda scheme: scheme.key not in demanded))


def _list(value: Any) -> list[Any]:
    return value if is_list(value) else []


def _text(value: Any) -> str | None:
    return value[:500] if type(value) is str and value else None


def _read(key: str, held: dict[str, Any]) -> SecurityScheme:
    kind = str(held.get("type", "")).lower()
    description = trimmed(held.get("description"))
    if kind == "apikey":
        return SecurityScheme(key[:100], "api_key", _text(held.get("in")), _text(held.get("name")), description=description)
    if kind == "http":
        spoken = str(held.get("scheme", "")).lower()
        return SecurityScheme(key[:100], spoken if spoken in ("basic", "bearer") else "other", description=description)
    if kind == "basic":
        return SecurityScheme(key[:100], "basic", description=description)
    if kind == "oauth2":
        return _oauth(key, held, description)
    return SecurityScheme(key[:100], "other", description=description)


def _oauth(key: str, held: dict[str, Any], description: str | None) -> SecurityScheme:
    """The authorization code flow where there is one, else client credentials; 2.0 has one flow under another name."""
    flows: Any = held.get("flows")
    if not is_object(flows):
        named = {"accessCode": "authorizationCode", "application": "clientCredentials"}.get(str(held.get("flow")))
        flows = {named: held} if named is not None else {}
    for flow, scheme in (("authorizationCode", "oauth2_authorization_code"), ("clientCredentials", "oauth2_client_credentials")):
        found: Any = flows.get(flow)
        if is_object(found):
            one = found
            scopes: Any = one.get("scopes")
            return SecurityScheme(
                key[:100],
                scheme,
                token_url=_text(one.get("tokenUrl")),
                authorization_url=_text(one.get("authorizationUrl")),
                scopes=tuple(str(name)[:200] for name in list(scopes)[:_SCOPES]) if is_object(scopes) else (),
                description=description,
            )
    return SecurityScheme(key[:100], "other", description=description)
