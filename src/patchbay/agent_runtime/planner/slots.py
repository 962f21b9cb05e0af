"""Filling a skill's parameters from what was said.

Each parameter is looked for by what it is: its type first, then the words of its name. What one parameter has taken is not
given to the next. When exactly one parameter was asked for, the answer is read more generously.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

from patchbay.agent_runtime.planner import dates
from patchbay.agent_runtime.planner.numbers import digits_for_words, find_numbers
from patchbay.agent_runtime.planner.phrases import find_enum, find_marked, find_name, find_phrase, whole_answer
from patchbay.agent_runtime.planner.words import named, split_words, stem
from patchbay.schema_graph.call import CallInput
from patchbay.schema_graph.transform import MoneyMinor, PhoneForm

Kind = Literal[
    "phone", "email", "uuid", "address", "date", "datetime", "time", "postcode", "number", "boolean", "enum", "id", "name", "text"
]
_ORDER: tuple[Kind, ...] = (
    "email", "uuid", "phone", "address", "datetime", "date", "time", "postcode", "id", "number", "enum", "name", "boolean",
    "text",
)  # fmt: skip

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_SPOKEN_EMAIL = re.compile(r"\b([a-z0-9_+-]+(?: dot [a-z0-9_+-]+)*) at ([a-z0-9-]+(?: dot [a-z0-9-]+)+)\b", re.I)
_PHONE = re.compile(r"(?<![\w-])(?:\+|00)?\(?\d(?:[\s().\-/]{0,3}\d){6,14}(?:\s*(?:ext|x)\.?\s*\d+)?(?![\w-])")
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.I)
_POSTCODES = (
    re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b", re.I),
    re.compile(r"\b[ABCEGHJ-NPRSTVXY]\d[A-Z][ -]?\d[A-Z]\d\b", re.I),
    re.compile(r"\b\d{4} ?[A-Z]{2}\b"),
    re.compile(r"\b\d{5}(?:-\d{4})?\b"),
    re.compile(r"\b\d{4}\b"),
)
_STREET = re.compile(
    r"\b\d{1,6}[A-Za-z]?\s+(?:[\w.'-]+\s+){1,4}?"
    r"(?:st|street|ave|avenue|rd|road|blvd|boulevard|dr|drive|ln|lane|way|ct|court|pl|place|sq|square|ter|terrace|hwy|pkwy|cir|close)\b"
    r"\.?(?:,?\s+(?:apt|unit|suite|#)\s*[\w-]+)?"
    r"(?:,\s*[A-Za-z](?:[A-Za-z .'-]{0,40}[A-Za-z])?)*(?:,?\s+[A-Z]{2})?(?:,?\s+\d{5}(?:-\d{4})?)?",
    re.I,
)
_ID = re.compile(r"(?<![\w@.])#?(?=[A-Za-z\d-]*\d)([A-Za-z]{0,8}-?\d[\w-]*\w|[A-Za-z]{0,8}-?\d)(?![\w@])")
_CODE = re.compile(r"\b[A-Z][A-Z-]+[A-Z]\b")
_YES = re.compile(r"\b(yes|yeah|yep|true|correct|right|sure|please do|of course)\b", re.I)
_NO = re.compile(r"\b(no|nope|not|false|wrong|don't)\b", re.I)

_ID_WORDS = named(
    """
    id number no num nr code ref reference sku serial vin plate key tracking confirmation barcode isbn
    """
)
_NAME_WORDS = named("name surname forename lastname firstname fullname")
_NOT_STREETS = named("ip mac web wallet url")
_PHONE_WORDS = named("phone telephone mobile cell msisdn tel")
_POST_WORDS = named("postcode zip zipcode postal")
_PEOPLE = named(
    """
    caller customer client patient guest user contact person first last full family given member owner
    """
)
_DAY_FIRST_EXCEPT = frozenset({"US", "PH", "CA"})


@lru_cache(maxsize=2048)
def kind_of(one: CallInput) -> Kind:
    """What sort of value an input takes."""
    words = set(split_words(one.param)) | set(split_words(one.arg.rsplit(".", 1)[-1]))
    if one.codec in ("phone", "e164") or isinstance(one.transform, PhoneForm) or words & _PHONE_WORDS:
        return "phone"
    if one.said_enum:
        return "enum"
    if isinstance(one.transform, MoneyMinor):
        return "number"
    by_type: dict[str, Kind] = {"uuid": "uuid", "date": "date", "datetime": "datetime", "time": "time", "boolean": "boolean"}
    if one.said_type in by_type:
        return by_type[one.said_type]
    if one.said_type in ("integer", "decimal", "number"):
        return "number"
    if words & {"email", "mail"}:
        return "email"
    if words & _POST_WORDS:
        return "postcode"
    if words & _NAME_WORDS and (words & _PEOPLE or words <= _NAME_WORDS | {"in"}):
        return "name"
    if "address" in words and not words & _NOT_STREETS:
        return "address"
    return "id" if words & _ID_WORDS else "text"


def fill(
    said: str, inputs: Sequence[CallInput], *, now: datetime, country: str | None, asked: str | None = None
) -> dict[str, Any]:
    """Values for as many of ``inputs`` as ``said`` gives, as JSON a tool call can carry.

    ``now`` is aware, in the agent's zone; ``asked`` is the parameter the caller was just asked for.
    """
    left = digits_for_words(said)
    order = sorted(inputs, key=lambda i: (i.param != asked, _ORDER.index(kind_of(i))))
    values: dict[str, Any] = {}
    for one in order:
        found = _find(one, left, now=now, country=country, asked=one.param == asked)
        if found is None:
            continue
        value, span = found
        values[one.param] = value
        left = left[: span[0]] + " | " + left[span[1] :]
    return values


Found = tuple[Any, tuple[int, int]]


def _find(one: CallInput, text: str, *, now: datetime, country: str | None, asked: bool) -> Found | None:
    kind = kind_of(one)
    match kind:
        case "email":
            return _email(text)
        case "phone" | "uuid":
            return _matched(_PHONE if kind == "phone" else _UUID, text)
        case "date" | "datetime" | "time":
            return _moment(kind, text, now, day_first=country is not None and country not in _DAY_FIRST_EXCEPT)
        case "address":
            return _matched(_STREET, text) or _worded(kind, one, text, asked=asked)
        case "postcode":
            return next((f for f in (_matched(p, text) for p in _POSTCODES) if f), None)
        case "number":
            return _number(one, text, asked=asked)
        case "boolean":
            return _boolean(text) if asked else None
        case "enum":
            return find_enum(one.said_enum, text)
        case _:
            return _worded(kind, one, text, asked=asked)


def _worded(kind: Kind, one: CallInput, text: str, *, asked: bool) -> Found | None:
    """An id, a name or free text. All of a short answer is the value, unless the value stands out in it."""
    whole = whole_answer(text) if asked else None
    if kind == "id":
        return _id(one, text) or whole
    if kind == "name":
        return find_name(text) or whole
    return find_marked(text) or whole or find_phrase(one, text)


def _moment(kind: Kind, text: str, now: datetime, *, day_first: bool) -> Found | None:
    if kind == "date":
        day = dates.find_date(text, now.date(), day_first=day_first)
        return (day[0].isoformat(), day[1]) if day else None
    if kind == "datetime":
        moment = dates.find_datetime(text, now, day_first=day_first)
        return (moment[0].isoformat(), moment[1]) if moment else None
    clock = dates.find_time(text)
    return (clock[0].isoformat(timespec="minutes"), clock[1]) if clock else None


def _matched(pattern: re.Pattern[str], text: str) -> Found | None:
    match = pattern.search(text)
    return (match[0].strip(), match.span()) if match else None


def _email(text: str) -> Found | None:
    if match := _EMAIL.search(text):
        return match[0].rstrip("."), match.span()
    if match := _SPOKEN_EMAIL.search(text):
        return f"{match[1]}@{match[2]}".replace(" dot ", ".").lower(), match.span()
    return None


def _number(one: CallInput, text: str, *, asked: bool) -> Found | None:
    numbers = find_numbers(text.replace("#", " "))
    if one.said_type == "integer":
        numbers = [n for n in numbers if "." not in n[0]]
    best = _nearest(one, text, numbers)
    if best is None or not (asked or _named_near(one, text) or text[best[1][0]].isdigit()):
        return None
    value, span = best
    if one.said_type in ("decimal", "string") or len(value.lstrip("-")) > 15:
        return value, span
    return (float(value) if "." in value else int(value)), span


def _id(one: CallInput, text: str) -> Found | None:
    found = [(match[1], match.span()) for match in _ID.finditer(text)]
    if not found:
        own = set(split_words(one.param))
        after = min(_mentions(one, text), default=len(text))
        codes = _CODE.finditer(text, after)
        found = [(match[0], match.span()) for match in codes if match[0].lower() not in own]
    return _nearest(one, text, found)


def _nearest(one: CallInput, text: str, found: Sequence[tuple[str, tuple[int, int]]]) -> Found | None:
    """The value that stands nearest after one of the parameter's own words, else the first."""
    ends = _mentions(one, text)
    if not found or not ends:
        return found[0] if found else None
    return min(found, key=lambda f: min((f[1][0] - e if f[1][0] >= e else 1000 + e - f[1][0]) for e in ends))


def _mentions(one: CallInput, text: str) -> list[int]:
    """Where the words of the parameter's name end in ``text``."""
    words = {stem(w) for w in split_words(one.param)}
    return [match.end() for match in re.finditer(r"[A-Za-z]+", text) if stem(match[0].lower()) in words]


def _named_near(one: CallInput, text: str) -> bool:
    return bool(_mentions(one, text))


def _boolean(text: str) -> Found | None:
    for pattern, value in ((_NO, False), (_YES, True)):
        if match := pattern.search(text):
            return value, match.span()
    return None
