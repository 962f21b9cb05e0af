"""A field of a verification: what kind it is, how it is asked for, read and compared."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any, Literal

import msgspec

from patchbay.agent_runtime.verification.comparing import answers
from patchbay.agent_runtime.verification.comparing.dates import AmbiguousDate, date_forms, read_date, stored_date
from patchbay.agent_runtime.verification.comparing.names import same_name
from patchbay.agent_runtime.verification.comparing.postcodes import (
    read_postcode,
    same_postcode,
    spaced_postcode,
)
from patchbay.agent_runtime.verification.comparing.spoken import equal, words

Kind = Literal["date", "postcode", "digits", "code", "name", "email", "phone", "answer"]

_WORDS = re.compile(r"[a-z]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ALIASES: dict[str, str] = {
    "dob": "date_of_birth",
    "birth_date": "date_of_birth",
    "birthdate": "date_of_birth",
    "birthday": "date_of_birth",
    "date_birth": "date_of_birth",
    "born_on": "date_of_birth",
    "zip": "postcode",
    "zip_code": "postcode",
    "zipcode": "postcode",
    "postal_code": "postcode",
    "post_code": "postcode",
    "account_pin": "pin",
    "social_security_number": "ssn",
    "social_security": "ssn",
    "pin_code": "pin",
    "passcode": "pin",
    "one_time_code": "otp",
    "code": "otp",
    "otp_code": "otp",
}
ONE_TIME_CODE = "otp"
"""The canonical name of the code that a text message brought: it is compared by us, never by the verifier."""
_ASKED: dict[str, str] = {
    "date_of_birth": "your date of birth",
    "postcode": "your postcode",
    "pin": "your PIN",
    "name": "your full name",
    "full_name": "your full name",
    "email": "your e-mail address",
    "phone": "your phone number",
    "phone_number": "your phone number",
    "otp": "the code I texted you",
}
SECRET_KINDS: frozenset[Kind] = frozenset({"date", "digits", "answer"})
"""Kinds that prove who somebody is. The others say who they claim to be."""


class Place(msgspec.Struct, frozen=True):
    """What decides how things are read: the agent's country, whether days come before months there, and today."""

    country: str | None
    day_first: bool | None
    today: date


class Read(msgspec.Struct, frozen=True):
    """A value read from an utterance, canonical; ``ambiguous`` when it could be two, ``value`` None when it could not be read."""

    value: str | None = None
    ambiguous: bool = False


def canonical_field(name: str) -> str:
    """The name of a field without regard to how it is written: ``dateOfBirth``, ``DOB`` and ``date_of_birth`` are one."""
    snake = "_".join(_WORDS.findall(_CAMEL.sub(" ", name).lower()))
    return _ALIASES.get(snake, snake)


def kind_of(name: str, type: str | None = None) -> Kind:
    """What kind of value a field holds, by its name and the type of the column or argument it is."""
    field = canonical_field(name)
    parts = set(field.split("_"))
    if type in ("date", "datetime") or field == "date_of_birth" or "dob" in parts or "birth" in parts:
        return "date"
    if field == "postcode" or parts & {"postcode", "zip"}:
        return "postcode"
    if field == ONE_TIME_CODE or parts & {"pin", "passcode", "digits", "cvv", "ssn"}:
        return "digits"
    if parts & {"email", "mail"}:
        return "email"
    if parts & {"phone", "mobile", "telephone", "cell"}:
        return "phone"
    if parts & {"name", "surname"} and not parts & {"maiden", "pet", "school", "street"}:
        return "name"
    return "code" if parts & {"number", "no", "id", "ref", "reference", "account", "order"} else "answer"


def asked(name: str) -> str:
    """A field as something to ask for."""
    field = canonical_field(name)
    return _ASKED.get(field) or f"your {field.replace('_', ' ')}"


def may_hold(text: str, kind: Kind) -> bool:
    """Whether an utterance could hold a value of ``kind`` at all. What has a figure in it always could: a secret may be in it."""
    said = words(text)
    if any(word.number for word in said):
        return True
    if kind in ("date", "postcode", "digits", "code", "phone"):
        return False
    return bool(said)


def read(text: str, kind: Kind, place: Place) -> Read:
    """The value of ``kind`` in an utterance."""
    try:
        return Read(_READERS[kind](text, place))
    except AmbiguousDate:
        return Read(ambiguous=True)


def same(said: str, stored: Any, kind: Kind, place: Place) -> bool:
    """Whether a value as it was read is the one on file. Nothing is the same as a value that is not there."""
    if stored is None or stored == "":
        return False
    return _COMPARED[kind](said, stored, place)


def spelled(value: str, kind: Kind, place: Place) -> str:
    """A read value as a verifier that takes it as an argument is given it."""
    return spaced_postcode(value, place.country) if kind == "postcode" else value


def mask_forms(value: str, kind: Kind) -> set[str]:
    """The ways a value may recur in a text, without blanks and separators, in lower case."""
    if kind == "date":
        return date_forms(date.fromisoformat(value))
    form = "".join(word.text.replace("'", "") for word in words(value))
    return {form} if len(form) >= 3 else set()


def _read_date(text: str, place: Place) -> str | None:
    found = read_date(text, day_first=place.day_first, today=place.today)
    return found[0].isoformat() if found else None


def _read_postcode(text: str, place: Place) -> str | None:
    found = read_postcode(text, place.country)
    return found[0] if found else None


def _read_phone(text: str, place: Place) -> str | None:
    return ("+" if "+" in text else "") + (answers.read_digits(text) or "") or None


def _same_date(said: str, stored: Any, place: Place) -> bool:
    theirs = stored_date(str(stored), day_first=place.day_first, today=place.today)
    return theirs is not None and equal(theirs.isoformat(), said)


_READERS: dict[Kind, Callable[[str, Place], str | None]] = {
    "date": _read_date,
    "postcode": _read_postcode,
    "digits": lambda text, _: answers.read_digits(text),
    "code": lambda text, _: answers.read_code(text),
    "name": lambda text, _: answers.read_answer(text),
    "email": lambda text, _: answers.read_email(text),
    "phone": _read_phone,
    "answer": lambda text, _: answers.read_answer(text),
}
_COMPARED: dict[Kind, Callable[[str, Any, Place], bool]] = {
    "date": _same_date,
    "postcode": lambda said, stored, place: same_postcode(said, str(stored), place.country),
    "digits": lambda said, stored, _: answers.same_digits(said, stored),
    "code": lambda said, stored, _: answers.same_code(said, stored),
    "name": lambda said, stored, _: same_name(said, str(stored)),
    "email": lambda said, stored, _: answers.same_email(said, stored),
    "phone": lambda said, stored, place: answers.same_phone(said, stored, place.country),
    "answer": lambda said, stored, _: answers.same_answer(said, str(stored)),
}
