"""The schemes that need nothing but the stored secrets: none, an API key, basic (RFC 7617) and bearer (RFC 6750)."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import msgspec

from patchbay.connectors.definition import Auth
from patchbay.connectors.http.authorizing import Authorizer, Signature
from patchbay.connectors.http.header_fields import TOKEN, is_field_value, may_be_set
from patchbay.connectors.http.styles import percent_encoded
from patchbay.connectors.refusals import CredentialsRefused
from patchbay.errors import Finding, ValidationFailed

WITHHELD_LEAST = 8
"""Characters of a secret that is looked for in results."""
NAMES = frozenset({"username", "clientId"})
"""Members of credentials that are no secrets."""
_json = msgspec.json.Encoder().encode
_COOKIE_NEVER = frozenset(' ",;\\')


class FixedAuthorizer:
    """Signs every request alike. Once the system refuses that signature there is no other."""

    def __init__(self, signature: Signature) -> None:
        self.signature = signature

    async def sign(self, *, renew: bool = False) -> Signature:
        """The signature; :class:`CredentialsRefused` when it was refused."""
        if renew:
            raise CredentialsRefused
        return self.signature


def static_authorizer(auth: Auth, secrets: Mapping[str, str]) -> Authorizer:
    """The authorizer of a scheme without tokens.

    Raises ValidationFailed (fields relative to ``credentials``) for a secret that cannot be sent where it belongs, ValueError for
    a scheme that needs tokens.
    """
    return FixedAuthorizer(signature_of(auth, secrets))


def signature_of(auth: Auth, secrets: Mapping[str, str]) -> Signature:
    """What the scheme adds to each request. Raises as :func:`static_authorizer` does."""
    if auth.scheme == "none":
        return Signature()
    if auth.scheme == "api_key":
        return _api_key(auth, secrets["apiKey"])
    if auth.scheme == "basic":
        return _basic(secrets["username"], secrets.get("password", ""))
    if auth.scheme == "bearer":
        return bearer(secrets["token"])
    raise ValueError(f"{auth.scheme} is not signed with stored secrets alone")


def with_signature(target: str, signature: Signature) -> str:
    """``target`` (a URL, or a path and query) with the query parameters of a signature."""
    if not signature.query:
        return target
    added = "&".join(f"{percent_encoded(name)}={percent_encoded(value)}" for name, value in signature.query.items())
    return f"{target}{'&' if '?' in target else '?'}{added}"


def bearer(token: str, *, field: str = "token") -> Signature:
    """RFC 6750, section 2.1. The token is one word."""
    if not is_field_value(token) or " " in token or "\t" in token:
        raise _unsendable(field, "A token is one word of visible ASCII characters.")
    return Signature(headers={"Authorization": f"Bearer {token}"})


def _api_key(auth: Auth, key: str) -> Signature:
    name = auth.name or ""
    written = f"{auth.prefix} {key}" if auth.prefix else key
    if not TOKEN.fullmatch(name):
        raise _unsendable("apiKey", "The definition does not say under which name the key is sent.")
    if auth.place == "query":
        return Signature(query={name: written})
    if not is_field_value(written):
        raise _unsendable("apiKey", "A key is sent as visible ASCII characters.")
    if auth.place == "cookie":
        if _COOKIE_NEVER & set(written):
            raise _unsendable("apiKey", "A key that is sent as a cookie holds no space, quote, comma, semicolon or backslash.")
        return Signature(cookies={name: written})
    if not may_be_set(name):
        raise _unsendable("apiKey", f"A key cannot be sent in the header {name}.")
    return Signature(headers={name: written})


def _basic(username: str, password: str) -> Signature:
    """RFC 7617, section 2: a colon would end the user's name; both are UTF-8."""
    if ":" in username:
        raise _unsendable("username", "A user name for basic authentication holds no colon.")
    pair = f"{username}:{password}".encode()
    return Signature(headers={"Authorization": f"Basic {base64.b64encode(pair).decode()}"})


def withheld(signature: Signature, secrets: Mapping[str, str]) -> tuple[bytes, ...]:
    """What no result may bring, as it stands in JSON: the secrets, and what authorizes requests. Short texts are left out, which
    are found anywhere; so are names (of a user, of a client), which are no secrets.
    """
    own = [secret for name, secret in secrets.items() if name not in NAMES]
    sent = [value.rpartition(" ")[2] for value in signature.headers.values()]
    texts = {*own, *sent, *signature.query.values(), *signature.cookies.values()}
    return tuple(_json(text)[1:-1] for text in sorted(texts) if len(text) >= WITHHELD_LEAST)


def _unsendable(field: str, message: str) -> ValidationFailed:
    return ValidationFailed("The credentials are not valid.", errors=[Finding(field, "not_sendable", message)])
