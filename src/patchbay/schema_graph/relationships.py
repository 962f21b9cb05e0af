"""Relationships from foreign keys: both directions, many-to-many through junctions, and their names.

An edge is named by its column without ``_id``/``Id``, else by its target's path root, else by its constraint. Where several
edges of one object want the same name, none of them gets it and all try their next one, so names do not depend on order;
declared directions choose before reverse ones, and those before many-to-many.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import permutations
from typing import TypeAlias

import msgspec

from patchbay.schema_graph.model import Cardinality, Edge
from patchbay.schema_graph.naming import without_id

MOST_MANY_TO_MANY = 24
"""Many-to-many relationships derived for one object; a junction of junctions would give thousands."""


class ForeignKey(msgspec.Struct, frozen=True, gc=False):
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


_Pairs: TypeAlias = tuple[tuple[str, str], ...]
_Draft: TypeAlias = tuple[int, str, str, str, _Pairs, _Pairs, Cardinality, bool, tuple[str, ...]]
"""An edge that has no name yet: rank, target, via, constraint, pairs, pairs of via, cardinality, nullable, and the names it may
get, best first. Drafts are ordered by their members. A plain tuple, since there are two of each foreign key.
"""


def edges_of(
    keys: Sequence[ForeignKey], identities: Mapping[str, Sequence[Identity]], roots: Mapping[str, str]
) -> dict[str, tuple[Edge, ...]]:
    """The edges of each object. ``identities`` are the unique keys of the objects with several foreign keys, ``roots`` the path
    root of each object.
    """
    drafts: dict[str, list[_Draft]] = defaultdict(list)
    outgoing: dict[str, list[ForeignKey]] = defaultdict(list)
    for key in keys:
        source = key.source
        drafts[source].append(_forward(key, roots))
        drafts[key.target].append(_reverse(key, roots))
        if source in identities:
            outgoing[source].append(key)
    through: dict[str, list[_Draft]] = defaultdict(list)
    for junction, own in outgoing.items():
        for left, right in _junctions(own, identities[junction]):
            through[left.target].append(_many_to_many(junction, left, right, roots))
    for name, found in through.items():
        drafts[name].extend(sorted(found)[:MOST_MANY_TO_MANY])
    return {name: _named(found) for name, found in drafts.items()}


def _forward(key: ForeignKey, roots: Mapping[str, str]) -> _Draft:
    target, constraint, pairs = key.target, key.constraint, key.pairs
    first = name_by_column(pairs[0][0]) if len(pairs) == 1 else None
    names = (first, roots[target], constraint) if first else (roots[target], constraint)
    return 0, target, "", constraint, pairs, (), "one_to_one" if key.unique else "many_to_one", key.nullable, names


@lru_cache(maxsize=16_384)
def name_by_column(column: str) -> str | None:
    """The name that a foreign key's only column gives its edge."""
    return without_id(column) or _without_joined_id(column)


def _without_joined_id(column: str) -> str | None:
    """``customerid`` as ``customer``, for schemas that write all names in one case; another column's own name."""
    if column.casefold() == "id":
        return None
    return column[:-2] if column.casefold().endswith("id") and len(column) > 4 else column


def _reverse(key: ForeignKey, roots: Mapping[str, str]) -> _Draft:
    source, constraint = key.source, key.constraint
    pairs = _turned(key.pairs)
    names = (roots[source], constraint, f"{source}.{constraint}")
    return 1, source, "", constraint, pairs, (), "one_to_one" if key.unique else "one_to_many", True, names


def _turned(pairs: _Pairs) -> _Pairs:
    if len(pairs) == 1:  # mostly
        ((here, there),) = pairs
        return ((there, here),)
    return tuple([(there, here) for here, there in pairs])


def _junctions(keys: Sequence[ForeignKey], identities: Sequence[Identity]) -> Iterable[tuple[ForeignKey, ForeignKey]]:
    """Ordered pairs of foreign keys that lie side by side inside the primary key of their table, or are a whole unique key."""
    for left, right in permutations(keys, 2):
        near, far = frozenset(own for own, _ in left.pairs), frozenset(own for own, _ in right.pairs)
        both = near | far
        if near.isdisjoint(far) and any(both == i.fields or (i.primary and both <= i.fields) for i in identities):
            yield left, right


def _many_to_many(junction: str, left: ForeignKey, right: ForeignKey, roots: Mapping[str, str]) -> _Draft:
    near = _turned(left.pairs)
    root = roots[right.target]
    names = (root, f"{roots[junction]}_{root}", f"{left.constraint}_{right.constraint}")
    return 2, right.target, junction, right.constraint, near, right.pairs, "many_to_many", True, names


def _named(drafts: list[_Draft]) -> tuple[Edge, ...]:
    """The edges with their names, in the order of rank and target."""
    drafts.sort()
    given = [draft[-1][0] for draft in drafts]
    if len(set(given)) < len(drafts):
        given = given_names([(draft[0], draft[-1]) for draft in drafts])
    return tuple([
        Edge(name, target, cardinality, pairs, via or None, via_pairs, nullable, constraint)
        for name, (_, target, via, constraint, pairs, via_pairs, cardinality, nullable, _) in zip(given, drafts, strict=True)
    ])  # fmt: skip


def given_names(wishes: Sequence[tuple[int, Sequence[str]]], taken: Iterable[str] = ()) -> list[str]:
    """A name for each of several edges of one object, by their ranks and the names they may get, none of them ``taken``."""
    given: dict[int, str] = {}
    used = set(taken)
    for turn in sorted({rank for rank, _ in wishes}):
        waiting = [at for at, (rank, _) in enumerate(wishes) if rank == turn]
        for level in range(max(len(wishes[at][1]) for at in waiting)):
            wanted: dict[str, list[int]] = defaultdict(list)
            for at in waiting:
                names = wishes[at][1]
                if level < len(names):
                    wanted[names[level]].append(at)
            for name, claimants in wanted.items():
                if len(claimants) == 1 and name not in used:
                    given[claimants[0]] = name
            used.update(given.values())
            waiting = [at for at in waiting if at not in given]
        for at in waiting:
            given[at] = _numbered(wishes[at][1][-1], used)
            used.add(given[at])
    return [given[at] for at in range(len(wishes))]


def _numbered(name: str, taken: set[str]) -> str:
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"
