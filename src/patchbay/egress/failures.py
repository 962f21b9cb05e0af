"""Why an outbound request brought no answer. No message holds a word of what the other side sent."""

from __future__ import annotations

from patchbay.errors import PatchbayError


class OutboundFailed(PatchbayError):
    """The request to the other system failed.

    ``sent``: the other system may have got it, or a part of it. What certainly never left is told as not sent.
    """

    code, status, title = "outbound_failed", 502, "Outbound request failed"
    sent: bool = True


class Unreachable(OutboundFailed):
    """The other system cannot be reached: no connection could be made."""

    code, title = "outbound_unreachable", "Unreachable"
    sent = False


class BrokenOff(Unreachable):
    """The other system closed the connection before its answer was complete."""

    code, title = "outbound_broken_off", "Broken off"
    sent = True


class TlsFailed(Unreachable):
    """No secure connection could be made: the certificate does not fit the host, is not trusted, or TLS failed."""

    code, title = "outbound_tls_failed", "TLS failed"


class TimedOut(OutboundFailed):
    """The other system did not answer in time."""

    code, status, title = "outbound_timed_out", 504, "Timed out"


class TooLarge(OutboundFailed):
    """The answer is larger than this server accepts."""

    code, title = "outbound_too_large", "Answer too large"


class BadEncoding(OutboundFailed):
    """The answer is compressed in a way that was not asked for, or wrongly."""

    code, title = "outbound_bad_encoding", "Bad encoding"


class NotHttp(OutboundFailed):
    """What came back is not an HTTP answer, or its header is too large."""

    code, title = "outbound_not_http", "Not HTTP"


class RedirectRefused(OutboundFailed):
    """The other system redirects to where this request may not go.

    ``answered`` is the status of the redirect that was not followed; None where several were.
    """

    code, title = "outbound_redirect_refused", "Redirect refused"
    answered: int | None = None
