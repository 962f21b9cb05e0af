"""Words for the states of records, and the labels that mean them."""

from __future__ import annotations

from patchbay.bindings.automap.verbs import stemmed
from patchbay.schema_graph.stems import stem

STATE_NAMES = stemmed("status state statuses states stage condition")
STATES: dict[str, tuple[str, ...]] = {
    stem(word): tuple(map(stem, means.split()))
    for word, means in {
        "open": "open pending outstanding active unresolved needsaction new", "unpaid": "open unpaid due outstanding authorised",
        "outstanding": "open unpaid outstanding due", "active": "active open enabled live current", "paid": "paid settled",
        "pending": "pending waiting open", "closed": "closed resolved done", "available": "available free active",
        "cancelled": "cancelled canceled void", "done": "done completed complete", "overdue": "overdue past_due",
        "draft": "draft", "failed": "failed", "approved": "approved", "published": "published",
        "waiting": "open pending waiting", "running": "active running live", "going": "active running",
        "archived": "archived",
    }.items()
}  # fmt: skip
"""Adjectives that name a state, and the labels that mean it, best first."""

OPPOSITE = {
    stem("paid"): stem("unpaid"),
    stem("settled"): stem("unpaid"),
    stem("closed"): stem("open"),
    stem("done"): stem("open"),
}
"""What a state means after *not*."""
