"""The ``fields`` parameter of Google's APIs: which members of an answer are wanted, as ``a,b/c,d(e,f/g)``.

Source: https://developers.google.com/workspace/calendar/api/guides/performance#partial-response.
"""

from __future__ import annotations

import re
from typing import Any

Mask = dict[str, Any]
"""Names to what is wanted below them; an empty mask wants everything."""


class BadMask(ValueError):
    """The text is not a selection of fields."""


def read_mask(text: str) -> Mask:
    """The mask that ``text`` says."""
    tokens = re.findall(r"[A-Za-z0-9_*.]+|[(),/]|\S", text)
    mask, rest = _selection(tokens)
    if rest:
        raise BadMask(f"Invalid field selection {text}")
    return mask


def _selection(tokens: list[str]) -> tuple[Mask, list[str]]:
    made: Mask = {}
    while True:
        below, tokens = _one(tokens)
        _merge(made, below)
        if not tokens or tokens[0] != ",":
            return made, tokens
        tokens = tokens[1:]


def _one(tokens: list[str]) -> tuple[Mask, list[str]]:
    if not tokens or not re.fullmatch(r"[A-Za-z0-9_*.]+", tokens[0]):
        raise BadMask("Invalid field selection")
    name, tokens = tokens[0], tokens[1:]
    below: Mask = {}
    if tokens[:1] == ["/"]:
        below, tokens = _one(tokens[1:])
    elif tokens[:1] == ["("]:
        below, tokens = _selection(tokens[1:])
        if tokens[:1] != [")"]:
            raise BadMask("Invalid field selection")
        tokens = tokens[1:]
    for part in reversed(name.split(".")):
        below = {part: below}
    return below, tokens


def _merge(into: Mask, other: Mask) -> None:
    for name, below in other.items():
        if name in into and into[name] and below:
            _merge(into[name], below)
        else:
            into[name] = {} if name in into else below


def masked(value: Any, mask: Mask) -> Any:
    """What the mask leaves of an answer: lists are gone through."""
    if not mask or "*" in mask:
        return value
    if isinstance(value, list):
        return [masked(one, mask) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: masked(value[name], below) for name, below in mask.items() if name in value}


def check_mask(mask: Mask, schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Raises :class:`BadMask` for a field that the answer cannot have."""
    while True:
        if "$ref" in schema:
            schema = schemas[schema["$ref"]]
        elif schema.get("type") == "array":
            schema = schema["items"]
        else:
            break
    for name, below in mask.items():
        if name == "*" or "additionalProperties" in schema:
            continue
        if name not in schema.get("properties", {}):
            raise BadMask(f"Invalid field selection {name}")
        check_mask(below, schema["properties"][name], schemas)
