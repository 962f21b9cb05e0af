"""What the behaviour scorecard does all the time: connect, bind, publish, call as a hostile client, look at the tools."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.api.conftest import ScriptedModel
from tests.servers.certificates import Authority
from tests.servers.upstreams.tls import server_context

if TYPE_CHECKING:
    from tests.api.guides.conftest import Caller

TOKEN = "upstream-token-1"


@dataclass(frozen=True)
class Desk:
    """Somebody who sets up one agent and then uses its published version. ``model`` sees what a language model would."""

    caller: Caller
    model: ScriptedModel
    agent: str

    async def connect(self, kind: str, credentials: Mapping[str, Any] | None, **more: Any) -> None:
        """Connect and discover."""
        await self.caller.ask("POST", f"/integrations/{kind}/connect", {"credentials": credentials, **more})
        await self.caller.ask("POST", f"/integrations/{kind}/discover")

    async def bind(self, kind: str, operation: str, inputs: list[Any], outputs: list[Any], **more: Any) -> dict[str, Any]:
        """Bind and enable a read; the skill. An input is ``param`` or a whole input, an output a dotted path or a projection."""
        body = binding(operation, inputs, outputs, **more)
        return await self.caller.ask("POST", f"/agents/{self.agent}/integrations/{kind}/bindings", body, status=201)

    async def refused(self, kind: str, operation: str, inputs: list[Any], outputs: list[Any], **more: Any) -> dict[str, Any]:
        """A binding that must be refused; the problem."""
        body = binding(operation, inputs, outputs, **{"toolName": "Refused", **more})
        return await self.caller.refused("POST", f"/agents/{self.agent}/integrations/{kind}/bindings", body)

    async def publish(self) -> None:
        await self.caller.ask("POST", f"/agents/{self.agent}/publish", status=201)

    async def call(self, skill: Mapping[str, Any], arguments: dict[str, Any], **options: Any) -> dict[str, Any]:
        """Call a skill of the published version with these arguments; what came of it."""
        body = {"arguments": arguments, **({"session": options.pop("session")} if "session" in options else {})}
        return await self.caller.ask("POST", f"/agents/{self.agent}/skills/{skill['slug']}/call", body, **options)

    async def tools(self) -> list[dict[str, Any]]:
        """The function definitions that a model is given for a turn with the published version."""
        await self.caller.simulate(self.agent, message="Hello", draftMode=False)
        return [spec.schema["function"] for spec in self.model.asked[-1].tools if spec.skill_id is not None]


def binding(operation: str, inputs: list[Any], outputs: list[Any], **more: Any) -> dict[str, Any]:
    """The body of a binding."""
    return {
        "toolName": operation.title(),
        "operation": operation,
        "inputs": [{"param": one, "arg": one, "required": True} if isinstance(one, str) else one for one in inputs],
        "projection": [
            {"path": one.split("."), "leaf": one.replace(".", "_")} if isinstance(one, str) else one for one in outputs
        ],
        "enabled": True,
        **more,
    }


@dataclass
class Api:
    """A REST system with a document. ``answers`` are by path, ``asked`` is what arrived, as it stood on the wire."""

    document: dict[str, Any]
    answers: dict[str, Any]
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list[tuple[str, str, dict[str, str], bytes]])
    definition: dict[str, Any] = field(default_factory=dict[str, Any])

    async def handle(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append((request.method, request.raw_path, headers, await request.read()))
        answer = self.answers.get(request.path)
        return web.json_response({"error": "nothing here"}, status=404) if answer is None else web.json_response(answer)


@asynccontextmanager
async def serving(document: Mapping[str, Any], answers: Mapping[str, Any] | None = None) -> AsyncGenerator[Api]:
    """An API at a port of this machine, over TLS; ``definition`` connects it with a bearer token."""
    authority = Authority()
    api = Api(dict(document), dict(answers or {}))
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", api.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(authority.issue())).start()
    api.definition = {
        "type": "rest",
        "displayName": "An API",
        "baseUrl": f"https://127.0.0.1:{runner.addresses[0][1]}",
        "document": {"inline": api.document},
        "auth": {"scheme": "bearer"},
        "caPem": authority.pem,
    }
    try:
        yield api
    finally:
        await runner.cleanup()
        await asyncio.sleep(0.01)  # what was aborted ends in the loop's next rounds


def openapi(paths: dict[str, Any], **schemas: Any) -> dict[str, Any]:
    """An OpenAPI document."""
    head = {"openapi": "3.0.3", "info": {"title": "An API", "version": "1"}}
    return {**head, "paths": paths, "components": {"schemas": schemas}}


def operation(name: str, answer: Any = None, *parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An operation of a document that answers with ``answer`` (a schema)."""
    content = {"application/json": {"schema": answer or {"type": "object", "properties": {"id": {"type": "string"}}}}}
    return {
        "operationId": name,
        "parameters": list(parameters),
        "responses": {"200": {"description": "It", "content": content}},
        **more,
    }


def parameter(name: str, place: str = "query", **schema: Any) -> dict[str, Any]:
    """A required parameter of an operation."""
    return {"name": name, "in": place, "required": True, "schema": schema or {"type": "string"}}
