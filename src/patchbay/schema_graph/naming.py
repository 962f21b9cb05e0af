"""Names: how an object is spelled, split into words, made singular, and turned into a slug.

An object's name is the catalogue's own, prefixed with ``schema.`` outside the default schema. An identifier that contains a
dot or a double quote, or begins or ends with white space, is written in double quotes (a quote inside is doubled), so that
every spelling can be taken apart again.
"""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Collection, Iterable
from functools import lru_cache

SLUG_LENGTH = 64
OBJECT_SLUG_LENGTH = SLUG_LENGTH - len("_insert")

_SLUG = re.compile(r"[A-Za-z0-9-](?:[A-Za-z0-9_-]*[A-Za-z0-9-])?").fullmatch
"""Most names are one, so none needs to be made."""
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
# The commonest words first, each from a character of its own: an alternative that cannot be is left at once.
_WORD = re.compile(r"[a-zß-öø-ÿ][a-zß-öø-ÿ]*|[A-ZÀ-ÖØ-Þ](?:[a-zß-öø-ÿ]+|[A-ZÀ-ÖØ-Þ]*(?![a-zß-öø-ÿ]))|[0-9][0-9]*|[^\W\d_]+")
_ID_SUFFIX = re.compile(r"(?<=.)(?:_id|_ID|Id|ID)$")

_IRREGULAR = {
    "people": "person", "children": "child", "men": "man", "women": "woman", "feet": "foot", "teeth": "tooth", "mice": "mouse",
    "indices": "index", "vertices": "vertex", "matrices": "matrix", "analyses": "analysis", "diagnoses": "diagnosis",
    "criteria": "criterion", "movies": "movie", "cookies": "cookie", "leaves": "leaf", "wives": "wife", "lives": "life",
    "knives": "knife", "shelves": "shelf", "halves": "half", "heroes": "hero", "potatoes": "potato", "tomatoes": "tomato",
    "quizzes": "quiz", "buses": "bus", "gases": "gas", "statuses": "status", "aliases": "alias", "viruses": "virus",
    "bonuses": "bonus", "campuses": "campus", "lenses": "lens", "axes": "axis", "crises": "crisis", "databases": "database",
}  # fmt: skip
_UNCOUNTED = frozenset({
    "series", "species", "news", "access", "process", "business", "success", "gas", "lens", "alias", "canvas", "always",
    "previous", "sales", "goods", "chaos", "pos", "sms", "gps", "dns", "chassis",
})  # fmt: skip
_PLURAL_ENDS = {"s", *(plural[-1] for plural in _IRREGULAR)}
_ENDS_NO_PLURAL = frozenset(c for c in string.ascii_letters + string.digits if c.lower() not in _PLURAL_ENDS)


@lru_cache(maxsize=16_384)
def quote_part(identifier: str) -> str:
    """One identifier as it stands in an object's name: quoted only where it would be ambiguous."""
    if "." in identifier or '"' in identifier or identifier != identifier.strip():
        return '"' + identifier.replace('"', '""') + '"'
    return identifier


def object_name(schema: str | None, name: str, default_schema: str | None) -> str:
    """The name of an object: its own, prefixed with its schema outside the default one."""
    if schema is None or schema == default_schema:
        return quote_part(name)
    return f"{quote_part(schema)}.{quote_part(name)}"


def split_name(text: str) -> tuple[str, ...]:
    """The identifiers of a dotted name, quotes removed: ``sales."a.b"`` gives ``("sales", "a.b")``."""
    if '"' not in text:
        return tuple(part.strip() for part in text.split("."))
    parts: list[str] = []
    rest = text.strip()
    while True:
        part, rest = _take_part(rest)
        parts.append(part)
        if not rest:
            return tuple(parts)


def _take_part(text: str) -> tuple[str, str]:
    """The first identifier of ``text`` and what follows its dot."""
    if not text.startswith('"'):
        part, _, rest = text.partition(".")
        return part.strip(), rest.lstrip()
    at = 1
    while at < len(text):
        if text[at] == '"':
            if text[at + 1 : at + 2] == '"':
                at += 2
                continue
            break
        at += 1
    part = text[1:at].replace('""', '"')
    return part, text[at + 1 :].lstrip().removeprefix(".").lstrip()


def spelled_words(name: str) -> list[str]:
    """The words of a name as they stand: ``customerPhoneNo_2`` gives ``["customer", "Phone", "No", "2"]``."""
    return _WORD.findall(name)


def split_words(name: str) -> tuple[str, ...]:
    """The words of a name in lower case: ``customerPhoneNo_2`` gives ``("customer", "phone", "no", "2")``."""
    return tuple([word.lower() for word in _WORD.findall(name)])


def spellings(words: Iterable[str]) -> frozenset[str]:
    """All that :func:`spelled_words` may give for words whose singulars in lower case are ``words``, which are of ASCII letters:
    what to look words up in without changing each of them.
    """
    found: set[str] = set()
    for word in words:
        plurals = (word, f"{word}s", f"{word}es", f"{word[:-1]}ies", *(many for many, one in _IRREGULAR.items() if one == word))
        for form in plurals:
            if singular_word(form) == word:
                found.update((form, form.capitalize(), form.upper()))
    return frozenset(found)


def singular_word(word: str) -> str:
    """The singular of one English word in lower case; a word that is not a plural stays as it is."""
    if word in _UNCOUNTED or len(word) < 4:
        return word
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zzes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def singular(name: str) -> str:
    """The name with its last word in the singular, everything else as it is: ``OrderItems`` gives ``OrderItem``."""
    if name[-1:] in _ENDS_NO_PLURAL:
        return name
    found = list(_WORD.finditer(name))
    if not found:
        return name
    last = found[-1]
    word = last.group()
    one = singular_word(word.lower())
    if one == word.lower():
        return name
    kept = _common_prefix(word.lower(), one)
    tail = one[kept:].upper() if word.isupper() and len(word) > 1 else one[kept:]
    return name[: last.start()] + word[:kept] + tail + name[last.end() :]


def _common_prefix(left: str, right: str) -> int:
    length = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        length += 1
    return length


def path_roots(names: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The path root of each object, from (object name, bare name): the singular of its bare name when no other object claims
    it, by name or by singular (compared without regard to case), else its bare name.
    """
    rooted = [(name, bare, singular(bare)) for name, bare in names]
    claims: dict[str, str] = {}
    contested: set[str] = set()
    for name, bare, root in rooted:
        for claimed in (bare.casefold(),) if root is bare else (bare.casefold(), root.casefold()):
            if claims.setdefault(claimed, name) != name:
                contested.add(claimed)
    return {name: bare if root.casefold() in contested else root for name, bare, root in rooted}


@lru_cache(maxsize=16_384)
def without_id(field: str) -> str | None:
    """A foreign-key field's name without its ``_id`` / ``Id``, or None when it does not end so."""
    short = _ID_SUFFIX.sub("", field).rstrip("_")
    return short if short and short != field else None


def slug(name: str, *, length: int = SLUG_LENGTH) -> str:
    """``name`` in the characters of a slug (``[A-Za-z0-9_-]{1,length}``). Two names may give the same one."""
    return _UNSAFE.sub("_", name).strip("_")[:length].rstrip("_") or "_"


def unique_slugs(names: Iterable[str], *, length: int = OBJECT_SLUG_LENGTH) -> dict[str, str]:
    """A slug for each name, all different, whatever the order. A name that is its own slug keeps it; one whose slug is taken
    or was altered by another's gets six hexadecimal digits of its own, so that it stays when other names come and go.
    """
    slugs: dict[str, str] = {}
    wanted: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        short = name if _SLUG(name) and len(name) <= length else slug(name, length=length)
        if short == name:
            slugs[name] = name
        else:
            wanted.setdefault(short, []).append(name)
    taken = set(slugs)
    for short, claimants in wanted.items():
        for name in claimants:
            made = short if len(claimants) == 1 and short not in taken else _marked(short, name, taken, length)
            slugs[name] = made
            taken.add(made)
    return slugs


def _marked(short: str, name: str, taken: Collection[str], length: int) -> str:
    mark = hashlib.sha256(name.encode()).hexdigest()
    for digits in range(6, len(mark)):
        made = f"{short[: length - digits - 1]}_{mark[:digits]}"
        if made not in taken:
            return made
    raise ValueError("no free slug")
