"""Who or what a read identifies, and who chooses it.

A read *identifies* when its conditions are meant to find one record: the caller's own customer record, the order with this
number. More than one row is then ambiguous and is not read out. "My appointments", found by the customer's phone, does not
identify an appointment, and neither does a read that chooses by ``orderBy`` with ``limit`` 1 ("my next appointment").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from patchbay.bindings.parameters import BY_NAME, is_about_people, meaning_of, numbers_its_record
from patchbay.bindings.report import Report
from patchbay.bindings.scope import Conditions
from patchbay.schema_graph.call import Source, source_of
from patchbay.schema_graph.model import Object
from patchbay.schema_graph.naming import split_words


class Clue(msgspec.Struct, frozen=True):
    """What one condition of a read tells of who or what is meant.

    ``name`` is that of the column or of the argument's telling part, ``holder`` the object that has it. ``own``: on the record
    itself. ``equal``: compared for equality; ``among``: for being one of a list. ``telling``: its values tell one record from
    another. ``source`` is None for a fixed value; ``field`` the record's own field that is meant, if any.
    """

    place: str
    name: str
    holder: str
    param: str | None = None
    source: Source | None = None
    own: bool = True
    equal: bool = True
    among: bool = False
    telling: bool = False
    personal: bool = False
    field: str | None = None

    @property
    def tells_who(self) -> bool:
        """Whether it says who somebody is."""
        if self.param in BY_NAME:
            return BY_NAME[self.param].means == "person"
        meaning = meaning_of(self.name)
        if meaning is not None:
            return meaning.means == "person"
        return self.personal or (self.telling and is_about_people(self.holder))


def clues_of(conditions: Conditions) -> Iterator[Clue]:
    """The clues in the conditions of a read of records."""
    for condition, reading, place in zip(conditions.filters, conditions.readings, conditions.places, strict=True):
        given = conditions.input_of(condition)
        field = reading.field
        yield Clue(
            place=place,
            name=field.name,
            holder=reading.object.name,
            param=condition.param,
            source=source_of(given, conditions.inputs) if given is not None else None,
            own=not reading.edges,
            equal=condition.op == "eq",
            among=condition.op == "in",
            telling=field.primary_key or field.unique or "name" in split_words(field.name),
            personal="pii" in field.badges,
            field=None if reading.edges else field.name,
        )


def is_identifying(root: Object, clues: Sequence[Clue], *, ranked: bool) -> bool:
    """Whether more than one row would mean that the right one is not known. ``ranked``: the first of an order was asked for."""
    if ranked:
        return False
    own = [clue for clue in clues if clue.equal and clue.param is not None and clue.own]
    if _covers_a_key(root, {clue.field for clue in own if clue.field is not None}):
        return True
    people = is_about_people(root.name)
    return any(
        numbers_its_record(clue.name, root.name) or (people and clue.tells_who)
        for clue in own
        if clue.source not in (None, "constant")
    )


def warn_of_chosen_identity(report: Report, clues: Sequence[Clue]) -> None:
    """Warn where the model decides whose record is read."""
    for clue in clues:
        if clue.source == "model" and (clue.equal or clue.among) and clue.tells_who:
            message = f"Whose record this is, is left to what the caller says ({clue.param})."
            hint = "Set its source to session or verified, so that the call takes it from what is known of the caller."
            report.warn(clue.place, "model_chosen_identity", message, hint)


def identifies_a_person(clues: Sequence[Clue]) -> bool:
    """Whether any input tells who somebody is."""
    return any(clue.tells_who for clue in clues if clue.param is not None)


def _covers_a_key(obj: Object, compared: set[str]) -> bool:
    if any(compared.issuperset(key.fields) for key in obj.keys if key.fields):
        return True
    return any(field.unique and field.name in compared for field in obj.fields)
