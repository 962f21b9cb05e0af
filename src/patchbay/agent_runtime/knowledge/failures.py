"""Why a source was not read this time: a code and a sentence for the person who added it, and whether it is worth another try."""

from __future__ import annotations

import msgspec

from patchbay.agent_runtime.knowledge.content.unreadable import ContentUnreadable
from patchbay.connectors.worker import HeavyWorkFailed
from patchbay.egress.failures import OutboundFailed, TimedOut, Unreachable
from patchbay.egress.guard import EgressRefused
from patchbay.errors import PatchbayError, Unprocessable


class PageNotRead(Unprocessable):
    """The page could not be read: its server answers with an error."""

    code, title = "page_failed", "Page failed"

    def __init__(self, detail: str | None = None, *, again: bool = False, after_s: float = 0.0) -> None:
        super().__init__(detail)
        self.again = again
        self.after_s = after_s


class PageNotFound(PageNotRead):
    """There is no page at this address. Check it in a browser, then add the source with the right one."""

    code, title = "page_not_found", "Page not found"


class PageForbidden(PageNotRead):
    """The page is not open to everybody: its server asks for a login or refuses. Add its text as a source instead."""

    code, title = "page_forbidden", "Page forbidden"


class PageBusy(PageNotRead):
    """The page's server asks to be left alone for a while."""

    code, title = "page_busy", "Page busy"


class RobotsDisallowed(PageNotRead):
    """The site's robots.txt does not let Patchbay read this page. Allow the user agent Patchbay there, or add its text."""

    code, title = "robots_disallowed", "Disallowed by robots.txt"


class RobotsUnavailable(PageNotRead):
    """The site's robots.txt cannot be read, so nobody knows whether this page may be. Its server answers with an error."""

    code, title = "robots_unavailable", "robots.txt unavailable"


class ReadingTimedOut(Unprocessable):
    """Reading this took longer than it may. Split it, or save it in a simpler format."""

    code, title = "reading_timed_out", "Reading timed out"


class ReadingTooLarge(Unprocessable):
    """Reading this took more memory than it may. Split it, or save it in a simpler format."""

    code, title = "reading_too_large", "Reading too large"


class ReadingInterrupted(Unprocessable):
    """Reading this was interrupted again and again. Try to refresh it, or add it anew."""

    code, title = "reading_interrupted", "Reading interrupted"


class ReadingFailed(Unprocessable):
    """Reading this failed for a reason of our own."""

    code, title = "reading_failed", "Reading failed"


class Failure(msgspec.Struct, frozen=True):
    """What is kept of it. ``again``: it may go better in a while, not before ``after_s`` seconds have passed."""

    code: str
    message: str
    again: bool = False
    after_s: float = 0.0


def failure_of(error: Exception) -> Failure:
    """What an error of a reading means. Of one that is not a refusal, nothing is told: it may quote what was read."""
    match error:
        case PageNotRead():
            return Failure(error.code, error.detail, error.again, error.after_s)
        case EgressRefused():
            return Failure(error.code, error.detail, error.reason in ("not_found", "timed_out"))
        case OutboundFailed():
            return Failure(error.code, error.detail, isinstance(error, (Unreachable, TimedOut)))
        case ContentUnreadable():
            return Failure(error.code, error.detail)
        case HeavyWorkFailed():
            return Failure(ReadingFailed.code, ReadingFailed().detail, again=True)
        case PatchbayError():
            return Failure(error.code, error.detail)
        case _:
            return Failure(ReadingFailed.code, ReadingFailed().detail, again=True)
