"""Objects while they are made, and the names that are taken."""

from __future__ import annotations

import msgspec

from patchbay.connectors.rest.normalize.schemas import Schema
from patchbay.connectors.rest.normalize.texts import trimmed
from patchbay.schema_graph.model import Edge, Field, ObjectKind
from patchbay.schema_graph.naming import quote_part

_NAME_MOST = 160


class Draft(msgspec.Struct, gc=False):
    """An object being made. ``bare`` is its name before quoting, ``node`` its plain schema. ``members`` are a union's objects,
    ``parts`` the plain schemas of its alternatives without a name. ``extends`` names what it has members of.
    """

    name: str
    bare: str
    kind: ObjectKind
    node: Schema
    members: tuple[str, ...] = ()
    parts: tuple[Schema, ...] = ()
    united: bool = False
    extends: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    edges: tuple[Edge, ...] = ()
    description: str | None = None


class Drafts:
    """The objects of one description by name; ``pending`` are those without fields yet."""

    def __init__(self) -> None:
        self.by_name: dict[str, Draft] = {}
        self.pending: list[Draft] = []
        self.taken: set[str] = set()

    def take(self, bare: str) -> None:
        """Keep a name from being given to anything else."""
        self.taken.add(bare)

    def free(self, bare: str) -> str:
        """``bare``, or with a number when another object has that name."""
        short = bare[:_NAME_MOST].strip() or "record"
        if short not in self.taken:
            return short
        number = 2
        while f"{short} {number}" in self.taken:
            number += 1
        return f"{short} {number}"

    def register(
        self,
        bare: str,
        node: Schema,
        kind: ObjectKind,
        members: tuple[str, ...] = (),
        parts: tuple[Schema, ...] = (),
        *,
        pending: bool = True,
    ) -> Draft:
        """A new object; ``pending``: its fields are still to be made."""
        self.taken.add(bare)
        draft = Draft(quote_part(bare), bare, kind, node, members, parts, description=trimmed(node.get("description")))
        self.by_name[draft.name] = draft
        if pending:
            self.pending.append(draft)
        return draft
