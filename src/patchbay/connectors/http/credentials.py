"""What a REST or GraphQL connection is entered with: where it is, how requests are authorized, and the secrets for that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from patchbay.connectors.definition import Account, Auth, Definition, DocumentRef, Verify
from patchbay.connectors.members import Members, Unreadable
from patchbay.errors import Finding, ValidationFailed

SECRET_MOST = 8_192

SECRETS: Mapping[str, tuple[tuple[str, bool], ...]] = {
    "none": (),
    "api_key": (("apiKey", True),),
    "basic": (("username", True), ("password", False)),
    "bearer": (("token", True),),
    "oauth2_client_credentials": (("clientId", True), ("clientSecret", True)),
    "oauth2_authorization_code": (("clientId", True), ("clientSecret", False)),
}
"""The members of ``credentials`` by scheme, and whether each is needed."""


class HttpCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a request to a connected HTTP system needs but its tokens. ``secrets`` are :data:`SECRETS` of the scheme."""

    type: str
    base_url: str
    auth: Auth
    secrets: Mapping[str, str]
    headers: Mapping[str, str] = {}
    verify: Verify | None = None
    account: Account | None = None
    document: DocumentRef | None = None
    reads: tuple[str, ...] = ()
    ca_pem: str | None = None

    def __repr__(self) -> str:
        return f"HttpCredentials({self.type} at {self.base_url!r}, {self.auth.scheme})"


def parse_http_credentials(raw: Mapping[str, Any], definition: Definition) -> HttpCredentials:
    """Read ``credentials`` for what ``definition`` asks for; raises ValidationFailed with every finding (no ``credentials.``)."""
    findings: list[Finding] = []
    members = Members(raw, "", findings)
    wanted = SECRETS[definition.auth.scheme]
    members.refuse_unknown([name for name, _ in wanted])
    found = {name: members.read(name, _secret, required=needed) for name, needed in wanted}
    if findings:
        raise ValidationFailed("The credentials are not valid.", errors=findings)
    return http_credentials(definition, {name: secret for name, secret in found.items() if secret is not None})


def http_credentials(definition: Definition, secrets: Mapping[str, str]) -> HttpCredentials:
    """The credentials of a definition with a base URL, and its secrets."""
    assert definition.base_url is not None
    return HttpCredentials(
        type=definition.type,
        base_url=definition.base_url,
        auth=definition.auth,
        secrets=secrets,
        headers=definition.headers,
        verify=definition.verify,
        account=definition.account,
        document=definition.document,
        reads=definition.reads,
        ca_pem=definition.ca_pem,
    )


def _secret(value: Any) -> str:
    """Secrets end up in headers: no control characters."""
    if not isinstance(value, str):
        raise Unreadable("type", "This must be a string.")
    if not value.strip() or len(value) > SECRET_MOST:
        raise Unreadable("length", f"This must have 1 to {SECRET_MOST} characters.")
    if any(ord(c) < 0x20 or ord(c) == 0x7F or 0xD800 <= ord(c) < 0xE000 for c in value):
        raise Unreadable("control_character", "This must not contain control characters.")
    return value
