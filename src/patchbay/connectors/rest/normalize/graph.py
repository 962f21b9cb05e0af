"""A whole description as a graph, and what else it says: where the API is, and what authorization it asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from patchbay.connectors.documents import Findings
from patchbay.connectors.rest.documents.files import Document
from patchbay.connectors.rest.documents.google import openapi_of
from patchbay.connectors.rest.documents.references import References
from patchbay.connectors.rest.documents.values import is_object
from patchbay.connectors.rest.normalize.drafts import Draft
from patchbay.connectors.rest.normalize.identifiers import referring
from patchbay.connectors.rest.normalize.objects import Objects
from patchbay.connectors.rest.normalize.operations import Operations
from patchbay.connectors.rest.normalize.parameters import api_keys
from patchbay.connectors.rest.normalize.schemas import Schemas
from patchbay.connectors.rest.normalize.security import SecurityScheme, security_of
from patchbay.connectors.rest.normalize.servers import Home, servers_of
from patchbay.connectors.rest.normalize.texts import trimmed
from patchbay.schema_graph.badges import CORE, is_core_by_name, is_core_by_use
from patchbay.schema_graph.model import Graph, Object, Operation
from patchbay.schema_graph.naming import unique_slugs


class Described(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """What a document says of its API as a whole. ``servers`` are base URLs, best first; ``security`` what it asks for."""

    title: str | None
    version: str | None
    format: str
    servers: tuple[str, ...] = ()
    security: tuple[SecurityScheme, ...] = ()


class Normalized(msgspec.Struct, frozen=True):
    """A description read to the end."""

    graph: Graph
    described: Described


def describe(document: Document) -> Described:
    """What a document says of its API as a whole, without reading its schemas."""
    return _described(document, _openapi(document))


def normalize(document: Document, *, base_url: str | None = None, reads: frozenset[str] = frozenset()) -> Normalized:
    """The graph of a description. ``base_url`` is the connection's, where it has one of its own; ``reads`` names operations that
    only read although their method says otherwise. ``document.value`` belongs to this call from now on.

    Raises :class:`~patchbay.connectors.rest.documents.refusals.DocumentNotReadable` for one that asks for too much work.
    """
    findings = Findings()
    value = _openapi(document)
    if value is not document.value:
        document = msgspec.structs.replace(document, value=value, format="openapi")
    described = _described(document, value)
    objects = Objects(Schemas(document, References(document, findings), findings))
    objects.claim(_named_schemas(value))
    home = Home(described.servers, base_url)
    operations = Operations(document, value, objects, api_keys(_security(value)), home=home, reads=reads)
    made = operations.made()
    objects.build()
    _note_document(document, value, findings, stated=bool(described.servers or base_url))
    findings.add_unknown_reads(reads, made)
    kept = _objects(_kept(objects))
    usable = {name: _settled(operation, kept) for name, operation in made.items()}
    return Normalized(Graph("rest", None, kept, usable, findings.notes()), described)


def _openapi(document: Document) -> dict[str, Any]:
    return openapi_of(document.value) if document.format == "google" else document.value


def _mapping(value: Any) -> dict[str, Any]:
    return value if is_object(value) else {}


def _named_schemas(value: Mapping[str, Any]) -> dict[str, Any]:
    return {**_mapping(value.get("definitions")), **_mapping(_mapping(value.get("components")).get("schemas"))}


def _security(value: Mapping[str, Any]) -> dict[str, Any]:
    return {**_mapping(value.get("securityDefinitions")), **_mapping(_mapping(value.get("components")).get("securitySchemes"))}


def _described(document: Document, value: Mapping[str, Any]) -> Described:
    info = _mapping(value.get("info"))
    version = info.get("version")
    return Described(
        trimmed(info.get("title")),
        None if version is None else trimmed(str(version), 50),
        "google" if value is not document.value else document.format,
        servers_of(document, value),
        security_of(value),
    )


def _note_document(document: Document, value: Mapping[str, Any], findings: Findings, *, stated: bool) -> None:
    if not document.stated:
        findings.add("version_missing", "The document does not say which version of OpenAPI it is; it is read as 3.0.")
    elif document.format == "openapi" and document.version > (3, 1):
        findings.add("version_newer", "The document is of a newer version than 3.1; what is new in it may be left out.")
    if not stated:
        findings.add("no_servers", "The document does not say where the API is: give its base URL.")
    for member in ("webhooks", "x-webhooks"):
        if _mapping(value.get(member)):
            findings.add("webhooks_ignored", "Webhooks are calls that the API makes; they are left out.", f"#/{member}")
    for item in _mapping(value.get("paths")).values():
        if any("callbacks" in _mapping(operation) for operation in _mapping(item).values()):
            findings.add("callbacks_ignored", "Callbacks are calls that the API makes; they are left out.")
            break


def _settled(operation: Operation, objects: Mapping[str, Object]) -> Operation:
    """An operation whose record turned out to have no members returns none."""
    if operation.object is None or operation.object in objects:
        return operation
    unusable = operation.unusable
    if operation.effect == "read":
        unusable = unusable or "Its answer has no members that could be named."
    return msgspec.structs.replace(operation, object=None, many=False, unusable=unusable)


def _kept(objects: Objects) -> dict[str, Draft]:
    """The objects that are records: with members, and not only ever sent. What inputs alone consist of shows on arguments."""
    drafts = {name: draft for name, draft in objects.drafts.items() if draft.fields}
    answered = _held_by(objects.answered, drafts)
    given = _held_by((name for name, draft in drafts.items() if id(draft.node) in objects.given), drafts)
    return {name: draft for name, draft in drafts.items() if name in answered or name not in given}


def _held_by(names: Iterable[str], drafts: Mapping[str, Draft]) -> set[str]:
    """``names`` and all objects held or extended by those, at any depth."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found and name in drafts:
            found.add(name)
            todo.extend((*(edge.target for edge in drafts[name].edges), *drafts[name].extends))
    return found


def _objects(drafts: dict[str, Draft]) -> dict[str, Object]:
    slugs = unique_slugs(drafts)
    inferred = referring(drafts)
    referred: dict[str, int] = {}
    for draft in drafts.values():
        for target in {edge.target for edge in draft.edges}:
            referred[target] = referred.get(target, 0) + 1
    made: dict[str, Object] = {}
    for name, draft in drafts.items():
        edges = tuple([edge for edge in draft.edges if edge.target in drafts])
        core = is_core_by_name(draft.bare) or is_core_by_use(referred.get(name, 0), len(draft.fields))
        made[name] = Object(
            name,
            slugs[name],
            draft.kind,
            native_name=draft.bare if draft.bare != name else None,
            description=draft.description,
            fields=draft.fields,
            edges=(*edges, *inferred.get(name, ())),
            badges=CORE if core else (),
            extends=tuple(base for base in draft.extends if base in drafts),
        )
    return made
