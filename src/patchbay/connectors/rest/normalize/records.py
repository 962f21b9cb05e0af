"""Where the records are in an answer: itself, the one thing in an envelope, or a list in it.

Documents do not say it, so a list is recognized by evidence: what it is called, what stands beside it, what the path is called.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec

from patchbay.connectors.rest.documents.values import is_object
from patchbay.connectors.rest.normalize.objects import Objects
from patchbay.connectors.rest.normalize.schemas import Schema, properties_of, variants_of
from patchbay.connectors.rest.normalize.shapes import Shape
from patchbay.schema_graph.naming import singular_word, split_words


class Returned(msgspec.Struct, frozen=True, gc=False):
    """What an operation answers with. ``object`` is None where the answer has no members to name.

    ``path`` leads to the record or list of records. ``beside`` are the properties next to the list, for signs of further pages.
    """

    object: str | None = None
    path: tuple[str, ...] = ()
    many: bool = False
    beside: Schema | None = None
    bare: str | None = None


NOTHING = Returned()

_LISTS = frozenset({
    "data", "items", "item", "results", "result", "records", "values", "value", "entries", "rows", "list", "content", "nodes",
    "objects", "elements", "hits", "docs", "resources", "collection", "entities", "matches", "_embedded",
})  # fmt: skip
_BESIDES = frozenset({
    "errors", "error", "warnings", "links", "_links", "link", "included", "meta", "metadata", "jsonapi", "facets", "aggregations",
    "debug", "messages_errors", "@odata.context", "_meta",
})  # fmt: skip
_PAGES = frozenset({
    "has_more", "hasmore", "next", "next_page", "nextpage", "next_cursor", "nextcursor", "nextpagetoken", "next_page_token",
    "next_token", "nexttoken", "cursor", "page", "pages", "per_page", "perpage", "page_size", "pagesize", "limit", "offset",
    "total", "total_count", "totalcount", "count", "size", "pagination", "paging", "next_page_uri", "previous_page_uri",
    "first_page_uri", "start", "end", "response_metadata", "nextlink", "@odata.nextlink", "next_page_url", "prev",
    "previous", "totalpages", "total_pages", "marker", "more", "is_truncated", "incomplete_results", "incompletesearch",
    "nextsynctoken", "uri", "url", "links", "metadata",
})  # fmt: skip
_STATUS = frozenset({
    "ok", "success", "status", "code", "message", "request_id", "requestid", "kind", "object", "apiversion", "etag", "type",
    "cache_ts", "timestamp",
})  # fmt: skip
_MAY_LIST = ("items", "$ref", "allOf", "oneOf", "anyOf")
_ENOUGH = 4
_LISTING = frozenset({"list", "search", "find", "query", "all", "index", "browse", "lookup"})


class _Candidate(msgspec.Struct, frozen=True, gc=False):
    """A property that may be the list of records: what it is, how it is compared with what a path is about, and its score
    whatever the operation.
    """

    shape: Shape
    key: str
    score: int


class Answers:
    """Finds the records in answers."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._lists: dict[int, dict[str, _Candidate]] = {}
        self._looked_at: list[Schema] = []  # what is known by its identity must stay

    def returned(self, schema: Any, operation: str, path: str) -> Returned:
        """What an answer with ``schema`` holds; ``operation`` and ``path`` tell what it is likely about."""
        found = self._returned(schema, operation, path)
        if found.object is not None:
            self._objects.answered.add(found.object)
        return found

    def _returned(self, schema: Any, operation: str, path: str) -> Returned:
        if self._written_here(schema):
            return self._nested(schema, operation, path)
        shape = self._objects.shape(schema, operation, "response")
        if shape.target is not None:
            self._objects.answered.add(shape.target)
        if shape.target is not None and not shape.many:
            return self._inside(shape.target, operation, path)
        if shape.many:
            return Returned(shape.target, shape.wrapper, True, properties_of(self._objects.schemas.plain(schema)))
        if shape.type == "object":
            return self._nested(schema, operation, path)
        if shape.type == "array" and shape.fields:
            items = self._items(self._objects.schemas.plain(schema))
            return Returned(self._objects.record(items, f"{operation} response"), (), True)
        return Returned(bare=shape.native)

    def _written_here(self, schema: Any) -> bool:
        """Whether an answer is an object without a name: only what is left of it after unwrapping becomes one."""
        schemas = self._objects.schemas
        if not is_object(schema) or schemas.alias_of(schema) is not None:
            return False
        plain = schemas.plain(schema)
        return bool(properties_of(plain)) and not variants_of(plain) and plain.get("type") in ("object", None)

    def _inside(self, name: str, operation: str, path: str) -> Returned:
        """An answer that is an object with a name: it, or what it is only an envelope for."""
        draft = self._objects.drafts[name]
        if draft.kind == "union":
            return self._listed(self._objects.node(name), draft.bare, operation, path) or Returned(name)
        found = self._unwrapped(draft.node, draft.bare, operation, path)
        return found or Returned(name)

    def _nested(self, schema: Any, operation: str, path: str) -> Returned:
        """An answer written where it stands."""
        plain = self._objects.schemas.plain(schema)
        if variants_of(plain):
            parts = [self._objects.schemas.plain(variant) for variant in variants_of(plain)]
            plain = self._objects.schemas.united([part for part in [plain, *parts] if properties_of(part)])
        found = self._unwrapped(plain, operation, operation, path)
        if found is None:
            return Returned(self._objects.record(plain, f"{operation} response"))
        return found

    def _unwrapped(self, plain: Schema, owner: str, operation: str, path: str) -> Returned | None:
        return self._listed(plain, owner, operation, path) or self._enveloped(plain, owner, operation, path)

    def _listed(self, plain: Schema, owner: str, operation: str, path: str) -> Returned | None:
        """The list of records in an answer, if it is plain enough which one it is."""
        properties = properties_of(plain)
        candidates = self._lists.get(id(plain))
        if candidates is None:
            shapes = dict(self._shapes(properties, owner))
            candidates = self._lists[id(plain)] = {
                name: _Candidate(shape, _key(name), _score(name, properties, len(shapes))) for name, shape in shapes.items()
            }
            self._looked_at.append(plain)
        if not candidates:
            return None
        about = _about(path)
        listing = 0 if _LISTING.isdisjoint(split_words(operation)) else 2
        scores = {name: one.score + listing + (3 if one.key in about else 0) for name, one in candidates.items()}
        best = max(scores, key=lambda name: scores[name])
        if scores[best] < _ENOUGH or sum(score == scores[best] for score in scores.values()) > 1:
            return None
        shape = candidates[best].shape
        return Returned(self._object_of(shape, properties[best], operation), (best, *shape.wrapper), True, properties)

    def _shapes(self, properties: Schema, owner: str) -> Iterator[tuple[str, Shape]]:
        for name, node in properties.items():
            if is_object(node) and _may_be_list(node) and name.lower() not in _BESIDES:
                shape = self._objects.shape(node, owner, name)
                if shape.type == "array" and not shape.expandable and (shape.target is not None or shape.fields):
                    yield name, shape

    def _object_of(self, shape: Shape, node: Any, operation: str) -> str:
        if shape.target is not None:
            return shape.target
        plain = self._objects.schemas.plain(node)
        if shape.type == "array":
            plain = self._items(plain)
        return self._objects.record(plain, f"{operation} response")

    def _items(self, plain: Schema) -> Schema:
        return self._objects.schemas.plain(self._objects.schemas.items_of(plain))

    def _enveloped(self, plain: Schema, owner: str, operation: str, path: str) -> Returned | None:
        """The one object in an envelope of nothing but remarks: ``{errors, customer: {…}}``."""
        properties = properties_of(plain)
        told = [*islice((name for name in properties if name.lower() not in _BESIDES), 2)]
        if len(told) != 1 or not is_object(properties[told[0]]):
            return None
        (name,) = told
        shape = self._objects.shape(properties[name], owner, name)
        if shape.many or shape.expandable or shape.type != "object":
            return None
        inner = self._objects.schemas.plain(properties[name])
        listed = self._listed(inner, owner, operation, path) if name.lower() in _LISTS and properties_of(inner) else None
        if listed is not None:
            return msgspec.structs.replace(listed, path=(name, *listed.path))
        return Returned(self._object_of(shape, inner, operation), (name,))


def _may_be_list(node: Schema) -> bool:
    return not node.keys().isdisjoint(_MAY_LIST) or node.get("type") in ("array", ["array", "null"])


def _about(path: str) -> set[str]:
    """What the last two named parts of a path are about: ``/v1/customers/{id}/invoices.json`` is about invoices."""
    named = [part.partition(".")[0] for part in path.split("/") if part and "{" not in part]
    return {_key(part) for part in named[-2:]}


def _key(name: str) -> str:
    words: Sequence[str] = split_words(name)
    return "".join((*words[:-1], singular_word(words[-1]))) if words else name.lower()


def _score(name: str, properties: Schema, candidates: int) -> int:
    """How much speaks for the property ``name`` being the list, whatever is asked for."""
    others = [other.lower() for other in properties if other != name]
    told = [other for other in others if other not in _PAGES and other not in _BESIDES and other not in _STATUS]
    score = 4 if name.lower() in _LISTS else 0
    score += 2 if candidates == 1 else 0
    score += 2 if not _PAGES.isdisjoint(others) else 0
    score += 2 if not told else 0
    return score - (4 if "id" in others else 0) - min(len(told), 8)
