"""Descriptions, as a person reads them."""

from __future__ import annotations

from collections.abc import Iterable

from patchbay.connectors.graphql.definitions import InputValue

_MEMBERS_SHOWN = 12
_LONGEST_DEFAULT = 60


def described(description: str | None, deprecated: str | None = None, is_deprecated: bool | None = None) -> str | None:
    """The description with what the schema says of a deprecation at its end; None for none."""
    text = description.strip() if description else ""
    if deprecated or is_deprecated:
        reason = (deprecated or "").strip()
        note = f"Deprecated: {reason}" if reason else "Deprecated."
        text = f"{text}\n\n{note}" if text else note
    return text or None


def described_argument(value: InputValue, shape: str | None = None) -> str | None:
    """The description of an argument: with its default, and ``shape``, what its JSON holds."""
    told = described(value.description, value.deprecation_reason)
    if shape is None and value.default_value is None:
        return told
    parts = [told, shape]
    if value.default_value is not None and len(value.default_value) <= _LONGEST_DEFAULT:
        parts.append(f"Default: {value.default_value}.")
    return "\n\n".join(part for part in parts if part) or None


def shape_of(members: Iterable[InputValue], *, many: bool, one_of: bool) -> str:
    """What the JSON of an input object holds, in a sentence."""
    named = [f"{member.name}: {member.type.text()}" for member in members]
    more = ", …" if len(named) > _MEMBERS_SHOWN else ""
    whole = ("A list of objects" if many else "An object") + (" with exactly one of" if one_of else " with")
    return f"{whole} {', '.join(named[:_MEMBERS_SHOWN])}{more}."
