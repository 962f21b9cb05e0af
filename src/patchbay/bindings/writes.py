"""A binding of an insert or update: what is set, and which one record it is done to.

- An *insert* sets each input's field. Every field that the database demands must be given: by a required input, or by one whose
  value is not the model's. An optional input may be left out, which stores null: its field must allow that and have no default.
- An *update* finds its record by all fields of one unique key, and may ask that others of its fields match. An input is compared
  where its field identifies the record, where it cannot be changed, or where a filter names the input; every other input sets its
  field. An optional one that is left out leaves the field as it is. Only the key may be the model's to say: what has to match
  comes from the session, a verification or a constant.
- A fixed value is an input with source ``constant``; ``{"now": true}`` is the time of the call.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET

from patchbay.bindings.conditions import asks_now, checked_input, fits, fixed_value
from patchbay.bindings.footprint import footprint
from patchbay.bindings.identity import clues_of, warn_of_chosen_identity
from patchbay.bindings.inputs import check_param
from patchbay.bindings.model import FilterRule, Input
from patchbay.bindings.paths import Reading
from patchbay.bindings.scope import Conditions, Scope
from patchbay.bindings.transform_rules import SplitRule
from patchbay.bindings.transforms import family_of
from patchbay.schema_graph.call import Assign, CallInput, Caps, Filter, Output, Plan
from patchbay.schema_graph.model import Field, Key
from patchbay.schema_graph.operations import demands, identifying_fields, is_filterable
from patchbay.schema_graph.transform import JoinName

_FREE = frozenset({"json", "object", "array"})


class _Set(msgspec.Struct, frozen=True):
    """One field that is set. ``given`` is None for the time of the call."""

    assign: Assign
    reading: Reading
    place: str
    given: CallInput | None

    @property
    def certain(self) -> bool:
        """Whether every run sets it."""
        return self.given is None or self.given.required


class _Where(msgspec.Struct, frozen=True):
    """One condition on the record. ``given`` is None for a fixed value."""

    condition: Filter
    reading: Reading
    place: str
    given: CallInput | None

    @property
    def name(self) -> str:
        """The field's."""
        return self.reading.field.name


def check_write(scope: Scope, outputs: Sequence[tuple[Output, Reading]]) -> Plan | None:
    """The plan of the binding, or None with what is wrong reported."""
    _refuse_reading_members(scope, outputs)
    inputs: dict[str, CallInput] = {}
    inserts = scope.operation.verb == "insert"
    sets, wheres = _parts(scope, inputs, inserts=inserts)
    _refuse_doubles(scope, sets)
    if inserts:
        key, guaranteed = _check_insert(scope, sets)
        clues = clues_of(_conditions(inputs, [_as_where(one) for one in sets]))
    else:
        key = _check_update(scope, sets, wheres)
        guaranteed = key is not None
        clues = clues_of(_conditions(inputs, wheres))
    warn_of_chosen_identity(scope.report, tuple(clues))
    if inserts and outputs and scope.view.kind == "mysql" and key is None:
        message = "What was added cannot be read back: neither is a unique key of it set, nor does the database number it."
        scope.report.error("projection", "cannot_read_back", message, "Leave the projection empty, or set all fields of a key.")
    if scope.report.errors:
        return None
    return _plan(scope, inputs, sets, wheres, outputs, key or (), guaranteed=guaranteed)


def _refuse_reading_members(scope: Scope, outputs: Sequence[tuple[Output, Reading]]) -> None:
    if scope.binding.order_by:
        scope.report.error("orderBy", "not_for_writes", "A write has no order.")
    if scope.binding.limit is not None:
        scope.report.error("limit", "not_for_writes", "A write is of one record.")
    places = {output.transform.family: output.leaf for output, _ in outputs if isinstance(output.transform, JoinName)}
    for output, reading in outputs:
        if reading.edges:
            leaf = places.get(output.leaf, output.leaf) if output.hidden else output.leaf
            at = next(n for n, rule in enumerate(scope.binding.projection) if rule.leaf == leaf)
            place = f"projection.{at}.transform.familyPath" if output.hidden else f"projection.{at}.path"
            message = "A write gives back fields of its own record only."
            scope.report.error(place, "not_of_the_record", message, "Read the other record with a skill of its own.")


def _parts(scope: Scope, inputs: dict[str, CallInput], *, inserts: bool) -> tuple[list[_Set], list[_Where]]:
    """What is set and what is compared, in the order it was written; ``inputs`` are filled."""
    sets: list[_Set] = []
    wheres: list[_Where] = []
    compared = {rule.param for rule in scope.binding.filters if rule.param is not None and not inserts}
    keys = frozenset[str]() if inserts else identifying_fields(scope.root)
    for index, rule in enumerate(scope.binding.inputs):
        at = f"inputs.{index}"
        reading = scope.own_field(rule.arg, f"{at}.arg")
        if reading is None:
            check_param(scope.report, rule.param, f"{at}.param", inputs)
            continue
        field = reading.field
        finds = not inserts and (rule.param in compared or field.name in keys or not _changeable(field))
        if finds:
            where = _where(scope, rule, reading, at, inputs)
            wheres += [where] if where is not None and rule.param not in compared else []
        elif _may_set(scope, reading, f"{at}.arg", inserts=inserts):
            made = _set(scope, rule, reading, at, inputs)
            sets += [made] if made is not None else []
            if made is not None and made.given is not None and isinstance(rule.transform, SplitRule):
                family = _set_family(scope, rule.transform, made.given, f"{at}.transform.familyArg", inputs, fixed=keys)
                sets += [family] if family is not None else []
    for index, rule in enumerate(scope.binding.filters):
        if inserts:
            hint = "Set a fixed value by an input with source 'constant'."
            scope.report.error(f"filters.{index}", "not_for_inserts", "An insert compares nothing.", hint)
        elif (found := _match(scope, rule, f"filters.{index}", inputs)) is not None:
            wheres.append(found)
    return sets, wheres


def _changeable(field: Field) -> bool:
    return field.updatable and not field.generated


def _may_set(scope: Scope, reading: Reading, at: str, *, inserts: bool) -> bool:
    field = reading.field
    if inserts and (not field.insertable or field.generated):
        message = "The connection's write role cannot set this field."
        scope.report.error(at, "not_insertable", message, "Leave it out; the database fills it in, or grant INSERT on it.")
        return False
    if field.type in _FREE:
        scope.report.error(at, "not_writable", f"A field of type {field.type} cannot be written by a call.")
        return False
    return True


def _set(scope: Scope, rule: Input, reading: Reading, at: str, inputs: dict[str, CallInput]) -> _Set | None:
    if rule.source == "constant" and asks_now(rule.value):
        sound = check_param(scope.report, rule.param, f"{at}.param", inputs)
        if reading.field.type not in ("date", "datetime"):
            scope.report.error(f"{at}.value", "value_invalid", "Only a date or a datetime can be set to now.")
            return None
        scope.needs_time_zone(reading, f"{at}.arg")
        return _Set(Assign(reading.column(), now=True), reading, f"{at}.arg", None) if sound else None
    given = checked_input(scope, rule, reading, at, inputs, written=True)
    if given is None:
        return None
    inputs[given.param] = given
    return _Set(Assign(reading.column(), param=given.param), reading, f"{at}.arg", given)


def _set_family(
    scope: Scope, rule: SplitRule, given: CallInput, at: str, inputs: dict[str, CallInput], *, fixed: frozenset[str]
) -> _Set | None:
    """The family name of an input that splits a name, which sets a field of its own: none of ``fixed``."""
    reading = scope.own_field(rule.family_arg, at)
    if reading is None:
        return None
    field, inserts = reading.field, scope.operation.verb == "insert"
    if field.type != "string" or field.enum:
        scope.report.error(at, "transform_not_for_type", "A family name is text.")
        return None
    if not inserts and (field.name in fixed or not _changeable(field)):
        scope.report.error(at, "not_writable", "An update cannot change this field.")
        return None
    if not _may_set(scope, reading, at, inserts=inserts):
        return None
    part = family_of(given, arg=reading.name, native_type=field.native_type, max_length=field.max_length)
    inputs[part.param] = part
    return _Set(Assign(reading.column(), param=part.param), reading, at, part)


def _where(scope: Scope, rule: Input, reading: Reading, at: str, inputs: dict[str, CallInput]) -> _Where | None:
    if not is_filterable(reading.field):
        scope.report.error(f"{at}.arg", "not_filterable", "A field of this type cannot be compared with a value.")
        return None
    if isinstance(rule.transform, SplitRule):
        message = "What a record is found by cannot be split: give each part of the name by an input of its own."
        scope.report.error(f"{at}.transform", "transform_not_compared", message)
        return None
    given = checked_input(scope, rule, reading, at, inputs)
    if given is None:
        return None
    inputs[given.param] = given
    return _Where(Filter(reading.column(), "eq", param=given.param), reading, f"{at}.arg", given)


def _match(scope: Scope, rule: FilterRule, at: str, inputs: dict[str, CallInput]) -> _Where | None:
    """The condition of a filter: an input's value, or a fixed one."""
    reading = scope.own_field(rule.arg, f"{at}.arg")
    if reading is None:
        return None
    if not is_filterable(reading.field):
        scope.report.error(f"{at}.arg", "not_filterable", "A field of this type cannot be compared with a value.")
        return None
    if rule.op != "eq":
        scope.report.error(f"{at}.op", "operator_not_for_type", "What an update finds its record by is compared with eq.")
        return None
    if (rule.param is None) == (rule.value is UNSET):
        scope.report.error(at, "value_missing", "A filter takes either a value or a param.")
        return None
    if rule.param is None:
        value = fixed_value(scope, rule.value, reading, f"{at}.value")
        scope.needs_time_zone(reading, f"{at}.arg")
        return None if value is None else _Where(Filter(reading.column(), "eq", value=value), reading, f"{at}.arg", None)
    given = inputs.get(rule.param)
    if given is None:
        if not any(one.param == rule.param for one in scope.binding.inputs):
            message = "No input has this parameter."
            scope.report.error(f"{at}.param", "param_invalid", message, "Add the input, with its source.")
        return None
    if not fits(given, reading):
        message = f"The input {rule.param!r} is for {given.arg!r}, and this field is of another type."
        scope.report.error(f"{at}.param", "param_invalid", message, "Add an input of its own for this field.")
        return None
    return _Where(Filter(reading.column(), "eq", param=rule.param), reading, f"{at}.arg", given)


def _refuse_doubles(scope: Scope, sets: Sequence[_Set]) -> None:
    seen: set[str] = set()
    for one in sets:
        if one.reading.field.name in seen:
            scope.report.error(one.place, "assigned_twice", "Another input sets this field already.")
        seen.add(one.reading.field.name)


def _check_insert(scope: Scope, sets: Sequence[_Set]) -> tuple[tuple[str, ...] | None, bool]:
    """The fields the record is found again by, and whether they keep it from being added twice."""
    if not sets and not scope.report.errors:
        scope.report.error("inputs", "nothing_to_write", "An insert has to set at least one field.")
    given = {one.reading.field.name for one in sets}
    missing = [field.name for field in scope.root.fields if demands(field) and field.name not in given]
    if missing and not scope.report.errors:
        shown = ", ".join(repr(name) for name in missing)
        hint = "Add an input for each; a fixed value is an input with source 'constant'."
        scope.report.error("inputs", "required_field_missing", f"Every record needs a value for {shown}.", hint)
    for one in sets:
        _check_optional(scope, one)
    certain = {one.reading.field.name for one in sets if one.given is not None and one.certain}
    key = _preferred([key for key in scope.root.keys if key.fields and certain.issuperset(key.fields)])
    if key is not None:
        return key.fields, True
    numbered = [f.name for f in scope.root.fields if f.identity is not None and f.name not in given]
    alone = [name for name in numbered if any(key.fields == (name,) for key in scope.root.keys)]
    return (tuple(alone[:1]) or None), False


def _check_optional(scope: Scope, one: _Set) -> None:
    field = one.reading.field
    if one.certain:
        return
    if field.has_default or field.identity is not None:
        message = "The database has a default for this field, and an input that is left out would store null in its place."
        scope.report.error(one.place, "optional_has_default", message, "Make the input required, or leave it out of the binding.")
    elif not field.nullable:
        message = "Every record needs a value for this field."
        scope.report.error(one.place, "required_field_optional", message, "Make the input required.")


def _check_update(scope: Scope, sets: Sequence[_Set], wheres: Sequence[_Where]) -> tuple[str, ...] | None:
    """The fields of the key the record is found by."""
    report = scope.report
    if not sets and not report.errors:
        hint = "Add an input for a field that may change; one that is named by a filter is compared."
        report.error("inputs", "nothing_to_write", "An update has to set at least one field.", hint)
    key = _key_of(scope, wheres)
    if key is None:
        if not report.errors:
            _report_no_key(scope)
        return None
    for one in wheres:
        if one.name in key.fields and one.given is not None and not one.given.required:
            report.error(one.place, "key_optional", "The record cannot be found without this: make the input required.")
        elif one.name not in key.fields and one.given is not None and one.given.source == "model":
            message = "What has to match cannot be the model's to say."
            hint = "Set its source to session, verified or constant."
            report.error(one.place, "match_from_model", message, hint)
    for one in sets:
        if one.reading.field.name in key.fields:
            report.error(one.place, "key_changed", "The key that the record is found by cannot be set as well.")
    return key.fields


def _key_of(scope: Scope, wheres: Sequence[_Where]) -> Key | None:
    """The unique key the conditions give all fields of: one beside which the model says nothing, where there is one."""
    compared = {one.name for one in wheres}
    covered = [key for key in scope.root.keys if key.fields and compared.issuperset(key.fields)]
    said = {one.name for one in wheres if one.given is not None and one.given.source == "model"}
    return _preferred([key for key in covered if said.issubset(key.fields)] or covered)


def _preferred(keys: Sequence[Key]) -> Key | None:
    return next((key for key in keys if key.primary), keys[0] if keys else None)


def _report_no_key(scope: Scope) -> None:
    shown = {field.name for field in scope.root.fields if field.readable}
    keys = [key for key in scope.root.keys if key.fields and shown.issuperset(key.fields)]
    named = " or ".join(" and ".join(repr(name) for name in key.fields) for key in keys[:4])
    message = "An update finds its one record by a unique key: give all of its fields."
    hint = f"By {named}; to compare a field that may change, name its input in a filter." if named else None
    scope.report.error("inputs", "key_incomplete", message, hint)


def _as_where(one: _Set) -> _Where:
    return _Where(Filter(one.assign.column, "eq", param=one.assign.param), one.reading, one.place, one.given)


def _conditions(inputs: dict[str, CallInput], wheres: Sequence[_Where]) -> Conditions:
    return Conditions(
        inputs=tuple(inputs.values()),
        filters=tuple(one.condition for one in wheres),
        readings=tuple(one.reading for one in wheres),
        places=tuple(one.place for one in wheres),
    )


def _plan(
    scope: Scope,
    inputs: dict[str, CallInput],
    sets: Sequence[_Set],
    wheres: Sequence[_Where],
    outputs: Sequence[tuple[Output, Reading]],
    key: tuple[str, ...],
    *,
    guaranteed: bool,
) -> Plan:
    root, view = scope.root, scope.view
    again = [Reading((), root, field) for field in root.fields if field.name in key and view.kind == "mysql"]
    readings = [*(one.reading for one in (*sets, *wheres)), *(reading for _, reading in outputs), *again]
    touches, items = footprint(view, root, readings, scope.operation)
    return Plan(
        kind=scope.target.kind,
        connection_id=scope.target.connection_id,
        operation=scope.operation.name,
        effect="write",
        verb=scope.operation.verb,
        object=root.name,
        inputs=tuple(inputs.values()),
        outputs=tuple(output for output, _ in outputs),
        touches=touches,
        slice=items,
        slice_fingerprint=view.slice_fingerprint(scope.operation.name, items),
        filters=tuple(one.condition for one in wheres),
        caps=Caps(rows=1),
        verification=scope.binding.level,
        time_zone=scope.target.time_zone,
        assigned=tuple(one.assign for one in sets),
        guarantee="unique_key" if guaranteed else "none",
        key=key,
    )
