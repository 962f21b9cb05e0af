"""Who or what a read identifies, and who chooses it.

A read *identifies* when its conditions are meant to find one record: the caller's own customer record, the order with this
number. More than one row is then ambiguous and is not read out. "My appointments", found by the customer's phone, does not
identify an appointment, and neither does a read that chooses by ``orderBy`` with ``limit`` 1 ("my next appointment").
"""

from __future__ import annotations

from patchbay.bindings.parameters import BY_NAME, is_about_people, meaning_of, numbers_its_record
from patchbay.bindings.paths import Reading
from patchbay.bindings.scope import Conditions, Scope
from patchbay.schema_graph.call import Filter
from patchbay.schema_graph.model import Object
from patchbay.schema_graph.naming import split_words


def is_identifying(scope: Scope, conditions: Conditions) -> bool:
    """Whether more than one row would mean that the right one is not known."""
    if scope.binding.order_by and scope.binding.limit == 1:
        return False
    own = [
        (condition, reading)
        for condition, reading in zip(conditions.filters, conditions.readings, strict=True)
        if condition.op == "eq" and condition.param is not None and not reading.edges
    ]
    if _covers_a_key(scope.root, {reading.field.name for _, reading in own}):
        return True
    people = is_about_people(scope.root.name)
    return any(
        numbers_its_record(reading.field.name, scope.root.name) or (people and _tells_who(condition, reading))
        for condition, reading in own
        if not _is_constant(conditions, condition)
    )


def warn_of_chosen_identity(scope: Scope, conditions: Conditions) -> None:
    """Warn where the model decides whose record is read."""
    for condition, reading, place in zip(conditions.filters, conditions.readings, conditions.places, strict=True):
        given = conditions.input_of(condition)
        if given is None or given.source != "model" or condition.op != "eq" or not _tells_who(condition, reading):
            continue
        message = f"Whose record this is, is left to what the caller says ({given.param})."
        hint = "Set its source to session or verified, so that the call takes it from what is known of the caller."
        scope.report.warn(place, "model_chosen_identity", message, hint)


def identifies_a_person(conditions: Conditions) -> bool:
    """Whether any input tells who somebody is."""
    return any(_tells_who(c, r) for c, r in zip(conditions.filters, conditions.readings, strict=True) if c.param is not None)


def _tells_who(condition: Filter, reading: Reading) -> bool:
    if condition.param in BY_NAME:
        return BY_NAME[condition.param].means == "person"
    meaning = meaning_of(reading.field.name)
    if meaning is not None:
        return meaning.means == "person"
    field = reading.field
    if "pii" in field.badges:
        return True
    telling = field.primary_key or field.unique or "name" in split_words(field.name)
    return telling and is_about_people(reading.object.name)


def _covers_a_key(obj: Object, compared: set[str]) -> bool:
    if any(compared.issuperset(key.fields) for key in obj.keys if key.fields):
        return True
    return any(field.unique and field.name in compared for field in obj.fields)


def _is_constant(conditions: Conditions, condition: Filter) -> bool:
    given = conditions.input_of(condition)
    return given is None or given.source == "constant"
