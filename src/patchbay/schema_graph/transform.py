"""Transforms: how a value as the agent says it and the same value as a system keeps it belong together.

Each is declared on an input (agent to system) or an output (system to agent) of a binding, and has one type on the agent's side.
How they are done is :mod:`patchbay.schema_graph.transforming`'s.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from patchbay.schema_graph.model import FieldType

PhoneFormat = Literal["e164", "digits", "national", "international"]
TimeFormat = Literal[
    "epoch_seconds", "epoch_milliseconds", "iso", "iso_basic", "iso_local", "sql_local", "compact_local", "dmy_local",
    "mdy_local", "date_iso", "date_basic", "date_dmy", "date_mdy", "date_dots", "date_dashes",
]  # fmt: skip
"""The closed set of ways a system writes a date (``date_…``) or a moment (the others) that is in no date type of its own."""
TextCase = Literal["keep", "lower", "upper"]
NamePart = Literal["given", "family"]
QUOTES = frozenset({'"', "'", "`"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class _Transform(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True, tag_field="type"):
    """Base of the transforms. Some are written in a binding as they are."""


class PhoneForm(_Transform, frozen=True, tag="phone"):
    """E.164 for the agent; in the system ``format``, with ``country`` (ISO 3166-1 alpha-2) for national numbers."""

    format: PhoneFormat = "e164"
    country: str | None = None


class TimeForm(_Transform, frozen=True, tag="date_time"):
    """A date or a date and time for the agent; in the system ``format``. ``time_zone`` (IANA) is that of local forms."""

    format: TimeFormat
    time_zone: str | None = None


class MoneyMinor(_Transform, frozen=True, tag="money_minor"):
    """``12.34 CAD`` for the agent; in the system 1234. ``digits`` is the currency's exponent (ISO 4217)."""

    currency: str
    digits: int


class EnumWords(_Transform, frozen=True, tag="enum_words"):
    """The words a caller hears for the agent; in the system its values. ``words`` are pairs of (value as text, word)."""

    words: tuple[tuple[str, str], ...]


class TextForm(_Transform, frozen=True, tag="trim"):
    """A text without white space around it and with one space inside it for both sides, in ``case``."""

    case: TextCase = "keep"


class Scale(_Transform, frozen=True, tag="scale"):
    """A number for the agent; in the system that number times ten to the power of ``digits``."""

    digits: int


class SplitName(_Transform, frozen=True, tag="split_name"):
    """A full name for the agent; in the system one part of it."""

    part: NamePart


class JoinName(_Transform, frozen=True, tag="join_name"):
    """A given and a family name in the system, the latter under the hidden leaf ``family``; one full name for the agent."""

    family: str


class Affix(_Transform, frozen=True, tag="affix"):
    """A text for the agent; in the system that text between ``before`` and ``after``, for arguments that are little languages.

    Which values there are, says :func:`patchbay.schema_graph.transforming.refused_in`; ``without`` are characters that no value
    may hold besides.
    """

    before: str = ""
    after: str = ""
    without: str = ""

    @property
    def quote(self) -> str | None:
        """The quotation mark that a value stands in; None for a bare one."""
        mark = self.before[-1:]
        return mark if mark in QUOTES and mark == self.after[:1] and mark else None

    @property
    def words(self) -> tuple[str, ...]:
        """The names around the value: what a search is about."""
        return tuple(_NAME.findall(f"{self.before} {self.after}"))


Transform = PhoneForm | TimeForm | MoneyMinor | EnumWords | TextForm | Scale | SplitName | JoinName | Affix


def is_date(transform: TimeForm) -> bool:
    """Whether the form is of a day and not of a moment."""
    return transform.format.startswith("date_")


def said_type(transform: Transform) -> FieldType:
    """The type of the values on the agent's side."""
    match transform:
        case TimeForm():
            return "date" if is_date(transform) else "datetime"
        case EnumWords():
            return "enum"
        case Scale():
            return "decimal"
        case _:
            return "string"
