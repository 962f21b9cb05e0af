"""Errors as Google's APIs answer with them: the older shape of the calendar, and the newer one of the sheets.

Sources: https://developers.google.com/workspace/calendar/api/guides/errors and https://google.aip.dev/193.
"""

from __future__ import annotations

from typing import Any

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
_DOMAINS = {"rateLimitExceeded": "usageLimits", "userRateLimitExceeded": "usageLimits", "quotaExceeded": "usageLimits"}


class GoogleError(Exception):
    """What is answered instead of what was asked for."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message

    def body(self, *, newer: bool) -> dict[str, Any]:
        """The answer: ``newer`` in the shape of the sheets."""
        if newer:
            status = _STATUS.get(self.status, "UNKNOWN")
            return {"error": {"code": self.status, "message": self.message, "status": status}}
        one = {"domain": _DOMAINS.get(self.reason, "global"), "reason": self.reason, "message": self.message}
        return {"error": {"errors": [one], "code": self.status, "message": self.message}}


def unauthorized() -> GoogleError:
    """The access token is missing, over or void."""
    return GoogleError(401, "authError", "Invalid Credentials")


def insufficient_scopes() -> GoogleError:
    """The token is good for something else."""
    return GoogleError(403, "insufficientPermissions", "Request had insufficient authentication scopes.")


def not_found() -> GoogleError:
    """Nothing is there, or nothing that this account may see."""
    return GoogleError(404, "notFound", "Not Found")


def invalid(message: str, reason: str = "invalid") -> GoogleError:
    """The request does not mean anything."""
    return GoogleError(400, reason, message)
