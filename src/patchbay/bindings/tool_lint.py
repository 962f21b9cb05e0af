"""The check that a tool, and all tools of an agent together, are ones that no API of a model refuses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec

from patchbay.bindings.tool_limits import (
    FORMATS,
    KEYWORDS,
    LIST_KEYWORDS,
    MAX_DESCRIPTION,
    MAX_ENUM,
    MAX_LABEL_TEXT,
    MAX_LABELS,
    MAX_PROPERTIES,
    MAX_TOOL_SIZE,
    MAX_TOOLS,
    MAX_TOOLS_SIZE,
    NAME,
    OBJECT_KEYWORDS,
    TYPES,
)
from patchbay.errors import Finding, Unprocessable

_NAME_RULE = "A name is 1 to 64 letters, digits, '_' and '-', and begins with a letter or '_'."
_NUMBERS = ("integer", "number")


class ToolRefused(Unprocessable):
    """The tool this would make is one that a model's API refuses (tool_refused)."""

    code, title = "tool_refused", "Tool refused"


def lint_tool(schema: Mapping[str, Any]) -> list[Finding]:
    """What an API would refuse in a tool, each finding with the rule; nothing for what
    :func:`~patchbay.bindings.tool_schema.tool_schema` makes from a checked binding.
    """
    function = schema.get("function")
    if schema.get("type") != "function" or not isinstance(function, Mapping):
        return [Finding("type", "not_a_function", "A tool must be a function.")]
    findings = list(_lint_function(cast("Mapping[str, Any]", function)))
    if _size(schema) > MAX_TOOL_SIZE:
        findings.append(Finding("function", "too_large", f"A tool has at most {MAX_TOOL_SIZE:,} characters."))
    return findings


def lint_tools(schemas: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """What an API would refuse in all tools of an agent, sent together; fields begin with the place of the tool."""
    findings = [
        msgspec.structs.replace(finding, field=f"tools.{at}.{finding.field}")
        for at, schema in enumerate(schemas)
        for finding in lint_tool(schema)
    ]
    if len(schemas) > MAX_TOOLS:
        findings.append(Finding("tools", "too_many", f"An agent has at most {MAX_TOOLS} tools.", "Disable some of them."))
    seen: dict[str, int] = {}
    for at, schema in enumerate(schemas):
        name = _name(schema).casefold()
        if seen.setdefault(name, at) != at:
            findings.append(Finding(f"tools.{at}.function.name", "name_duplicate", "Another tool has this name already."))
    if sum(map(_size, schemas)) > MAX_TOOLS_SIZE:
        message = f"All tools together have at most {MAX_TOOLS_SIZE:,} characters."
        findings.append(Finding("tools", "too_large", message, "Disable some of them, or shorten their descriptions."))
    return findings


def check_tool(schema: Mapping[str, Any]) -> None:
    """Raises :class:`ToolRefused` with every finding of :func:`lint_tool`."""
    if findings := lint_tool(schema):
        raise ToolRefused("A model's API would refuse the tool this makes (tool_refused).", errors=findings)


def check_tools(schemas: Sequence[Mapping[str, Any]]) -> None:
    """Raises :class:`ToolRefused` with every finding of :func:`lint_tools`."""
    if findings := lint_tools(schemas):
        raise ToolRefused("A model's API would refuse these tools (tool_refused).", errors=findings)


def _size(schema: Mapping[str, Any]) -> int:
    return len(msgspec.json.encode(schema).decode())


def _name(schema: Mapping[str, Any]) -> str:
    return str(_mapping(schema.get("function")).get("name", ""))


def _lint_function(function: Mapping[str, Any]) -> Iterable[Finding]:
    if extra := set(function) - {"name", "description", "parameters"}:
        yield Finding("function", "keyword_not_allowed", f"Not allowed: {', '.join(sorted(extra))}.")
    if not NAME.fullmatch(str(function.get("name", ""))):
        yield Finding("function.name", "name_invalid", _NAME_RULE)
    description = function.get("description", "")
    if not isinstance(description, str) or len(description) > MAX_DESCRIPTION:
        yield Finding("function.description", "too_long", f"A description is text of at most {MAX_DESCRIPTION} characters.")
    parameters = function.get("parameters")
    if not isinstance(parameters, Mapping):
        yield Finding("function.parameters", "not_an_object", "Parameters must be an object.")
        return
    yield from _lint_parameters(cast("Mapping[str, Any]", parameters))


def _lint_parameters(parameters: Mapping[str, Any]) -> Iterable[Finding]:
    at = "function.parameters"
    if parameters.get("type") != "object":
        yield Finding(f"{at}.type", "not_an_object", "Parameters must be an object.")
    if parameters.get("additionalProperties") is not False:
        yield Finding(f"{at}.additionalProperties", "open_object", "Other members must be refused.")
    if extra := set(parameters) - OBJECT_KEYWORDS:
        yield Finding(at, "keyword_not_allowed", f"Not allowed: {', '.join(sorted(extra))}.")
    properties = _mapping(parameters.get("properties"))
    if len(properties) > MAX_PROPERTIES:
        yield Finding(f"{at}.properties", "too_many", f"At most {MAX_PROPERTIES} properties.")
    if not _required_are_properties(parameters.get("required", []), properties):
        yield Finding(f"{at}.required", "required_invalid", "Required names must be properties, each once.")
    if len({name.casefold() for name in properties}) != len(properties):
        yield Finding(f"{at}.properties", "name_duplicate", "Two properties have the same name but for its case.")
    for name, body in properties.items():
        if not NAME.fullmatch(name):
            yield Finding(f"{at}.properties.{name}", "name_invalid", _NAME_RULE)
        yield from _lint_property(f"{at}.properties.{name}", body)
    labels = [label for body in properties.values() for label in _labels(body)]
    if len(labels) > MAX_LABELS or sum(len(str(label)) for label in labels) > MAX_LABEL_TEXT:
        message = f"The enums of a tool have at most {MAX_LABELS} values and {MAX_LABEL_TEXT:,} characters together."
        yield Finding(f"{at}.properties", "enum_too_large", message)


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _required_are_properties(required: object, properties: Mapping[str, Any]) -> bool:
    if not isinstance(required, list):
        return False
    names = cast("list[object]", required)
    return all(isinstance(name, str) and name in properties for name in names) and len({*map(str, names)}) == len(names)


def _labels(body: object) -> list[Any]:
    members = _mapping(body)
    found: object = members.get("enum")
    if isinstance(found, list):
        return cast("list[Any]", found)
    return _labels(members["items"]) if "items" in members else []


def _lint_property(at: str, body: object) -> Iterable[Finding]:
    listed = _mapping(body)
    if listed.get("type") == "array":
        if extra := set(listed) - LIST_KEYWORDS:
            yield Finding(at, "keyword_not_allowed", f"Not allowed: {', '.join(sorted(extra))}.")
        at, body = f"{at}.items", listed.get("items")
    yield from _lint_plain(at, _mapping(body))


def _lint_plain(at: str, body: Mapping[str, Any]) -> Iterable[Finding]:
    kind = body.get("type")
    if extra := set(body) - KEYWORDS:
        yield Finding(at, "keyword_not_allowed", f"Not allowed: {', '.join(sorted(extra))}.")
    if not isinstance(kind, str) or kind not in TYPES:
        yield Finding(at, "type_invalid", "A property has one plain type.")
    if not isinstance(body.get("description", ""), str):
        yield Finding(at, "description_invalid", "A description is text.")
    if "enum" in body and not _is_enum(body["enum"], kind):
        yield Finding(at, "enum_invalid", f"An enum is of 1 to {MAX_ENUM} different texts, none of them empty.")
    if "format" in body and (body["format"] not in FORMATS or kind != "string"):
        yield Finding(at, "format_not_allowed", f"A format is one of: {', '.join(sorted(FORMATS))}.")
    if not _are_bounds(body, kind):
        yield Finding(at, "bounds_invalid", "Bounds are of a number, finite, and the least is not above the largest.")


def _is_enum(enum: object, kind: object) -> bool:
    if not isinstance(enum, list) or kind != "string":
        return False
    labels = cast("list[object]", enum)
    texts = [label for label in labels if isinstance(label, str) and label.strip()]
    return 1 <= len(labels) <= MAX_ENUM and len(texts) == len(labels) == len(set(texts))


def _are_bounds(body: Mapping[str, Any], kind: object) -> bool:
    bounds = [body[name] for name in ("minimum", "maximum") if name in body]
    if not bounds:
        return True
    plain = all(isinstance(one, (int, float)) and not isinstance(one, bool) and math.isfinite(one) for one in bounds)
    return kind in _NUMBERS and plain and bounds == sorted(bounds)
