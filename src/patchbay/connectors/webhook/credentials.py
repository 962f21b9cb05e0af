"""What a webhook is reached with: where it is, the headers and query that authorize us there, and the secrets we sign with.

All of it but the origin is sealed: headers and queries of such endpoints usually hold a key.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from patchbay.connectors.definition import Auth
from patchbay.connectors.http.credentials import HttpCredentials

SECRET_BYTES = 32
OVERLAP_S = 86_400
"""For a day after a rotation requests are signed with the old secret as well, so that the receiver can change over."""
_PREFIX = "whsec_"


class SigningSecret(msgspec.Struct, frozen=True):
    """A secret in the form of Standard Webhooks (``whsec_`` and Base64), and until when (Unix seconds) it signs; None: always."""

    secret: str
    until: float | None = None

    def __repr__(self) -> str:
        return f"SigningSecret(until={self.until})"


class WebhookCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """``origin`` is scheme, host and port. ``signing`` has the current secret first."""

    origin: str
    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    signing: tuple[SigningSecret, ...] = ()

    def __repr__(self) -> str:
        return f"WebhookCredentials({self.origin!r})"

    def over_http(self) -> HttpCredentials:
        """The same as credentials of an HTTP system, for whoever hides secrets in what is shown of it."""
        sent = [*self.headers.values(), *self.query.values(), *(one.secret for one in self.signing)]
        hidden = {f"secret_{number}": secret for number, secret in enumerate(sent)}
        own = dict(self.headers)
        return HttpCredentials(type="webhook", base_url=self.origin, auth=Auth(scheme="none"), secrets=hidden, headers=own)

    def rotated(self, secret: str) -> WebhookCredentials:
        """With another secret, beside which the last one signs for a while."""
        last = [msgspec.structs.replace(one, until=_now() + OVERLAP_S) for one in self.signing[:1]]
        return msgspec.structs.replace(self, signing=(SigningSecret(secret), *last))

    def current(self) -> list[str]:
        """The secrets to sign with now."""
        return [one.secret for one in self.signing if one.until is None or one.until > _now()]


def new_secret() -> str:
    """A signing secret of 256 random bits."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _now() -> float:
    return datetime.now(UTC).timestamp()
