"""Words as search compares them: lower case, singular, without the common English endings, everyday filler left out."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from patchbay.schema_graph.naming import singular_word, split_words

STOP_WORDS = frozenset({
    "a", "an", "the", "of", "in", "on", "at", "to", "for", "by", "with", "and", "or", "is", "are", "was", "were", "be",
    "been", "it", "its", "this", "that", "these", "those", "their", "our", "your", "my", "his", "her", "we", "they", "you",
    "i", "do", "does", "did", "has", "have", "had", "can", "will", "would", "should", "could", "what", "which", "who", "whom",
    "whose", "how", "there", "as", "from", "into", "about", "them", "he", "she", "me", "us", "not", "no", "if", "so", "than",
    "then", "each", "all", "any", "some",
})  # fmt: skip
_SHORT = {
    "addr": "address", "amt": "amount", "qty": "quantity", "no": "number", "num": "number", "nbr": "number", "nr": "number",
    "dt": "date", "desc": "description", "cust": "customer", "emp": "employee", "acct": "account", "inv": "invoice",
    "prod": "product", "cat": "category", "tel": "telephone", "ph": "phone", "fname": "firstname", "lname": "lastname",
    "dob": "birthday", "ref": "reference", "org": "organization", "dept": "department", "mgr": "manager", "usr": "user",
    "img": "image", "msg": "message", "pwd": "password", "addl": "additional", "cnt": "count", "pct": "percent",
    "bal": "balance", "appt": "appointment", "loc": "location", "trans": "transaction", "txn": "transaction",
    "curr": "current", "prev": "previous", "max": "maximum", "min": "minimum", "avg": "average", "lang": "language",
    "rep": "representative", "shopper": "customer",  # who is no shop
}  # fmt: skip
SHORT_FORMS = frozenset({*_SHORT, *_SHORT.values()})
"""Abbreviations that everybody uses, and what they stand for."""
_ENDINGS = (
    ("ization", "ize"), ("isation", "ize"), ("ational", "ate"), ("iveness", "ive"), ("fulness", "ful"), ("ements", ""),
    ("ement", ""), ("ations", "ate"), ("ation", "ate"), ("ings", ""), ("ing", ""), ("edly", ""), ("ely", "e"), ("ably", "able"),
    ("ied", "y"), ("ed", ""), ("ly", ""), ("ers", ""), ("ment", ""), ("ness", ""), ("able", ""), ("tion", "t"), ("sion", "s"),
    ("er", ""), ("or", ""), ("al", ""), ("e", ""),
)  # fmt: skip
_SHORTEST = 4


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """One word's stem; abbreviations that everybody uses are written out first."""
    word = singular_word(_SHORT.get(word, word))
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST:
            root = word[: -len(ending)] + instead
            if root[-1] == root[-2] and root[-1] not in "aeiouls":
                root = root[:-1]
            return _settled(root.removesuffix("e") if len(root) > _SHORTEST else root)
    return _settled(word)


def _settled(root: str) -> str:
    """``cancell`` and ``cancel`` are one; ``bill`` stays as it is."""
    return root[:-1] if root.endswith("ll") and len(root) > _SHORTEST + 1 else root


@lru_cache(maxsize=65_536)
def stems(text: str) -> tuple[str, ...]:
    """The stems of a name or a sentence, filler left out, in order."""
    return tuple(stem(word) for word in split_words(text) if word not in STOP_WORDS)


def without_doubles(words: Iterable[str]) -> list[str]:
    """The words in order, each once."""
    return list(dict.fromkeys(words))
