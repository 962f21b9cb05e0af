"""Arguments, flat: the members of input objects by dotted names (``where.number.eq``).

What cannot be spelled as one name and one value is taken whole, as JSON: a list of input objects, an input object inside itself,
and what lies deeper than ``DEEPEST`` or would make more than ``MOST`` arguments of one.
"""

from __future__ import annotations

import msgspec

from patchbay.connectors.graphql.definitions import InputValue
from patchbay.connectors.graphql.normalize.catalog import Catalog, Use
from patchbay.connectors.graphql.normalize.texts import described_argument, shape_of
from patchbay.schema_graph.badges import field_badges
from patchbay.schema_graph.model import Argument, ArgumentRole

DEEPEST = 6
MOST = 400
"""Arguments that one argument of an operation may become; where it would be more, less deep ones are taken as JSON."""
_MOST_LOOKED_AT = 4 * MOST
"""Members of input objects that are looked at for one argument, whatever comes of them."""


class Flattened(msgspec.Struct, frozen=True, gc=False):
    """One argument of an operation as the graph has it.

    ``least`` is what must be sent of it even when nothing in it is given (``{}``, or with the objects that must be in it), None
    where nothing must. ``cut`` are the input types taken as JSON because they contain themselves or lie too deep.
    """

    arguments: tuple[Argument, ...]
    least: dict[str, object] | None = None
    cut: tuple[str, ...] = ()


class _TooMany(Exception):
    """More arguments than one argument may become."""


class _Impossible(Exception):
    """It would have to hold something that cannot be given: a file, or a type that is not defined."""


class _Place(msgspec.Struct, frozen=True, gc=False):
    """Where a value stands. ``required``: it must be given. ``demanded_by``: as of an Argument. ``around``: the input types it
    lies in.
    """

    path: str
    required: bool
    demanded_by: str | None = None
    around: tuple[str, ...] = ()

    def member(self, value: InputValue, type_name: str, *, optional: bool) -> _Place:
        """The place of a member of the input object here, which is of that type and may be left out or not."""
        path = f"{self.path}.{value.name}"
        anchor = self.path if optional else self.demanded_by
        return _Place(
            path,
            self.required and not value.optional,
            None if value.optional or self.required else anchor,
            (*self.around, type_name),
        )


class InputReader:
    """Flattens arguments, equal ones once."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: dict[tuple[str, str, str | None, ArgumentRole], Flattened | None] = {}
        self._deepest: dict[str, int] = {}
        self._impossible: set[str] = set()

    def read(self, value: InputValue, role: ArgumentRole) -> Flattened | None:
        """``value`` flattened; None where it cannot be given at all."""
        use = self._catalog.use(value.type)
        if use is None:
            return None
        if use.kind != "input" or use.lists:
            try:
                return Flattened((_argument(self._catalog, value, use, _Place(value.name, not value.optional), role),))
            except _Impossible:
                return None
        key = value.name, value.type.text(), value.default_value, role
        if key not in self._known:
            self._known[key] = self._flatten(value, use, role)
        return self._known[key]

    def _flatten(self, value: InputValue, use: Use, role: ArgumentRole) -> Flattened | None:
        """As deep as it may go. How deep that is depends on the type alone, so it is tried out once for each."""
        if use.name in self._impossible:
            return None
        place = _Place(value.name, not value.optional)
        for deepest in range(self._deepest.get(use.name, DEEPEST), 0, -1):
            reading = _Reading(self._catalog, role, deepest)
            try:
                least = reading.enter(value, use, place)
            except _TooMany:
                continue
            except _Impossible:
                self._impossible.add(use.name)
                return None
            self._deepest[use.name] = deepest
            return Flattened(tuple(reading.found), least, tuple(dict.fromkeys(reading.cut)))
        self._deepest[use.name] = 0
        return Flattened((_whole(self._catalog, value, use, place, role),), None, (use.name,))


class _Reading:
    """One argument while its members are gone through, no deeper than ``deepest``."""

    def __init__(self, catalog: Catalog, role: ArgumentRole, deepest: int) -> None:
        self._catalog = catalog
        self._role: ArgumentRole = role
        self._deepest = deepest
        self.found: list[Argument] = []
        self.cut: list[str] = []
        self._looked_at = 0

    def enter(self, value: InputValue, use: Use, place: _Place) -> dict[str, object] | None:
        """Append the members of the input object at ``place`` to ``found``; the result is the least that must be sent of it."""
        definition = self._catalog.types[use.name]
        least: dict[str, object] = {}
        before = len(self.found)
        for member in self._catalog.members_of_input(definition):
            self._looked_at += 1
            if self._looked_at > _MOST_LOOKED_AT:
                raise _TooMany
            at = len(self.found)
            try:
                part = self._take(member, place.member(member, use.name, optional=value.optional))
            except _Impossible:
                if not member.optional:
                    raise
                del self.found[at:]
                continue
            if part is not None:
                least[member.name] = part
        if len(self.found) == before:
            raise _Impossible
        sent_anyway = not least and any(argument.required for argument in self.found[before:])
        return least if place.required and not sent_anyway else None

    def _take(self, member: InputValue, place: _Place) -> dict[str, object] | None:
        use = self._catalog.use(member.type)
        if use is None:
            raise _Impossible
        if use.kind == "input" and not use.lists:
            if use.name not in place.around and len(place.around) < self._deepest:
                return self.enter(member, use, place)
            self.cut.append(use.name)
        if len(self.found) >= MOST:
            raise _TooMany
        self.found.append(_argument(self._catalog, member, use, place, self._role))
        return None


def _argument(catalog: Catalog, value: InputValue, use: Use, place: _Place, role: ArgumentRole) -> Argument:
    """One value under one name."""
    if use.kind == "record" or (use.scalar is not None and use.scalar.upload):
        raise _Impossible
    if use.kind == "input":
        return _whole(catalog, value, use, place, role)
    description = described_argument(value)
    return Argument(
        name=place.path,
        role="key" if use.text == "ID" and not place.around else role,
        type=use.type,
        native_type=use.native,
        required=place.required,
        enum=use.enum,
        description=description,
        badges=field_badges(value.name, use.type, description),
        item_type=use.item_type,
        has_default=value.default_value is not None,
        zoned=use.scalar is not None and use.scalar.zoned,
        demanded_by=place.demanded_by,
    )


def _whole(catalog: Catalog, value: InputValue, use: Use, place: _Place, role: ArgumentRole) -> Argument:
    """An input object, or a list of them, as JSON."""
    definition = catalog.types[use.name]
    shape = shape_of(definition.input_fields or (), many=use.lists > 0, one_of=bool(definition.is_one_of))
    return Argument(
        name=place.path,
        role=role,
        type="json",
        native_type=use.native,
        required=place.required,
        description=described_argument(value, shape),
        has_default=value.default_value is not None,
        demanded_by=place.demanded_by,
    )
