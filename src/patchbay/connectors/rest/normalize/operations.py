"""Operations: what each path and method takes, returns and does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from patchbay.connectors.rest.documents.files import Document
from patchbay.connectors.rest.documents.pointers import pointer_to
from patchbay.connectors.rest.documents.values import is_list, is_object
from patchbay.connectors.rest.normalize.arguments import Arguments
from patchbay.connectors.rest.normalize.bodies import Bodies, choose, header_names
from patchbay.connectors.rest.normalize.objects import Objects
from patchbay.connectors.rest.normalize.operation_names import name_operations
from patchbay.connectors.rest.normalize.paging import page_of
from patchbay.connectors.rest.normalize.parameters import Parameter, Parameters
from patchbay.connectors.rest.normalize.records import NOTHING, Answers, Returned
from patchbay.connectors.rest.normalize.schemas import EMPTY, Schema
from patchbay.connectors.rest.normalize.servers import Home, read_servers
from patchbay.connectors.rest.normalize.texts import OPERATION_MOST, trimmed
from patchbay.schema_graph.model import Effect, Operation
from patchbay.schema_graph.naming import SLUG_LENGTH, unique_slugs

MOST_OPERATIONS = 20_000
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "query")
_QUERY = "Its path holds a query of its own."
_READS = frozenset({"GET", "HEAD"})


class Found(msgspec.Struct, gc=False):
    """One operation where it stands. ``item`` is its path's, with what all operations of the path share."""

    method: str
    path: str
    node: Schema
    item: Schema
    unusable: str | None = None


class Operations:
    """Makes the operations of one description. ``reads`` are names of those a person knows to only read."""

    def __init__(
        self,
        document: Document,
        value: Mapping[str, Any],
        objects: Objects,
        keys: frozenset[tuple[str, str]],
        *,
        home: Home,
        reads: frozenset[str],
    ) -> None:
        self._document = document
        self._value = value
        self._objects = objects
        self._findings = objects.schemas.findings
        self._references = objects.schemas.references
        self._swagger = document.format == "swagger"
        self._parameters = Parameters(objects, keys, swagger=self._swagger)
        self._bodies = Bodies(objects)
        self._answers = Answers(objects)
        self._home = home
        self._reads = reads
        self.inputs: list[Any] = []

    def made(self) -> dict[str, Operation]:
        """All operations by name."""
        found = list(self._found())
        names = name_operations([(one.method, one.path, one.node.get("operationId")) for one in found])
        slugs = unique_slugs(names, length=SLUG_LENGTH)
        self._note_names(found, names)
        return {name: self._operation(one, name, slugs[name]) for one, name in zip(found, names, strict=True)}

    def _note_names(self, found: list[Found], names: list[str]) -> None:
        for one, name in zip(found, names, strict=True):
            given = one.node.get("operationId")
            if given is not None and type(given) is str and given.strip() != name:
                message = "An operationId is not unique, or no name: method and path are."
                self._findings.add("operation_id_unfit", message, given[:200])

    # --- where they are

    def _found(self) -> Iterator[Found]:
        paths = self._value.get("paths")
        seen = 0
        for path, held in paths.items() if is_object(paths) else ():
            if not path.startswith("/"):
                if not path.startswith("x-"):
                    self._findings.add("path_unclear", "A path does not begin with a slash; it is left out.", path[:200])
                continue
            item = self._followed(held)
            for method, node in self._methods(item):
                seen += 1
                if seen > MOST_OPERATIONS:
                    self._findings.add("operations_cut", f"Only the first {MOST_OPERATIONS:,} operations are read.")
                    return
                yield self._one(method, path, node, item)
        if seen == 0:
            self._findings.add("no_operations", "The document describes no operations.")

    def _methods(self, item: Schema) -> Iterator[tuple[str, Any]]:
        for method in METHODS:
            if method in item:
                yield method.upper(), item[method]
        more = item.get("additionalOperations")  # OpenAPI 3.2
        for method, node in more.items() if is_object(more) else ():
            if method.isascii() and method.isalpha() and method.lower() not in METHODS:
                yield method.upper(), node

    def _one(self, method: str, path: str, node: Any, item: Schema) -> Found:
        if not is_object(node):
            place = pointer_to("paths", path, method.lower())
            self._findings.add("operation_unclear", "An operation is no object.", place[:200])
            return Found(method, path, EMPTY, item, "The document says nothing about it.")
        operation = node
        ref = operation.get("$ref")
        if type(ref) is str:
            followed = self._references.follow(ref)
            if not is_object(followed):
                return Found(method, path, EMPTY, item, "What describes it is not in the document.")
            operation = followed
        return Found(method, path, operation, item)

    def _followed(self, held: Any) -> Schema:
        if not is_object(held):
            return EMPTY
        node = held
        ref = node.get("$ref")
        if type(ref) is not str:
            return node
        found = self._references.follow(ref)
        if not is_object(found):
            return EMPTY
        return {**found, **{key: value for key, value in node.items() if key != "$ref"}} if len(node) > 1 else found

    # --- what they are

    def _operation(self, found: Found, name: str, slug: str) -> Operation:
        node = found.node
        method, (path, query) = found.method, _asked(found.path)
        effect: Effect = "read" if method in _READS or name in self._reads else "write"
        role = "filter" if effect == "read" else "value"
        into = Arguments([], {})
        listed = self._parameters.listed(found.item.get("parameters"), node.get("parameters"))
        listed += self._parameters.undeclared(path, listed)
        self._parameters.add(listed, into, role)
        body = self._body(node, listed, into, role)
        response = self._response(node)
        returned, problem = self._returned(response, name, found, effect)
        invoke: dict[str, Any] = {"method": method, "path": path}
        if body.content_type is not None:
            invoke["contentType"] = body.content_type
        if into.places:
            invoke["arguments"] = into.places
        if returned.path:
            invoke["record"] = list(returned.path)
        if returned.many:
            invoke["many"] = True
            page = page_of(self._objects.schemas, _queries(listed, into), returned.beside, header_names(response))
            if page is not None:
                invoke["page"] = page
        elsewhere = self._server(found, invoke)
        return Operation(
            name,
            slug,
            returned.object,
            effect,
            "call",
            _described(node, found.item),
            tuple(into.listed),
            invoke=invoke,
            many=returned.many,
            unusable=found.unusable or (_QUERY if query else None) or body.unusable or elsewhere or problem,
        )

    def _body(self, node: Schema, listed: list[Parameter], into: Arguments, role: Any) -> Any:
        if self._swagger:
            consumes = node.get("consumes", self._value.get("consumes"))
            return self._bodies.of_parameters(listed, consumes, into, role)
        return self._bodies.of_request(node.get("requestBody"), into, role)

    def _response(self, node: Schema) -> Schema:
        """The response of a success: the first of 200, 201, … that has content, else the first, else ``default``."""
        held = node.get("responses")
        responses = held if is_object(held) else EMPTY
        codes = [code for code in responses if code[:1] == "2" and len(code) == 3]
        codes.sort(key=lambda code: (not code.isdigit(), code))
        found = [self._followed(responses[code]) for code in codes]
        telling = next((response for response in found if self._schema_of(response) is not None), None)
        if telling is not None or found:
            return telling or found[0]
        return self._followed(responses.get("default")) if not any(c[:1] == "3" for c in responses) else {"redirects": True}

    def _schema_of(self, response: Schema) -> tuple[str, Any] | None:
        """(media type, schema) of a response's content; 2.0 has only a schema."""
        if self._swagger:
            return ("application/json", response["schema"]) if is_object(response.get("schema")) else None
        content: Any = response.get("content")
        if not is_object(content) or not content:
            return None
        kinds = content
        chosen = choose(tuple(kinds))
        if chosen is None or chosen.startswith(("multipart/", "application/x-www")):
            return next(iter(kinds)), None
        media = self._followed(kinds[chosen])
        return "application/json", media.get("schema")

    def _returned(self, response: Schema, name: str, found: Found, effect: Effect) -> tuple[Returned, str | None]:
        """What comes back, and why a read whose answer cannot be read is of no use."""
        read = effect == "read"
        if "redirects" in response:
            return NOTHING, "It answers with a redirect, not with data." if read and found.method != "HEAD" else None
        content = self._schema_of(response) if found.method != "HEAD" else None
        if content is None:
            return NOTHING, None
        kind, schema = content
        if kind != "application/json":
            return NOTHING, f"It answers with {kind[:80]}, not with JSON." if read else None
        if not is_object(schema):
            return NOTHING, "The document does not say what it answers with." if read else None
        returned = self._answers.returned(schema, name, found.path)
        if returned.object is None and read:
            return returned, f"Its answer ({returned.bare or 'any'}) has no members that could be named."
        return returned, None

    def _server(self, found: Found, invoke: dict[str, Any]) -> str | None:
        """A server of the operation's own, or its path's; another host than the API's is not asked."""
        held = found.node.get("servers") or found.item.get("servers")
        if not is_list(held) or not held:
            return None
        servers = read_servers(held, self._document.url)
        if not servers:
            elsewhere = any("://" in str(server) or "{" in str(server) for server in held)
            return "The document does not say on which server it is." if elsewhere else None
        server, elsewhere = self._home.place(servers)
        if elsewhere is not None:
            return f"It is on another host ({elsewhere[:100]})."
        if server is not None:
            invoke["server"] = server
        return None


def _asked(path: str) -> tuple[str, bool]:
    """The path that is asked for, and whether it holds a query: some documents tell operations apart by a query or a fragment."""
    if "#" not in path and "?" not in path:
        return path, False
    path, _, query = path.partition("#")[0].partition("?")
    return path, bool(query)


def _queries(listed: list[Parameter], into: Arguments) -> Mapping[str, tuple[str, Parameter | None]]:
    """Wire name → (argument's name, parameter) of the query parameters, and of a body's own members where a search is sent."""
    asked = {place["name"]: name for name, place in into.places.items() if place["place"] == "query"}
    sent = {place["name"]: (name, None) for name, place in into.places.items() if len(place.get("path", ())) == 1}
    return sent | {p.name: (asked[p.name], p) for p in listed if p.place == "query" and p.name in asked}


def _described(node: Schema, item: Schema) -> str | None:
    """Summary and description in one text."""
    summary = trimmed(node.get("summary") or item.get("summary"), OPERATION_MOST)
    description = trimmed(node.get("description"), OPERATION_MOST)
    if summary is None or description is None or description.startswith(summary.rstrip(".…")):
        return description or summary
    return trimmed(f"{summary.rstrip('.')}. {description}", OPERATION_MOST)
