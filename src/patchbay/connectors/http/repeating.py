"""Whether a request is sent again, and when.

A read may be, for what passes by itself. A write is sent once. It is sent again only when it certainly never left, or with the
very same idempotency key where the other side takes one: then what comes of the last attempt tells of all of them.
"""

from __future__ import annotations

from random import SystemRandom

from patchbay.connectors.http.outcomes import Outcome, Read
from patchbay.connectors.refusals import CallRefused, OutcomeUnknown, ValueNotAccepted
from patchbay.egress.failures import OutboundFailed, TlsFailed, Unreachable

ATTEMPTS = 3
WORTH_TRYING_S = 0.05
"""With less time left than this, another attempt cannot bring an answer."""
FIRST_SHARE = 0.6
"""Of the time a write with a key has, what its first attempt may take: the rest is for asking what came of it."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 1.0
_CHANCE = SystemRandom()
_PASSING = frozenset((429, 502, 503, 504))


def pause_before(attempt: int, retry_after: float | None, now: float, deadline: float) -> float | None:
    """Seconds to wait before attempt ``attempt`` (2 is the first repetition); None when there is to be none."""
    if attempt > ATTEMPTS:
        return None
    longest = min(_FIRST_PAUSE_S * 2 ** (attempt - 2), _LONGEST_PAUSE_S)
    pause = retry_after if retry_after is not None else _CHANCE.uniform(longest / 2, longest)
    return pause if now + pause + WORTH_TRYING_S < deadline else None


def passes(outcome: Outcome, retry_after: float | None) -> bool:
    """Whether what stood in the way of a request may be gone in a moment."""
    if isinstance(outcome, Read):
        # 429 without a word of when: asking again at once is what it complains about.
        return outcome.status in _PASSING and not (outcome.status == 429 and retry_after is None)
    return isinstance(outcome, Unreachable) and not isinstance(outcome, TlsFailed)


class Write:
    """What is known of one write while it is sent. ``keyed``: the other side takes its idempotency key."""

    def __init__(self, *, keyed: bool) -> None:
        self.keyed = keyed
        self.lost = False

    def deadline(self, now: float, deadline: float) -> float:
        """Until when the next attempt may wait for its answer."""
        return now + (deadline - now) * FIRST_SHARE if self.keyed and not self.lost else deadline

    def may_repeat(self, outcome: Outcome | None, refusal: CallRefused, retry_after: float | None) -> bool:
        """Whether to send it again after this; ``outcome`` is None where the answer itself told the refusal."""
        if isinstance(refusal, OutcomeUnknown):
            self.lost = True
            return self.keyed
        if outcome is None or not passes(outcome, retry_after):
            return False
        return self.keyed or (isinstance(outcome, OutboundFailed) and not outcome.sent)

    def final(self, refusal: CallRefused, *, told: bool) -> CallRefused:
        """What is said in the end. After an attempt whose answer was lost, only the other side's word about the write itself
        (``told`` in its answer, or about a value of it) decides: that it may not be repeated says nothing of the first attempt.
        """
        return refusal if not self.lost or told or isinstance(refusal, ValueNotAccepted) else OutcomeUnknown()
