"""The tool a model sees: only its own inputs, and nothing a provider could refuse."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.bindings.tool_lint import lint_tool
from patchbay.bindings.tool_schema import tool_schema
from patchbay.schema_graph.call import CallInput, Source


def one_input(**members: Any) -> CallInput:
    return CallInput(**({"param": "x", "arg": "x", "type": "string", "native_type": "text"} | members))


def properties(*inputs: CallInput) -> dict[str, Any]:
    return tool_schema("look_up", "Look up.", inputs)["function"]["parameters"]["properties"]


def test_a_whole_tool():
    inputs = [
        one_input(param="caller_phone", codec="phone", country="CA", required=True),
        one_input(param="status", type="enum", enum=("open", "closed"), description="Which ones"),
        one_input(param="account", source="verified", key="account_id", required=True),
        one_input(param="shop", source="constant", constant=4),
        one_input(param="caller", source="session", key="caller_number"),
    ]
    assert tool_schema("look_up", "Look it up.", inputs) == {
        "type": "function",
        "function": {
            "name": "look_up",
            "description": "Look it up.",
            "parameters": {
                "type": "object",
                "properties": {
                    "caller_phone": {
                        "type": "string",
                        "description": "The caller's phone number. With the area code.",
                        "maxLength": 40,
                    },
                    "status": {"type": "string", "description": "Which ones", "enum": ["open", "closed"]},
                },
                "required": ["caller_phone"],
                "additionalProperties": False,
            },
        },
    }


def test_bounds_and_formats_are_said():
    assert properties(one_input(type="integer", native_type="smallint"))["x"]["maximum"] == 32767
    assert "maximum" not in properties(one_input(type="integer", native_type="bigint"))["x"]
    assert re.fullmatch(properties(one_input(type="date"))["x"]["pattern"], "2026-03-05")
    assert properties(one_input(type="datetime"))["x"]["format"] == "date-time"
    assert properties(one_input(max_length=20))["x"]["maxLength"] == 20
    assert properties(one_input(type="decimal"))["x"]["type"] == "string"


def test_lists_have_plain_items():
    listed = one_input(type="array", item_type="enum", enum=("open", "closed"), description="Which ones")
    assert properties(listed)["x"] == {
        "type": "array",
        "description": "Which ones",
        "items": {"type": "string", "description": "One of them.", "enum": ["open", "closed"]},
        "maxItems": 100,
    }
    numbers = properties(one_input(type="array", item_type="integer", native_type="int32"))["x"]
    assert numbers["items"]["maximum"] == 2**31 - 1
    assert "maximum" not in properties(one_input(type="integer", native_type="int53"))["x"]


def test_a_number_that_goes_out_in_one_form_is_asked_for_like_one_that_is_compared():
    assert properties(one_input(codec="e164", country="CA")) == properties(one_input(codec="phone", country="CA"))


KINDS = ["string", "integer", "decimal", "number", "boolean", "date", "time", "datetime", "duration", "uuid", "bytes", "enum"]
SOURCES: list[Source] = ["model", "session", "verified", "constant"]


@given(
    st.lists(
        st.builds(
            CallInput,
            param=st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", fullmatch=True),
            arg=st.just("a"),
            type=st.sampled_from([*KINDS, "array"]),
            item_type=st.sampled_from(KINDS),
            native_type=st.sampled_from(["smallint", "integer", "bigint", "int32", "int53", "text"]),
            source=st.sampled_from(SOURCES),
            required=st.booleans(),
            description=st.none() | st.text(max_size=50),
            enum=st.lists(st.text(max_size=5), unique=True, max_size=300).map(tuple),
            codec=st.sampled_from(["plain", "phone", "e164"]),
        ),
        max_size=8,
        unique_by=lambda one: one.param,
    )
)
def test_every_tool_made_is_one_that_providers_take(inputs: list[CallInput]):
    made = tool_schema("a-tool_1", "Does it.", inputs)
    assert lint_tool(made) == []
    assert set(made["function"]["parameters"]["properties"]) == {one.param for one in inputs if one.source == "model"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": "Look up"}, "name_invalid"),
        ({"name": "a" * 65}, "name_invalid"),
        ({"description": "a" * 1025}, "too_long"),
        ({"parameters": {"type": "array", "additionalProperties": False}}, "not_an_object"),
        ({"parameters": {"type": "object"}}, "open_object"),
        ({"parameters": {"type": "object", "additionalProperties": False, "anyOf": []}}, "keyword_not_allowed"),
        ({"parameters": {"type": "object", "additionalProperties": False, "required": ["a"]}}, "required_invalid"),
    ],
)
def test_lint_finds(change: dict[str, Any], code: str):
    tool = tool_schema("look_up", "d", [])
    tool["function"] |= change
    assert [f.code for f in lint_tool(tool)] == [code]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"type": "string", "$ref": "#/x"}, "keyword_not_allowed"),
        ({"type": ["string", "null"]}, "type_invalid"),
        ({"type": "object"}, "type_invalid"),
        ({"type": "string", "enum": []}, "enum_invalid"),
        ({"type": "string", "enum": ["a", "a"]}, "enum_invalid"),
        ({"type": "array"}, "type_invalid"),
        ({"type": "array", "items": {"type": "array"}}, "type_invalid"),
        ({"type": "array", "items": {"type": "string"}, "uniqueItems": True}, "keyword_not_allowed"),
    ],
)
def test_lint_finds_in_a_property(body: dict[str, Any], code: str):
    tool = tool_schema("look_up", "d", [])
    tool["function"]["parameters"]["properties"]["x"] = body
    assert [f.code for f in lint_tool(tool)] == [code]


def test_lint_finds_a_property_name_that_is_none():
    tool = tool_schema("look_up", "d", [])
    tool["function"]["parameters"]["properties"]["a b"] = {"type": "string"}
    assert [f.code for f in lint_tool(tool)] == ["name_invalid"]
