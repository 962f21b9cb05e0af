"""A Google API discovery document (discovery v1) as the OpenAPI description it amounts to.

Source: https://developers.google.com/discovery/v1/reference/apis. Methods lie in nested resources; schemas refer to each other by
bare names and say ``required`` inside a property.
"""

from __future__ import annotations

import re
from typing import Any

from patchbay.connectors.rest.documents.values import is_object

_TEMPLATE = re.compile(r"\{\+?([^}]*)\}")
_KEPT = (
    "type", "format", "description", "enum", "default", "pattern", "minimum", "maximum", "readOnly", "deprecated",
)  # fmt: skip


def openapi_of(document: dict[str, Any]) -> dict[str, Any]:
    """The document in OpenAPI 3.0's shape. What is not as it should be is left out."""
    paths: dict[str, Any] = {}
    _methods(document, paths)
    root, service = document.get("rootUrl"), document.get("servicePath")
    base = document.get("baseUrl")
    if type(root) is str:
        base = root + (service if type(service) is str else "")
    schemas = {name: _schema(held) for name, held in _mapping(document.get("schemas")).items()}
    return {
        "openapi": "3.0.3",
        "info": {"title": document.get("title") or document.get("name"), "version": document.get("version")},
        "servers": [{"url": base}] if type(base) is str else [],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": _security(document)},
    }


def _mapping(value: Any) -> dict[str, Any]:
    return value if is_object(value) else {}


def _security(document: dict[str, Any]) -> dict[str, Any]:
    scopes = _mapping(_mapping(_mapping(document.get("auth")).get("oauth2")).get("scopes"))
    if not scopes:
        return {}
    flow = {
        "authorizationUrl": "https://accounts.google.com/o/oauth2/v2/auth",
        "tokenUrl": "https://oauth2.googleapis.com/token",
        "scopes": {name: _mapping(said).get("description", "") for name, said in scopes.items()},
    }
    return {"oauth2": {"type": "oauth2", "flows": {"authorizationCode": flow}}}


def _methods(holder: dict[str, Any], paths: dict[str, Any]) -> None:
    todo = [holder]
    while todo:
        resource = todo.pop()
        todo.extend(_mapping(held) for held in _mapping(resource.get("resources")).values())
        for name, held in _mapping(resource.get("methods")).items():
            method = _mapping(held)
            path, verb = method.get("path"), method.get("httpMethod")
            if type(path) is not str or type(verb) is not str:
                path, verb = "", ""
            item = paths.setdefault("/" + _TEMPLATE.sub(r"{\1}", path), {})
            key = verb.lower()
            if key in item:  # two methods of one path and verb: told apart by their longer path
                longer = method.get("flatPath")
                item = paths.setdefault("/" + str(longer if type(longer) is str else f"{path}?{name}"), {})
            item[key] = _operation(name, method)


def _operation(name: str, method: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": method.get("id") or name,
        "description": method.get("description"),
        "parameters": [_parameter(key, _mapping(held)) for key, held in _mapping(method.get("parameters")).items()],
        "responses": {"200": {"description": ""}},
    }
    response = _mapping(method.get("response"))
    if response:
        made["responses"]["200"]["content"] = {"application/json": {"schema": _schema(response)}}
    request = _mapping(method.get("request"))
    if request:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": _schema(request)}}}
    return made


def _parameter(name: str, held: dict[str, Any]) -> dict[str, Any]:
    schema = _schema({key: value for key, value in held.items() if key not in ("required", "repeated", "location")})
    if held.get("repeated") is True:
        schema = {"type": "array", "items": schema}
    place = held.get("location")
    return {
        "name": name,
        "in": place if place in ("path", "query") else "query",
        "required": held.get("required") is True or place == "path",
        "description": held.get("description"),
        "schema": schema,
    }


def _schema(value: Any) -> dict[str, Any]:
    held = _mapping(value)
    ref = held.get("$ref")
    if type(ref) is str:
        name = ref.replace("~", "~0").replace("/", "~1")
        made: dict[str, Any] = {"$ref": f"#/components/schemas/{name}"}
        if "description" in held:
            made["description"] = held["description"]
        return made
    made = {key: held[key] for key in _KEPT if key in held and held[key] != "any"}
    properties = _mapping(held.get("properties"))
    if properties:
        made["properties"] = {name: _schema(one) for name, one in properties.items()}
        made["required"] = [name for name, one in properties.items() if _mapping(one).get("required") is True]
    if "items" in held:
        made["items"] = _schema(held["items"])
    if "additionalProperties" in held:
        made["additionalProperties"] = _schema(held["additionalProperties"])
    return made
