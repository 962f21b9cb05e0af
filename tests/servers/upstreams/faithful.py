"""An upstream that speaks a vendor's own OpenAPI document: it refuses what the document does not allow, and says why in
``problems``; what it accepts it answers with a record made up from the document's schemas. Writes are carried out in a ledger,
and what they wrote is read again.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import jsonschema_rs
import msgspec
from aiohttp import web

from tests.servers.upstreams.ledger import WRITES, Ledger, key_in, overlaid
from tests.servers.upstreams.samples import Samples

METHODS = ("get", "put", "post", "delete", "patch", "head")
Authorized = Callable[[web.Request], bool]


@dataclass
class Seen:
    """One request as the document understands it."""

    operation: str
    path: dict[str, Any]
    query: dict[str, Any]
    headers: Mapping[str, str]
    body: Any = None


@dataclass
class FaithfulUpstream:
    """``url`` is the API's base URL here. ``spoil`` may change a record before it is sent."""

    document: dict[str, Any]
    authorized: Authorized
    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    spoil: Callable[[Any], Any] = lambda record: record
    ledger: Ledger = field(default_factory=Ledger)
    kept: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.samples = Samples(self.document)
        self.base = urlsplit(self.document["servers"][0]["url"]).path.rstrip("/")
        routes = [
            (_template(path), method.upper(), path)
            for path, item in self.document["paths"].items()
            for method in METHODS
            if method in item
        ]
        self._routes = sorted(routes, key=lambda route: route[2].count("{"))
        self._validators: dict[int, Any] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if not self.authorized(request):
            return web.json_response({"error": "unauthorized"}, status=401)
        raw_path, _, raw_query = request.raw_path.partition("?")
        found = self._route(request.method, raw_path.removeprefix(self.base))
        if found is None:
            return self._refuse(f"no operation {request.method} {raw_path}")
        path, values = found
        item = self.document["paths"][path]
        operation = item[request.method.lower()]
        seen = Seen(operation.get("operationId", path), values, {}, request.headers)
        try:
            self._check_parameters(item, operation, seen, raw_query)
            seen.body = self._body(operation, request.headers.get("Content-Type"), await request.read())
        except Mistake as mistake:
            return self._refuse(f"{seen.operation}: {mistake}")
        self.seen.append(seen)
        if request.method not in WRITES:
            return self._answer(operation, raw_path, None)
        what = {"operation": seen.operation, "path": seen.path, "body": seen.body}
        key = key_in(request.headers, seen.body)
        return await self.ledger.carry_out(request, key, what, lambda: self._answer(operation, raw_path, seen.body))

    def _refuse(self, problem: str) -> web.Response:
        self.problems.append(problem)
        return web.json_response({"error": {"message": problem}}, status=400)

    def _route(self, method: str, path: str) -> tuple[str, dict[str, Any]] | None:
        for pattern, verb, template in self._routes:
            if verb == method and (match := pattern.fullmatch(path)):
                names = re.findall(r"\{([^}]+)\}", template)
                return template, {name: unquote(text) for name, text in zip(names, match.groups(), strict=True)}
        return None

    def _check_parameters(self, item: Mapping[str, Any], operation: Mapping[str, Any], seen: Seen, raw_query: str) -> None:
        declared = [self.samples.resolved(one) for one in [*item.get("parameters", ()), *operation.get("parameters", ())]]
        pairs = parse_qsl(raw_query, keep_blank_values=True, strict_parsing=bool(raw_query))
        taken: set[int] = set()
        for parameter in declared:
            name, place = parameter["name"], parameter["in"]
            schema = self.samples.resolved(parameter.get("schema", {}))
            if place == "path":
                value = self.typed(schema, seen.path[name])
                seen.path[name] = value
            elif place == "query":
                numbers = [n for n, (key, _) in enumerate(pairs) if key == name or key.startswith(f"{name}[")]
                taken.update(numbers)
                value = self._query_value(parameter, schema, [pairs[n] for n in numbers])
                if value is not None:
                    seen.query[name] = value
            elif place == "header":
                value = self.typed(schema, seen.headers[name]) if name in seen.headers else None
            else:
                continue
            if value is not None:
                self.validate(schema, value, name)
            elif parameter.get("required"):
                raise Mistake(f"{place} parameter {name} is missing")
        unknown = [key for n, (key, _) in enumerate(pairs) if n not in taken]
        if unknown:
            raise Mistake(f"there are no query parameters {unknown}")

    def _query_value(self, parameter: Mapping[str, Any], schema: dict[str, Any], pairs: list[tuple[str, str]]) -> Any:
        if not pairs:
            return None
        style, name = parameter.get("style", "form"), parameter["name"]
        if style == "deepObject" or any(key != name for key, _ in pairs):
            if style != "deepObject":
                raise Mistake(f"{name} is not written in brackets")
            return self.typed(schema, unbracketed(pairs)[name])
        if self.kind(schema) == "array":
            explode = parameter.get("explode", True)
            texts = [text for _, text in pairs] if explode else pairs[0][1].split(",")
            return self.typed(schema, texts)
        if len(pairs) > 1:
            raise Mistake(f"{name} is there twice")
        return self.typed(schema, pairs[0][1])

    def _body(self, operation: Mapping[str, Any], kind: str | None, raw: bytes) -> Any:
        declared = self.samples.resolved(operation.get("requestBody", {}))
        content = declared.get("content", {})
        if not raw:
            if declared.get("required"):
                raise Mistake("there is no body")
            return None
        media = (kind or "").partition(";")[0]
        if media not in content:
            raise Mistake(f"a body of type {media} is not taken")
        schema = self.samples.resolved(content[media].get("schema", {}))
        if media == "application/x-www-form-urlencoded":
            value = self.typed(schema, unbracketed(parse_qsl(raw.decode(), keep_blank_values=True, strict_parsing=True)))
        else:
            value = msgspec.json.decode(raw)
        self.validate(schema, value, "body")
        return value

    def typed(self, schema: Any, value: Any) -> Any:
        """Texts of a URL or a form as the schema's types."""
        node = self.samples.resolved(schema)
        for several in ("anyOf", "oneOf"):
            if several in node:
                wanted = {dict: "object", list: "array"}.get(type(value), "scalar")
                kinds = [(self.kind(one), one) for one in node[several]]
                fitting = [one for kind, one in kinds if (kind if kind in ("object", "array") else "scalar") == wanted]
                return self.typed(fitting[0], value) if fitting else value
        kind = self.kind(node)
        if isinstance(value, dict):
            if kind == "array":
                return [self.typed(node.get("items", {}), value[key]) for key in sorted(value, key=int)]
            known = node.get("properties", {})
            return {key: self.typed(known.get(key, node.get("additionalProperties") or {}), one) for key, one in value.items()}
        if isinstance(value, list):
            return [self.typed(node.get("items", {}), one) for one in value]
        try:
            if kind == "integer":
                return int(value)
            if kind == "number":
                return float(value)
        except ValueError:
            raise Mistake(f"{value!r} is no {kind}") from None
        return {"true": True, "false": False}.get(value, value) if kind == "boolean" else value

    def kind(self, schema: Any) -> str:
        """The type of a schema's values."""
        node = self.samples.resolved(schema)
        kind = node.get("type") or ("object" if "properties" in node else "array" if "items" in node else "string")
        return next((one for one in kind if one != "null"), "string") if isinstance(kind, list) else kind

    def validate(self, schema: dict[str, Any], value: Any, name: str) -> None:
        """Raises :class:`Mistake` for a value that the schema does not allow."""
        validator = self._validators.get(id(schema))
        if validator is None:
            # OpenAPI 3.0's schemas are those of draft 4, but for ``nullable``, which only ever allows more.
            whole = {"$ref": "#/here", "here": schema, "components": self.document.get("components", {})}
            validator = self._validators[id(schema)] = jsonschema_rs.Draft4Validator(whole)
        error = next(iter(validator.iter_errors(value)), None)
        if error is not None:
            raise Mistake(f"{name}: {error.message[:200]}")

    def _answer(self, operation: Mapping[str, Any], place: str, given: Any) -> web.Response:
        responses = operation["responses"]
        status = next(str(code) for code in responses if str(code).startswith("2"))
        content = self.samples.resolved(responses[status]).get("content", {})
        media = next((kind for kind in content if "json" in kind), None)
        if media is None:
            return web.Response(status=int(status))
        record = self.samples.of(content[media].get("schema", {}))
        if given is not None:
            record = self.kept[place] = overlaid(record, given)
        elif place in self.kept:
            record = self.kept[place]
        record = self.spoil(record)
        return web.Response(status=int(status), body=msgspec.json.encode(record), content_type=media.partition(";")[0])


class Mistake(Exception):
    """The document does not allow this request."""


def unbracketed(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """``a[b][]=1&a[c]=2`` as nested values; lists by their numbers or in their order. Raises :class:`Mistake`."""
    made: dict[str, Any] = {}
    for key, text in pairs:
        head, *rest = re.findall(r"[^\[\]]+|\[[^\[\]]*\]", key)
        if head + "".join(rest) != key:
            raise Mistake(f"{key} is not well bracketed")
        at: Any = made
        names = [head, *(part[1:-1] for part in rest)]
        for name, following in zip(names, [*names[1:], None], strict=True):
            if following is None:
                if name == "":
                    at.append(text)
                elif name in at:
                    raise Mistake(f"{key} is there twice")
                else:
                    at[name] = text
            else:
                at = at.setdefault(name, [] if following == "" else {})
    return made


@cache
def _template(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^}]+\})", path)
    return re.compile("".join("([^/?#]+)" if part.startswith("{") else re.escape(part) for part in parts))


def bearer(token: str) -> Authorized:
    """Whether a request carries that bearer token."""
    return lambda request: request.headers.get("Authorization") == f"Bearer {token}"


@contextlib.asynccontextmanager
async def serving(upstream: Any, tls: ssl.SSLContext) -> AsyncGenerator[None]:
    """``upstream`` at a port of this machine, over TLS; its ``url`` is set."""
    app = web.Application(client_max_size=1_000_000)
    app.router.add_route("*", "/{tail:.*}", upstream.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    upstream.url = f"https://localhost:{port}{upstream.base}"
    try:
        yield
    finally:
        await runner.cleanup()
        await asyncio.sleep(0.01)  # what was aborted ends in the loop's next rounds
