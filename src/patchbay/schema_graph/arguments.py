"""What a call's inputs are given, turned into the values its placeholders take.

Each input has one source. The model writes only ``arguments``; a call in which it sends anything else is refused, not
trimmed. Problems are told in this order: a refused argument, findings about values, facts the channel does not have, and
last what the caller still has to be asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

import msgspec

from patchbay.errors import Finding, PatchbayError, Unprocessable
from patchbay.nearest import did_you_mean
from patchbay.schema_graph.call import CallContext, CallInput, FrozenCall, SqlSlot
from patchbay.schema_graph.coercion import Reader, Unfit, local_time, reader
from patchbay.schema_graph.emails import address_spellings
from patchbay.schema_graph.moments import moment_at
from patchbay.schema_graph.phones import shape, speller, to_e164
from patchbay.schema_graph.transform import Affix, Transform
from patchbay.schema_graph.transforming import to_system


class ArgumentRefused(Unprocessable):
    """The call was sent an argument that it does not take from the model."""

    code, title = "argument_refused", "Argument refused"


class ArgumentsInvalid(Unprocessable):
    """Some arguments of the call are not valid."""

    code, title = "arguments_invalid", "Arguments invalid"


class MissingArguments(Unprocessable):
    """The caller has to be asked for something first. ``params`` names what, in the order of the inputs."""

    code, title = "arguments_missing", "Arguments missing"

    def __init__(self, inputs: Sequence[CallInput]) -> None:
        self.params = tuple(one.param for one in inputs)
        findings = [Finding(one.param, "required", one.description or "This is needed.") for one in inputs]
        super().__init__(f"Still needed: {', '.join(self.params)}.", errors=findings)


class MissingFacts(PatchbayError):
    """This conversation does not know something the call needs, and the caller's word is not enough for it.

    ``session`` and ``verified`` name the facts that are absent.
    """

    code, status, title = "facts_missing", 422, "Facts missing"

    def __init__(self, inputs: Sequence[CallInput]) -> None:
        self.session = tuple(one.key or one.param for one in inputs if one.source == "session")
        self.verified = tuple(one.key or one.param for one in inputs if one.source == "verified")
        findings = [Finding(one.param, f"{one.source}_fact_missing", _missing_fact(one)) for one in inputs]
        super().__init__(errors=findings)


_FREE = frozenset({"json", "object", "array"})
"""Types whose values have no form of their own: only a constant can be one, and it is taken as it is written."""

Prepare = Callable[[CallContext], dict[str, Any]]
"""Values by parameter for one run, None where an optional one was not given. A phone or address to compare: its spellings."""


class _Input(msgspec.Struct, frozen=True):
    param: str
    source: str
    key: str
    required: bool
    read: Reader
    declared: CallInput
    origin: CallInput


def validate_arguments(call_inputs: Sequence[CallInput], context: CallContext) -> dict[str, Any]:
    """The values of one run, by parameter.

    Raises :class:`ArgumentRefused`, :class:`ArgumentsInvalid`, :class:`MissingFacts` or :class:`MissingArguments`.
    """
    return prepare_inputs(call_inputs)(context)


def prepare_inputs(call: FrozenCall | Sequence[CallInput]) -> Prepare:
    """:func:`validate_arguments` with everything about the inputs worked out; the result may be kept with the call."""
    inputs = tuple(call.inputs if isinstance(call, FrozenCall) else call)
    try:
        return _prepared(inputs)
    except TypeError:  # a constant that cannot be hashed: a list
        return _build(inputs)


@lru_cache(maxsize=1024)
def _prepared(inputs: tuple[CallInput, ...]) -> Prepare:
    return _build(inputs)


def _build(inputs: tuple[CallInput, ...]) -> Prepare:
    by_param = {one.param: one for one in inputs}
    known: list[_Input] = []
    for one in inputs:
        origin = by_param[one.key or ""] if one.source == "derived" else one
        known.append(_Input(one.param, origin.source, origin.key or origin.param, one.required, _reader(one), one, origin))
    from_model = frozenset(one.param for one in inputs if one.source == "model")

    def prepare(context: CallContext) -> dict[str, Any]:
        if not context.arguments.keys() <= from_model:
            raise _refusal(context.arguments, from_model)
        return _values(known, context)

    return prepare


def _values(known: Sequence[_Input], context: CallContext) -> dict[str, Any]:
    values: dict[str, Any] = {}
    findings: list[Finding] = []
    missing: list[CallInput] = []
    for one in known:
        given = _given(one, context)
        if _absent(given):
            values[one.param] = None
            if one.required and one.declared is one.origin:
                missing.append(one.declared)
            continue
        try:
            values[one.param] = one.read(given, context.time_zone)
        except Unfit as unfit:
            finding = Finding(one.origin.param, unfit.code, str(unfit))
            if finding not in findings:
                findings.append(finding)
    if findings:
        raise ArgumentsInvalid(errors=findings)
    if missing:
        unknown = [one for one in missing if one.source != "model"]
        raise MissingFacts(unknown) if unknown else MissingArguments(missing)
    return values


def _given(one: _Input, context: CallContext) -> Any:
    if one.source == "model":
        return context.arguments.get(one.origin.param)
    if one.source == "session":
        return context.session.get(one.key)
    if one.source == "verified":
        return context.verified.get(one.key)
    return one.origin.constant


def _absent(given: Any) -> bool:
    """Models send an empty text, or an empty list, for what they do not know."""
    return given is None or given == [] or (isinstance(given, str) and not given.strip())


def _reader(one: CallInput) -> Reader:
    if one.codec == "phone":
        return _phone_reader(one)
    if one.codec == "e164":
        return _number_reader(one)
    if one.source == "constant" and (one.item_type if one.type == "array" else one.type) in _FREE | {None}:
        return _as_written
    plain = reader(
        one.type,
        one.native_type,
        zoned=one.zoned,
        enum=one.enum,
        max_length=one.max_length,
        column_zone=one.time_zone,
        item_type=one.item_type,
    )
    if one.minimum is not None or one.maximum is not None:
        plain = _bounded(plain, one.minimum, one.maximum)
    if one.transform is not None:
        written = _transformed(one.transform, plain, listed=one.type == "array")
        return _tidy_reader(written) if one.tidy and isinstance(one.transform, Affix) else written
    if one.tidy:
        return _tidy_reader(plain)
    return _address_reader(plain) if one.codec == "email" else plain


def _tidy_reader(plain: Reader) -> Reader:
    def read(value: Any, zone: str) -> Any:
        return plain(" ".join(value.split()) if isinstance(value, str) else value, zone)

    return read


def _each(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _bounded(plain: Reader, minimum: float | None, maximum: float | None) -> Reader:
    """Numbers no smaller and no larger than the system takes; a list one by one."""

    def read(value: Any, zone: str) -> Any:
        found = plain(value, zone)
        for number in _each(found):
            if minimum is not None and number < minimum:
                raise Unfit("out_of_range", f"This must be at least {minimum}.")
            if maximum is not None and number > maximum:
                raise Unfit("out_of_range", f"This must be at most {maximum}.")
        return found

    return read


def _transformed(transform: Transform, plain: Reader, *, listed: bool) -> Reader:
    """The agent's value turned into the system's, which the argument's own reader then checks; a list one by one."""
    write = to_system(transform)

    def read(value: Any, zone: str) -> Any:
        if not listed:
            return plain(write(value, zone), zone)
        given = list(cast("Sequence[Any]", value)) if isinstance(value, (list, tuple)) else [value]
        return plain([write(one, zone) for one in given], zone)

    return read


def _address_reader(plain: Reader) -> Reader:
    """The address's spellings, once it is a text the column can hold."""

    def read(value: Any, zone: str) -> tuple[str, ...]:
        return address_spellings(plain(value, zone).strip())

    return read


def _as_written(value: Any, _zone: str) -> Any:
    return value


def _number_reader(one: CallInput) -> Reader:
    """The number's one form: in the one shape where it can be written so, else in E.164; as a number, its digits."""
    country, spell = one.country, speller(one.formats, one.country)
    plain = reader(one.type, one.native_type) if one.type in ("integer", "decimal", "number") else None

    def read(value: Any, zone: str) -> Any:
        number = _e164(value, country)
        shaped = [text for text in spell(number) if shape(text) in one.formats] if one.formats else []
        written = shaped[0] if shaped else number
        return written if plain is None else plain(written.removeprefix("+"), zone)

    return read


def _e164(value: Any, country: str | None) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    number = to_e164(value.strip(), country) if isinstance(value, str) else None
    if number is None:
        raise Unfit("phone_unreadable", _phone_message(country))
    return number


def _phone_reader(one: CallInput) -> Reader:
    """The number's spellings in the column's shapes; for a column of numbers, those that are digits alone."""
    country, spell = one.country, speller(one.formats, one.country)
    as_number = one.type in ("integer", "decimal", "number")
    plain = reader(one.type, one.native_type) if as_number else None

    def read(value: Any, zone: str) -> tuple[Any, ...]:
        found = spell(_e164(value, country))
        if plain is None:
            return found
        return tuple(plain(text, zone) for text in found if text.isdecimal() and not text.startswith("0"))

    return read


def _phone_message(country: str | None) -> str:
    if country is None:
        return "This must be a phone number with its country code, such as +1 613 555 0142."
    return "This must be a full phone number, with its area code and without an extension."


def _refusal(arguments: Mapping[str, Any], allowed: frozenset[str]) -> ArgumentRefused:
    """Says only what the model may know: the name it sent, and the names it may send."""
    findings = [
        Finding(name[:64], "unknown_argument", "This call takes no such argument.", did_you_mean(name, allowed))
        for name in arguments
        if name not in allowed
    ]
    return ArgumentRefused(errors=findings)


def _missing_fact(one: CallInput) -> str:
    if one.source == "verified":
        return "This comes from a verified caller, and the caller is not verified."
    if one.source == "session":
        return "This comes from the channel, and the channel does not know it."
    return "This is needed."


def prepare_slots(slots: Sequence[SqlSlot]) -> Callable[[Mapping[str, Any], datetime], list[Any]]:
    """The function that fills a statement's placeholders, in order.

    It takes a run's values and the time of the call (aware, in the agent's zone). Literals are read once, here. Times for a
    column without zone are the wall clock of the zone it is stored in.
    """
    fixed = [_literal(slot) for slot in slots]

    def fill(values: Mapping[str, Any], now: datetime) -> list[Any]:
        filled: list[Any] = []
        for slot, literal in zip(slots, fixed, strict=True):
            if slot.param is not None:
                filled.append(_sent(values[slot.param]))
            elif slot.now:
                filled.append(_now(slot, now))
            else:
                filled.append(literal)
        return filled

    return fill


def _sent(value: Any) -> Any:
    """Arrays go out as lists."""
    return list(cast("tuple[Any, ...]", value)) if isinstance(value, tuple) else value


def _literal(slot: SqlSlot) -> Any:
    if slot.param is not None or slot.now or slot.value is None:
        return None
    read = reader(slot.type, slot.native_type, zoned=slot.zoned, column_zone=slot.time_zone)
    zone = slot.time_zone or "UTC"
    return [read(one, zone) for one in slot.value] if slot.many else read(slot.value, zone)


def _now(slot: SqlSlot, now: datetime) -> Any:
    moment = local_time(moment_at(slot.now, now), slot.time_zone, zoned=slot.zoned)
    if slot.type == "date":
        return moment.date()
    return moment.time() if slot.type == "time" else moment
