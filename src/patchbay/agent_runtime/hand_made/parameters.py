"""What a webhook skill asks for: a JSON Schema, or a list of parameters, read into the one form that is stored.

That form is ``parametersSchema`` for what the model gives, and ``executionConfig.parameters`` for what comes from elsewhere
(session, verified, constant), which no model sees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, cast

import msgspec
from pydantic import Field

from patchbay.agent_runtime.bodies import Body
from patchbay.bindings.inputs import PARAM
from patchbay.bindings.parameters import SESSION_FACTS, meaning_of, session_key
from patchbay.errors import Finding
from patchbay.nearest import did_you_mean
from patchbay.schema_graph.call import CallInput
from patchbay.schema_graph.coercion import JSON_INTEGER
from patchbay.schema_graph.model import FieldType

MOST = 32
DESCRIPTION_MOST = 1_000
LONGEST = 10_000
"""Characters of a text that may be asked for."""
LABELS, LABEL_MOST = 200, 200
"""Values of an enum, and characters of one."""
_TYPES: Mapping[str, FieldType] = {"string": "string", "integer": "integer", "number": "number", "boolean": "boolean"}
_FORMATS: Mapping[str, FieldType] = {"date": "date", "time": "time", "date-time": "datetime", "uuid": "uuid"}
_KNOWN = frozenset({"type", "description", "format", "enum", "maxLength", "items", "title", "default", "examples", "example"})
_STRUCTURES = frozenset({"$ref", "oneOf", "anyOf", "allOf", "not", "if", "properties", "patternProperties"})
_TOP = frozenset({"type", "properties", "required", "additionalProperties", "title", "description", "$schema", "$id"})


class Parameter(Body):
    """One parameter. ``source`` is ``model`` when it is left out; ``key`` names the fact of a session or verified one."""

    name: Annotated[str, Field(max_length=64)]
    description: Annotated[str, Field(max_length=DESCRIPTION_MOST)] | None = None
    type: Literal["string", "integer", "number", "boolean"] = "string"
    required: bool = False
    source: Literal["model", "session", "verified", "constant"] = "model"
    key: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    value: str | int | float | bool | None = None


class Parameters(msgspec.Struct, frozen=True):
    """What was read. ``schema`` and ``elsewhere`` are stored; ``inputs`` are the call's, ``warnings`` what to know."""

    schema: dict[str, Any]
    required: list[str]
    elsewhere: list[dict[str, Any]]
    inputs: tuple[CallInput, ...]
    warnings: tuple[Finding, ...]


def read_parameters(
    schema: Mapping[str, Any] | None,
    required: Sequence[str] | None,
    listed: Sequence[Parameter],
    findings: list[Finding],
) -> Parameters:
    """The parameters of a skill; what is wrong with them is added to ``findings``."""
    warnings: list[Finding] = []
    properties: dict[str, Any] = {}
    needed: list[str] = []
    if schema is not None:
        properties, needed = _read_schema(schema, findings, warnings)
    at = "executionConfig.parameters"
    elsewhere: list[dict[str, Any]] = []
    inputs: list[CallInput] = []
    for index, one in enumerate(listed):
        _check_listed(one, f"{at}.{index}", findings)
        if one.source == "model":
            properties[one.name] = {"type": one.type} | ({"description": one.description} if one.description else {})
            needed += [one.name] if one.required else []
            continue
        properties.pop(one.name, None)
        needed = [name for name in needed if name != one.name]
        elsewhere.append(one.model_dump(by_alias=True, exclude_defaults=True, mode="json"))
        inputs.append(_from_elsewhere(one))
    needed = list(dict.fromkeys([*needed, *(required or ())]))
    for index, name in enumerate(required or ()):
        if name not in properties:
            hint = did_you_mean(name[:64], properties)
            findings.append(Finding(f"requiredParams.{index}", "unknown_parameter", "There is no such parameter.", hint))
    if len(properties) + len(elsewhere) > MOST:
        findings.append(Finding("parametersSchema", "too_many", f"At most {MOST} parameters."))
    names = [*properties, *(one["name"] for one in elsewhere)]
    for name in names:
        _check_name(name, findings)
    if len({name.casefold() for name in names}) < len(names):
        findings.append(Finding(at, "param_duplicate", "Two parameters have the same name."))
    stored = {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}
    made = tuple(_from_schema(name, node, name in needed) for name, node in properties.items())
    for one in made:
        meaning = meaning_of(one.param)
        if meaning is not None and meaning.means == "person":
            message = f"Whose record this is about is left to what the caller says ({one.param})."
            hint = "Where it must be the caller's own, give it by executionConfig.parameters with source session or verified."
            warnings.append(Finding(f"parametersSchema.properties.{one.param}", "model_chosen_identity", message, hint))
    return Parameters(stored, needed, elsewhere, (*made, *inputs), tuple(warnings))


def _read_schema(schema: Mapping[str, Any], findings: list[Finding], warnings: list[Finding]) -> tuple[dict[str, Any], list[str]]:
    properties: Any = schema.get("properties")
    if properties is None and _looks_flat(schema):
        message = "parametersSchema is a JSON Schema object with top-level properties, not a flat map of parameters."
        hint = 'Wrap it: {"type": "object", "properties": {…}, "required": […]}.'
        findings.append(Finding("parametersSchema", "parameters_schema_flat", message, hint))
        return {}, []
    if schema.get("type", "object") != "object":
        findings.append(Finding("parametersSchema.type", "type_invalid", 'The type must be "object".'))
    for name in schema:
        if name in _STRUCTURES - {"properties"} or (name not in _TOP and not name.startswith("x-")):
            message = "This keyword cannot be used here: a tool's parameters are plain, typed properties."
            findings.append(
                Finding(f"parametersSchema.{name[:64]}", "keyword_unsupported", message, did_you_mean(name[:64], _TOP))
            )
    if properties is None:
        properties = {}
    if not isinstance(properties, dict):
        findings.append(Finding("parametersSchema.properties", "type_invalid", "properties must be an object."))
        return {}, []
    read = {
        name: _read_property(node, f"parametersSchema.properties.{name[:64]}", findings, warnings)
        for name, node in cast("dict[str, Any]", properties).items()
    }
    return read, _read_required(schema.get("required"), read, findings)


def _looks_flat(schema: Mapping[str, Any]) -> bool:
    """Whether the members are parameters by their names, even where one of them is called ``type``."""
    return any(isinstance(value, dict) for value in schema.values())


def _read_required(value: Any, properties: Mapping[str, Any], findings: list[Finding]) -> list[str]:
    items: list[Any] = cast("list[Any]", value) if isinstance(value, list) else []
    if value is not None and not isinstance(value, list):
        findings.append(Finding("parametersSchema.required", "type_invalid", "required must be a list of names."))
    for index, name in enumerate(items):
        if not isinstance(name, str) or name not in properties:
            hint = did_you_mean(str(name)[:64], properties)
            message = "There is no such parameter."
            findings.append(Finding(f"parametersSchema.required.{index}", "unknown_parameter", message, hint))
    return [name for name in items if isinstance(name, str)]


def _read_property(node: Any, at: str, findings: list[Finding], warnings: list[Finding]) -> dict[str, Any]:
    """The property in the form it is stored in."""
    if not isinstance(node, dict):
        findings.append(Finding(at, "type_invalid", 'A parameter is an object such as {"type": "string"}.'))
        return {"type": "string"}
    given = cast("dict[str, Any]", node)
    kinds = given.get("type", "string")
    kind = next((one for one in cast("list[Any]", kinds) if one != "null"), "string") if isinstance(kinds, list) else kinds
    structured = sorted(_STRUCTURES & given.keys())
    if structured or not isinstance(kind, str) or (kind not in _TYPES and kind != "array"):
        message = "A parameter is a text, a number, true or false, or a list of those; nothing nested."
        hint = (
            "Ask for each part as a parameter of its own."
            if kind == "object" or structured
            else did_you_mean(str(kind)[:64], _TYPES)
        )
        findings.append(Finding(f"{at}.{structured[0] if structured else 'type'}", "type_invalid", message, hint))
        return {"type": "string"}
    ignored = sorted(given.keys() - _KNOWN)
    if ignored:
        message = f"Not checked before the webhook is called: {', '.join(name[:64] for name in ignored[:5])}."
        warnings.append(
            Finding(at, "schema_keyword_ignored", message, "Say it in the description, and check it in your service.")
        )
    made: dict[str, Any] = {"type": kind}
    if isinstance(given.get("description"), str):
        made["description"] = given["description"][:DESCRIPTION_MOST]
    if isinstance(given.get("format"), str) and given["format"] in _FORMATS and kind == "string":
        made["format"] = given["format"]
    if "maxLength" in given and kind == "string":
        longest: Any = given["maxLength"]
        if isinstance(longest, bool) or not isinstance(longest, int) or not 0 < longest <= LONGEST:
            findings.append(Finding(f"{at}.maxLength", "value_invalid", f"maxLength is a number from 1 to {LONGEST}."))
        else:
            made["maxLength"] = longest
    if "enum" in given:
        made |= _read_enum(given["enum"], kind, f"{at}.enum", findings)
    if kind == "array":
        made["items"] = _read_items(given.get("items"), f"{at}.items", findings)
    return made


def _read_enum(given: Any, kind: str, at: str, findings: list[Finding]) -> dict[str, Any]:
    labels: list[Any] = cast("list[Any]", given) if isinstance(given, list) else []
    if kind != "string" or not isinstance(given, list) or not all(isinstance(one, str) for one in labels):
        findings.append(Finding(at, "type_invalid", "An enum is a list of texts."))
    elif not 0 < len(labels) <= LABELS or not all(one.strip() and len(one) <= LABEL_MOST for one in labels):
        message = f"An enum has 1 to {LABELS} values, each of 1 to {LABEL_MOST} characters."
        findings.append(Finding(at, "value_invalid", message))
    elif len(set(labels)) < len(labels):
        findings.append(Finding(at, "value_duplicate", "A value of this enum is there twice."))
    else:
        return {"enum": labels}
    return {}


def _read_items(node: Any, at: str, findings: list[Finding]) -> dict[str, Any]:
    kind: Any = cast("dict[str, Any]", node).get("type", "string") if isinstance(node, dict) else "string"
    if not isinstance(kind, str) or kind not in _TYPES:
        findings.append(Finding(at, "type_invalid", "The elements of a list are texts, numbers, or true and false."))
        return {"type": "string"}
    return {"type": kind}


def _from_schema(name: str, node: Mapping[str, Any], required: bool) -> CallInput:
    kind = cast("str", node["type"])
    type_: FieldType = "array" if kind == "array" else _FORMATS.get(node.get("format", ""), _TYPES[kind])
    item = _TYPES[node["items"]["type"]] if kind == "array" else None
    return CallInput(
        param=name,
        arg=name,
        type="enum" if node.get("enum") else type_,
        native_type=_native(item or type_),
        required=required,
        description=node.get("description"),
        enum=tuple(node.get("enum", ())),
        max_length=node.get("maxLength"),
        zoned=type_ == "datetime",
        item_type=item,
    )


def _from_elsewhere(one: Parameter) -> CallInput:
    type_ = _TYPES[one.type]
    key = (one.key or session_key(one.name)) if one.source == "session" else (one.key or one.name)
    return CallInput(
        param=one.name,
        arg=one.name,
        type=type_,
        native_type=_native(type_),
        source=one.source,
        key=key if one.source in ("session", "verified") else None,
        constant=one.value if one.source == "constant" else None,
        required=True,
        description=one.description,
    )


def _native(type_: FieldType) -> str:
    return {"integer": JSON_INTEGER, "number": "number", "boolean": "boolean"}.get(type_, "string")


def _check_listed(one: Parameter, at: str, findings: list[Finding]) -> None:
    if one.source == "session" and one.key is None and session_key(one.name) is None:
        hint = f"Usual ones are {', '.join(SESSION_FACTS)}."
        findings.append(Finding(f"{at}.key", "source_key_missing", "A session parameter needs the key of its fact.", hint))
    if one.source in ("model", "constant") and one.key is not None:
        findings.append(Finding(f"{at}.key", "source_key_unused", f"A {one.source} parameter takes no key."))
    if one.source == "constant" and one.value is None:
        findings.append(Finding(f"{at}.value", "value_missing", "A constant parameter needs its value."))
    if one.source != "constant" and one.value is not None:
        hint = "Set source to 'constant'."
        findings.append(Finding(f"{at}.value", "value_unused", f"A {one.source} parameter takes no value.", hint))


def _check_name(name: str, findings: list[Finding]) -> None:
    if not PARAM.fullmatch(name):
        message = "A parameter's name is 1 to 64 letters, digits, '_' and '-', and starts with a letter or '_'."
        findings.append(Finding(f"parametersSchema.properties.{name[:64]}", "param_invalid", message))
