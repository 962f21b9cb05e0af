"""How a binding writes transforms: those of :mod:`patchbay.schema_graph.transform` as they are, and of the others what a person
knows of them (a currency, a map of words, the other column of a name).
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from patchbay.schema_graph.transform import Affix, PhoneForm, Scale, TextForm, TimeForm

_Text = Annotated[str, Meta(min_length=1, max_length=100)]
_Segment = Annotated[str, Meta(min_length=1, max_length=200)]


class _Rule(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True, tag_field="type"):
    """Base of the rules."""


class MoneyRule(_Rule, frozen=True, tag="money_minor"):
    """An amount kept in minor units. ``currency``: ISO 4217."""

    currency: Annotated[str, Meta(min_length=3, max_length=3)]


class WordsRule(_Rule, frozen=True, tag="enum_words"):
    """The system's values, as text, and the word for each."""

    words: Annotated[dict[_Text, _Text], Meta(min_length=1, max_length=100)]


class SplitRule(_Rule, frozen=True, tag="split_name"):
    """A full name: its given name goes to the input's own argument, its family name to ``family_arg``."""

    family_arg: Annotated[str, Meta(min_length=1, max_length=1_000)]


class JoinRule(_Rule, frozen=True, tag="join_name"):
    """A full name: its given name is at the projection's own path, its family name at ``family_path``."""

    family_path: Annotated[list[_Segment], Meta(min_length=1, max_length=16)]


InputTransform = PhoneForm | TimeForm | TextForm | Scale | MoneyRule | WordsRule | SplitRule | Affix
OutputTransform = PhoneForm | TimeForm | TextForm | Scale | MoneyRule | WordsRule | JoinRule | Affix
