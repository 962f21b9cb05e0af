"""The tool a model sees: a function with the dullest JSON schema that says everything, and the check that it is one.

One tool that a provider refuses takes the whole request with it, so a schema uses nothing but plain typed properties: no
references, no alternatives, no free-form members. What the value is checked against when it runs is in it too (enum, format,
bounds), so that the model can keep to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from patchbay.bindings.parameters import BY_NAME
from patchbay.errors import Finding
from patchbay.schema_graph.call import CallInput
from patchbay.schema_graph.coercion import MAX_ITEMS, MAX_TEXT

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
MAX_ENUM = 200
MAX_DESCRIPTION = 1_024
MAX_PROPERTIES = 64

_INTEGER_BITS = {"smallint": 16, "int2": 16, "integer": 32, "int": 32, "int4": 32, "int32": 32}
_FORMATS: Mapping[str, tuple[str, str]] = {
    "date": ("date", "A date, such as 2026-03-05."),
    "time": ("time", "A time of day, such as 14:30."),
    "datetime": ("date-time", "A date and time, such as 2026-03-05T14:30."),
    "duration": ("duration", "A duration, such as PT1H30M."),
    "uuid": ("uuid", "A UUID."),
}
_ALLOWED = frozenset({"type", "description", "enum", "format", "minimum", "maximum", "maxLength", "pattern"})
_LIST_ALLOWED = frozenset({"type", "description", "items", "maxItems"})


def tool_schema(slug: str, description: str, inputs: Iterable[CallInput]) -> dict[str, Any]:
    """The function definition of a skill, in the chat-completions form. Only the model's own inputs are in it."""
    own = [one for one in inputs if one.source == "model"]
    return {
        "type": "function",
        "function": {
            "name": slug,
            "description": description[:MAX_DESCRIPTION],
            "parameters": {
                "type": "object",
                "properties": {one.param: _property(one) for one in own},
                "required": [one.param for one in own if one.required],
                "additionalProperties": False,
            },
        },
    }


def _property(one: CallInput) -> dict[str, Any]:
    canonical = BY_NAME.get(one.param)
    said = one.description or (canonical.description + "." if canonical else one.param.replace("_", " ").capitalize() + ".")
    if one.type == "array" and one.item_type is not None:
        item = _property(msgspec.structs.replace(one, type=one.item_type, item_type=None, description="One of them."))
        return {"type": "array", "description": said, "items": item, "maxItems": MAX_ITEMS}
    if one.codec in ("phone", "e164"):
        return {"type": "string", "description": _joined(said, _phone_form(one)), "maxLength": 40}
    if one.enum and len(one.enum) <= MAX_ENUM:
        return {"type": "string", "description": said, "enum": list(one.enum)}
    if one.type == "integer":
        bits = _INTEGER_BITS.get(one.native_type.lower())
        bounds = {"minimum": -(1 << bits - 1), "maximum": (1 << bits - 1) - 1} if bits else {}
        return {"type": "integer", "description": said} | bounds
    if one.type in ("number", "boolean"):
        return {"type": one.type, "description": said}
    if one.type == "decimal":
        return {"type": "string", "description": _joined(said, "A decimal number."), "pattern": r"^[+-]?[0-9]+(\.[0-9]+)?$"}
    if one.type in _FORMATS:
        form, example = _FORMATS[one.type]
        return {"type": "string", "description": _joined(said, example), "format": form}
    return {"type": "string", "description": said, "maxLength": min(one.max_length or MAX_TEXT, MAX_TEXT)}


def _phone_form(one: CallInput) -> str:
    return "With the area code." if one.country else "With the country code, such as +1 613 555 0142."


def _joined(said: str, more: str) -> str:
    said = said.strip()
    return f"{said if said.endswith(('.', '!', '?')) else said + '.'} {more}"


def lint_tool(schema: Mapping[str, Any]) -> list[Finding]:
    """What a provider might refuse in a tool; nothing for what :func:`tool_schema` makes from a checked binding."""
    findings: list[Finding] = []
    function = cast("Mapping[str, Any]", schema.get("function") or {})
    if schema.get("type") != "function" or not function:
        return [Finding("type", "not_a_function", "A tool must be a function.")]
    if not NAME.fullmatch(str(function.get("name", ""))):
        findings.append(Finding("function.name", "name_invalid", "A name is 1 to 64 letters, digits, '_' and '-'."))
    if len(str(function.get("description") or "")) > MAX_DESCRIPTION:
        findings.append(Finding("function.description", "too_long", f"At most {MAX_DESCRIPTION} characters."))
    findings += _lint_parameters(cast("Mapping[str, Any]", function.get("parameters") or {}))
    return findings


def _lint_parameters(parameters: Mapping[str, Any]) -> Iterable[Finding]:
    at = "function.parameters"
    properties = cast("Mapping[str, Mapping[str, Any]]", parameters.get("properties") or {})
    required = cast("list[str]", parameters.get("required") or [])
    if parameters.get("type") != "object":
        yield Finding(f"{at}.type", "not_an_object", "Parameters must be an object.")
    if parameters.get("additionalProperties") is not False:
        yield Finding(f"{at}.additionalProperties", "open_object", "Other members must be refused.")
    if extra := set(parameters) - {"type", "properties", "required", "additionalProperties"}:
        yield Finding(at, "keyword_not_allowed", f"Not allowed: {', '.join(sorted(extra))}.")
    if len(properties) > MAX_PROPERTIES:
        yield Finding(f"{at}.properties", "too_many", f"At most {MAX_PROPERTIES} properties.")
    if len(set(required)) != len(required) or not set(required) <= set(properties):
        yield Finding(f"{at}.required", "required_invalid", "Required names must be properties, each once.")
    for name, body in properties.items():
        if not NAME.fullmatch(name):
            yield Finding(f"{at}.properties.{name}", "name_invalid", "A name is 1 to 64 letters, digits, '_' and '-'.")
        yield from _lint_property(f"{at}.properties.{name}", body)


def _lint_property(at: str, body: Mapping[str, Any]) -> Iterable[Finding]:
    if body.get("type") == "array":
        if extra := set(body) - _LIST_ALLOWED:
            yield Finding(at, "keyword_not_allowed", f"Not allowed: {', '.join(sorted(extra))}.")
        yield from _lint_plain(f"{at}.items", cast("Mapping[str, Any]", body.get("items") or {}))
        return
    yield from _lint_plain(at, body)


def _lint_plain(at: str, body: Mapping[str, Any]) -> Iterable[Finding]:
    if extra := set(body) - _ALLOWED:
        yield Finding(at, "keyword_not_allowed", f"Not allowed: {', '.join(sorted(extra))}.")
    if body.get("type") not in ("string", "integer", "number", "boolean"):
        yield Finding(at, "type_invalid", "A property has one plain type.")
    enum = cast("list[Any] | None", body.get("enum"))
    if enum is not None and (not enum or len(enum) > MAX_ENUM or len({str(v) for v in enum}) != len(enum)):
        yield Finding(at, "enum_invalid", f"An enum has 1 to {MAX_ENUM} different values.")
