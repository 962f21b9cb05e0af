"""The tool a model sees: only its own inputs, and nothing a provider could refuse."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.bindings.tool_lint import ToolRefused, check_tools, lint_tool, lint_tools
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
        unique_by=lambda one: one.param.casefold(),
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


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"type": "string", "format": "uri"}, "format_not_allowed"),  # google-gemini/gemini-cli#3178
        ({"type": "string", "format": "date"}, "format_not_allowed"),
        ({"type": "integer", "format": "date-time"}, "format_not_allowed"),
        ({"type": "integer", "enum": [0, 1]}, "enum_invalid"),  # microsoft/azure-devops-mcp#145
        ({"type": "string", "enum": ["", "a"]}, "enum_invalid"),
        ({"type": "string", "enum": ["a", None]}, "enum_invalid"),
        ({"type": "string", "enum": [str(n) for n in range(201)]}, "enum_invalid"),
        ({"type": "enum"}, "type_invalid"),  # google-gemini/deprecated-generative-ai-js#320
        ({"type": "string", "default": "a"}, "keyword_not_allowed"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}], "type": "string"}, "keyword_not_allowed"),  # fastmcp#2456
        ({"type": "array", "items": {"type": "object"}}, "type_invalid"),
        ({"type": "integer", "minimum": 5, "maximum": 1}, "bounds_invalid"),
        ({"type": "number", "minimum": float("inf")}, "bounds_invalid"),
        ({"type": "string", "minimum": 1}, "bounds_invalid"),
        ({"type": "string", "description": None}, "description_invalid"),
        (None, "type_invalid"),
    ],
)
def test_what_an_api_has_refused_is_refused(body: Any, code: str):
    tool = tool_schema("look_up", "d", [])
    tool["function"]["parameters"]["properties"]["x"] = body
    assert [f.code for f in lint_tool(tool)] == [code]


@pytest.mark.parametrize("name", ["filter[id]", "$top", "@odata", "settings__" * 7, "a b", "", "1st"])
def test_property_names_that_apis_have_refused(name: str):  # ComposioHQ/composio#2330, #3500, beautyfree/appstore-connect-mcp#2
    tool = tool_schema("look_up", "d", [])
    tool["function"]["parameters"]["properties"][name] = {"type": "string"}
    assert [f.code for f in lint_tool(tool)] == ["name_invalid"]


def test_a_name_required_twice_is_refused():  # BerriAI/litellm#26692
    tool = tool_schema("look_up", "d", [one_input()])
    tool["function"]["parameters"]["required"] = ["x", "x"]
    assert [f.code for f in lint_tool(tool)] == ["required_invalid"]


def test_too_many_labels_together_are_refused_and_never_made():
    labels = tuple(f"label {n}" for n in range(190))
    inputs = [one_input(param=f"p{n}", type="enum", enum=labels) for n in range(5)]
    made = tool_schema("look_up", "d", inputs)
    assert lint_tool(made) == []
    assert ["enum" in body for body in made["function"]["parameters"]["properties"].values()] == [True, True, False, False, False]
    made["function"]["parameters"]["properties"]["p2"]["enum"] = list(labels)
    assert [f.code for f in lint_tool(made)] == ["enum_too_large"]


def test_all_tools_of_an_agent_are_held_together():
    one = tool_schema("look_up", "d", [])
    assert lint_tools([one, tool_schema("look_down", "d", [])]) == []
    assert [(f.field, f.code) for f in lint_tools([one, tool_schema("Look_Up", "d", [])])] == [
        ("tools.1.function.name", "name_duplicate")
    ]
    many = [tool_schema(f"tool_{n}", "d", []) for n in range(129)]
    assert [(f.field, f.code) for f in lint_tools(many)] == [("tools", "too_many")]
    large = [
        tool_schema(f"tool_{n}", "d", [one_input(param=f"p{m}", description="x" * 1000) for m in range(32)]) for n in range(13)
    ]
    assert [(f.field, f.code) for f in lint_tools(large)] == [("tools", "too_large")]
    broken = tool_schema("look_up", "d" * 10, [])
    broken["function"]["parameters"] = None
    assert [(f.field, f.code) for f in lint_tools([one | {"type": "tool"}, broken])] == [
        ("tools.0.type", "not_a_function"),
        ("tools.1.function.parameters", "not_an_object"),
        ("tools.1.function.name", "name_duplicate"),
    ]
    with pytest.raises(ToolRefused) as refused:
        check_tools(many)
    assert refused.value.errors[0].code == "too_many"


def test_bounds_are_those_of_the_type_and_of_the_system():
    assert properties(one_input(type="integer", native_type="int(10) unsigned"))["x"] | {"description": ""} == {
        "type": "integer",
        "description": "",
        "minimum": 0,
        "maximum": 2**32 - 1,
    }
    assert properties(one_input(type="integer", native_type="bigint(20) unsigned"))["x"]["minimum"] == 0
    limited = properties(one_input(type="integer", native_type="integer", minimum=1, maximum=100))["x"]
    assert (limited["minimum"], limited["maximum"]) == (1, 100)
    assert properties(one_input(type="number", minimum=0.5))["x"]["minimum"] == 0.5
