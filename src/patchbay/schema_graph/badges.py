"""Badges: what a name, a type and a comment say about how a field or object should be treated.

``payment_card`` marks card numbers and what goes with them, ``pii`` what identifies or describes a person, ``core`` the objects a
business is about. A badge is advice for the person who scopes and maps; it is not the scoping.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from patchbay.schema_graph.model import Badge, FieldType
from patchbay.schema_graph.naming import singular_word, spelled_words, spellings

CORE: tuple[Badge, ...] = ("core",)

_PII_WORDS = frozenset({
    "email", "phone", "mobile", "telephone", "cellphone", "fax", "ssn", "passport", "birthday", "birthdate", "dob", "surname",
    "gender", "ethnicity", "race", "religion", "nationality", "address", "street", "postcode", "zipcode", "zip", "latitude",
    "longitude", "iban", "salary", "diagnosis", "password", "passwd", "username", "photo", "signature", "biometric", "tin",
    "nino", "firstname", "lastname", "fullname", "middlename", "maidenname", "birth", "death",
})  # fmt: skip
_PII_WORDS_TOLD = _PII_WORDS - {"address", "death", "race", "photo", "signature"}
_PII_PAIRS = frozenset({
    ("first", "name"), ("last", "name"), ("full", "name"), ("middle", "name"), ("given", "name"), ("family", "name"),
    ("maiden", "name"), ("contact", "name"), ("display", "name"), ("customer", "name"), ("patient", "name"),
    ("person", "name"), ("caller", "name"), ("social", "security"), ("tax", "id"), ("national", "id"), ("passport", "number"),
    ("driver", "license"), ("driving", "licence"), ("license", "number"), ("licence", "number"), ("birth", "date"),
    ("date", "birth"), ("postal", "code"), ("post", "code"), ("zip", "code"), ("bank", "account"), ("account", "number"),
    ("sort", "code"), ("routing", "number"), ("ip", "address"), ("medical", "record"), ("cell", "number"), ("home", "number"),
    ("user", "name"), ("mail", "address"), ("e", "mail"), ("marital", "status"), ("tel", "no"),
})  # fmt: skip
_CARD_WORDS = frozenset({"cvv", "cvc", "cvv2", "cardnumber", "creditcard", "ccnumber", "pan", "cardholder"})
_CARD_PAIRS = frozenset({
    ("card", "number"), ("card", "no"), ("card", "num"), ("credit", "card"), ("debit", "card"), ("cc", "number"),
    ("cc", "num"), ("card", "expiry"), ("card", "code"), ("card", "holder"), ("security", "code"), ("exp", "month"),
    ("exp", "year"), ("card", "cvc"), ("card", "verification"), ("last", "4"),
})  # fmt: skip
_PHONE_WORDS = frozenset(
    {"phone", "mobile", "telephone", "cellphone", "tel", "fax", "msisdn", "cell", "phonenumber", "whatsapp", "sms"}
)
_CORE_WORDS = frozenset({
    "customer", "client", "patient", "contact", "account", "user", "person", "member", "guest", "lead", "appointment",
    "booking", "reservation", "visit", "order", "invoice", "bill", "payment", "product", "item", "service", "ticket", "case",
    "job", "subscription", "employee", "staff", "technician", "provider", "location", "store", "property", "vehicle",
    "policy", "claim", "shipment",
})  # fmt: skip
_PII_TYPES: frozenset[FieldType] = frozenset(
    {"string", "date", "datetime", "json", "enum", "bytes", "object", "array", "decimal", "number"}
)


_ALONE, _ALONE_TOLD = spellings(_CARD_WORDS | _PII_WORDS), spellings(_CARD_WORDS | _PII_WORDS_TOLD)
_FIRSTS, _SECONDS = (spellings(words) for words in zip(*_CARD_PAIRS, *_PII_PAIRS, strict=True))
"""Words as they stand in a name or text: one without any of these tells nothing, and most have none."""

_one = lru_cache(maxsize=65_536)(singular_word)
"""Descriptions say the same words over and over."""


def field_badges(name: str, kind: FieldType, description: str | None = None) -> tuple[Badge, ...]:
    """The badges of one field. Types that cannot hold such a value (a boolean ``email_sent``) get none by name."""
    named = _badges_by_name(name, kind)
    if named is None:
        return _badges_by_text(description) if description and kind in ("string", "date") else ()
    return named


@lru_cache(maxsize=65_536)
def _badges_by_name(name: str, kind: FieldType) -> tuple[Badge, ...] | None:
    """The badges that the name decides on; None where the description may."""
    if kind in ("boolean", "time", "duration", "uuid"):
        return ()
    spelled = spelled_words(name)
    if not _may_say(spelled, _ALONE):
        return () if _is_reference([word.lower() for word in spelled[-2:]], kind) else None
    words = _singular(spelled)
    if _says(words, _CARD_WORDS, _CARD_PAIRS) and (kind != "integer" or words[-1:] != ["id"]):
        return ("payment_card",)
    if _is_reference(words, kind):
        return ()
    if kind in _PII_TYPES and _says(words, _PII_WORDS, _PII_PAIRS):
        return ("pii",)
    if kind == "integer" and _says(words, frozenset({"ssn", "phone", "mobile", "telephone"}), _PII_PAIRS):
        return ("pii",)
    return None


@lru_cache(maxsize=65_536)
def _badges_by_text(description: str) -> tuple[Badge, ...]:
    spelled = spelled_words(description)
    if not _may_say(spelled, _ALONE_TOLD):
        return ()
    said = _singular(spelled)
    if _says(said, _CARD_WORDS, _CARD_PAIRS):
        return ("payment_card",)
    return ("pii",) if _says(said, _PII_WORDS_TOLD, _PII_PAIRS) else ()


def is_core_by_name(name: str) -> bool:
    """Whether an object bears the name of what a business is about."""
    words = spelled_words(name)
    return 0 < len(words) <= 2 and singular_word(words[-1].lower()) in _CORE_WORDS


def is_core_by_use(referenced: int, fields: int) -> bool:
    """Whether many others refer to an object: ``referenced`` counts the foreign keys to it, ``fields`` its own fields."""
    return referenced >= 4 and fields >= 4


@lru_cache(maxsize=16_384)
def looks_like_phone(name: str, kind: FieldType, description: str | None = None) -> bool:
    """Whether a field seems to hold phone numbers: a string whose name or description says so."""
    if kind != "string":
        return False
    words = _singular(spelled_words(name))
    if not _PHONE_WORDS.isdisjoint(words):
        return not {"type", "label", "country", "extension", "ext", "model", "id", "kind", "status", "verified"} & set(words)
    return description is not None and not {"phone", "telephone", "mobile"}.isdisjoint(_singular(spelled_words(description)[:6]))


def _is_reference(words: Sequence[str], kind: FieldType) -> bool:
    """A key to somewhere else (``address_id``) tells nothing by itself."""
    return (
        words[-1:] == ["id"] and kind in ("integer", "string", "uuid") and words[-2:] not in (["tax", "id"], ["national", "id"])
    )


def _may_say(spelled: Sequence[str], alone: frozenset[str]) -> bool:
    """Whether words as they stand hold one of ``alone``, or what ends a pair right after what begins one."""
    if not alone.isdisjoint(spelled):
        return True
    if _FIRSTS.isdisjoint(spelled) or _SECONDS.isdisjoint(spelled):
        return False
    return not _SECONDS.isdisjoint([second for first, second in pairwise(spelled) if first in _FIRSTS])


def _says(words: Sequence[str], single: frozenset[str], pairs: frozenset[tuple[str, str]]) -> bool:
    return not (single.isdisjoint(words) and pairs.isdisjoint(pairwise(words)))


def _singular(spelled: Sequence[str]) -> list[str]:
    return [_one(word.lower()) for word in spelled]
