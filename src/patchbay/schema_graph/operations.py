"""The operations of a record (``OBJECT.read``, ``.insert``, ``.update``) and the arguments derived from its fields.

They follow from the objects, so a graph of tables stores none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

from patchbay.schema_graph.model import Argument, ArgumentRole, Field, Object, Operation, Verb
from patchbay.schema_graph.naming import quote_part
from patchbay.schema_graph.outline import CALLED_KINDS, RECORD_VERBS, Outline, outline_of

_BITS: dict[str, int] = {verb: 1 << at for at, verb in enumerate(RECORD_VERBS)}
_NOT_SCALAR = frozenset({"object", "array", "json"})
_TITLES: dict[str, str] = {"read": "Read records of {}.", "insert": "Add one record to {}.", "update": "Change one record of {}."}


class RecordOperations(Mapping[str, Operation]):
    """The record operations of ``objects``, made when asked for. The connected role's privileges decide which there are."""

    def __init__(self, objects: Mapping[str, Object]) -> None:
        self._objects = objects
        self._outline: Outline | None = None
        self._bits: dict[str, int] | None = None

    def _verbs(self) -> dict[str, int]:
        if self._bits is None:
            outline = outline_of(self._objects)
            self._bits = {name: ord(bits) for name, bits in zip(outline.names, outline.verbs, strict=True)}
        return self._bits

    def __getitem__(self, name: str) -> Operation:
        parsed = split_operation(name)
        if parsed is None or name not in self:
            raise KeyError(name)
        return record_operation(self._objects[parsed[0]], parsed[1])

    def __contains__(self, name: object) -> bool:
        parsed = split_operation(name) if isinstance(name, str) else None
        return parsed is not None and self._verbs().get(parsed[0], 0) & _BITS[parsed[1]] != 0

    def __iter__(self) -> Iterator[str]:
        for name, bits in self._verbs().items():
            for at, verb in enumerate(RECORD_VERBS):
                if bits >> at & 1:
                    yield f"{name}.{verb}"

    def __len__(self) -> int:
        return sum(bits.bit_count() for bits in self._verbs().values())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RecordOperations) and self._verbs() == other._verbs()

    __hash__ = None  # pyright: ignore[reportAssignmentType] - a mapping


def split_operation(name: str) -> tuple[str, Verb] | None:
    """``customers.read`` as ("customers", "read"), or None when it does not end in a record verb."""
    base, dot, verb = name.rpartition(".")
    return (base, cast("Verb", verb)) if dot and verb in _BITS else None


def split_operation_slug(slug: str) -> tuple[str, Verb] | None:
    """``customers_read`` as ("customers", "read"), or None when it does not end in a record verb."""
    return next(((slug[: -len(verb) - 1], verb) for verb in RECORD_VERBS if slug.endswith(f"_{verb}")), None)


def record_operation(obj: Object, verb: Verb) -> Operation:
    """The operation ``verb`` of one object, whether or not its role may call it."""
    return Operation(
        name=f"{obj.name}.{verb}",
        slug=f"{obj.slug}_{verb}",
        object=obj.name,
        effect="read" if verb == "read" else "write",
        verb=verb,
        description=obj.description or _TITLES[verb].format(obj.name),
        record_arguments=True,
    )


def offers(obj: Object, verb: Verb) -> bool:
    """Whether ``verb`` can work on the object as seen: with the fields, keys and privileges that are left in view.

    An insert needs every field that must be given; an update needs a readable unique key to find its record by.
    """
    if obj.kind in CALLED_KINDS:
        return False
    if verb == "read":
        return obj.readable and any(f.readable for f in obj.fields)
    if verb == "insert":
        return obj.insertable and any(f.insertable for f in obj.fields)
    keys = identifying_fields(obj)
    return obj.updatable and bool(keys) and any(f.updatable and f.name not in keys for f in obj.fields)


def demands(field: Field) -> bool:
    """Whether an insert must give this field a value."""
    return not (field.nullable or field.has_default or field.generated or field.identity)


def identifying_fields(obj: Object) -> frozenset[str]:
    """The fields of the keys an update may find its record by: the primary key, or without one every unique key."""
    readable = {f.name for f in obj.fields if f.readable}
    usable = [key for key in obj.keys if readable.issuperset(key.fields)]
    primary = [key for key in usable if key.primary]
    return frozenset(name for key in primary or usable for name in key.fields)


def derive_arguments(obj: Object, verb: Verb, neighbour: Callable[[str], Object | None]) -> tuple[Argument, ...]:
    """The arguments of a record operation, over what is in view; ``neighbour`` gives an edge's target as seen, or None."""
    if verb == "insert":
        return tuple(_argument(f, "value", demands(f)) for f in obj.fields if f.insertable and not f.generated)
    if verb == "update":
        return tuple(_update_arguments(obj))
    return (*_filters(obj.fields, ""), *(a for prefix, fields in _neighbours(obj, neighbour) for a in _filters(fields, prefix)))


def _filters(fields: Sequence[Field], prefix: str) -> Iterator[Argument]:
    return (_argument(f, "filter", False, prefix) for f in fields if is_filterable(f))


def _neighbours(obj: Object, neighbour: Callable[[str], Object | None]) -> Iterator[tuple[str, Sequence[Field]]]:
    for edge in obj.edges:
        if edge.to_one and not edge.inferred and (target := neighbour(edge.target)) is not None and target.readable:
            yield quote_part(edge.name) + ".", target.fields


def _update_arguments(obj: Object) -> Iterator[Argument]:
    keys = identifying_fields(obj)
    for field in obj.fields:
        if field.name in keys:
            yield _argument(field, "key", True)
        elif field.updatable and not field.generated:
            yield _argument(field, "set", False)
        elif is_filterable(field):
            yield _argument(field, "match", False)


def is_filterable(field: Field) -> bool:
    """Whether a read may compare this field: a scalar with an equality that the role may read."""
    return field.readable and field.filterable and field.type not in _NOT_SCALAR


def _argument(field: Field, role: ArgumentRole, required: bool, prefix: str = "") -> Argument:
    return Argument(
        name=prefix + quote_part(field.name),
        role=role,
        type=field.type,
        native_type=field.native_type,
        required=required,
        indexed=field.indexed,
        enum=field.enum,
        description=field.description,
        badges=field.badges,
    )
