"""The transforms that a binding declares, checked against the type of what they are on."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from patchbay.bindings.path_problems import near
from patchbay.bindings.scope import Scope
from patchbay.bindings.transform_rules import InputTransform, JoinRule, MoneyRule, OutputTransform, SplitRule, WordsRule
from patchbay.nearest import did_you_mean
from patchbay.schema_graph.call import CallInput
from patchbay.schema_graph.coercion import zone_info
from patchbay.schema_graph.currencies import EXPONENTS
from patchbay.schema_graph.model import FieldType
from patchbay.schema_graph.numbering import known_country
from patchbay.schema_graph.said_times import Unfit
from patchbay.schema_graph.time_forms import is_number, needs_zone
from patchbay.schema_graph.transform import (
    QUOTES,
    Affix,
    EnumWords,
    JoinName,
    MoneyMinor,
    PhoneForm,
    Scale,
    SplitName,
    TextForm,
    TimeForm,
    Transform,
)
from patchbay.schema_graph.transforming import fold_word

MOST_DIGITS = 12
MOST_AFFIXED = 200
_NUMBERS: frozenset[FieldType] = frozenset({"integer", "decimal", "number"})
_SORTED = frozenset({"iso_basic", "iso_local", "sql_local", "compact_local", "date_iso", "date_basic"})
"""The forms whose texts sort as their times do."""
_SET_ZONE = "Write its timeZone (an IANA name such as America/Toronto), or set the connection's."


class Subject(msgspec.Struct, frozen=True):
    """What a transform is on: a field, an argument, or the elements of one. ``enum`` are its labels."""

    type: FieldType
    enum: tuple[str, ...] = ()


def check_transform(scope: Scope, rule: InputTransform | OutputTransform, subject: Subject, at: str) -> Transform | None:
    """The transform a rule declares for ``subject``, or None with what is wrong reported at ``at``. Of :class:`JoinRule` the
    leaf of the other part is not known yet.
    """
    if not _fits(rule, subject):
        message = f"This transform is not for a value of type {'enum' if subject.enum else subject.type}."
        scope.report.error(at, "transform_not_for_type", message)
        return None
    match rule:
        case PhoneForm():
            return _phone(scope, rule, at)
        case TimeForm():
            return _time(scope, rule, at)
        case MoneyRule():
            return _money(scope, rule, at)
        case WordsRule():
            return _words(scope, rule, subject, at)
        case Scale():
            return _scale(scope, rule, at)
        case TextForm():
            return rule
        case Affix():
            return _affix(scope, rule, at)
        case SplitRule():
            return SplitName("given")
        case JoinRule():
            return JoinName("")


def keeps_order(transform: Transform, kind: FieldType) -> bool:
    """Whether the system's values sort as the agent's do, so that they can be compared as more and less."""
    if isinstance(transform, TimeForm):
        return transform.format in _SORTED if kind == "string" else kind in _NUMBERS
    return isinstance(transform, (MoneyMinor, Scale)) and kind in _NUMBERS


def family_of(given: CallInput, *, arg: str, native_type: str, max_length: int | None) -> CallInput:
    """The second part of an input that splits a name: what its family name goes to."""
    return msgspec.structs.replace(
        given,
        param=f"{given.param}.family",
        arg=arg,
        native_type=native_type,
        max_length=max_length,
        source="derived",
        key=given.param,
        constant=None,
        transform=SplitName("family"),
    )


def _fits(rule: InputTransform | OutputTransform, subject: Subject) -> bool:
    kind = subject.type
    if isinstance(rule, WordsRule):
        return kind in ("string", "enum", "integer", "boolean")
    if subject.enum:
        return False
    match rule:
        case PhoneForm():
            return kind == "string" or (kind in ("integer", "decimal") and rule.format == "digits")
        case TimeForm():
            return kind == "string" or (kind in _NUMBERS and is_number(rule))
        case MoneyRule():
            return kind == "string" or kind in _NUMBERS
        case Scale():
            return kind in _NUMBERS
        case _:
            return kind == "string"


def _phone(scope: Scope, rule: PhoneForm, at: str) -> PhoneForm | None:
    country = (rule.country or scope.target.country or "").upper() or None
    if country is not None and not known_country(country):
        scope.report.error(f"{at}.country", "country_unknown", "This is not a country's ISO 3166-1 code such as CA.")
        return None
    if country is None and rule.format == "national":
        message = "National numbers belong to a country, and none is set."
        scope.report.error(at, "default_country_required", message, "Write its country, or set the connection's defaultCountry.")
        return None
    return PhoneForm(rule.format, country)


def _time(scope: Scope, rule: TimeForm, at: str) -> TimeForm | None:
    if not needs_zone(rule):
        if rule.time_zone is not None:
            scope.report.error(f"{at}.timeZone", "time_zone_unused", "This form is the same in every time zone.")
            return None
        return rule
    zone = rule.time_zone or scope.target.time_zone
    if zone is None:
        scope.report.error(at, "time_zone_required", "This form is the wall clock of a time zone, and none is set.", _SET_ZONE)
        return None
    try:
        zone_info(zone)
    except Unfit as unfit:
        scope.report.error(f"{at}.timeZone", unfit.code, str(unfit))
        return None
    return TimeForm(rule.format, zone)


def _money(scope: Scope, rule: MoneyRule, at: str) -> MoneyMinor | None:
    currency = rule.currency.upper()
    digits = EXPONENTS.get(currency)
    if digits is None:
        hint = did_you_mean(currency, EXPONENTS)
        scope.report.error(f"{at}.currency", "currency_unknown", "This is not a currency's ISO 4217 code such as CAD.", hint)
        return None
    return MoneyMinor(currency, digits)


def _scale(scope: Scope, rule: Scale, at: str) -> Scale | None:
    if rule.digits == 0 or abs(rule.digits) > MOST_DIGITS:
        message = f"A scale shifts the point by 1 to {MOST_DIGITS} digits, either way."
        scope.report.error(f"{at}.digits", "scale_invalid", message)
        return None
    return rule


def _affix(scope: Scope, rule: Affix, at: str) -> Affix | None:
    """A value that a quotation mark opens before has to be closed behind, or it would go on into what is written there."""
    problem = None
    if not rule.before and not rule.after:
        problem = "Nothing is written before or after the value."
    elif max(map(len, (rule.before, rule.after, rule.without))) > MOST_AFFIXED:
        problem = f"Each of before, after and without has at most {MOST_AFFIXED} characters."
    elif any(not character.isprintable() for character in rule.before + rule.after):
        problem = "What is written around a value is text on one line."
    elif rule.quote is None and (rule.before[-1:] in QUOTES or rule.after[:1] in QUOTES) and rule.before + rule.after:
        problem = "A quotation mark right before the value has to be right behind it too."
    if problem is not None:
        scope.report.error(at, "affix_invalid", problem)
        return None
    return rule


def _words(scope: Scope, rule: WordsRule, subject: Subject, at: str) -> EnumWords | None:
    pairs = [(_value(value, subject), " ".join(word.split())) for value, word in rule.words.items()]
    before = len(scope.report.errors)
    for value, given in zip(rule.words, pairs, strict=True):
        if given[0] is None or (subject.enum and given[0] not in subject.enum):
            hint = near(value, subject.enum) if subject.enum else None
            scope.report.error(f"{at}.words.{value}", "value_invalid", "This is not a value of the field.", hint)
    _check_unlike([value for value, _ in pairs if value is not None], "Two of these values are the same.", scope, at)
    _check_unlike([fold_word(word) for _, word in pairs], "Two of these words are said alike.", scope, at)
    if any(not fold_word(word) for _, word in pairs):
        scope.report.error(f"{at}.words", "words_invalid", "A word holds at least one letter or digit.")
    if len(scope.report.errors) > before:
        return None
    known = {value for value, _ in pairs}
    if left := [label for label in subject.enum if label not in known]:
        shown = ", ".join(repr(one) for one in left[:5])
        message = f"There is no word for {shown}: it can neither be asked for nor be told."
        scope.report.warn(f"{at}.words", "enum_words_incomplete", message)
    return EnumWords(tuple((value, word) for value, word in pairs if value is not None))


def _check_unlike(texts: Sequence[str], message: str, scope: Scope, at: str) -> None:
    if len(set(texts)) != len(texts):
        scope.report.error(f"{at}.words", "words_invalid", message)


def _value(text: str, subject: Subject) -> str | None:
    """A key of the words as its values are written in a result, or None where the type has no such value."""
    if subject.type == "integer" and not subject.enum:
        digits = text.strip().removeprefix("-")
        return str(int(text)) if digits.isascii() and digits.isdigit() else None
    if subject.type == "boolean":
        return text.strip().lower() if text.strip().lower() in ("true", "false") else None
    return text.rstrip(" ") or None
