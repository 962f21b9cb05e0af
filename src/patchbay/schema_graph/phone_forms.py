"""A phone number and the digits it is written in: one reading, and every form that reads the same.

A caller waits while the forms of a number are made. Most of them are the same digits behind another prefix, so what a
prefix means to a plan is worked out once, and what follows it is read once for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from patchbay.schema_graph.numbering import (
    home_forms,
    is_assigned,
    known_country,
    main_plan,
    parts,
    plan_of,
    read_international,
)

ZERO_PREFIX = "00"


def read(plus: bool, digits: str, country: str | None) -> str | None:
    """The one reading. National first; then ``00`` as the international prefix; then a valid number that lacks only its plus."""
    if plus:
        return read_international(digits)
    if country is None or not known_country(country):
        return None
    return plan_of(country).read(digits) or _not_national(digits)


def written_forms(e164: str, country: str | None) -> tuple[list[str], list[str]]:
    """The digits that :func:`read` reads as ``e164`` in ``country``: those behind a plus, its own first, and those without.

    There are none if it is not a full number.
    """
    try:
        code, national = parts(e164)
    except ValueError:
        return [], []
    finish = main_plan(code).finish
    if finish(national) != e164:
        return [], []
    forms = {code + form: form for form in home_forms(code, national)}
    full = [digits for digits, form in forms.items() if form == national or finish(form) == e164]
    if country is None or not known_country(country):
        return full, []
    return full, _without_plus(e164, forms, full, country)


def _not_national(digits: str) -> str | None:
    if digits.startswith(ZERO_PREFIX):
        return read_international(digits[len(ZERO_PREFIX) :])
    lacking_plus = read_international(digits)
    return lacking_plus if lacking_plus is not None and is_assigned(lacking_plus) else None


def _without_plus(e164: str, forms: Mapping[str, str], full: list[str], country: str) -> list[str]:
    """``forms`` are the number's, by what they are with the country code; ``full`` says which of those a plus makes ``e164``."""
    read_here = plan_of(country).read
    found: list[str] = []
    for prefix, always_abroad in _prefixes(country):
        if always_abroad:
            found += [prefix + digits for digits in full]
            continue
        behind = forms if prefix else dict.fromkeys((*forms.values(), *forms))
        readings = {digits: read_here(prefix + digits) for digits in behind}
        found += [prefix + digits for digits, reading in readings.items() if reading == e164]
        if None in readings.values():
            found += _not_read_here(prefix, [digits for digits, reading in readings.items() if reading is None], e164, full)
    return found


def _not_read_here(prefix: str, unread: list[str], e164: str, full: list[str]) -> list[str]:
    """Those of ``unread`` that :func:`_not_national` reads as ``e164`` behind ``prefix``; those in ``full`` are known."""
    if prefix not in ("", ZERO_PREFIX):
        return [prefix + digits for digits in unread if _not_national(prefix + digits) == e164]
    found = [prefix + digits for digits in unread if digits not in full and _not_national(prefix + digits) == e164]
    known = [prefix + digits for digits in unread if digits in full]
    return found + known if known and (prefix or is_assigned(e164)) else found


@lru_cache(maxsize=512)
def _prefixes(country: str) -> tuple[tuple[str, bool], ...]:
    """What may be written before a country code, and whether ``country`` can take it for nothing else."""
    plan = plan_of(country)
    return tuple((prefix, plan.reads_abroad(prefix)) for prefix in dict.fromkeys(("", ZERO_PREFIX, plan.dialling_prefix)))
