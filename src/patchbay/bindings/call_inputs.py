"""Inputs and filters of a called operation: which arguments are given, and with whose values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgspec
from msgspec import UNSET

from patchbay.bindings.call_arguments import find_argument, plain_native, telling_part
from patchbay.bindings.identity import Clue
from patchbay.bindings.inputs import check_country, check_param, check_source, fact_key
from patchbay.bindings.literals import argument_literal
from patchbay.bindings.model import FilterRule, Input
from patchbay.bindings.parameters import BY_NAME, is_about_people, is_tidied, numbers_its_record, says_phone
from patchbay.bindings.scope import Scope
from patchbay.bindings.told_times import asks_now, told_time
from patchbay.bindings.transform_rules import SplitRule
from patchbay.bindings.transforms import Subject, check_transform, family_of
from patchbay.schema_graph.argument_subjects import searched_by, spelled_in
from patchbay.schema_graph.call import CallInput, Given, Source, source_of
from patchbay.schema_graph.coercion import Unfit
from patchbay.schema_graph.idempotency_keys import key_argument
from patchbay.schema_graph.model import Argument, Field
from patchbay.schema_graph.naming import split_words
from patchbay.schema_graph.phones import to_e164
from patchbay.schema_graph.requests import is_local
from patchbay.schema_graph.transform import Affix, Transform

_FREE = frozenset({"json", "object", "bytes", "array"})
_ABOUT_TIME = frozenset({"datetime", "date", "time"})


class CallConditions(msgspec.Struct, frozen=True):
    """The checked inputs and filters of a called operation. ``clues`` are what those a person wrote tell."""

    inputs: tuple[CallInput, ...]
    given: tuple[Given, ...]
    clues: tuple[Clue, ...]

    def always(self, given: Given) -> bool:
        """Whether the argument is given in every run: it is fixed, or an input of it is required."""
        return given.param is None or any(one.required and one.param in (given.param, *given.parts) for one in self.inputs)


class _Found:
    """What has been found so far: inputs by parameter, and what each argument is given."""

    def __init__(self) -> None:
        self.inputs: dict[str, CallInput] = {}
        self.given: dict[str, Given] = {}
        self.clues: list[Clue] = []

    def give(self, scope: Scope, given: Given, argument: Argument, at: str) -> None:
        """Note what an argument is given, unless it, or something it is in, is given already. Texts with something written around
        them may be given to one argument together.
        """
        before = self.given.get(given.arg)
        if before is not None and self._is_part(given) and self._is_part(before):
            self.given[given.arg] = msgspec.structs.replace(before, parts=(*before.parts, cast("str", given.param)))
            self._note(scope, given, argument, at)
            return
        for other in self.given:
            if other == given.arg or other.startswith(given.arg + ".") or given.arg.startswith(other + "."):
                message = "This argument is given already." if other == given.arg else f"It cannot be given beside {other!r}."
                scope.report.error(at, "argument_duplicate", message)
                return
        self.given[given.arg] = given
        self._note(scope, given, argument, at)

    def _is_part(self, given: Given) -> bool:
        input_ = self.inputs.get(given.param or "")
        return input_ is not None and input_.type == "string" and isinstance(input_.transform, Affix)

    def _note(self, scope: Scope, given: Given, argument: Argument, at: str) -> None:
        input_ = self.inputs.get(given.param or "")
        source = None if input_ is None else source_of(input_, self.inputs.values())
        clue = _clue(scope, given, argument, source, at)
        if input_ is not None and isinstance(input_.transform, Affix) and input_.transform.words:
            clue = _clue_of_words(scope, clue, input_.transform)
        self.clues.append(clue)


def check_call_inputs(scope: Scope) -> CallConditions:
    """Check inputs and filters, and that everything is given which the operation, or a parent that is given, must have.

    A write's idempotency key is the platform's to give, and nobody else's.
    """
    found = _Found()
    arguments = scope.view.arguments(scope.operation)
    key = key_argument(scope.operation, arguments)
    complete = True
    for index, rule in enumerate(scope.binding.inputs):
        at = f"inputs.{index}"
        argument = find_argument(arguments, scope.operation.invoke, rule.arg, f"{at}.arg", scope.report)
        made = _input(scope, rule, argument, at, found)
        if argument is None or made is None or _is_key(argument, key, f"{at}.arg", scope):
            complete = False
            continue
        found.inputs[made.param] = made
        found.give(scope, Given(argument.name, param=made.param), argument, f"{at}.arg")
        if isinstance(rule.transform, SplitRule):
            complete = _give_family(scope, rule.transform, made, f"{at}.transform.familyArg", found) and complete
    for index, rule in enumerate(scope.binding.filters):
        at = f"filters.{index}"
        argument = find_argument(arguments, scope.operation.invoke, rule.arg, f"{at}.arg", scope.report)
        given = None if argument is None else _filter(scope, rule, argument, at, found)
        if argument is None or given is None or _is_key(argument, key, f"{at}.arg", scope):
            complete = False
        elif given.param is None or found.given.get(argument.name) != given:
            found.give(scope, given, argument, f"{at}.arg")
    if complete:
        _check_complete(scope, [a for a in arguments if a is not key], found.given)
    return CallConditions(tuple(found.inputs.values()), tuple(found.given.values()), tuple(found.clues))


def _is_key(argument: Argument, key: Argument | None, at: str, scope: Scope) -> bool:
    """Whether the argument is the operation's idempotency key, which is then reported."""
    if key is None or argument.name != key.name:
        return False
    message = "This argument takes the idempotency key, which keeps one write from happening twice."
    scope.report.error(at, "idempotency_key_reserved", message, "Leave it out: each call is given a key of its own.")
    return True


def _give_family(scope: Scope, rule: SplitRule, given: CallInput, at: str, found: _Found) -> bool:
    """Give the family name of an input that splits a name to its argument. Whether that could be done."""
    argument = find_argument(scope.view.arguments(scope.operation), scope.operation.invoke, rule.family_arg, at, scope.report)
    if argument is None:
        return False
    if argument.type != "string" or argument.enum:
        scope.report.error(at, "transform_not_for_type", "A family name is text.")
        return False
    part = family_of(given, arg=argument.name, native_type=plain_native(argument), max_length=argument.max_length)
    found.inputs[part.param] = part
    found.give(scope, Given(argument.name, param=part.param), argument, at)
    return True


def _check_complete(scope: Scope, arguments: Sequence[Argument], given: dict[str, Given]) -> None:
    missing = [a for a in arguments if a.required and a.name not in given]
    if missing:
        listed = ", ".join(repr(a.name) for a in missing)
        hint = "Map an input to each, or give it a fixed value by an input with source constant."
        scope.report.error("inputs", "argument_required", f"The operation needs {listed}.", hint)
    for argument in arguments:
        parent = argument.demanded_by
        if parent is None or argument.required or argument.name in given:
            continue
        if any(name.startswith(parent + ".") for name in given):
            message = f"{parent!r} needs {argument.name!r} once anything in it is given."
            scope.report.error("inputs", "argument_required", message)


def _input(scope: Scope, rule: Input, argument: Argument | None, at: str, found: _Found) -> CallInput | None:
    sound = check_param(scope.report, rule.param, f"{at}.param", found.inputs)
    sound = check_source(scope.report, rule, at) and sound
    if argument is None or not sound:
        return None
    phone = _is_phone(rule.param, argument)
    constant = None
    if rule.source == "constant":
        constant = _phone(scope, rule.value, f"{at}.value") if phone else _literal(scope, rule.value, argument, f"{at}.value")
        if constant is None:
            return None
    elif _needs_constant(argument):
        message = "This argument takes a value without a plain type; only a constant can be given to it."
        scope.report.error(f"{at}.arg", "argument_needs_constant", message, "Give it by an input with source constant.")
        return None
    transform = None
    if rule.transform is not None:
        kind = (argument.item_type or "json") if argument.type == "array" else argument.type
        transform = check_transform(scope, rule.transform, Subject(kind, argument.enum), f"{at}.transform")
        if transform is None or not _in_view(scope, transform, argument, f"{at}.transform"):
            return None
    return _call_input(scope, rule, argument, f"{at}.arg", constant, transform)


def _in_view(scope: Scope, transform: Transform, argument: Argument, at: str) -> bool:
    """Whether the names that are written around a value are about nothing blocked; else that is reported."""
    if not isinstance(transform, Affix) or scope.view.may_give(scope.operation, searched_by(argument.name, transform)):
        return True
    scope.report.error(at, "affix_invalid", "What is written around the value names something that is not in view.")
    return False


def _call_input(
    scope: Scope, rule: Input, argument: Argument, at: str, constant: Any, transform: Transform | None = None
) -> CallInput:
    phone = transform is None and _is_phone(rule.param, argument)
    if phone:
        check_country(scope, at, "only numbers with + and a country code are understood.")
    canonical = BY_NAME.get(rule.param)
    kind = argument.item_type if argument.type == "array" else argument.type
    zoned = kind == "datetime" and not is_local(argument.native_type)
    return CallInput(
        param=rule.param,
        arg=argument.name,
        type=argument.type,
        native_type=plain_native(argument),
        source=rule.source,
        key=fact_key(rule),
        constant=constant,
        required=rule.required or rule.source != "model" or argument.required,
        description=rule.description or (canonical.description if canonical else argument.description),
        enum=argument.enum,
        max_length=None if phone else argument.max_length,
        codec="e164" if phone else "plain",
        country=scope.target.country if phone else None,
        zoned=zoned,
        time_zone=scope.target.time_zone if kind == "datetime" and not zoned else None,
        item_type=argument.item_type,
        transform=transform,
        minimum=argument.minimum,
        maximum=argument.maximum,
        tidy=not phone and argument.type == "string" and not argument.enum and is_tidied(rule.param),
    )


def _needs_constant(argument: Argument) -> bool:
    return ((argument.item_type or "json") if argument.type == "array" else argument.type) in _FREE


def _is_phone(param: str, argument: Argument) -> bool:
    """A phone by the argument's name; by the parameter alone only where the argument says nothing of its own."""
    if argument.type != "string" or argument.enum:
        return False
    part, _ = telling_part(argument.name)
    return says_phone(part) or param == "caller_phone"


def _phone(scope: Scope, value: Any, at: str) -> str | None:
    number = to_e164(value.strip(), scope.target.country) if isinstance(value, str) else None
    if number is None:
        scope.report.error(at, "value_invalid", "This must be a phone number with its country code, such as +1 613 555 0142.")
    return number


def _filter(scope: Scope, rule: FilterRule, argument: Argument, at: str, found: _Found) -> Given | None:
    if rule.op != "eq":
        message = "What an argument compares is up to the operation; it is given a value, with eq."
        scope.report.error(f"{at}.op", "operator_not_for_calls", message, "Use the argument that means it.")
        return None
    if (rule.param is None) == (rule.value is UNSET):
        scope.report.error(at, "value_missing", "A filter takes either a value or a param.")
        return None
    if rule.param is not None:
        return _filter_by_param(scope, rule.param, argument, at, found)
    value: Any = rule.value
    if asks_now(value) and argument.type not in ("json", "object"):
        if argument.type not in _ABOUT_TIME:
            scope.report.error(f"{at}.value", "value_invalid", "Only a date or a time can be now.")
            return None
        now = told_time(value, f"{at}.value", scope.report)
        return None if now is None else Given(argument.name, now=now)
    literal = _literal(scope, value, argument, f"{at}.value")
    return None if literal is None else Given(argument.name, value=literal)


def _filter_by_param(scope: Scope, param: str, argument: Argument, at: str, found: _Found) -> Given | None:
    known = found.inputs.get(param)
    if known is None:
        if any(rule.param == param for rule in scope.binding.inputs):
            return None  # the input is wrong, and reported
        rule = Input(param=param, arg=argument.name)
        made = _input(scope, rule, argument, at, found)
        if made is None:
            return None
        found.inputs[param] = made
    elif known.transform is not None or not _same_values(
        known, _call_input(scope, Input(param=param, arg=argument.name), argument, f"{at}.arg", None)
    ):
        message = f"The input {param!r} is for {known.arg!r}, and this argument is of another type."
        scope.report.error(f"{at}.param", "param_invalid", message, "Add an input of its own for this argument.")
        return None
    return Given(argument.name, param=param)


def _same_values(known: CallInput, other: CallInput) -> bool:
    """Whether the value read for one is a value for the other as well."""
    return (known.type, known.native_type, known.item_type, known.enum, known.codec) == (
        other.type,
        other.native_type,
        other.item_type,
        other.enum,
        other.codec,
    )


def _literal(scope: Scope, value: Any, argument: Argument, at: str) -> Any:
    """The value in JSON form, or None with the reason reported."""
    if value is None:
        scope.report.error(at, "value_invalid", "A value cannot be null.", "Leave the argument out.")
        return None
    if not scope.view.may_give(scope.operation, spelled_in(argument.name, value)):
        scope.report.error(at, "value_invalid", "This value names something that is not in view.")
        return None
    try:
        return argument_literal(value, argument, scope.target.time_zone)
    except Unfit as unfit:
        scope.report.error(at, "value_invalid", str(unfit))
        return None


def _clue(scope: Scope, given: Given, argument: Argument, source: Source | None, place: str) -> Clue:
    part, equal = telling_part(argument.name)
    field = _field_meant(scope.root.fields, part)
    # The key of a people's collection (customers/{customer}/orders) is theirs, whatever the records are.
    holder = part if is_about_people(part) else scope.root.name
    return Clue(
        place=place,
        name=part,
        holder=holder,
        param=given.param,
        source=source,
        equal=equal,
        telling=argument.role == "key" or "name" in split_words(part) or numbers_its_record(part, scope.root.name),
        personal="pii" in argument.badges or (field is not None and "pii" in field.badges),
        field=field.name if field is not None else None,
    )


def _clue_of_words(scope: Scope, clue: Clue, affix: Affix) -> Clue:
    """What a search is about is told by the last name before its value, as in ``email:"…"``."""
    name = (Affix(before=affix.before).words or affix.words)[-1]
    field = _field_meant(scope.root.fields, name)
    return msgspec.structs.replace(
        clue,
        name=name,
        telling=clue.telling or "name" in split_words(name) or numbers_its_record(name, scope.root.name),
        personal=clue.personal or (field is not None and "pii" in field.badges),
        field=field.name if field is not None else None,
    )


def _field_meant(fields: Sequence[Field], part: str) -> Field | None:
    """The field of the record that goes by the same name, however it is written."""
    wanted = "".join(split_words(part))
    return next((field for field in fields if "".join(split_words(field.name)) == wanted), None)
