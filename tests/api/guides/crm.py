"""A small CRM for the guide, as REST with its OpenAPI document and as GraphQL: the same two contacts either way."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web
from graphql import ExecutionResult, build_schema, graphql_sync

CONTACTS: list[dict[str, Any]] = [
    {
        "id": "c1",
        "name": "Ada Byron",
        "email": "ada@example.com",
        "phone": "+14155550132",
        "balance": 1250,
        "updatedAt": "2031-03-04T17:30:00Z",
        "company": {"name": "Engines Ltd", "taxNumber": "GB-1815"},
        "tickets": [{"number": 7, "title": "Gears jam", "open": True}, {"number": 9, "title": "Cards fade", "open": False}],
    },
    {
        "id": "c2",
        "name": "Alan T",
        "email": "alan@example.com",
        "phone": "+14155550199",
        "balance": 0,
        "updatedAt": "2031-03-05T09:00:00Z",
        "company": None,
        "tickets": [],
    },
]
TOKEN = "crm-token-1"


def openapi() -> dict[str, Any]:
    """The document of the REST side."""
    text = {"type": "string"}
    ref = {name: {"$ref": f"#/components/schemas/{name}"} for name in ("Contact", "Company", "Ticket")}
    return {
        "openapi": "3.0.3",
        "info": {"title": "Acme CRM", "version": "1"},
        "servers": [{"url": "/api"}],
        "paths": {
            "/contacts/find": {
                "get": {
                    "operationId": "findContact",
                    "summary": "Find a contact by phone number.",
                    "parameters": [
                        {"name": "phone", "in": "query", "required": True, "schema": text, "description": "The phone number."}
                    ],
                    "responses": {
                        "200": {
                            "description": "The contact",
                            "content": {
                                "application/json": {"schema": {"type": "object", "properties": {"contact": ref["Contact"]}}}
                            },
                        },
                        "404": {"description": "Nobody"},
                    },
                }
            },
            "/contacts/{id}": {
                "patch": {
                    "operationId": "updateContact",
                    "parameters": [{"name": "id", "in": "path", "required": True, "schema": text}],
                    "requestBody": {"content": {"application/json": {"schema": ref["Contact"]}}},
                    "responses": {
                        "200": {"description": "The contact", "content": {"application/json": {"schema": ref["Contact"]}}}
                    },
                }
            },
        },
        "components": {
            "schemas": {
                "Contact": {
                    "type": "object",
                    "required": ["id", "name"],
                    "properties": {
                        "id": {**text, "readOnly": True},
                        "name": text,
                        "email": {**text, "format": "email"},
                        "phone": text,
                        "balance": {"type": "integer", "format": "int64"},
                        "updatedAt": {**text, "format": "date-time"},
                        "company": {**ref["Company"], "nullable": True},
                        "tickets": {"type": "array", "items": ref["Ticket"]},
                    },
                },
                "Company": {"type": "object", "properties": {"name": text, "taxNumber": text}},
                "Ticket": {
                    "type": "object",
                    "properties": {"number": {"type": "integer"}, "title": text, "open": {"type": "boolean"}},
                },
            }
        },
    }


SDL = '''
"""A point in time."""
scalar DateTime
type Query {
  "Find a contact by phone number."
  findContact(phone: String!): Contact
  contacts(first: Int = 10, where: ContactFilter): ContactConnection!
}
type Mutation { updateContact(id: ID!, name: String!): Contact }
input ContactFilter { name: TextFilter }
input TextFilter { eq: String }
type ContactConnection { nodes: [Contact!]! pageInfo: PageInfo! }
type PageInfo { hasNextPage: Boolean! endCursor: String }
type Contact {
  id: ID!
  name: String!
  email: String
  phone: String
  balance: Int
  updatedAt: DateTime
  company: Company
  tickets(first: Int): [Ticket!]!
}
type Company { name: String taxNumber: String }
type Ticket { number: Int! title: String! open: Boolean! }
'''


class Crm:
    """What the servers were asked: (path, what came with it)."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self._schema = build_schema(SDL)

    def app(self) -> web.Application:
        """Both sides in one server."""
        app = web.Application()
        app.router.add_get("/openapi.json", self._document)
        app.router.add_get("/api/contacts/find", self._find)
        app.router.add_get("/api/me", self._me)
        app.router.add_post("/graphql", self._graphql)
        return app

    async def _document(self, request: web.Request) -> web.Response:
        return web.json_response(openapi())

    async def _me(self, request: web.Request) -> web.Response:
        return web.json_response({"ok": True}, status=200 if self._entered(request) else 401)

    async def _find(self, request: web.Request) -> web.Response:
        self.asked.append(("/api/contacts/find", dict(request.query)))
        if not self._entered(request):
            return web.json_response({"error": "no"}, status=401)
        found = [one for one in CONTACTS if one["phone"] == request.query.get("phone")]
        return web.json_response({"contact": found[0]}) if found else web.json_response({"error": "nobody"}, status=404)

    async def _graphql(self, request: web.Request) -> web.Response:
        body = json.loads(await request.text())
        if "IntrospectionQuery" not in body["query"]:
            self.asked.append(("/graphql", body))
        if not self._entered(request):
            return web.json_response({"errors": [{"message": "no"}]}, status=401)
        answer: ExecutionResult = graphql_sync(
            self._schema, body["query"], _Root(), variable_values=body.get("variables"), operation_name=body.get("operationName")
        )
        return web.json_response(answer.formatted)

    @staticmethod
    def _entered(request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {TOKEN}"


class _Root:
    """The resolvers of the root fields."""

    def findContact(self, info: Any, phone: str) -> dict[str, Any] | None:
        return next((_resolved(one) for one in CONTACTS if one["phone"] == phone), None)

    def contacts(self, info: Any, first: int = 10, where: dict[str, Any] | None = None) -> dict[str, Any]:
        name = ((where or {}).get("name") or {}).get("eq")
        found = [_resolved(one) for one in CONTACTS if name is None or one["name"] == name]
        return {"nodes": found[:first], "pageInfo": {"hasNextPage": len(found) > first, "endCursor": None}}


def _resolved(contact: dict[str, Any]) -> dict[str, Any]:
    return contact | {"tickets": lambda info, first=100: contact["tickets"][:first]}
