"""What a remote tool takes and gives, in the terms of a call: plain typed values, and leaves.

The other side's texts stay out of it. A description in a schema is read by whoever made the skill; a model is told what they
wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec

from patchbay.agent_runtime.hand_made.parameters import MOST, Parameter, Parameters, read_parameters
from patchbay.bindings.inputs import PARAM
from patchbay.bindings.tool_limits import MAX_ENUM
from patchbay.connectors.mcp.tools import RemoteTool
from patchbay.errors import Finding
from patchbay.nearest import did_you_mean

LEAVES_MOST, LEAF_LONGEST = 64, 100
_PLAIN = ("string", "integer", "number", "boolean")
_KEPT = frozenset({"type", "format", "maxLength", "enum", "items"})
_SAID = frozenset({"title", "description", "default", "examples", "const", "anyOf", "oneOf", "$comment"})
_AT = "executionConfig.tool"


class _Node(msgspec.Struct, frozen=True):
    """A parameter's schema as a call can express it, and the keywords that only the server checks."""

    schema: dict[str, Any]
    unchecked: tuple[str, ...]


def read_tool_parameters(
    tool: RemoteTool,
    said: Mapping[str, Any] | None,
    required: Sequence[str] | None,
    listed: Sequence[Parameter],
    findings: list[Finding],
) -> Parameters:
    """The parameters of a skill on ``tool``; what cannot be expressed is added to ``findings``.

    ``said`` is a JSON Schema whose properties' descriptions are what a model is told; ``listed`` are the parameters that come
    from elsewhere. Optional ones that a call cannot express are left out, with a warning.
    """
    warnings: list[Finding] = []
    takes = _members(tool.input_schema.get("properties"))
    needed = [one for one in _listed(tool.input_schema.get("required")) if isinstance(one, str)]
    elsewhere = _from_elsewhere(takes, listed, findings)
    told = _told(said, takes, findings)
    properties: dict[str, Any] = {}
    for name, node in takes.items():
        if any(one.name == name for one in elsewhere):
            continue
        plain = _plain(node) if PARAM.fullmatch(name) else None
        if plain is None and name in needed:
            message = f"The tool needs {name[:64]!r}, which is no plain typed value, so no call can give it."
            hint = "Give it by executionConfig.parameters with source constant, where it is a plain value after all."
            findings.append(Finding(_AT, "schema_not_expressible", message, hint))
        elif plain is None:
            message = f"The optional parameter {name[:64]!r} is no plain typed value and is left out."
            warnings.append(Finding(_AT, "parameter_left_out", message))
        else:
            properties[name] = plain.schema | ({"description": told[name]} if name in told else {})
            if plain.unchecked:
                message = f"Of {name!r} only the server checks: {', '.join(plain.unchecked)}."
                warnings.append(Finding(_AT, "schema_keyword_ignored", message, "Say it in the parameter's description."))
    missing = [name for name in needed if name not in takes]
    if missing:
        message = f"The tool's schema needs {', '.join(name[:64] for name in missing[:5])} and does not say what that is."
        findings.append(Finding(_AT, "schema_not_expressible", message))
    if len(properties) + len(elsewhere) > MOST:
        optional = [name for name in properties if name not in needed]
        findings.append(Finding(_AT, "too_many", f"At most {MOST} parameters, and the tool has {len(optional)} optional ones."))
        return Parameters({"type": "object", "properties": {}, "required": []}, [], [], (), ())
    schema = {"type": "object", "properties": properties, "required": [name for name in needed if name in properties]}
    read = read_parameters(schema, required, elsewhere, findings)
    return msgspec.structs.replace(read, warnings=(*warnings, *read.warnings))


def leaves_of(tool: RemoteTool) -> tuple[str, ...]:
    """The leaves that a tool's output schema declares, as rows have them; none where it declares none that can be told."""
    schema: Mapping[str, Any] = tool.output_schema or {}
    properties = _members(schema.get("properties"))
    if list(properties) == ["result"]:
        result = _members(properties["result"])
        properties = _members(_members(result.get("items")).get("properties") or result.get("properties"))
    return tuple(_leaves(properties))[:LEAVES_MOST]


def _leaves(properties: Mapping[str, Any]) -> Iterator[str]:
    for name, node in properties.items():
        inner = _members(_members(node).get("properties"))
        for leaf in [f"{name}.{below}" for below in inner] if inner else [name]:
            if len(leaf) <= LEAF_LONGEST:
                yield leaf


def _plain(node: Any) -> _Node | None:
    members = _alternative(_members(node))
    kind = _kind(members)
    if kind is None:
        return None
    made: dict[str, Any] = {"type": kind}
    unchecked = [name for name in members if name not in _KEPT and name not in _SAID]
    if kind == "array":
        items = _members(members.get("items"))
        if items.get("type") not in _PLAIN:
            return None
        made["items"] = {"type": items["type"]}
        unchecked += [f"items.{name}" for name in items if name != "type" and name not in _SAID]
    if kind == "string":
        made |= {name: members[name] for name in ("format", "maxLength") if name in members}
    labels = [members["const"]] if "const" in members else [one for one in _listed(members.get("enum")) if one is not None]
    if labels and kind == "string" and len(labels) <= MAX_ENUM and all(isinstance(one, str) for one in labels):
        made["enum"] = labels
    elif labels:
        unchecked.append("enum")
    return _Node(made, tuple(sorted(name[:64] for name in unchecked)))


def _alternative(members: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema that may also be null, as its other alternative."""
    for keyword in ("anyOf", "oneOf"):
        options = [_members(one) for one in _listed(members.get(keyword))]
        others = [one for one in options if one.get("type") != "null"]
        if options and len(others) == 1:
            return {**{name: value for name, value in members.items() if name != keyword}, **others[0]}
    return members


def _kind(members: Mapping[str, Any]) -> str | None:
    if any(name in members for name in ("$ref", "allOf", "not", "if", "properties", "patternProperties")):
        return None
    if "anyOf" in members or "oneOf" in members:
        return None
    kinds = [one for one in (_listed(members.get("type")) or [members.get("type")]) if one != "null"]
    if kinds == [None] and all(isinstance(one, str | None) for one in _listed(members.get("enum")) or [0]):
        return "string"
    found = kinds[0] if len(kinds) == 1 else None
    return found if found in (*_PLAIN, "array") else None


def _from_elsewhere(takes: Mapping[str, Any], listed: Sequence[Parameter], findings: list[Finding]) -> list[Parameter]:
    """The parameters that no model gives, each of the type that the tool takes."""
    made: list[Parameter] = []
    for index, one in enumerate(listed):
        at = f"executionConfig.parameters.{index}"
        plain = _plain(takes.get(one.name))
        if one.name not in takes:
            hint = did_you_mean(one.name[:64], takes)
            findings.append(Finding(f"{at}.name", "unknown_parameter", "The tool takes no such parameter.", hint))
        elif one.source == "model":
            message = "What the model gives is the tool's to say: leave it out here."
            findings.append(Finding(f"{at}.source", "source_invalid", message, "Use session, verified or constant."))
        elif plain is None or plain.schema["type"] == "array":
            findings.append(Finding(f"{at}.name", "schema_not_expressible", "The tool takes no plain value here."))
        else:
            made.append(one.model_copy(update={"type": plain.schema["type"]}))
    return made


def _told(said: Mapping[str, Any] | None, takes: Mapping[str, Any], findings: list[Finding]) -> dict[str, str]:
    told: dict[str, str] = {}
    for name, node in _members((said or {}).get("properties")).items():
        if name not in takes:
            at, hint = f"parametersSchema.properties.{name[:64]}", did_you_mean(name[:64], takes)
            findings.append(Finding(at, "unknown_parameter", "The tool takes no such parameter.", hint))
        elif isinstance(text := _members(node).get("description"), str):
            told[name] = text
    return told


def _members(value: Any) -> Mapping[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _listed(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []
