"""The behaviour scorecard, REST systems: what tools made from a document were seen to get wrong, held here.

docs/scorecard.md lists the cases (tests/docs/test_scorecard_page.py holds the two together).
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from patchbay.api.platform import Platform
from tests.api.guides.operator_desk import TOKEN, Desk, openapi, operation, parameter, serving

pytestmark = pytest.mark.anyio

TEXT, INTEGER = {"type": "string"}, {"type": "integer"}
ITEM = {"type": "object", "properties": {"id": INTEGER, "name": TEXT}}
ITEMS = openapi({
    "/items/{item_id}": {
        "get": operation(
            "getItem",
            ITEM,
            parameter("item_id", "path", type="integer", minimum=1, maximum=500),
            {**parameter("size", type="string", enum=["small", "large"]), "required": False},
        )
    },
    "/files/{name}": {"get": operation("getFile", ITEM, parameter("name", "path"))},
})  # fmt: skip
ANSWERS: dict[str, Any] = {"/items/7": {"id": 7, "name": "Lamp"}, "/files/a": {"id": 1, "name": "A"}, "/files": {"name": "all"}}


async def connect(desk: Desk, definition: dict[str, Any]) -> None:
    await desk.connect("shop_api", {"token": TOKEN}, definition=definition)


async def item(desk: Desk, **more: Any) -> dict[str, Any]:
    inputs = [{"param": "item_id", "arg": "item_id", "required": True}, {"param": "size", "arg": "size"}]
    return await desk.bind("shop_api", "getItem", inputs, ["id", "name"], **more)


async def test_arguments_are_checked_before_the_wire(desk: Desk) -> None:
    """Elsewhere ``item_id: "abc"`` is sent on, and the API's own refusal comes back raw.

    Here an argument that is not what the document says is named to the model, and the API is not asked.
    """
    async with serving(ITEMS, ANSWERS) as api:
        await connect(desk, api.definition)
        skill = await item(desk)
        await desk.publish()
        api.asked.clear()
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"item_id": "abc"}, "item_id"), ({"item_id": 0}, "item_id"), ({"item_id": 501}, "item_id"),
            ({"item_id": [7]}, "item_id"), ({"item_id": 7, "size": "huge"}, "size"),
        ]  # fmt: skip
        for arguments, named in wrong:
            came = await desk.call(skill, arguments)
            assert (came["status"], came["invalid"]) == ("refused", [named]), arguments
        assert (await desk.call(skill, {}))["missing"] == ["item_id"]
        assert api.asked == []
        assert (await desk.call(skill, {"item_id": 7}))["rows"] == [{"id": 7, "name": "Lamp"}]
        (tool,) = await desk.tools()
        properties = tool["parameters"]["properties"]
        assert (properties["item_id"]["minimum"], properties["item_id"]["maximum"]) == (1, 500)
        assert properties["size"]["enum"] == ["small", "large"]


async def test_unknown_arguments_are_refused_and_not_dropped(desk: Desk) -> None:
    """Elsewhere an unknown argument is dropped with a line in a log.

    Here the call is refused, and the API is not asked.
    """
    async with serving(ITEMS, ANSWERS) as api:
        await connect(desk, api.definition)
        skill = await item(desk)
        await desk.publish()
        api.asked.clear()
        for more in ("colour", "Item_id", "body.admin", "X-Tenant"):
            came = await desk.call(skill, {"item_id": 7, more: "1"})
            assert (came["status"], came["rows"]) == ("refused", []), more
        assert api.asked == []


async def test_a_clients_headers_are_never_sent_on(desk: Desk) -> None:
    """Elsewhere the headers of whoever called were sent upstream, a tenant's name and an API key among them.

    Here the upstream gets what the connection has, and nothing of the request that set the call off.
    """
    async with serving(ITEMS, ANSWERS) as api:
        await connect(desk, api.definition)
        skill = await item(desk)
        await desk.publish()
        api.asked.clear()
        sent = {"x-api-key": "k-secret", "x-tenant": "globex", "cookie": "session=s-secret", "x-forwarded-for": "10.1.2.3",
                "x-user-id": "root", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}  # fmt: skip
        came = await desk.call(skill, {"item_id": 7}, headers=sent)
        assert came["rowCount"] == 1
        ((_, _, headers, _),) = api.asked
        assert headers["authorization"] == f"Bearer {TOKEN}"
        assert not set(sent) & set(headers)
        mine = desk.caller.http.headers["authorization"].removeprefix("Bearer ")
        for value in (*sent.values(), mine):
            assert value not in str(headers)


async def test_a_recursive_schema_is_bound_without_references(desk: Desk) -> None:
    """Elsewhere a schema that holds itself keeps its ``$ref``, and the model's API refuses the tool.

    Here recursion ends, the tool has no reference, and the operation works.
    """
    ref = {"$ref": "#/components/schemas/Category"}
    category = {
        "type": "object",
        "properties": {"id": INTEGER, "name": TEXT, "parent": ref, "children": {"type": "array", "items": ref}},
    }
    body = {"required": True, "content": {"application/json": {"schema": ref}}}
    document = openapi(
        {
            "/categories/{id}": {"get": operation("getCategory", ref, parameter("id", "path", type="integer"))},
            "/categories": {"post": operation("addCategory", ref, requestBody=body)},
        },
        Category=category,
    )
    async with serving(document, {"/categories/1": {"id": 1, "name": "Lights", "parent": {"id": 2, "name": "House"}}}) as api:
        await connect(desk, api.definition)
        skill = await desk.bind("shop_api", "getCategory", ["id"], ["name", "parent.name"])
        await desk.publish()
        assert (await desk.call(skill, {"id": 1}))["rows"] == [{"name": "Lights", "parent_name": "House"}]
        write = await desk.bind(
            "shop_api", "addCategory", [{"param": "name", "arg": "body.name", "required": True}], ["id"], enabled=False
        )
        assert not write["enabled"]
        assert not re.search(r"\$ref|\$defs|anyOf|oneOf|allOf", json.dumps([await desk.tools(), write]))


async def test_one_bad_tool_does_not_take_the_others_along(desk: Desk) -> None:
    """Elsewhere one schema that a model's API refuses, or a name of 65 characters, fails every tool of the request.

    Here names are at most 64 characters, what cannot be called says so by itself, and the rest is bound and runs.
    """
    long = "get" + "VeryLong" * 20
    tricky = [parameter(name, type="string") for name in ("a.b[c]", "naïve name", "x" * 90, "$filter")]
    paths: dict[str, Any] = dict(ITEMS["paths"])
    paths["/long"] = {"get": operation(long, ITEM, *tricky)}
    paths["/pdf"] = {
        "get": {"operationId": "getPdf", "responses": {"200": {"description": "x", "content": {"application/pdf": {}}}}}
    }
    paths["/broken"] = {"get": operation("broken", {"$ref": "#/components/schemas/Nowhere"}, {"name": "x", "in": "nowhere"})}
    async with serving(openapi(paths), ANSWERS) as api:
        await connect(desk, api.definition)
        operations = {one["name"]: one for one in await desk.caller.ask("GET", "/integrations/shop_api/operations")}
        assert operations["getPdf"]["unusable"]
        assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", one["slug"]) for one in operations.values())
        skill = await item(desk)
        inputs = [{"param": f"p{n}", "arg": one["name"], "required": True} for n, one in enumerate(tricky)]
        await desk.bind("shop_api", long, inputs, ["id"], toolName=long[:100])
        assert (await desk.refused("shop_api", "getPdf", [], ["id"]))["status"] == 422
        await desk.publish()
        tools = await desk.tools()
        assert len(tools) == 2
        for tool in tools:
            assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", tool["name"])
            assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) for name in tool["parameters"]["properties"])
            assert len(set(tool["parameters"]["required"])) == len(tool["parameters"]["required"])
        assert (await desk.call(skill, {"item_id": 7}))["status"] == "succeeded"


async def test_a_large_document_does_not_become_a_large_list_of_tools(desk: Desk) -> None:
    """Elsewhere a thousand operations were a thousand tools: 1.46 MB for a model to read before the first word.

    Here operations are looked for by whoever binds, and a model gets the skills of its agent.
    """
    paths = {f"/things{n}/{{id}}": {"get": operation(f"getThing{n}", ITEM, parameter("id", "path"))} for n in range(1000)}
    async with serving(openapi(paths), {"/things7/a": {"id": 7, "name": "Lamp"}}) as api:
        await connect(desk, api.definition)
        assert (await desk.caller.ask("GET", "/integrations/shop_api/schema"))["operationCount"] == 1000
        skill = await desk.bind("shop_api", "getThing7", ["id"], ["name"])
        await desk.publish()
        tools = await desk.tools()
        assert [tool["name"] for tool in tools] == [skill["slug"]]
        assert len(json.dumps(tools)) < 1_000


@pytest.mark.parametrize(
    "name", ["..", ".", "../items/7", "..%2fitems", "a/../../x", "%2e%2e", "a\\..\\b", "a?x=1", "a#x", "a\r\nX: y"]
)
async def test_a_path_argument_stays_in_its_segment(desk: Desk, name: str) -> None:
    """Elsewhere dot segments are refused, as they must be: a value in a path may lead to another operation.

    Here it is one segment, whatever it holds, or it is refused; no other path is ever asked for.
    """
    async with serving(ITEMS, ANSWERS) as api:
        await connect(desk, api.definition)
        skill = await desk.bind("shop_api", "getFile", ["name"], ["name"])
        await desk.publish()
        api.asked.clear()
        came = await desk.call(skill, {"name": name})
        assert came["rows"] == []
        for _, path, headers, _ in api.asked:
            assert re.fullmatch(r"/files/[^/?#]+", path), path
            assert path not in ("/files/.", "/files/..")
            assert path.removeprefix("/files/").lower() != "%2e%2e"
            assert "x" not in headers
        if name in (".", ".."):
            assert (came["status"], api.asked) == ("refused", [])


async def test_an_answer_unlike_the_document_is_a_warning(desk: Desk, platform: Platform) -> None:
    """Elsewhere a real answer that differs from its document fails the call.

    Here what fits is given, what does not is null with a note, and the skill is reported as drifting.
    """
    answer = {"id": "seven", "name": "Lamp", "added_last_year": True}
    async with serving(
        ITEMS, {**ANSWERS, "/items/8": answer, "/items/9": {"id": 9}, "/items/10": {"id": 10, "name": None}}
    ) as api:
        await connect(desk, api.definition)
        skill = await item(desk)
        await desk.publish()
        came = await desk.call(skill, {"item_id": 8})
        assert (came["status"], came["rows"]) == ("succeeded", [{"id": None, "name": "Lamp"}])
        assert "'id'" in came["notes"][0]
        for number in (9, 10):
            came = await desk.call(skill, {"item_id": number})
            assert (came["status"], came["rows"]) == ("succeeded", [{"id": number, "name": None}])
        await platform.runner.drift.flush()
        (told,) = (await desk.caller.ask("GET", "/integrations/shop_api/drift"))["skills"]
        assert (told["status"], told["paused"]) == ("degraded", False)


async def test_cancelling_is_found_before_creating(desk: Desk) -> None:
    """Elsewhere a search for "cancel subscription" ranked the operations that create and update one first.

    Here the word is known to mean deleting or cancelling, and those come first.
    """
    thing = {"type": "object", "properties": {"id": TEXT, "status": TEXT}}
    body = {"content": {"application/json": {"schema": thing}}}
    by_id = parameter("id", "path")
    every = {"type": "array", "items": thing}
    document = openapi(
        {
            "/subscriptions": {
                "post": operation("create_subscription", thing, requestBody=body),
                "get": operation("list_subscriptions", every),
            },
            "/subscriptions/{id}": {
                "get": operation("get_subscription", thing, by_id),
                "put": operation("update_subscription", thing, by_id, requestBody=body),
                "delete": operation("delete_subscription", thing, by_id),
            },
            "/invoices/{id}": {"delete": operation("delete_invoice", thing, by_id)},
        }
    )
    async with serving(document) as api:
        await connect(desk, api.definition)
        found = await desk.caller.ask("GET", "/integrations/shop_api/search?q=cancel%20subscription")
        ranked = [hit["operation"] for hit in found if hit.get("operation")]
        assert ranked[0] == "delete_subscription", found


@pytest.mark.parametrize("host", ["169.254.169.254", "10.0.0.5", "[::1]", "0.0.0.0", "[::ffff:10.0.0.5]", "2130706434"])
async def test_an_inside_address_is_refused(desk: Desk, host: str) -> None:
    """Elsewhere no address is refused, those of the machine's own network neither.

    Here one that the operator has not allowed is refused before anything is sent, at connecting and on the call.
    """
    definition = {"type": "rest", "displayName": "Inside", "baseUrl": f"https://{host}", "document": {"inline": ITEMS}}
    body: dict[str, Any] = {"definition": {**definition, "auth": {"scheme": "bearer"}}, "credentials": {"token": TOKEN}}
    verified = {**body, "definition": {**body["definition"], "verify": {"path": "/me"}}}
    problem = await desk.caller.refused("POST", "/integrations/shop_api/connect", verified)
    assert problem["status"] in (400, 422)
    assert TOKEN not in str(problem)
    if problem["status"] == 400:
        return  # not even a host
    await desk.connect("shop_api", body["credentials"], definition=body["definition"])
    skill = await item(desk)
    await desk.publish()
    came = await desk.call(skill, {"item_id": 7})
    assert (came["status"], came["code"], came["rows"]) == ("refused", problem["code"], [])
