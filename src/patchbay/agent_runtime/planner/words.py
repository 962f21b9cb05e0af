"""Words: tokens, stems, the words that carry no meaning, and groups that mean the same to a caller."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

_TOKEN = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def named(words: str) -> frozenset[str]:
    """The words of ``words`` as a set."""
    return frozenset(words.split())


STOPWORDS = named(
    """
    a about account's actually afternoon again all also am an and any anything are as ask at back be been before but
    by call called caller callers calling can cannot check could day did do does doing done evening every find for
    from get give go going good got had has have hear hello her here hey hi him his how i if i'd i'll i'm i've in into
    is it it's its just kindly know let like ll look looking looks lookup m made make many may maybe me mine more
    morning much must my need needed no now of off ok okay on one or our out over please quick quickly read really
    return returns right said say see send she should show so some someone something speak sure take talk tell than
    thank thanks that that's the their them then there these they thing this those through to today told tomorrow too
    try trying up us use using ve very wanna want wanted was way we well were what what's whats when when's where
    where's which who who's whose why will with wonder wondering would yes yet you your yours
    """
)
"""Words too common to tell one skill from another."""

_GROUPS = (
    "appointment booking visit reservation schedule meeting consultation",
    "order purchase",
    "delivery shipment package parcel shipping tracking ship",
    "invoice bill statement",
    "balance owe due outstanding debt",
    "price cost fee rate charge",
    "status state progress",
    "phone telephone mobile cell number",
    "email mail",
    "address location street",
    "employee staff rep representative technician",
    "account profile contact detail",
    "film movie",
    "stock inventory availability available",
    "car vehicle",
    "product item article",
    "ticket case issue problem request",
    "repair job work service fix",
    "doctor physician practitioner dentist",
    "payment pay paid",
    "song track",
    "birthday birthdate dob",
    "postcode zip zipcode postal",
    "begin start",
    "end finish expire expiry",
    "cancel cancellation",
    "hours opening open",
    "support help",
    "medicine medication prescription",
    "subscription plan membership",
    "refund return",
    "author writer",
    "artist band musician",
)


def split_words(text: str) -> list[str]:
    """The words of a sentence or a name, in lower case: ``customerEmail`` and ``customer_email`` give two."""
    return [t.lower() for t in _TOKEN.findall(_CAMEL.sub(" ", text.replace("_", " ").replace("-mail", "mail")))]


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """A word without its common endings; the result is for comparing, not for showing."""
    word = word.removesuffix("'s").replace("'", "")
    if len(word) > 4 and word.endswith("ies"):
        word = word[:-3] + "y"
    elif len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes", "zes")):
        word = word[:-2]
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if len(word) > len(ending) + 2 and word.endswith(ending) and re.search("[aeiouy]", word[: -len(ending)]):
            word = word[: -len(ending)]
            if len(word) > 2 and word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


_SENSES: dict[str, int] = {stem(word): number for number, group in enumerate(_GROUPS) for word in group.split()}


def stems(text: str) -> list[str]:
    """The stems of the words that carry meaning, in order."""
    return [stem(word) for word in split_words(text) if word not in STOPWORDS and not word.isdigit() and len(word) > 1]


def same_sense(one: str, other: str) -> float:
    """How close two stems are in meaning: 1 the same, 0.7 of one group, 0.6 one the beginning of the other, else 0."""
    if one == other:
        return 1.0
    if one in _SENSES and _SENSES.get(one) == _SENSES.get(other):
        return 0.7
    shorter, longer = sorted((one, other), key=len)
    return 0.6 if len(shorter) >= 5 and longer.startswith(shorter) else 0.0


def listed(items: Iterable[str], *, last: str = "and") -> str:
    """``a, b and c``."""
    words = list(items)
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def humanized(name: str) -> str:
    """A parameter's or leaf's name as it is said: ``customer_email`` is ``customer e-mail``, ``customerId`` ``customer ID``."""
    spoken = {"id": "ID", "email": "e-mail", "dob": "date of birth", "sku": "SKU", "url": "URL", "zip": "ZIP code", "eta": "ETA"}
    return " ".join(spoken.get(word, word) for word in split_words(name)) or name
