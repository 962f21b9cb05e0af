"""The tool a model sees: a function with the dullest JSON schema that says everything.

A schema uses nothing but plain typed properties: no references, no alternatives, no free-form members. What a value is checked
against when it runs is in it too (enum, form, bounds), so that the model can keep to it, and always of the agent's side: of an
input with a transform, what the caller says and not what the system keeps. :mod:`patchbay.bindings.tool_lint` holds it to what
the APIs of models take.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from patchbay.bindings.parameters import BY_NAME
from patchbay.bindings.tool_limits import MAX_DESCRIPTION, MAX_ENUM, MAX_LABEL_TEXT, MAX_LABELS
from patchbay.schema_graph.call import CallInput
from patchbay.schema_graph.coercion import MAX_ITEMS, MAX_TEXT, integer_bounds
from patchbay.schema_graph.transform import MoneyMinor, PhoneForm

_FORMS: Mapping[str, tuple[dict[str, str], str]] = {
    "date": ({"pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}, "A date, such as 2026-03-05."),
    "time": ({"pattern": r"^[0-9]{2}:[0-9]{2}(:[0-9]{2})?$"}, "A time of day, such as 14:30."),
    "datetime": ({"format": "date-time"}, "A date and time, such as 2026-03-05T14:30."),
    "duration": ({"pattern": r"^P[0-9DTHMSW.]+$"}, "A duration, such as PT1H30M."),
    "uuid": ({"pattern": r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"}, "A UUID."),
    "decimal": ({"pattern": r"^[+-]?[0-9]+(\.[0-9]+)?$"}, "A decimal number."),
}
_WIDEST = 32
"""Bits of the widest integers whose bounds are said; of wider ones, only that they are not below 0."""


def tool_schema(slug: str, description: str, inputs: Iterable[CallInput]) -> dict[str, Any]:
    """The function definition of a skill, in the chat-completions form. Only the model's own inputs are in it."""
    own = [one for one in inputs if one.source == "model"]
    labels = _labels(own)
    return {
        "type": "function",
        "function": {
            "name": slug,
            "description": description[:MAX_DESCRIPTION],
            "parameters": {
                "type": "object",
                "properties": {one.param: _property(one, labels.get(one.param, ())) for one in own},
                "required": [one.param for one in own if one.required],
                "additionalProperties": False,
            },
        },
    }


def _property(one: CallInput, labels: tuple[str, ...]) -> dict[str, Any]:
    if one.type == "array" and one.item_type is not None:
        item = msgspec.structs.replace(one, type=one.item_type, item_type=None, description="One of them.")
        return {"type": "array", "description": _said(one), "items": _property(item, labels), "maxItems": MAX_ITEMS}
    said = _said(one)
    if labels:
        return {"type": "string", "description": said, "enum": list(labels)}
    if one.codec in ("phone", "e164") or isinstance(one.transform, PhoneForm):
        return {"type": "string", "description": _joined(said, _phone_form(one)), "maxLength": 40}
    if isinstance(one.transform, MoneyMinor):
        example = "12" if not one.transform.digits else f"12.{'34567'[: one.transform.digits]}"
        return {"type": "string", "description": _joined(said, f"An amount in {one.transform.currency}, such as {example}.")}
    if one.said_type in ("integer", "number"):
        return {"type": one.said_type, "description": said} | _bounds(one)
    if one.said_type == "boolean":
        return {"type": "boolean", "description": said}
    if one.said_type in _FORMS:
        form, example = _FORMS[one.said_type]
        return {"type": "string", "description": _joined(said, example), **form}
    return {"type": "string", "description": said, "maxLength": min(one.max_length or MAX_TEXT, MAX_TEXT)}


def _said(one: CallInput) -> str:
    canonical = BY_NAME.get(one.param)
    return one.description or (canonical.description + "." if canonical else one.param.replace("_", " ").capitalize() + ".")


def _labels(inputs: Iterable[CallInput]) -> dict[str, tuple[str, ...]]:
    """The labels of each input that are said in the schema: the first inputs' whole, as long as there is room."""
    found: dict[str, tuple[str, ...]] = {}
    left, room = MAX_LABELS, MAX_LABEL_TEXT
    for one in inputs:
        labels = tuple(label for label in one.said_enum if label.strip())
        size = sum(map(len, labels))
        if labels and len(labels) <= min(MAX_ENUM, left) and size <= room:
            found[one.param] = labels
            left, room = left - len(labels), room - size
    return found


def _bounds(one: CallInput) -> dict[str, int | float]:
    """The narrowest of what the type holds and what the system says."""
    low, high = one.minimum, one.maximum
    if one.said_type == "integer":
        least, most = integer_bounds(one.native_type)
        if most < 1 << _WIDEST:
            low, high = max(least, low if low is not None else least), min(most, high if high is not None else most)
        elif least == 0:
            low = max(0, low or 0)
    return {name: bound for name, bound in (("minimum", low), ("maximum", high)) if bound is not None}


def _phone_form(one: CallInput) -> str:
    country = one.transform.country if isinstance(one.transform, PhoneForm) else one.country
    return "With the area code." if country else "With the country code, such as +1 613 555 0142."


def _joined(said: str, more: str) -> str:
    said = said.strip()
    return f"{said if said.endswith(('.', '!', '?')) else said + '.'} {more}"
