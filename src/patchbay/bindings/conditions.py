"""Inputs and filters: which fields are compared, how, and with whose values."""

from __future__ import annotations

from typing import Any, cast

import msgspec
from msgspec import UNSET

from patchbay.bindings.inputs import SET_COUNTRY, check_country, check_param, check_source, fact_key
from patchbay.bindings.literals import literal
from patchbay.bindings.model import FilterRule, Input
from patchbay.bindings.parameters import BY_NAME, is_tidied, says_email, says_phone
from patchbay.bindings.paths import Reading
from patchbay.bindings.scope import Conditions, Scope
from patchbay.bindings.told_times import asks_now, told_time
from patchbay.bindings.transform_rules import SplitRule
from patchbay.bindings.transforms import Subject, check_transform, family_of, keeps_order
from patchbay.schema_graph.call import CallInput, Codec, Comparison, Filter
from patchbay.schema_graph.coercion import Unfit
from patchbay.schema_graph.phones import needs_country, unreadable_shapes
from patchbay.schema_graph.transform import SplitName, Transform

MAX_VALUES = 100
_ORDERED = frozenset({"integer", "decimal", "number", "date", "time", "datetime", "duration", "string"})
_RANGES: frozenset[Comparison] = frozenset({"lt", "le", "gt", "ge"})
_EMPTY: frozenset[Comparison] = frozenset({"is_null", "not_null"})
_PHONE_TYPES = frozenset({"string", "integer", "decimal"})


def check_conditions(scope: Scope) -> Conditions:
    """Check inputs and filters. An input that a filter names is compared by that filter alone, else it means equality."""
    inputs: dict[str, CallInput] = {}
    found: list[tuple[Filter, Reading, str]] = []
    compared = {rule.param: rule.op for rule in scope.binding.filters if rule.param is not None}
    for index, rule in enumerate(scope.binding.inputs):
        at = f"inputs.{index}"
        reading = scope.argument(rule.arg, f"{at}.arg")
        given = checked_input(scope, rule, reading, at, inputs, among=compared.get(rule.param) == "in")
        if reading is None or given is None:
            continue
        inputs[given.param] = given
        if given.param not in compared:
            found.append((Filter(reading.column(), "eq", param=given.param), reading, f"{at}.arg"))
        if isinstance(rule.transform, SplitRule):
            family = _family(scope, rule.transform, given, at)
            if family is not None:
                part, other = family
                inputs[part.param] = part
                found.append((Filter(other.column(), "eq", param=part.param), other, f"{at}.transform.familyArg"))
    for index, rule in enumerate(scope.binding.filters):
        at = f"filters.{index}"
        reading = scope.argument(rule.arg, f"{at}.arg")
        condition = None if reading is None else _filter(scope, rule, reading, at, inputs)
        if reading is not None and condition is not None:
            found.append((condition, reading, f"{at}.arg"))
    return Conditions(
        inputs=tuple(inputs.values()),
        filters=tuple(condition for condition, _, _ in found),
        readings=tuple(reading for _, reading, _ in found),
        places=tuple(place for _, _, place in found),
    )


def checked_input(
    scope: Scope,
    rule: Input,
    reading: Reading | None,
    at: str,
    known: dict[str, CallInput],
    *,
    written: bool = False,
    among: bool = False,
) -> CallInput | None:
    """The input of a field, or None with the reason reported. A ``written`` one is stored and not compared; ``among``: the agent
    gives a list, and the field is one of it.
    """
    sound = check_param(scope.report, rule.param, f"{at}.param", known)
    sound = check_source(scope.report, rule, at) and sound
    if reading is None or not sound:
        return None
    constant = None
    if rule.source == "constant" and not _is_phone(rule.param, reading):
        constant = fixed_value(scope, rule.value, reading, f"{at}.value")
        if constant is None:
            return None
    elif rule.source == "constant":
        constant = rule.value
    transform = None
    if rule.transform is not None:
        subject = Subject(reading.field.type, reading.field.enum)
        transform = check_transform(scope, rule.transform, subject, f"{at}.transform")
        if transform is None:
            return None
    scope.needs_time_zone(reading, f"{at}.arg")
    given = _call_input(scope, rule, reading, constant, transform, among=among)
    if written:
        return _written(scope, given, f"{at}.arg")
    if given.codec == "phone":
        _check_phone(scope, reading, f"{at}.arg")
    return given


def _written(scope: Scope, given: CallInput, at: str) -> CallInput:
    """The input as it is stored: a number in the column's one format, else in E.164; an address as it is said."""
    if given.codec != "phone":
        return msgspec.structs.replace(given, codec="plain")
    check_country(scope, at, "only numbers said with their country code can be written.")
    formats = given.formats if len(given.formats) == 1 else ()
    shown = repr(formats[0]) if formats else "'+16135550142'" if given.type == "string" else "'16135550142'"
    message = f"Phone numbers are written here as {shown}."
    scope.report.warn(
        at, "phone_written_as", message, "The column's other formats are still found by reads." if given.formats else None
    )
    return msgspec.structs.replace(given, codec="e164", formats=formats)


def _family(scope: Scope, rule: SplitRule, given: CallInput, at: str) -> tuple[CallInput, Reading] | None:
    """The part of a name that goes to another field, and that field."""
    at = f"{at}.transform.familyArg"
    reading = scope.argument(rule.family_arg, at)
    if reading is None:
        return None
    if reading.field.type != "string" or reading.field.enum:
        scope.report.error(at, "transform_not_for_type", "A family name is text.")
        return None
    field = reading.field
    return family_of(given, arg=reading.name, native_type=field.native_type, max_length=field.max_length), reading


def _call_input(
    scope: Scope,
    rule: Input,
    reading: Reading,
    constant: Any,
    transform: Transform | None = None,
    *,
    among: bool = False,
) -> CallInput:
    """``among``: the agent gives a list, and the field is one of it."""
    field = reading.field
    codec = "plain" if transform is not None else _codec(rule.param, reading)
    phone = codec == "phone"
    canonical = BY_NAME.get(rule.param)
    return CallInput(
        param=rule.param,
        arg=reading.name,
        type="array" if among and codec == "plain" else field.type,
        native_type=field.native_type,
        source=rule.source,
        key=fact_key(rule),
        constant=constant,
        required=rule.required or rule.source != "model",
        description=rule.description or (canonical.description if canonical else None),
        enum=field.enum,
        max_length=None if phone else field.max_length,
        codec=codec,
        formats=field.formats if phone else (),
        country=scope.target.country if phone else None,
        zoned=field.zoned,
        time_zone=scope.target.time_zone if field.type == "datetime" and not field.zoned else None,
        item_type=field.type if among and codec == "plain" else None,
        transform=transform,
        tidy=codec == "plain" and field.type == "string" and not field.enum and is_tidied(rule.param),
    )


def _is_phone(param: str, reading: Reading) -> bool:
    """A phone by the column's sampled values or its name; by the parameter alone only for a plain text column."""
    field = reading.field
    if field.type not in _PHONE_TYPES or field.enum:
        return False
    if field.formats or says_phone(field.name):
        return True
    return field.type == "string" and param == "caller_phone"


def _codec(param: str, reading: Reading) -> Codec:
    """How a value for this field is spelled. ``citext`` compares without regard to case by itself."""
    if _is_phone(param, reading):
        return "phone"
    field = reading.field
    text = field.type == "string" and not field.enum and field.native_type.rpartition(".")[2] != "citext"
    return "email" if text and says_email(field.name) else "plain"


def _check_phone(scope: Scope, reading: Reading, at: str) -> None:
    shapes, country, report = reading.field.formats, scope.target.country, scope.report
    if shapes and not (scope.target.default_country or scope.target.agent_country):
        if needs_country(shapes):
            message = "This column holds phone numbers without a country code, and no country is set for them."
            report.error(at, "default_country_required", message, SET_COUNTRY)
    else:
        check_country(scope, at, "only numbers stored with + and a country code will be found.")
    if not shapes:
        message = "The column's formats are not sampled: numbers are looked for as +16135550142 and as bare digits only."
        report.warn(at, "phone_formats_unsampled", message, "Discover again once the column has values.")
    unread = unreadable_shapes(shapes, country) if country is not None else ()
    if unread:
        shown = ", ".join(repr(one) for one in unread[:8])
        report.warn(
            at, "phone_formats_unmatched", f"Values written as {shown} are not full numbers; callers are not found by them."
        )


def _filter(scope: Scope, rule: FilterRule, reading: Reading, at: str, inputs: dict[str, CallInput]) -> Filter | None:
    column = reading.column()
    if not _check_operator(scope, rule, reading, at):
        return None
    if rule.op in _EMPTY:
        if rule.param is not None or rule.value is not UNSET:
            scope.report.error(at, "value_unused", f"{rule.op} takes neither value nor param.")
            return None
        return Filter(column, rule.op)
    if (rule.param is None) == (rule.value is UNSET):
        scope.report.error(at, "value_missing", "A filter takes either a value or a param.")
        return None
    scope.needs_time_zone(reading, f"{at}.arg")
    if rule.param is not None:
        return _filter_by_param(scope, rule.op, rule.param, reading, at, inputs)
    if asks_now(rule.value):
        return _told(scope, rule, reading, at)
    value = _values(scope, rule, reading, f"{at}.value")
    return None if value is None else Filter(column, rule.op, value=value)


def _told(scope: Scope, rule: FilterRule, reading: Reading, at: str) -> Filter | None:
    if reading.field.type not in ("datetime", "date") or rule.op == "in":
        scope.report.error(f"{at}.value", "value_invalid", "Only a date or a datetime can be compared with now.")
        return None
    now = told_time(cast("dict[str, Any]", rule.value), f"{at}.value", scope.report)
    return None if now is None else Filter(reading.column(), rule.op, now=now)


def _check_operator(scope: Scope, rule: FilterRule, reading: Reading, at: str) -> bool:
    if rule.op in _RANGES and (reading.field.type not in _ORDERED or reading.field.enum):
        message = f"A field of type {reading.field.type} has no order; use eq, ne, in, is_null or not_null."
        scope.report.error(f"{at}.op", "operator_not_for_type", message)
        return False
    return True


def _filter_by_param(
    scope: Scope, op: Comparison, param: str, reading: Reading, at: str, inputs: dict[str, CallInput]
) -> Filter | None:
    given = inputs.get(param)
    if given is None:
        if any(rule.param == param for rule in scope.binding.inputs):
            return None  # the input is wrong, and reported
        if not check_param(scope.report, param, f"{at}.param", inputs):
            return None
        given = _call_input(scope, Input(param=param, arg=reading.name), reading, None, among=op == "in")
        if given.codec == "phone":
            _check_phone(scope, reading, f"{at}.arg")
        inputs[param] = given
    elif not fits(given, reading, op):
        message = f"The input {param!r} is for {given.arg!r}, and this field is of another type."
        scope.report.error(f"{at}.param", "param_invalid", message, "Add an input of its own for this field.")
        return None
    if given.codec != "plain" and op != "eq":
        what = "A phone number" if given.codec == "phone" else "An e-mail address"
        scope.report.error(f"{at}.op", "operator_not_for_type", f"{what} can only be compared with eq.")
        return None
    if given.transform is not None and op in _RANGES and not keeps_order(given.transform, reading.field.type):
        message = "What this transform makes has another order in the system than for the agent."
        scope.report.error(f"{at}.op", "operator_not_for_transform", message, "Compare with eq, ne or in.")
        return None
    return Filter(reading.column(), op, param=param)


def fits(given: CallInput, reading: Reading, op: Comparison = "eq") -> bool:
    """Whether the value read for an input is one for this field as well, to the last bit."""
    field = reading.field
    same = (given.native_type, given.zoned, given.enum) == (field.native_type, field.zoned, field.enum)
    same = same and (given.type == "array") == (op == "in" and given.codec == "plain")
    if given.transform is not None:
        return same and not isinstance(given.transform, SplitName)
    return (
        same
        and given.codec == _codec(given.param, reading)
        and (given.codec != "phone" or set(field.formats) <= set(given.formats))
    )


def _values(scope: Scope, rule: FilterRule, reading: Reading, at: str) -> Any:
    if rule.op != "in":
        return fixed_value(scope, rule.value, reading, at)
    given: Any = rule.value
    values = cast("list[Any]", given) if isinstance(given, list) else []
    if not 1 <= len(values) <= MAX_VALUES:
        scope.report.error(at, "value_invalid", f"in takes a list of 1 to {MAX_VALUES} values.")
        return None
    read = [fixed_value(scope, value, reading, f"{at}.{index}") for index, value in enumerate(values)]
    return None if any(value is None for value in read) else tuple(read)


def fixed_value(scope: Scope, value: Any, reading: Reading, at: str) -> Any:
    """The value in JSON form, or None with the reason reported."""
    if value is None:
        scope.report.error(at, "value_invalid", "A value cannot be null.", "Use the operators is_null and not_null.")
        return None
    try:
        return literal(value, reading.field, scope.target.time_zone)
    except Unfit as unfit:
        scope.report.error(at, "value_invalid", str(unfit))
        return None
