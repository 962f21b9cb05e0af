"""Inferred relationships: what tables that declare no foreign key seem to refer to, by the names and types of their columns.

A column refers to another table's unique key when its name says so (the key's own name, ``customer_id``; the table's name and an
ending, ``customerId``, ``customer_ref``, ``id_customer``; either after a role, ``billing_address_id``) and both are of one type.
What many tables' names begin with (``app_``, ``tbl_``) is left out of the comparison. How sure that is, goes along as a
confidence; what is found this way is marked as inferred, and nothing joins on it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import lru_cache
from typing import NamedTuple

import msgspec

from patchbay.schema_graph.model import Edge, Field, FieldType, Object
from patchbay.schema_graph.naming import singular_word, split_name, split_words
from patchbay.schema_graph.relationships import given_names, name_by_column

MOST_INFERRED = 24
"""Inferred relationships of one object in each direction, the surest first."""
LEAST_CONFIDENCE = 0.5

_KEY, _KEY_IN_ROLE, _TABLE, _TABLE_IN_ROLE, _ABBREVIATED, _BARE = 0.95, 0.85, 0.9, 0.75, 0.55, 0.6
_KEY_OF_SEVERAL = 0.7
_UPWARDS = {
    "parent": 0.7, "reportto": 0.7, "manager": 0.6, "supervisor": 0.6, "ancestor": 0.6, "predecessor": 0.6, "successor": 0.6,
}  # fmt: skip
_MAY_BE_OF_ANY_KIND, _OTHER_LENGTH, _OTHER_SCHEMA = 0.25, 0.1, 0.1

_ENDINGS = frozenset({"id", "uuid", "guid", "key", "code", "no", "nr", "number", "ref", "fk", "pk", "sk", "oid"})
_JOINED_ENDING = re.compile(r"(.{3,})(id|code)")
_OWN_KEYS = frozenset({"uuid", "guid", "code", "no", "nr", "number"})
"""Endings that name a key of their own, beside the primary one."""
_COMPARED: frozenset[FieldType] = frozenset({"integer", "string", "uuid", "bytes", "decimal"})
_SHORTEST_WORD, _SHORTEST_STEM = 3, 4
_SHARED_BY = 3
"""So many tables, and half of all, must begin alike for that to be a prefix."""


class Naming(NamedTuple):
    """A column's name taken apart: its words in the singular, and the ending (empty when there is none)."""

    words: tuple[str, ...]
    ending: str


class _Aim(NamedTuple):
    confidence: float
    target: Object
    field: Field


def with_inferred(
    objects: Mapping[str, Object], roots: Mapping[str, str], declaring: Set[str] = frozenset()
) -> dict[str, Object]:
    """``objects`` with the inferred relationships of the tables that are not ``declaring`` foreign keys, in both directions.

    ``roots`` are the path roots of all objects. Equal schemas give equal relationships, in whatever order they come.
    """
    found = _references(objects, roots, declaring)
    if not found:
        return dict(objects)
    drafts: dict[str, list[tuple[tuple[int, tuple[str, ...]], Edge]]] = defaultdict(list)
    for name, references in found.items():
        for field, aim in references:
            forward, backward = _edges(objects[name], field, aim)
            root, short = roots[name], name_by_column(field.name) or field.name
            drafts[name].append(((0, (short, roots[aim.target.name], f"{short}_{aim.target.name}")), forward))
            drafts[aim.target.name].append(((1, (root, f"{root}_{short}", f"{name}_{field.name}")), backward))
    changed = dict(objects)
    for name, drafted in drafts.items():
        changed[name] = msgspec.structs.replace(objects[name], edges=(*objects[name].edges, *_named(objects[name], drafted)))
    return changed


def _edges(source: Object, field: Field, aim: _Aim) -> tuple[Edge, Edge]:
    """The relationship from its column's side, and from the other; they have no names yet."""
    forward = Edge(
        name="",
        target=aim.target.name,
        cardinality="one_to_one" if field.unique else "many_to_one",
        pairs=((field.name, aim.field.name),),
        nullable=field.nullable,
        inferred=True,
        confidence=aim.confidence,
    )
    backward = Edge(
        name="",
        target=source.name,
        cardinality="one_to_one" if field.unique else "one_to_many",
        pairs=((aim.field.name, field.name),),
        inferred=True,
        confidence=aim.confidence,
    )
    return forward, backward


def _named(owner: Object, drafts: list[tuple[tuple[int, tuple[str, ...]], Edge]]) -> list[Edge]:
    """The surest of each direction, with names that no other edge of their owner has."""
    drafts.sort(key=lambda draft: (draft[0][0], -draft[1].confidence, draft[1].target, draft[1].pairs))
    kept = [draft for rank in (0, 1) for draft in [d for d in drafts if d[0][0] == rank][:MOST_INFERRED]]
    names = given_names([wishes for wishes, _ in kept], (edge.name for edge in owner.edges))
    return [msgspec.structs.replace(edge, name=name) for name, (_, edge) in zip(names, kept, strict=True)]


def _references(
    objects: Mapping[str, Object], roots: Mapping[str, str], declaring: Set[str]
) -> dict[str, list[tuple[Field, _Aim]]]:
    """What the columns of each table refer to."""
    targets: _Targets | None = None
    found: dict[str, list[tuple[Field, _Aim]]] = {}
    for name in sorted(objects.keys() - declaring):
        source = objects[name]
        for field in source.fields if source.kind == "table" else ():
            if field.type not in _COMPARED or (naming := naming_of(field.name)) is None:
                continue
            if targets is None:
                targets = _Targets(objects, roots)
            aim = targets.best(source, field, naming)
            if aim is not None:
                found.setdefault(name, []).append((field, aim))
    return found


@lru_cache(maxsize=65_536)
def naming_of(column: str) -> Naming | None:
    """A column's name taken apart, or None when there is nothing in it that could name a table."""
    words = split_words(column)
    if len(words) > 1 and words[0] in ("fk", "id"):
        words = words[1:] if words[-1] in _ENDINGS else (*words[1:], "id")
    if len(words) > 2 and words[-1] == "fk" and words[-2] in _ENDINGS:
        words = words[:-1]
    if len(words) > 2 and words[-1].isdigit():  # one of several (``address_id_2``)
        words = words[:-1]
    ending = words[-1] if words and words[-1] in _ENDINGS else ""
    base = words[:-1] if ending else words
    if len(base) == 1 and not ending and (joined := _JOINED_ENDING.fullmatch(base[0])):
        base, ending = (joined[1],), joined[2]  # names written in one case
    return Naming(tuple([singular_word(word) for word in base]), ending) if base else None


class _Targets:
    """What may be referred to: tables by their names, and by the names of their primary keys."""

    def __init__(self, objects: Mapping[str, Object], roots: Mapping[str, str]) -> None:
        self._by_name: dict[str, list[Object]] = defaultdict(list)
        self._by_key: dict[Naming, list[tuple[Object, Field]]] = defaultdict(list)
        self._names_of: dict[str, frozenset[str]] = {}
        tables = [obj for obj in objects.values() if obj.kind == "table" and obj.keys]
        prefixes = _shared_prefixes([_bare(obj) for obj in tables])
        for obj in tables:
            spelled = {_bare(obj), roots[obj.name].casefold()}
            spelled |= {text[len(prefix) :] for text in spelled for prefix in prefixes if text.startswith(prefix)}
            self._names_of[obj.name] = frozenset(joined for text in spelled if (joined := _joined(text)))
            for joined in self._names_of[obj.name]:
                self._by_name[joined].append(obj)
            for field in _alone_unique(obj):
                naming = naming_of(field.name) if field.primary_key else None
                if naming is not None and naming.ending:
                    self._by_key[naming].append((obj, field))
        self._sorted_names = sorted(self._by_name)

    def best(self, source: Object, field: Field, naming: Naming) -> _Aim | None:
        """What the column most probably refers to, if anything."""
        found = next(self._candidates(source, field, naming), None)
        if found is None:
            return None
        confidence = round(found.confidence - _doubt(source, field, naming, found), 2)
        return found._replace(confidence=confidence) if confidence >= LEAST_CONFIDENCE else None

    def _candidates(self, source: Object, field: Field, naming: Naming) -> Iterator[_Aim]:
        """What the name may mean, the surest first: as a whole, after the roles it begins with, as an abbreviation."""
        words, ending = naming
        whole = field.primary_key and field.unique  # what else a table's own key may be: that of the table it extends
        for start in range(1 if whole or not ending else len(words)):
            rest = Naming(words[start:], ending)
            yield from self._by_key_name(source, field, rest, _KEY_IN_ROLE if start else _KEY, owner_only=whole)
            sure = _TABLE_IN_ROLE if start else _TABLE if ending else _BARE
            yield from self._by_table_name(source, field, rest, sure)
        if whole:
            return
        yield from self._of_its_own(source, field, naming)
        if ending:
            yield from self._by_abbreviation(source, field, naming)

    def _by_key_name(self, source: Object, field: Field, naming: Naming, sure: float, *, owner_only: bool) -> Iterator[_Aim]:
        """The table whose primary key has this name; where several do, the one that also has the table's name."""
        owners = [(obj, key) for obj, key in self._by_key.get(naming, ()) if key.type == field.type and key is not field]
        owners = [(obj, key) for obj, key in owners if obj is not source or key.name != field.name]
        if len(owners) > 1 or owner_only:
            joined, sure = "".join(naming.words), min(sure, _KEY_OF_SEVERAL)
            owners = [(obj, key) for obj, key in owners if joined in self._names_of[obj.name]]
        for obj, key in _nearest(source, owners):
            yield _Aim(sure, obj, key)

    def _by_table_name(self, source: Object, field: Field, naming: Naming, sure: float) -> Iterator[_Aim]:
        """The table of this name, by the key that the ending stands for.

        Without an ending the name must be a word, and the column of the very type of the key: a number, or a key of chance.
        """
        joined = "".join(naming.words)
        if not naming.ending and (field.type == "string" or len(joined) < _SHORTEST_WORD):
            return
        named = [(obj, key) for obj in self._by_name.get(joined, ()) if (key := _key_for(obj, field, naming))]
        if not naming.ending:
            named = [(obj, key) for obj, key in named if key.native_type == field.native_type]
        for obj, key in _nearest(source, named):
            if obj is not source or key.name != field.name:
                yield _Aim(sure, obj, key)

    def _of_its_own(self, source: Object, field: Field, naming: Naming) -> Iterator[_Aim]:
        """A record of the same table above or beside it (``parent_id``)."""
        key, role = _primary(source), "".join(naming.words)
        if role in _UPWARDS and key is not None and key.type == field.type and (naming.ending or field.type != "string"):
            yield _Aim(_UPWARDS[role], source, key)

    def _by_abbreviation(self, source: Object, field: Field, naming: Naming) -> Iterator[_Aim]:
        """The only table whose name begins so (``cust_ref``)."""
        stem = "".join(naming.words)
        if len(stem) < _SHORTEST_STEM:
            return
        at = bisect_left(self._sorted_names, stem)
        meant: dict[str, Object] = {}
        while at < len(self._sorted_names) and self._sorted_names[at].startswith(stem):
            meant.update({obj.name: obj for obj in self._by_name[self._sorted_names[at]]})
            at += 1
            if len(meant) > 1:
                return
        for obj in meant.values():
            key = _key_for(obj, field, naming)
            if key is not None and obj is not source:
                yield _Aim(_ABBREVIATED, obj, key)


def _doubt(source: Object, field: Field, naming: Naming, aim: _Aim) -> float:
    """What speaks against it: a column beside it that says which table is meant, texts of other lengths, another schema."""
    kind = "".join((*naming.words, "type"))
    doubt = _MAY_BE_OF_ANY_KIND if any(_joined(f.name.casefold()) == kind for f in source.fields) else 0.0
    lengths = {field.max_length, aim.field.max_length} - {None}
    doubt += _OTHER_LENGTH if len(lengths) > 1 else 0.0
    return doubt + (_OTHER_SCHEMA if source.native_schema != aim.target.native_schema else 0.0)


def _nearest(source: Object, found: Sequence[tuple[Object, Field]]) -> Iterable[tuple[Object, Field]]:
    """The only one, or the only one in the schema of ``source``."""
    if len(found) > 1:
        found = [(obj, key) for obj, key in found if obj.native_schema == source.native_schema]
    return found if len(found) == 1 else ()


def _key_for(obj: Object, field: Field, naming: Naming) -> Field | None:
    """The unique column of ``obj`` that a column of this name and type would hold."""
    if naming.ending in _OWN_KEYS:
        keys = [key for key in _alone_unique(obj) if _ending(key.name) == naming.ending]
        if keys or naming.ending not in ("uuid", "guid"):
            return keys[0] if len(keys) == 1 and keys[0].type == field.type else None
    key = _primary(obj)
    return key if key is not None and key.type == field.type else None


def _ending(name: str) -> str:
    naming = naming_of(name)
    return naming.ending if naming else name.casefold()


def _primary(obj: Object) -> Field | None:
    """The primary key, where that is one column."""
    return next((field for field in _alone_unique(obj) if field.primary_key), None)


def _alone_unique(obj: Object) -> list[Field]:
    return [field for field in obj.fields if field.unique]


def _bare(obj: Object) -> str:
    return (obj.native_name or split_name(obj.name)[-1]).casefold()


def _joined(text: str) -> str:
    return "".join([c for c in text if c.isalnum()])


def _shared_prefixes(names: Sequence[str]) -> list[str]:
    """What at least half of the tables' names begin with, up to an underscore; and ``tbl``."""
    counts = Counter(name[: name.index("_") + 1] for name in names if "_" in name[1:])
    return [prefix for prefix, count in sorted(counts.items()) if count >= max(_SHARED_BY, len(names) / 2)] + ["tbl"]
