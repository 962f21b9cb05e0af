"""What changed between two discoveries of one system, as far as both are in view.

Objects are compared by name, their fields, relationships and keys by theirs, operations with their arguments. What
disappeared while something much like it came is told as *likely renamed*, with a confidence, and never acted upon. Estimates,
indexes' names and sampled formats are no schema and do not count; descriptions do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

import msgspec

from patchbay.schema_graph.model import Argument, Edge, Field, Object, Operation
from patchbay.schema_graph.naming import split_words
from patchbay.schema_graph.scoping import View

RENAMED_AT_LEAST = 0.6
"""How much alike (0 to 1) two things must be to be told as one renamed."""
_WITH_ANOTHER_WORD = 0.75
COMPARED_MOST = 400
"""Things that disappeared, and things that came, up to which renames are looked for: it takes comparing each with each."""

_FIELD = ("type", "native_type", "nullable", "item_type", "enum", "primary_key", "unique", "generated", "zoned", "max_length",
          "readable", "insertable", "updatable", "description")  # fmt: skip
_ARGUMENT = ("role", "type", "native_type", "required", "item_type", "enum", "max_length", "description")
_OBJECT = ("kind", "description", "definition_hash", "readable", "insertable", "updatable")
_OPERATION = ("object", "effect", "verb", "many", "unusable", "description")
_LOOKS = ("type", "native_type", "item_type", "enum")


class _Part(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Base of a difference's parts: camelCase in JSON, what is empty left out."""


class Change(_Part, frozen=True, rename="camel"):
    """One property of a thing before and after."""

    property: str
    before: Any
    after: Any


class Renamed(_Part, frozen=True, rename="camel"):
    """Something that is likely the same under another name. ``confidence`` is from 0 to 1."""

    before: str
    after: str
    confidence: float


class Changed(_Part, frozen=True, rename="camel", omit_defaults=True):
    """One thing that is still there: what of it differs."""

    name: str
    changes: tuple[Change, ...] = ()


class Members(_Part, frozen=True, rename="camel", omit_defaults=True):
    """The differences among things of one sort, by name."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renamed: tuple[Renamed, ...] = ()
    changed: tuple[Changed, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.renamed or self.changed)


class ObjectChanged(_Part, frozen=True, rename="camel", omit_defaults=True):
    """One object that is still there, perhaps under another name: what of it differs."""

    name: str
    changes: tuple[Change, ...] = ()
    fields: Members = Members()
    relationships: Members = Members()


class OperationChanged(_Part, frozen=True, rename="camel", omit_defaults=True):
    """One operation that is still there: what of it differs."""

    name: str
    changes: tuple[Change, ...] = ()
    arguments: Members = Members()


class Objects(_Part, frozen=True, rename="camel", omit_defaults=True):
    """The differences among objects."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renamed: tuple[Renamed, ...] = ()
    changed: tuple[ObjectChanged, ...] = ()


class Operations(_Part, frozen=True, rename="camel", omit_defaults=True):
    """The differences among operations."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[OperationChanged, ...] = ()


class SchemaDiff(_Part, frozen=True, rename="camel"):
    """Everything that differs between two discoveries."""

    objects: Objects = Objects()
    operations: Operations = Operations()


def diff(before: View, after: View) -> SchemaDiff:
    """What ``after`` has, lacks and has otherwise than ``before``."""
    return SchemaDiff(_objects(before, after), _operations(before, after))


def renamed_objects(before: View, after: View) -> tuple[Renamed, ...]:
    """The objects that are likely the same under another name."""
    old, new = set(before.object_names()), set(after.object_names())
    return _renamed_objects(before, after, sorted(old - new), sorted(new - old))


def renamed_fields(was: Object, now: Object) -> tuple[Renamed, ...]:
    """The fields of one object that are likely the same under another name."""
    old, new = {f.name: f for f in was.fields}, {f.name: f for f in now.fields}
    gone, came = [name for name in old if name not in new], [name for name in new if name not in old]
    return _renames(gone, came, lambda before, after: _alike_fields(old[before], new[after]))


def _objects(before: View, after: View) -> Objects:
    old, new = set(before.object_names()), set(after.object_names())
    gone, came = sorted(old - new), sorted(new - old)
    renamed = _renamed_objects(before, after, gone, came)
    pairs = [(name, name) for name in sorted(old & new)] + [(one.before, one.after) for one in renamed]
    changed = [found for was, now in pairs if (found := _compare(_object(before, was), _object(after, now))) is not None]
    again = {one.before for one in renamed}, {one.after for one in renamed}
    return Objects(
        added=tuple(name for name in came if name not in again[1]),
        removed=tuple(name for name in gone if name not in again[0]),
        renamed=renamed,
        changed=tuple(sorted(changed, key=lambda one: one.name)),
    )


def _renamed_objects(before: View, after: View, gone: Sequence[str], came: Sequence[str]) -> tuple[Renamed, ...]:
    return _renames(gone, came, lambda was, now: _alike_objects(_object(before, was), _object(after, now)))


def _object(view: View, name: str) -> Object:
    found = view.object(name)
    assert found is not None
    return found


def _compare(was: Object, now: Object) -> ObjectChanged | None:
    if was == now:
        return None
    changed = ObjectChanged(
        now.name,
        (*_changes(was, now, _OBJECT), *_key_changes(was, now)),
        _members({f.name: f for f in was.fields}, {f.name: f for f in now.fields}, _FIELD, _alike_fields),
        _relationships(was, now),
    )
    return changed if changed.changes or changed.fields or changed.relationships else None


def _key_changes(was: Object, now: Object) -> Iterable[Change]:
    before = sorted([list(key.fields) for key in was.keys])
    after = sorted([list(key.fields) for key in now.keys])
    if before != after:
        yield Change("keys", before, after)


def _relationships(was: Object, now: Object) -> Members:
    before, after = ({_edge_name(edge): edge for edge in obj.edges if not edge.inferred} for obj in (was, now))
    return _members(before, after, ("cardinality", "pairs", "via", "nullable"), None)


def _edge_name(edge: Edge) -> str:
    return f"{edge.name} → {edge.target}"


def _members(
    before: Mapping[str, Any], after: Mapping[str, Any], properties: Sequence[str], alike: Callable[[Any, Any], float] | None
) -> Members:
    gone, came = [name for name in before if name not in after], [name for name in after if name not in before]
    renamed: tuple[Renamed, ...] = ()
    if alike is not None:
        renamed = _renames(gone, came, lambda was, now: alike(before[was], after[now]))
    again = {one.before for one in renamed} | {one.after for one in renamed}
    pairs = [(name, name) for name in after if name in before] + [(one.before, one.after) for one in renamed]
    changed = [Changed(now, made) for was, now in pairs if (made := _changes(before[was], after[now], properties))]
    return Members(
        tuple(name for name in came if name not in again),
        tuple(name for name in gone if name not in again),
        renamed,
        tuple(changed),
    )


def _changes(was: Any, now: Any, properties: Sequence[str]) -> tuple[Change, ...]:
    found: list[Change] = []
    for name in properties:
        before, after = getattr(was, name), getattr(now, name)
        if before != after:
            found.append(Change(_camel(name), before, after))
    return tuple(found)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _renames(gone: Sequence[str], came: Sequence[str], alike: Callable[[str, str], float]) -> tuple[Renamed, ...]:
    """The most alike pairs, each name once, most alike first; none where it cannot be told which."""
    if not gone or not came or len(gone) > COMPARED_MOST or len(came) > COMPARED_MOST:
        return ()
    scored = [(alike(was, now), was, now) for was in gone for now in came]
    best = sorted((one for one in scored if one[0] >= RENAMED_AT_LEAST), key=lambda one: (-one[0], *sorted(one[1:])))
    found: list[Renamed] = []
    taken: set[tuple[str, str]] = set()
    for score, was, now in best:
        if ("was", was) in taken or ("now", now) in taken:
            continue
        taken |= {("was", was), ("now", now)}
        found.append(Renamed(was, now, round(score, 2)))
    return tuple(found)


def _alike_objects(was: Object, now: Object) -> float:
    """Of equal kind: the share of fields with the same name and type, a little for the names."""
    if was.kind != now.kind:
        return 0.0
    before = {(f.name, f.type, f.native_type) for f in was.fields}
    after = {(f.name, f.type, f.native_type) for f in now.fields}
    every = before | after
    if not every:
        return 0.0
    return 0.85 * len(before & after) / len(every) + 0.15 * _alike_names(was.name, now.name)


def _alike_fields(was: Field, now: Field) -> float:
    """Of equal type: mostly by the names, more where the description stayed."""
    if any(getattr(was, name) != getattr(now, name) for name in _LOOKS):
        return 0.0
    told = was.description is not None and was.description == now.description
    unlike = was.nullable != now.nullable or was.unique != now.unique
    return min(1.0, _alike_names(was.name, now.name) + 0.3 * told) * (0.8 if unlike else 1.0)


def _alike_names(was: str, now: str) -> float:
    """The same in either direction, which the matcher's own ratio is not. A name that only got or lost a word is much alike
    (``phone``, ``phone_number``), however long the word.
    """
    ratio = SequenceMatcher(None, *sorted((was.casefold(), now.casefold())), autojunk=False).ratio()
    before, after = set(split_words(was)), set(split_words(now))
    return max(ratio, _WITH_ANOTHER_WORD) if before and after and (before < after or after < before) else ratio


def _operations(before: View, after: View) -> Operations:
    old = {operation.name: operation for operation in before.operations(include_writes=True)}
    new = {operation.name: operation for operation in after.operations(include_writes=True)}
    changed = [
        made for name, now in new.items() if name in old and (made := _operation(before, after, old[name], now)) is not None
    ]
    return Operations(
        tuple(name for name in new if name not in old), tuple(name for name in old if name not in new), tuple(changed)
    )


def _operation(before: View, after: View, was: Operation, now: Operation) -> OperationChanged | None:
    """A record operation differs only where its object does, which is told there."""
    if was.record_arguments and now.record_arguments:
        return None
    arguments = _members(_by_name(before.arguments(was)), _by_name(after.arguments(now)), _ARGUMENT, None)
    changes = (*_changes(was, now, _OPERATION), *_call_changes(was, now))
    return OperationChanged(now.name, changes, arguments) if changes or arguments else None


def _call_changes(was: Operation, now: Operation) -> Iterable[Change]:
    """How it is called: method and path where it has them, else only that it differs."""
    if was.invoke != now.invoke:
        yield Change("call", _called(was), _called(now))


def _called(operation: Operation) -> str:
    said = (operation.invoke.get(name) for name in ("method", "path", "kind", "field"))
    return " ".join(str(part) for part in said if part)


def _by_name(arguments: Iterable[Argument]) -> dict[str, Argument]:
    return {argument.name: argument for argument in arguments}
