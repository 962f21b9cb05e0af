"""Relationships from foreign keys: both directions, many-to-many through junctions, and their names.

An edge is named by its column without ``_id``/``Id``, else by its target's path root, else by its constraint. Where several
edges of one object want the same name, none of them gets it and all try their next one, so names do not depend on order;
declared directions choose before reverse ones, and those before many-to-many.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations

import msgspec

from patchbay.schema_graph.model import Cardinality, Edge
from patchbay.schema_graph.naming import without_id

MOST_MANY_TO_MANY = 24
"""Many-to-many relationships derived for one object; a junction of junctions would give thousands."""


class ForeignKey(msgspec.Struct, frozen=True):
    """A declared foreign key, by names. ``unique``: its columns hold a whole unique key of their own table."""

    constraint: str
    source: str
    target: str
    pairs: tuple[tuple[str, str], ...]
    unique: bool
    nullable: bool


class Identity(msgspec.Struct, frozen=True):
    """A unique key of a table."""

    fields: frozenset[str]
    primary: bool


class _Draft(msgspec.Struct, order=True, gc=False):
    """An edge that has no name yet; drafts are ordered by their members. ``names`` are those it may get, best first."""

    rank: int
    target: str
    via: str
    constraint: str
    pairs: tuple[tuple[str, str], ...]
    via_pairs: tuple[tuple[str, str], ...]
    cardinality: Cardinality
    nullable: bool
    names: tuple[str, ...]

    def named(self, name: str) -> Edge:
        """The edge under this name."""
        return Edge(
            name, self.target, self.cardinality, self.pairs, self.via or None, self.via_pairs, self.nullable, self.constraint
        )


def edges_of(
    keys: Sequence[ForeignKey], identities: Mapping[str, Sequence[Identity]], roots: Mapping[str, str]
) -> dict[str, tuple[Edge, ...]]:
    """The edges of each object. ``identities`` are the unique keys of the objects with several foreign keys, ``roots`` the path
    root of each object.
    """
    drafts: dict[str, list[_Draft]] = defaultdict(list)
    outgoing: dict[str, list[ForeignKey]] = defaultdict(list)
    for key in keys:
        drafts[key.source].append(_forward(key, roots))
        drafts[key.target].append(_reverse(key, roots))
        outgoing[key.source].append(key)
    through: dict[str, list[_Draft]] = defaultdict(list)
    for junction, own in outgoing.items():
        if len(own) > 1:
            for left, right in _junctions(own, identities.get(junction, ())):
                through[left.target].append(_many_to_many(junction, left, right, roots))
    for name, found in through.items():
        drafts[name].extend(sorted(found)[:MOST_MANY_TO_MANY])
    return {name: tuple(_named(found)) for name, found in drafts.items()}


def _forward(key: ForeignKey, roots: Mapping[str, str]) -> _Draft:
    names = (roots[key.target], key.constraint)
    if len(key.pairs) == 1:
        column = key.pairs[0][0]
        first = without_id(column) or _without_joined_id(column)
        names = (first, *names) if first else names
    cardinality = "one_to_one" if key.unique else "many_to_one"
    return _Draft(0, key.target, "", key.constraint, key.pairs, (), cardinality, key.nullable, names)


def _without_joined_id(column: str) -> str | None:
    """``customerid`` as ``customer``, for schemas that write all names in one case; another column's own name."""
    if column.casefold() == "id":
        return None
    return column[:-2] if column.casefold().endswith("id") and len(column) > 4 else column


def _reverse(key: ForeignKey, roots: Mapping[str, str]) -> _Draft:
    pairs = tuple([(there, here) for here, there in key.pairs])
    cardinality = "one_to_one" if key.unique else "one_to_many"
    names = (roots[key.source], key.constraint, f"{key.source}.{key.constraint}")
    return _Draft(1, key.source, "", key.constraint, pairs, (), cardinality, True, names)


def _junctions(keys: Sequence[ForeignKey], identities: Sequence[Identity]) -> Iterable[tuple[ForeignKey, ForeignKey]]:
    """Ordered pairs of foreign keys that lie side by side inside the primary key of their table, or are a whole unique key."""
    for left, right in permutations(keys, 2):
        near, far = frozenset(own for own, _ in left.pairs), frozenset(own for own, _ in right.pairs)
        both = near | far
        if near.isdisjoint(far) and any(both == i.fields or (i.primary and both <= i.fields) for i in identities):
            yield left, right


def _many_to_many(junction: str, left: ForeignKey, right: ForeignKey, roots: Mapping[str, str]) -> _Draft:
    near = tuple([(there, here) for here, there in left.pairs])
    root = roots[right.target]
    names = (root, f"{roots[junction]}_{root}", f"{left.constraint}_{right.constraint}")
    return _Draft(2, right.target, junction, right.constraint, near, right.pairs, "many_to_many", True, names)


def _named(drafts: Sequence[_Draft]) -> Iterable[Edge]:
    """The edges with their names, in the order of rank and target."""
    if len(drafts) == 1:
        return [drafts[0].named(drafts[0].names[0])]
    ordered = sorted(drafts)
    if len({draft.names[0] for draft in ordered}) == len(ordered):
        return [draft.named(draft.names[0]) for draft in ordered]
    given: dict[int, str] = {}
    taken: set[str] = set()
    for rank in (0, 1, 2):
        waiting = [at for at, draft in enumerate(ordered) if draft.rank == rank]
        for level in range(4):
            wanted: dict[str, list[int]] = defaultdict(list)
            for at in waiting:
                names = ordered[at].names
                if level < len(names):
                    wanted[names[level]].append(at)
            for name, claimants in wanted.items():
                if len(claimants) == 1 and name not in taken:
                    given[claimants[0]] = name
            taken.update(given.values())
            waiting = [at for at in waiting if at not in given]
        for at in waiting:
            given[at] = _numbered(ordered[at].names[-1], taken)
            taken.add(given[at])
    return [draft.named(given[at]) for at, draft in enumerate(ordered)]


def _numbered(name: str, taken: set[str]) -> str:
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"
