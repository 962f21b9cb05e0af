"""Numbering plans made ready to read a number in microseconds.

The rules and the data are libphonenumber's (``phonenumbers``); its Python port works every rule out anew for each number,
which a waiting caller would pay for. Here the expressions of a plan are compiled once, and what is left is the reading of
plain digits: international prefix, country code, trunk and carrier prefixes, possible lengths. Tests hold every answer
equal to the library's own, region by region.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Container, Iterable, Sequence
from functools import cached_property, lru_cache
from typing import Any

import phonenumbers
from phonenumbers import PhoneMetadata

_NON_GEOGRAPHIC = "001"
_SHORTEST, _LONGEST = 2, 17
_LONGEST_CODE = 3
_NOTHING = re.compile(r"(?!)")
_GROUP = re.compile(r"\\(\d)")
_ONLY_GROUPS = re.compile(r"(?:\((?!\?)(?:[^()]|\(\?:[^()]*\))*\))+")
_CODES: dict[int, tuple[str, ...]] = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
_MAIN_CODES = frozenset(str(code) for code in _CODES)
_KINDS = (
    "premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail", "fixed_line", "mobile",
)  # fmt: skip


def known_country(country: str) -> bool:
    """Whether ``country`` is an ISO 3166-1 alpha-2 code with a numbering plan."""
    return country in phonenumbers.SUPPORTED_REGIONS


class Plan:
    """How the numbers of one region are written."""

    def __init__(self, metadata: Any) -> None:
        general = metadata.general_desc
        self.code = str(metadata.country_code)
        self.possible = frozenset(n for n in general.possible_length if n > 0) - set(general.possible_length_local_only)
        self._longest = max(general.possible_length)
        self._local = frozenset(general.possible_length_local_only)
        self._is_own = _compiled(general.national_number_pattern).fullmatch
        self._begins_abroad = _compiled(metadata.international_prefix).match
        self._begins_prefixed = _compiled(metadata.national_prefix_for_parsing).match
        self._transform = _digits_template(metadata.national_prefix_transform_rule)
        self._metadata = metadata

    @cached_property
    def trunk(self) -> str:
        """What is dialled at home before a national number, often ``0``; empty where nothing is."""
        return (self._metadata.national_prefix or "").replace("~", "")

    @cached_property
    def dialling_prefix(self) -> str:
        """What is dialled before a foreign country code (``011`` in North America); empty where it varies."""
        prefix = self._metadata.preferred_international_prefix or self._metadata.international_prefix or ""
        prefix = prefix.replace("~", "")
        return prefix if prefix.isdecimal() else ""

    def read(self, digits: str) -> str | None:
        """The full number that ``digits`` spell when dialled here, or None."""
        if len(digits) < _SHORTEST:
            return None
        abroad = self._begins_abroad(digits)
        if abroad:
            rest = digits[abroad.end() :]
            if not rest.startswith("0"):  # no country code does
                return read_international(rest)
        if digits.startswith(self.code):
            rest = self._without_prefix(digits[len(self.code) :])
            if self._too_long(len(digits)) or (not self._is_own(digits) and self._is_own(rest)):
                return self._main.finish(rest)
        return self.finish(digits)

    def finish(self, national: str) -> str | None:
        """The full number of a national one that may still carry its trunk or carrier prefix."""
        if len(national) not in self._finishable:
            return None
        rest = self._without_prefix(national)
        length = len(rest)
        if length in self.possible or self._too_long(length):
            national = rest
        return f"+{self.code}{national}" if len(national) in self._measured else None

    def reads_abroad(self, prefix: str) -> bool:
        """Whether ``prefix`` before a country code is always read as the international one (False: it depends)."""
        return prefix.isdecimal() and prefix == self._metadata.international_prefix

    def at_home(self, national: str) -> str:
        """The digits of a national number as it is written at home, trunk prefix and all."""
        for leading, pattern, template in self._formats:
            if leading is None or leading.match(national):
                groups = pattern.fullmatch(national)
                if groups:
                    return template.format(*groups.groups(""))
        return national

    def rewrites(self, prefixes: Sequence[str]) -> bool:
        """Whether :meth:`at_home` may give something else than a national number behind one of ``prefixes``."""
        return not all(
            _ONLY_GROUPS.fullmatch(pattern.pattern) and template.removesuffix(_groups_in_order(pattern.groups)) in prefixes
            for _, pattern, template in self._formats
        )

    def begins(self, national: str) -> bool | None:
        """Whether a number with a shared country code is of this region by its first digits; None where those do not tell."""
        return None if self._leading is None else self._leading.match(national) is not None

    def is_assigned(self, national: str) -> bool:
        """Whether a national number is of some kind that the plan gives out."""
        length = len(national)
        if length not in self.possible or not self._is_own(national):
            return False
        return any((not lengths or length in lengths) and pattern.fullmatch(national) for lengths, pattern in self._kinds)

    @cached_property
    def _main(self) -> Plan:
        return main_plan(self.code)

    @cached_property
    def _measured(self) -> frozenset[int]:
        """How many digits a full number may have behind its country code."""
        return self._main.possible.intersection(range(_SHORTEST, _LONGEST + 1))

    @cached_property
    def _finishable(self) -> Container[int]:
        """The lengths that may be a number's, prefix and all. A prefix of one spelling adds its length or nothing."""
        prefix = self._metadata.national_prefix_for_parsing or ""
        if self._transform is not None or (prefix and not prefix.isdecimal()):
            return range(_SHORTEST, sys.maxsize)
        return self._measured | {n + len(prefix) for n in self._measured}

    def _too_long(self, length: int) -> bool:
        return length > self._longest and length not in self._local

    def _without_prefix(self, national: str) -> str:
        prefix = self._begins_prefixed(national)
        if prefix is None or not national:
            return national
        if self._transform is None or prefix.groups()[-1] is None:
            rest = national[prefix.end() :]
        else:
            rest = self._transform.format(*prefix.groups("")) + national[prefix.end() :]
        return national if self._is_own(national) and not self._is_own(rest) else rest

    @cached_property
    def _leading(self) -> re.Pattern[str] | None:
        leading = self._metadata.leading_digits
        return re.compile(leading) if leading else None

    @cached_property
    def _formats(self) -> list[tuple[re.Pattern[str] | None, re.Pattern[str], str]]:
        made: list[tuple[re.Pattern[str] | None, re.Pattern[str], str]] = []
        for one in self._metadata.number_format:
            layout = str(one.format)
            if one.national_prefix_formatting_rule:
                layout = re.sub(r"(\\\d)", one.national_prefix_formatting_rule, layout, count=1)
            leading = re.compile(one.leading_digits_pattern[-1]) if one.leading_digits_pattern else None
            made.append((leading, re.compile(one.pattern), _digits_template(layout) or ""))
        return made

    @cached_property
    def _kinds(self) -> list[tuple[frozenset[int], re.Pattern[str]]]:
        metadata = self._metadata
        described = [getattr(metadata, name) for name in _KINDS]
        return [
            (frozenset(one.possible_length), re.compile(one.national_number_pattern))
            for one in described
            if one is not None and one.national_number_pattern
        ]


def read_national(digits: str, country: str) -> str | None:
    """The full number that ``digits`` spell when dialled in ``country`` (one that is known), or None."""
    return plan_of(country).read(digits)


def read_international(digits: str) -> str | None:
    """The full number of ``digits`` that begin with a country code, or None where no number can have this length."""
    if len(digits) <= _SHORTEST:
        return None
    code = _country_code(digits)
    return None if code is None else main_plan(code).finish(digits[len(code) :])


def is_assigned(e164: str) -> bool:
    """Whether a full number lies in a range that its numbering plan gives out."""
    code, national = parts(e164)
    plans = _plans(code)
    if len(plans) == 1:
        return plans[0].is_assigned(national)
    for plan in plans:
        begins = plan.begins(national)
        if begins or (begins is None and plan.is_assigned(national)):
            return plan.is_assigned(national)
    return False


def parts(e164: str) -> tuple[str, str]:
    """A full number's country code and national number. Raises ValueError for a country code that nobody has."""
    code = _country_code(e164[1:])
    if code is None:
        raise ValueError
    return code, e164[1 + len(code) :]


def home_forms(code: str, national: str) -> list[str]:
    """The digits in which a number may be written before any reader checks them, without a country code, the bare one first."""
    prefixes, rewritten = _home_style(code)
    forms = [prefix + national for prefix in prefixes]
    if rewritten:
        at_home = main_plan(code).at_home(national)
        if at_home not in forms:
            forms.append(at_home)
    return forms


@lru_cache(maxsize=512)
def plan_of(country: str) -> Plan:
    """The plan of a known country. The first time takes milliseconds: its data is read and its expressions are compiled."""
    return Plan(PhoneMetadata.metadata_for_region(country))


@lru_cache(maxsize=512)
def main_plan(code: str) -> Plan:
    """The plan that measures every number of a country code."""
    region = _CODES[int(code)][0]
    return Plan(PhoneMetadata.metadata_for_nongeo_region(int(code))) if region == _NON_GEOGRAPHIC else plan_of(region)


@lru_cache(maxsize=512)
def _plans(code: str) -> tuple[Plan, ...]:
    regions = _CODES[int(code)]
    return (main_plan(code),) if len(regions) == 1 else tuple(plan_of(region) for region in regions)


@lru_cache(maxsize=512)
def _home_style(code: str) -> tuple[tuple[str, ...], bool]:
    """What is written before a national number: nothing, every region's trunk prefix, a mobile token; and if it is rewritten."""
    prefixes = tuple(dict.fromkeys(("", *_region_trunks(code), phonenumbers.country_mobile_token(int(code)))))
    return prefixes, main_plan(code).rewrites(prefixes)


def _region_trunks(code: str) -> Iterable[str]:
    for region in _CODES[int(code)]:
        trunk = "" if region == _NON_GEOGRAPHIC else phonenumbers.ndd_prefix_for_region(region, True)
        if trunk:
            yield trunk


def _country_code(digits: str) -> str | None:
    if digits.startswith("0"):
        return None
    for length in range(1, _LONGEST_CODE + 1):
        if digits[:length] in _MAIN_CODES:
            return digits[:length]
    return None


def _compiled(pattern: str | None) -> re.Pattern[str]:
    """An expression; where a plan has none, one that nothing matches."""
    return re.compile(pattern) if pattern else _NOTHING


def _digits_template(layout: str | None) -> str | None:
    """A replacement such as ``0\\1 15-\\2`` as a format string for its digits: ``0{0}15{1}``."""
    if not layout:
        return None
    literals_and_groups = _GROUP.split(layout)
    return "".join(
        "{" + str(int(part) - 1) + "}" if number % 2 else "".join(c for c in part if "0" <= c <= "9")
        for number, part in enumerate(literals_and_groups)
    )


def _groups_in_order(count: int) -> str:
    return "".join(f"{{{number}}}" for number in range(count))
