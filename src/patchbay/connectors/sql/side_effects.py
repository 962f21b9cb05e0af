"""What else a write sets off, and what it may not be done to at all, as the live database says it."""

from __future__ import annotations

import msgspec

from patchbay.connectors.proof import CallNotProvable
from patchbay.errors import Finding
from patchbay.schema_graph.call import Plan

UNSEEN_TRIGGERS = "unseen triggers"
"""What may be set off on a server that does not say which triggers there are."""


class WriteTarget(msgspec.Struct, frozen=True):
    """A table as a write finds it.

    ``plain``: a table of the database's own, with no rule that puts something else in the write's place. ``transactional``: what
    is written can be undone. ``side_effects`` name the triggers and rules that a write sets off. ``keys`` are the sets of
    columns that the server keeps unique now. ``numbered`` are the columns it numbers by itself.
    """

    plain: bool
    transactional: bool
    side_effects: tuple[str, ...]
    keys: tuple[frozenset[str], ...]
    numbered: tuple[str, ...]


def check_target(target: WriteTarget, plan: Plan) -> None:
    """Raises :class:`CallNotProvable` where a write may not be done to it, or could be done to several records."""
    if not target.plain:
        raise CallNotProvable("not_writable")
    if not target.transactional:
        raise CallNotProvable("not_transactional")
    if plan.guarantee == "unique_key" and not any(key <= set(plan.key) for key in target.keys):
        raise CallNotProvable("schema_changed")


def told(target: WriteTarget) -> list[Finding]:
    """The warning about what a write sets off."""
    if not target.side_effects:
        return []
    if target.side_effects == (UNSEEN_TRIGGERS,):
        message = "Whether a write to this table sets off triggers is not shown to the write role."
        return [Finding("operation", "side_effects_unseen", message, "Ask whoever runs the database.")]
    shown = ", ".join(repr(name) for name in target.side_effects[:10])
    message = f"A write to this table also sets off: {shown}."
    return [Finding("operation", "side_effects", message, "Make sure that what they do is wanted for each call.")]
