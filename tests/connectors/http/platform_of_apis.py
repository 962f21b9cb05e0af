"""A platform whose one organization has connected a small REST API, and a bound call on it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from patchbay.accounts.organizations import ensure_organization
from patchbay.bindings.check import Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import parse_binding
from patchbay.connectors import connecting, discovery
from patchbay.connectors.rest.prove import prove_rest
from patchbay.connectors.rest.task import DocumentSettings, read_graph
from patchbay.connectors.runtime import CallRunner
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall
from patchbay.schema_graph.scoping import View
from patchbay.store.database import Database
from patchbay.store.embedded import release_embedded, start_embedded
from patchbay.store.migrate import migrate
from patchbay.store.vault import Vault

KIND = "acme_crm"
ZONE = "America/Toronto"
FIND_CUSTOMER: dict[str, Any] = {
    "toolName": "Find the customer",
    "operation": "getCustomer",
    "inputs": [{"param": "customer_id", "arg": "id", "required": True}],
    "projection": [
        {"path": ["name"], "leaf": "name"},
        {"path": ["email"], "leaf": "email"},
        {"path": ["balance"], "leaf": "balance"},
        {"path": ["created"], "leaf": "created"},
        {"path": ["address", "city"], "leaf": "city"},
    ],
}


def document(url: str) -> dict[str, Any]:
    """The API's OpenAPI document."""
    text, address = {"type": "string"}, {"$ref": "#/components/schemas/Address"}
    customer = {
        "id": text, "name": text, "email": text, "balance": {"type": "integer"}, "open": {"type": "boolean"},
        "created": {"type": "string", "format": "date-time"}, "address": address, "tags": {"type": "array", "items": text},
    }  # fmt: skip
    answer = {"description": "one", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Customer"}}}}
    return {
        "openapi": "3.0.3",
        "info": {"title": "Acme", "version": "1"},
        "servers": [{"url": url}],
        "paths": {
            "/customers/{id}": {
                "get": {
                    "operationId": "getCustomer",
                    "parameters": [{"name": "id", "in": "path", "required": True, "schema": text}],
                    "responses": {"200": answer},
                }
            }
        },
        "components": {
            "schemas": {
                "Customer": {"type": "object", "properties": customer},
                "Address": {"type": "object", "properties": {"line1": text, "city": text, "country": text}},
            }
        },
    }


def definition(url: str, ca_pem: str) -> dict[str, Any]:
    """What the organization says of it."""
    return {
        "type": "rest",
        "displayName": "Acme",
        "baseUrl": url,
        "document": {"inline": document(url)},
        "auth": {"scheme": "bearer"},
        "caPem": ca_pem,
    }


async def open_api(database: Database, vault: Vault, guard: EgressGuard, url: str, ca_pem: str) -> tuple[str, FrozenCall]:
    """An organization that has connected and discovered the API at ``url``, and its call to find a customer."""
    org = (await ensure_organization(database, "Acme")).id
    body = {"credentials": {"token": "t0k"}, "definition": definition(url, ca_pem), "timeZone": ZONE}
    async with database.tenant(org) as session:
        made = await connecting.connect(database, session, vault, guard, org_id=org, kind=KIND, body=body)
        connection_id = made.connection.id
    await discovery.discover(database, vault, guard, org_id=org, kind=KIND)
    return org, bound(url, connection_id)


def bound(url: str, connection_id: str) -> FrozenCall:
    """The binding to find a customer, all the way to the frozen call."""
    raw = {"document.json": msgspec.json.encode(document(url))}
    view = View(read_graph(raw, DocumentSettings(base_url=url)).graph)
    plan = check(parse_binding(FIND_CUSTOMER), view, Target(connection_id=connection_id, kind="rest")).plan
    return prove_rest(compile_plan(plan, view), view).call


@contextlib.asynccontextmanager
async def calling(
    url: str, ca_pem: str, guard: EgressGuard, directory: Path, key: bytes
) -> AsyncGenerator[Callable[[int], Awaitable[CallResult]]]:
    """Finds the n-th customer through the runtime of a platform of its own, with its store in ``directory``."""
    database = Database.at(await asyncio.to_thread(start_embedded, directory))
    await migrate(database)
    vault = Vault([("k1", key)])
    org, call = await open_api(database, vault, guard, url, ca_pem)
    runner = CallRunner(database, vault, guard)
    await runner.start()
    try:
        yield lambda n: runner.run(org, call, CallContext(arguments={"customer_id": f"c{n}"}, time_zone=ZONE))
    finally:
        await runner.stop()
        await database.close()
        await asyncio.to_thread(release_embedded, directory)
