"""Skills by hand, over HTTP and through to the service that is called."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
from aiohttp import web
from sqlalchemy import select

from patchbay.agent_runtime.freezing import unseal_call
from patchbay.agent_runtime.tables import Skill
from patchbay.agent_runtime.webhook_calls import with_fields
from patchbay.api.platform import Platform
from patchbay.connectors.refusals import CallRefused, OutcomeUnknown, SourceRefused, SourceTimeout, SourceUnavailable
from patchbay.connectors.tables import Connection, Credential
from patchbay.connectors.webhook.credentials import new_secret
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall
from patchbay.schema_graph.idempotency_keys import sendable_key
from tests.api.conftest import Key, problem
from tests.api.webhook_service import lost, serving, slow

pytestmark = pytest.mark.anyio
SCHEMA = {
    "type": "object",
    "properties": {"serial_number": {"type": "string", "description": "Product serial number"}},
    "required": ["serial_number"],
}


async def agent_of(client: httpx2.AsyncClient) -> str:
    return (await client.post("/api/v1/agents", json={"name": "Front desk"})).json()["data"]["id"]


def warranty(at: str, **config: Any) -> dict[str, Any]:
    """The body of the guide "Build a custom integration"."""
    return {
        "name": "Check warranty status",
        "description": "Look up a warranty by serial number.",
        "skillType": "http_webhook",
        "parametersSchema": SCHEMA,
        "requiredParams": ["serial_number"],
        "executionConfig": {"url": f"{at}/warranty/lookup", "method": "POST", "headers": {"X-Api-Key": "k3y-of-ours"}} | config,
    }


async def create(client: httpx2.AsyncClient, agent: str, body: dict[str, Any]) -> dict[str, Any]:
    response = await client.post(f"/api/v1/agents/{agent}/skills", json=body)
    assert response.status_code == 201, response.text
    return response.json()["data"]


async def call_of(platform: Platform, key: Key, skill_id: str) -> FrozenCall:
    async with platform.database.tenant(key.org_id) as session:
        row = await session.get_one(Skill, skill_id)
        assert row.call is not None
        return unseal_call(row.call, row.digest or "", row.name)


async def run(platform: Platform, key: Key, call: FrozenCall, name: str | None = None, **arguments: Any) -> CallResult:
    return await platform.runner.run(key.org_id, call, CallContext(arguments=arguments, idempotency_key=name))


async def test_the_guides_webhook_is_called_signed_and_answers(client: httpx2.AsyncClient, platform: Platform, key: Key) -> None:
    agent = await agent_of(client)
    async with serving(
        {"status": "valid", "until": "2027-01-01", "owner": {"name": "Ada", "address": {"city": "York"}}}
    ) as service:
        skill = await create(client, agent, warranty(service.url, effect="read"))
        service.secret = skill["signingSecret"]
        assert skill["signingSecret"].startswith("whsec_")
        assert (skill["enabled"], skill["parametersSchema"]["required"]) == (True, ["serial_number"])
        assert skill["executionConfig"]["headers"] == {"X-Api-Key": "[masked]"}
        result = await run(platform, key, await call_of(platform, key, skill["id"]), "call_1", serial_number="S 1")
    assert service.seen == [("POST", "/warranty/lookup", {"serial_number": "S 1"})]
    assert (service.headers[0]["webhook-id"], service.headers[0]["x-api-key"]) == (sendable_key("call_1"), "k3y-of-ours")
    assert result.rows == [{"status": "valid", "until": "2027-01-01", "owner.name": "Ada"}]
    assert (len(result.notes), service.forged) == (1, 0)
    shown = (await client.get(f"/api/v1/agents/{agent}/skills/{skill['id']}")).text
    assert not any(secret in shown for secret in ("k3y-of-ours", skill["signingSecret"]))


async def test_a_verifiers_answer_comes_through_and_what_it_needs_is_given(
    client: httpx2.AsyncClient, platform: Platform, key: Key
) -> None:
    """The guide "Verify a caller before disclosure": nothing but a URL and a method."""
    async with serving({"verified": True, "subject": {"customer_id": "c1", "name": "Ada"}}) as service:
        config = {"url": f"{service.url}/verify", "method": "POST"}
        body = {"name": "Verify identity", "skillType": "http_webhook", "executionConfig": config}
        skill = await create(client, await agent_of(client), body)
        service.secret = skill["signingSecret"]
        assert [warning["code"] for warning in skill["warnings"]] == ["webhook_effect_unstated"]
        call = with_fields(await call_of(platform, key, skill["id"]), ["date_of_birth", "postcode"])
        result = await run(platform, key, call, date_of_birth="1990-01-01", postcode="YO1 7HH")
    assert service.seen[0][2] == {"date_of_birth": "1990-01-01", "postcode": "YO1 7HH"}
    assert result.rows == [{"verified": True, "subject.customer_id": "c1", "subject.name": "Ada"}]


async def test_the_order_guides_parameters_are_one_schema(client: httpx2.AsyncClient, platform: Platform, key: Key) -> None:
    listed = [
        {"name": "items", "description": "The ordered items with size and quantity"},
        {"name": "address", "description": "Delivery address, if delivery"},
        {"name": "phone", "source": "session", "key": "caller_number"},
        {"name": "shop", "source": "constant", "value": 7, "type": "integer"},
    ]
    async with serving({"order": "o1"}) as service:
        config = {"method": "POST", "url": f"{service.url}/api/orders", "parameters": listed}
        body = {"name": "Submit order", "skillType": "http_webhook", "executionConfig": config, "requiredParams": ["items"]}
        skill = await create(client, await agent_of(client), body)
        service.secret = skill["signingSecret"]
        assert list(skill["parametersSchema"]["properties"]) == ["items", "address"]
        assert [one["name"] for one in skill["executionConfig"]["parameters"]] == ["phone", "shop"]
        call = await call_of(platform, key, skill["id"])
        context = CallContext(arguments={"items": "2 large"}, session={"caller_number": "+16135550142"})
        await platform.runner.run(key.org_id, call, context)
    assert service.seen[0][2] == {"items": "2 large", "phone": "+16135550142", "shop": 7}


async def test_a_get_asks_in_the_query_and_the_urls_own_query_is_a_secret(
    client: httpx2.AsyncClient, platform: Platform, key: Key
) -> None:
    agent = await agent_of(client)
    async with serving([{"slot": "9:00"}, {"slot": "10:00"}]) as service:
        config = {"method": "GET", "url": f"{service.url}/slots?code=s3cret-code", "headers": {}, "returns": ["slot", "room"]}
        skill = await create(client, agent, warranty(service.url, **config))
        service.secret = skill["signingSecret"]
        assert skill["executionConfig"]["url"] == f"{service.url}/slots?code=[masked]"
        result = await run(platform, key, await call_of(platform, key, skill["id"]), serial_number="S&1")
        path = f"/api/v1/agents/{agent}/skills/{skill['id']}"
        kept = await client.patch(path, json={"executionConfig": skill["executionConfig"] | {"timeout_ms": 900}})
        assert kept.status_code == 200, kept.text
        await run(platform, key, await call_of(platform, key, skill["id"]), serial_number="S2")
    assert service.seen[0][:2] == ("GET", "/slots?serial_number=S%261&code=s3cret-code")
    assert service.seen[1][1] == "/slots?serial_number=S2&code=s3cret-code"
    assert result.rows == [{"slot": "9:00", "room": None}, {"slot": "10:00", "room": None}]
    assert "s3cret-code" not in kept.text


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        (lost, SourceUnavailable),
        (slow, SourceTimeout),
        (lambda _: _said(web.Response(status=500, text="secret")), SourceUnavailable),
        (lambda _: _said(web.Response(status=404)), SourceRefused),
        (lambda _: _said(web.Response(text="<p>secret", content_type="text/html")), SourceRefused),
        (lambda _: _said(web.Response(body=b"[" + b"1," * 5_000_000 + b"1]", content_type="application/json")), SourceRefused),
        (lambda _: _said(web.Response(status=302, headers={"Location": "http://169.254.169.254/latest"})), SourceRefused),
    ],
)
@pytest.mark.parametrize("effect", ["read", "write", None])
async def test_what_goes_wrong_is_refused_by_its_type(
    client: httpx2.AsyncClient, platform: Platform, key: Key, answer: Any, refusal: type[CallRefused], effect: str | None
) -> None:
    async with serving(answer) as service:
        more = {"effect": effect} if effect else {}
        skill = await create(client, await agent_of(client), warranty(service.url, timeout_ms=1_000, **more))
        service.secret = skill["signingSecret"]
        call = await call_of(platform, key, skill["id"])
        assert (skill["enabled"], call.effect) == (effect != "write", effect or "read")
        try:
            outcome: Any = await run(platform, key, call, serial_number="S1")
        except CallRefused as refused:
            outcome = refused
        assert (len(service.seen), "secret" in str(outcome)) == (1, False)
    told = isinstance(outcome, CallResult)
    if effect == "read":
        assert type(outcome) is refusal
    elif told:  # a success whose answer nobody can read is one all the same, for a write
        assert (effect, outcome.outcome) == ("write", "done")
    else:
        assert type(outcome) is (SourceRefused if refusal is SourceRefused and service_404(answer) else OutcomeUnknown)


def service_404(answer: Any) -> bool:
    return asyncio.iscoroutinefunction(answer) is False and "404" in str(answer.__code__.co_consts)


async def _said(response: web.Response) -> web.Response:
    return response


async def test_secrets_rotate_with_an_overlap_also_for_what_is_published(
    client: httpx2.AsyncClient, platform: Platform, key: Key
) -> None:
    agent = await agent_of(client)
    async with serving({"ok": True}) as service, serving({"ok": True}) as other:
        skill = await create(client, agent, warranty(service.url, effect="read"))
        path = f"/api/v1/agents/{agent}/skills/{skill['id']}"
        published = await call_of(platform, key, skill["id"])
        assert (await client.post(f"/api/v1/agents/{agent}/publish")).status_code == 201
        moved = await client.patch(path, json={"executionConfig": {"url": f"{other.url}/there", "headers": {}}})
        assert moved.status_code == 200, moved.text
        rotated = (await client.post(f"{path}/signing-secret")).json()["data"]["signingSecret"]
        assert rotated != skill["signingSecret"]
        await asyncio.sleep(1.1)  # what a process knows of a connection is at most a second old
        for secret in (skill["signingSecret"], rotated):
            service.secret = other.secret = secret
            await run(platform, key, published, serial_number="S1")
            await run(platform, key, await call_of(platform, key, skill["id"]), serial_number="S2")
        assert [seen[2] for seen in service.seen] == [{"serial_number": "S1"}] * 2
        assert [seen[2] for seen in other.seen] == [{"serial_number": "S2"}] * 2
        assert (service.forged, other.forged) == (0, 0)
        assert (await client.delete(path)).status_code == 200
        await run(platform, key, published, serial_number="S3")  # a published version keeps its own
    assert await kinds(platform, key) == [f"webhook:{skill['id']}:{published.connection_id}"]


async def kinds(platform: Platform, key: Key) -> list[str]:
    async with platform.database.tenant(key.org_id) as session:
        connected = select(Connection.kind).where(Connection.status == "connected").order_by(Connection.kind)
        return list(await session.scalars(connected))


async def test_what_nothing_uses_any_more_is_deleted_and_nothing_lists_it(
    client: httpx2.AsyncClient, platform: Platform, key: Key
) -> None:
    agent = await agent_of(client)
    async with serving({}) as service:
        skill = await create(client, agent, warranty(service.url))
        assert await kinds(platform, key) == [f"webhook:{skill['id']}"]
        assert (await client.get("/api/v1/integrations")).json()["data"] == []
        assert "webhook:" not in (await client.get("/api/v1/integrations/catalog")).text
        problem(await client.get(f"/api/v1/integrations/webhook:{skill['id']}/schema"), 404, "unknown_integration")
        path = f"/api/v1/agents/{agent}/skills/{skill['id']}"
        changed = await client.patch(path, json={"executionConfig": {"headers": {"X-Api-Key": "another-key"}}})
        assert changed.json()["data"]["connectionId"] != skill["connectionId"]
        assert len(await kinds(platform, key)) == 1
        assert (await client.delete(path)).status_code == 200
    async with platform.database.tenant(key.org_id) as session:
        assert (await session.scalars(select(Credential))).all() == []
    assert await kinds(platform, key) == []


async def test_a_stored_secret_goes_nowhere_but_where_it_was_given_for(
    client: httpx2.AsyncClient, platform: Platform, key: Key
) -> None:
    agent = await agent_of(client)
    async with serving({}) as service, serving({}) as other:
        skill = await create(client, agent, warranty(service.url, effect="read"))
        path = f"/api/v1/agents/{agent}/skills/{skill['id']}"
        for headers in ({}, {"headers": skill["executionConfig"]["headers"]}):
            moved = await client.patch(path, json={"executionConfig": {"url": f"{other.url}/there", **headers}})
            errors = problem(moved, 400, "validation_error")["errors"]
            assert [(one["field"], one["code"]) for one in errors] == [("executionConfig.headers.X-Api-Key", "masked")]
        within = await client.patch(path, json={"executionConfig": {"url": f"{service.url}/there"}})
        assert within.status_code == 200, within.text
        service.secret = skill["signingSecret"]
        await run(platform, key, await call_of(platform, key, skill["id"]), serial_number="S1")
    assert (service.headers[0]["x-api-key"], other.seen) == ("k3y-of-ours", [])


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"type": {"x": 1}}}},
        {"properties": {"a": {"type": [["x"]]}}},
        {"properties": {"a": {"type": "array", "items": {"type": []}}}},
        {"properties": {"a": {}}, "required": [[]]},
    ],
)
async def test_a_schema_of_the_wrong_shape_is_told(client: httpx2.AsyncClient, schema: dict[str, Any]) -> None:
    body = warranty("https://api.example.com") | {"parametersSchema": {"type": "object", **schema}, "requiredParams": []}
    problem(await client.post(f"/api/v1/agents/{await agent_of(client)}/skills", json=body), 400, "validation_error")


async def test_a_write_is_reviewed_and_a_change_takes_the_review_back(client: httpx2.AsyncClient) -> None:
    agent = await agent_of(client)
    async with serving({}) as service:
        skill = await create(client, agent, warranty(service.url, effect="write"))
        path = f"/api/v1/agents/{agent}/skills/{skill['id']}"
        assert skill["enabled"] is False
        problem(await client.patch(path, json={"enabled": True}), 422, "review_required")
        reviewed = await client.patch(path, json={"enabled": True, "review": {"digest": skill["reviewDigest"]}})
        assert reviewed.json()["data"]["enabled"] is True
        edited = await client.patch(path, json={"executionConfig": {"url": f"{service.url}/elsewhere"}, "enabled": True})
        assert (edited.json()["data"]["enabled"], edited.json()["data"]["review"]) == (False, None)


async def test_gates_are_part_of_the_call(client: httpx2.AsyncClient, platform: Platform, key: Key) -> None:
    agent = await agent_of(client)
    async with serving({}) as service:
        skill = await create(
            client, agent, warranty(service.url) | {"requiresVerifiedIdentity": True, "allowedFields": ["status"]}
        )
        assert (await call_of(platform, key, skill["id"])).verification == "basic"
        path = f"/api/v1/agents/{agent}/skills/{skill['id']}"
        await client.patch(path, json={"verificationLevel": "step_up", "allowedFields": ["status", "until"]})
        await client.patch(path, json={"executionConfig": {"timeout_ms": 500}})
        call = await call_of(platform, key, skill["id"])
        assert (call.verification, call.caps.deadline_ms) == ("step_up", 500)


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        (
            {"parametersSchema": {"serial_number": {"type": "string"}}, "requiredParams": None},
            "parametersSchema",
            "parameters_schema_flat",
        ),
        ({"requiredParams": ["serial_numbr"]}, "requiredParams.0", "unknown_parameter"),
        ({"parametersSchema": SCHEMA | {"oneOf": []}}, "parametersSchema.oneOf", "keyword_unsupported"),
        ({"parametersSchma": {}}, "parametersSchma", "unknown_member"),
        ({"executionConfig": {"url": "https://a.example", "timeout": 4}}, "executionConfig.timeout", "unknown_member"),
        ({"executionConfig": {"url": "https://a.example", "timeout_ms": 9_000}}, "executionConfig.timeout_ms", "less_than_equal"),
        ({"executionConfig": {"url": "ftp://a.example"}}, "executionConfig.url", "url_invalid"),
        ({"executionConfig": {"url": "https://u:p@a.example"}}, "executionConfig.url", "url_invalid"),
        ({"executionConfig": {"method": "POST"}}, "executionConfig.url", "required"),
        (
            {"executionConfig": {"url": "https://a.example", "headers": {"Webhook-Id": "x"}}},
            "executionConfig.headers.Webhook-Id",
            "header_reserved",
        ),
        (
            {"executionConfig": {"url": "https://a.example", "headers": {"X-A": "a\r\nb"}}},
            "executionConfig.headers.X-A",
            "header_invalid",
        ),
        (
            {"executionConfig": {"url": "https://a.example", "method": "GET", "effect": "write"}},
            "executionConfig.effect",
            "effect_invalid",
        ),
        ({"skillType": "postgres"}, "skillType", "skill_type_invalid"),
        ({"skillType": "http_webhok"}, "skillType", "skill_type_invalid"),
    ],
)
async def test_what_is_wrong_with_a_body_is_said(
    client: httpx2.AsyncClient, change: dict[str, Any], field: str, code: str
) -> None:
    agent = await agent_of(client)
    body = {name: value for name, value in (warranty("https://a.example") | change).items() if value is not None}
    document = problem(await client.post(f"/api/v1/agents/{agent}/skills", json=body), 400, "validation_error")
    assert (field, code) in {(one["field"], one["code"]) for one in document["errors"]}, document["errors"]


async def test_other_types_and_places_are_refused(client: httpx2.AsyncClient) -> None:
    path = f"/api/v1/agents/{await agent_of(client)}/skills"
    for url in ("http://169.254.169.254", "https://10.0.0.7", "https://[::1]", "http://192.0.2.1"):
        problem(await client.post(path, json=warranty(url)), 400, "egress_refused")
    types = {one["type"]: one for one in (await client.get("/api/v1/skill-types")).json()["data"]}
    assert types["http_webhook"]["status"] == "available"
    assert "timeout_ms" in types["http_webhook"]["schema"]["properties"]


async def test_the_service_does_hold_us_to_its_secret(client: httpx2.AsyncClient, platform: Platform, key: Key) -> None:
    async with serving({}) as service:
        skill = await create(client, await agent_of(client), warranty(service.url, effect="read"))
        service.secret = new_secret()
        with pytest.raises(CallRefused):
            await run(platform, key, await call_of(platform, key, skill["id"]), serial_number="S1")
        assert (service.forged, service.seen) == (1, [])


@pytest.mark.parametrize(
    ("node", "field", "code"),
    [
        ({"maxLength": 10_001}, "maxLength", "value_invalid"),
        ({"maxLength": 0}, "maxLength", "value_invalid"),
        ({"maxLength": True}, "maxLength", "value_invalid"),
        ({"maxLength": "9"}, "maxLength", "value_invalid"),
        ({"enum": []}, "enum", "value_invalid"),
        ({"enum": ["new", ""]}, "enum", "value_invalid"),
        ({"enum": ["new", " "]}, "enum", "value_invalid"),
        ({"enum": ["x" * 201]}, "enum", "value_invalid"),
        ({"enum": [str(n) for n in range(201)]}, "enum", "value_invalid"),
        ({"enum": ["new", "old", "new"]}, "enum", "value_duplicate"),
    ],
)
async def test_bounds_of_a_parameter_are_bounds(client: httpx2.AsyncClient, node: dict[str, Any], field: str, code: str) -> None:
    schema = {"type": "object", "properties": {"state": {"type": "string", **node}}}
    body = {**warranty("https://example.com"), "parametersSchema": schema, "requiredParams": []}
    response = await client.post(f"/api/v1/agents/{await agent_of(client)}/skills", json=body)
    assert response.status_code in (400, 422)
    findings = [(error["field"], error["code"]) for error in response.json()["errors"]]
    assert findings == [(f"parametersSchema.properties.state.{field}", code)]


async def test_a_deleted_agent_leaves_no_secret_of_its_webhooks(client: httpx2.AsyncClient, platform: Platform, key: Key) -> None:
    """Of the draft, of a published version whose skill is gone from the draft; and of no other agent."""
    at = "https://example.com"
    agent = await agent_of(client)
    published = await create(client, agent, warranty(at))
    assert (await client.post(f"/api/v1/agents/{agent}/publish")).status_code == 201
    assert (await client.delete(f"/api/v1/agents/{agent}/skills/{published['id']}")).status_code in (200, 204)
    await create(client, agent, {**warranty(at), "name": "Drafted"})
    other = (await client.post("/api/v1/agents", json={"name": "Back office"})).json()["data"]["id"]
    kept = await create(client, other, warranty(at))
    assert (await client.delete(f"/api/v1/agents/{agent}")).status_code in (200, 204)
    async with platform.database.tenant(key.org_id) as session:
        left = (await session.scalars(select(Connection).where(Connection.status == "connected"))).all()
        sealed = (await session.scalars(select(Credential.connection_id))).all()
    assert [connection.kind for connection in left] == [f"webhook:{kept['id']}"]
    assert set(sealed) == {connection.id for connection in left}
