"""What a column may refer to: the tables of a graph by their names, and by the names of their primary keys."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice, takewhile
from typing import NamedTuple

from patchbay.schema_graph.model import Field, Object
from patchbay.schema_graph.naming import singular, split_name
from patchbay.schema_graph.reference_names import Naming, ending_of, joined, joined_all, naming_of, shared_prefixes

LEAST_CONFIDENCE = 0.5

_KEY, _KEY_IN_ROLE, _TABLE, _TABLE_IN_ROLE, _ABBREVIATED, _BARE = 0.95, 0.85, 0.9, 0.75, 0.55, 0.6
_UPWARDS = {
    "parent": 0.7, "reportto": 0.7, "manager": 0.6, "supervisor": 0.6, "ancestor": 0.6, "predecessor": 0.6, "successor": 0.6,
}  # fmt: skip
_MAY_BE_OF_ANY_KIND, _OTHER_LENGTH, _OTHER_SCHEMA = 0.25, 0.1, 0.1
_OWN_KEYS = frozenset({"uuid", "guid", "code", "no", "nr", "number"})
"""Endings that name a key of their own, beside the primary one."""
_SHORTEST_WORD, _SHORTEST_STEM = 3, 4


class Aim(NamedTuple):
    """What a column seems to refer to: the unique field of a table, and how sure that is (0 to 1)."""

    confidence: float
    target: Object
    field: Field


def may_name_any(namings: Collection[Naming], objects: Mapping[str, Object], roots: Mapping[str, str]) -> bool:
    """Whether any of these could name a table or a key: a quick look over all names at once, before each is taken apart."""
    keys = [key.fields[0] for obj in objects.values() for key in obj.keys if key.primary]
    names = joined_all([*map(_bare, objects.values()), *roots.values(), *keys])
    stems = (word if len(word) < _SHORTEST_STEM else word[:-1] for word in (naming.words[-1] for naming in namings))  # plurals
    return any(stem in names for stem in stems) or any("".join(naming.words) in _UPWARDS for naming in namings)


class Targets:
    """All that may be referred to."""

    def __init__(self, objects: Mapping[str, Object], roots: Mapping[str, str]) -> None:
        self._roots = roots
        self._by_name: dict[str, list[Object]] = defaultdict(list)
        self._in_schema: dict[tuple[str | None, str], list[Object]] = defaultdict(list)
        self._by_key: dict[Naming, list[Object]] = defaultdict(list)
        self._named_nothing: set[Naming] = set()
        tables = [obj for obj in objects.values() if obj.keys and obj.kind == "table"]
        self._prefixes = shared_prefixes([_bare(obj) for obj in tables])
        for obj in tables:
            for name in self._names(obj):
                self._by_name[name].append(obj)
                self._in_schema[obj.native_schema, name].append(obj)
            for key in obj.keys:
                if key.primary and len(key.fields) == 1 and (naming := naming_of(key.fields[0])) is not None and naming.ending:
                    self._by_key[naming].append(obj)
        self._sorted_names: list[str] = []

    def best(self, source: Object, field: Field, naming: Naming) -> Aim | None:
        """What the column most probably refers to, if anything."""
        if naming in self._named_nothing:
            return None
        if not self._names_something(naming):
            self._named_nothing.add(naming)
            return None
        found = next(self._candidates(source, field, naming), None)
        if found is None:
            return None
        confidence = round(found.confidence - _doubt(source, field, naming, found), 2)
        return found._replace(confidence=confidence) if confidence >= LEAST_CONFIDENCE else None

    def _names(self, obj: Object) -> list[str]:
        """What a table is called in references to it: its name and its singular, without what many begin with."""
        bare, root = _bare(obj), self._roots[obj.name]
        root = root if root != bare else singular(bare)  # a root is not singular where another table claims that
        spelled = [joined(bare)] if root == bare else [joined(bare), joined(root)]
        if bare.casefold().startswith(self._prefixes):
            spelled += [joined(text.casefold().removeprefix(p)) for p in self._prefixes for text in (bare, root)]
            spelled = list(dict.fromkeys(spelled))
        return [name for name in spelled if name]

    def _names_something(self, naming: Naming) -> bool:
        """Whether anything has such a name, whatever the column is a column of."""
        words, ending = naming
        for start in range(len(words)):
            if Naming(words[start:], ending) in self._by_key or "".join(words[start:]) in self._by_name:
                return True
        stem = "".join(words)
        return stem in _UPWARDS or bool(ending and self._beginning_with(stem))

    def _beginning_with(self, stem: str) -> list[Object]:
        """The table whose name begins so, or several."""
        if len(stem) < _SHORTEST_STEM:
            return []
        if not self._sorted_names:
            self._sorted_names = sorted(self._by_name)
        at = bisect_left(self._sorted_names, stem)
        meant: dict[str, Object] = {}
        for name in takewhile(lambda name: name.startswith(stem), islice(self._sorted_names, at, None)):
            meant.update({obj.name: obj for obj in self._by_name[name][:2]})
            if len(meant) > 1:
                break
        return list(meant.values())

    def _called(self, source: Object, name: str) -> Sequence[Object]:
        """The tables of that name in the schema of ``source``; else the only one anywhere."""
        found = self._in_schema.get((source.native_schema, name), ())
        if found:
            return found
        anywhere = self._by_name.get(name, ())
        return anywhere if len(anywhere) == 1 else ()

    def _candidates(self, source: Object, field: Field, naming: Naming) -> Iterator[Aim]:
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

    def _by_key_name(self, source: Object, field: Field, naming: Naming, sure: float, *, owner_only: bool) -> Iterator[Aim]:
        """The table whose primary key has this name; where several do, the one that also has the table's name."""
        owners: Sequence[Object] = self._by_key.get(naming, ())
        if len(owners) > 1 or (owners and owner_only):
            sure = _TABLE if sure == _KEY else _TABLE_IN_ROLE
            owners = [obj for obj in self._called(source, "".join(naming.words)) if naming_of(_key_name(obj)) == naming]
        yield from self._aims(source, field, [(obj, _primary(obj)) for obj in owners], sure)

    def _by_table_name(self, source: Object, field: Field, naming: Naming, sure: float) -> Iterator[Aim]:
        """The table of this name, by the key that the ending stands for.

        Without an ending the name must be a word, and the column of the very type of the key.
        """
        name = "".join(naming.words)
        if not naming.ending and len(name) < _SHORTEST_WORD:
            return
        named = [(obj, _key_for(obj, field, naming)) for obj in self._called(source, name)]
        if not naming.ending:
            named = [(obj, key) for obj, key in named if key is not None and key.native_type == field.native_type]
        yield from self._aims(source, field, named, sure)

    def _aims(self, source: Object, field: Field, found: Sequence[tuple[Object, Field | None]], sure: float) -> Iterator[Aim]:
        """The only one of these that is of the column's type, unless it is the column itself."""
        fitting = [(obj, key) for obj, key in found if key is not None and key.type == field.type]
        if len(fitting) == 1 and (fitting[0][0] is not source or fitting[0][1].name != field.name):
            yield Aim(sure, *fitting[0])

    def _of_its_own(self, source: Object, field: Field, naming: Naming) -> Iterator[Aim]:
        """A record of the same table above or beside it (``parent_id``)."""
        key, role = _primary(source), "".join(naming.words)
        if role in _UPWARDS and key is not None and key.type == field.type and key.name != field.name:
            yield Aim(_UPWARDS[role], source, key)

    def _by_abbreviation(self, source: Object, field: Field, naming: Naming) -> Iterator[Aim]:
        """The only table whose name begins so (``cust_ref``)."""
        meant = self._beginning_with("".join(naming.words))
        key = _key_for(meant[0], field, naming) if len(meant) == 1 else None
        if key is not None and meant[0] is not source:
            yield Aim(_ABBREVIATED, meant[0], key)


def _doubt(source: Object, field: Field, naming: Naming, aim: Aim) -> float:
    """What speaks against it: a column beside it that says which table is meant, texts of other lengths, another schema."""
    kind = "".join((*naming.words, "type"))
    doubt = _MAY_BE_OF_ANY_KIND if any(joined(f.name) == kind for f in source.fields) else 0.0
    lengths = {field.max_length, aim.field.max_length} - {None}
    doubt += _OTHER_LENGTH if len(lengths) > 1 else 0.0
    return doubt + (_OTHER_SCHEMA if source.native_schema != aim.target.native_schema else 0.0)


def _key_for(obj: Object, field: Field, naming: Naming) -> Field | None:
    """The unique column of ``obj`` that a column of this name and type would hold."""
    if naming.ending in _OWN_KEYS:
        keys = [key for key in _alone_unique(obj) if ending_of(key.name) == naming.ending]
        if keys or naming.ending not in ("uuid", "guid"):
            return keys[0] if len(keys) == 1 and keys[0].type == field.type else None
    key = _primary(obj)
    return key if key is not None and key.type == field.type else None


def _primary(obj: Object) -> Field | None:
    """The primary key, where that is one column."""
    return next((field for field in _alone_unique(obj) if field.primary_key), None)


def _key_name(obj: Object) -> str:
    key = _primary(obj)
    return key.name if key is not None else ""


def _alone_unique(obj: Object) -> list[Field]:
    return [field for field in obj.fields if field.unique]


def _bare(obj: Object) -> str:
    return obj.native_name or split_name(obj.name)[-1]
