"""How much each kind of evidence counts in search. One full match of a name is 1; the others are parts of that.

Chosen on the questions of the shared evaluation set, each in the middle of a range in which the result hardly changes.
"""

from __future__ import annotations

from patchbay.schema_graph.stems import stem

NAME, VALUE, TEXT = 1.0, 0.45, 0.4
"""A word of the name, of an allowed value or member, of the description."""
PARENT, SHARED = 0.65, 0.4
"""A field's word that is its object's, divided among the words of that name (to the power of ``SHARED``)."""
PLACE, ARGUMENT = 0.45, 0.2
"""An operation's word that is in its path, or names one of its arguments."""
DONE = 0.5
"""An operation's word for what its method does."""
SYNONYM, PREFIX, PART = 0.45, 0.6, 0.85
"""A word that means the same, that begins with the one asked for, that is a part of a name written as one word."""
EVERY_WORD = 0.6
"""Added, in parts, for the share of the query's words that a hit answers."""
OPERATION, ASKED_TO_DO = 0.9, 1.25
"""An operation beside objects and fields; and when the query says what to do (``cancel a booking``)."""
CORE, WRAPPER = 1.08, 0.75
"""An object at the heart of the schema; one that is wrapped around others."""
FAR, OUT_OF_REACH, HELD = 0.08, 0.7, 0.04
"""For each relationship on the way from a read to an object; for an object no read leads to; for how many objects hold one."""

WRAPPERS = frozenset(
    {"response", "result", "payload", "event", "request", "input", "connection", "edge", "params", "list", "page"}
)
"""Last words of names that say: this is wrapped around something."""
METHODS = {
    method: tuple(map(stem, words))
    for method, words in {
        "POST": ("create", "add", "new"), "PUT": ("update", "set", "change"), "PATCH": ("update", "change", "edit"),
        "DELETE": ("delete", "remove"), "GET": ("get", "find", "look"),
    }.items()
}  # fmt: skip
"""What an HTTP method does (RFC 9110, section 9.3), as people say it."""
ACTIONS = frozenset(map(stem, {
    "create", "add", "make", "open", "insert", "update", "change", "edit", "modify", "set", "delete", "remove", "cancel",
    "archive", "get", "find", "look", "fetch", "retrieve", "search", "list", "show", "send", "post", "upload", "attach",
    "import", "schedule", "merge", "buy", "purchase", "order", "book", "start", "stop", "close", "reopen", "assign", "approve",
    "reject", "pay", "refund", "invite", "register", "subscribe", "publish",
}))  # fmt: skip
"""Words that a query begins with when it asks for something to be done."""
