"""What can go wrong between us and an authorization server. No message holds a word of what it sent."""

from __future__ import annotations

from patchbay.egress.failures import OutboundFailed
from patchbay.errors import PatchbayError

_KNOWN = frozenset({
    "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
})  # fmt: skip
"""The error codes of RFC 6749, section 5.2. Only these are repeated; another one is the provider's own text."""


class IntegrationUnavailable(PatchbayError):
    """This integration cannot be connected on this installation yet."""

    code, status, title, named = "integration_unavailable", 400, "Integration unavailable", True


class TokenRefused(PatchbayError):
    """The authorization server gives no token for these credentials.

    ``ends_grant``: what was refused is the grant itself, for good. The other known codes speak of the client or the request.
    """

    code, status, title = "token_refused", 422, "Token refused"

    def __init__(self, said: str | None = None) -> None:
        self.said = said if said in _KNOWN else None
        self.ends_grant = self.said in (None, "invalid_grant")
        super().__init__(
            hint="Check the client's id and secret, and clientAuth, tokenUrl and scopes of the definition's auth.",
            extensions={"reason": self.said} if self.said else None,
        )


class TokenAnswerInvalid(OutboundFailed):
    """The authorization server's answer is not one that RFC 6749 allows."""

    code, title = "token_answer_invalid", "Token answer invalid"


class TokenServerBusy(OutboundFailed):
    """The authorization server cannot answer at the moment."""

    code, title = "token_server_busy", "Authorization server busy"
