"""What a pack's OpenAPI document says that the vendor's own does not.

A pack writes down, in our words, the part of a vendor's API that it uses. It may say less than the vendor: fewer operations,
members of an answer. It may not say anything else: another path or type, a value the vendor does not know, a wider limit; nor
leave out what the vendor wants.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

Node = Mapping[str, Any]
VERBS = ("get", "post", "put", "patch", "delete")
HTTP_HEADERS = frozenset({"if-match"})
"""Header fields that HTTP gives a meaning, which a vendor's document need not tell."""
_DEEPEST = 12
_TEMPLATE = re.compile(r"\{[^}]*\}")


class Documents:
    """A pack's document beside its vendor's. ``below`` is what the vendor's paths begin with before the pack's base URL ends."""

    def __init__(self, ours: Node, theirs: Node, *, below: str = "") -> None:
        self.ours, self.theirs, self._below = ours, theirs, below

    def differences(self) -> Iterator[str]:
        """Everything that is said otherwise, in words that begin with where."""
        known = {_TEMPLATE.sub("{}", self._below + path): item for path, item in self.theirs["paths"].items()}
        for path, item in self.ours["paths"].items():
            vendor = known.get(_TEMPLATE.sub("{}", path))
            if vendor is None:
                yield f"{path}: no such path"
                continue
            for verb in VERBS:
                if verb in item:
                    yield from self._of_operation(f"{verb.upper()} {path}", verb, item, vendor)

    def _of_operation(self, where: str, verb: str, item: Node, vendor: Node) -> Iterator[str]:
        if verb not in vendor:
            yield f"{where}: no such operation"
            return
        yield from self._of_parameters(
            where, self._parameters(item, verb, self.ours), self._parameters(vendor, verb, self.theirs)
        )
        ours, theirs = item[verb], vendor[verb]
        sent, taken = _content(ours.get("requestBody")), _content(self._of(self.theirs, theirs.get("requestBody")))
        if sent is not None:
            if taken is None:
                yield f"{where}: no body is taken"
            else:
                yield from self._of_schema(f"{where} body", sent, taken, sends=True)
        for status, response in ours.get("responses", {}).items():
            told = _content(response)
            given = theirs["responses"].get(status) or theirs["responses"].get("default")
            answered = None if given is None else _content(self._of(self.theirs, given))
            if told is not None and answered is None:
                yield f"{where} {status}: no such answer"
            elif told is not None and answered is not None:
                yield from self._of_schema(f"{where} {status}", told, answered, sends=False)

    def _parameters(self, item: Node, verb: str, document: Node) -> dict[tuple[str, str], Node]:
        listed = [self._of(document, one) for one in (*item.get("parameters", ()), *item[verb].get("parameters", ()))]
        return {(one["in"], one["name"]): one for one in listed}

    def _of_parameters(self, where: str, ours: Mapping[Any, Node], theirs: Mapping[Any, Node]) -> Iterator[str]:
        common = {("query", name): {"schema": one["schema"]} for name, one in self.theirs.get("x-common", {}).items()}
        for (place, name), one in ours.items():
            vendor = theirs.get((place, name)) or common.get((place, name))
            if place == "header" and name.lower() in HTTP_HEADERS:
                continue
            if vendor is None:
                yield f"{where}: no {place} parameter {name!r}"
            else:
                yield from self._of_schema(f"{where} {name}", one["schema"], vendor["schema"], sends=True)
        for (place, name), vendor in theirs.items():
            if vendor.get("required") and (place, name) not in ours:
                yield f"{where}: the {place} parameter {name!r} is needed"

    def _of_schema(self, where: str, ours: Node, theirs: Node, *, sends: bool, depth: int = 0) -> Iterator[str]:
        mine = self._flat(self.ours, ours)
        alternatives = [*self._alternatives(theirs)]
        if not alternatives or depth > _DEEPEST:
            return
        found: list[str] = []
        for vendor in alternatives:
            found = [*self._of_one(where, mine, vendor, sends=sends, depth=depth)]
            if not found:
                return
        yield from found

    def _of_one(self, where: str, ours: Node, theirs: Node, *, sends: bool, depth: int) -> Iterator[str]:
        kind, vendor = ours.get("type"), theirs.get("type")
        if kind is not None and vendor is not None and kind != vendor:
            yield f"{where}: of type {vendor}, not {kind}"
            return
        yield from _of_values(where, ours, theirs)
        if sends:
            yield from _of_limits(where, ours, theirs)
        else:
            yield from _of_told_values(where, ours, theirs)
        properties, known = ours.get("properties", {}), theirs.get("properties", {})
        free = theirs.get("additionalProperties")
        for name, one in properties.items():
            if name in known:
                yield from self._of_schema(f"{where}.{name}", one, known[name], sends=sends, depth=depth + 1)
            elif isinstance(free, Mapping):
                yield from self._of_schema(f"{where}.{name}", one, cast("Node", free), sends=sends, depth=depth + 1)
            elif known:
                yield f"{where}: no member {name!r}"
        needed, promised = set(theirs.get("required", ())), set(ours.get("required", ()))
        if sends and needed - promised:
            yield f"{where}: needs {sorted(needed - promised)}"
        if not sends and promised - needed and known and "type" in theirs:
            yield f"{where}: need not have {sorted(promised - needed)}"
        if "items" in ours and "items" in theirs:
            yield from self._of_schema(f"{where}[]", ours["items"], theirs["items"], sends=sends, depth=depth + 1)

    def _alternatives(self, schema: Node) -> Iterator[Node]:
        """Every reading of a vendor's schema; none where it says nothing."""
        flat = self._flat(self.theirs, schema)
        if not flat:
            return
        options = flat.get("anyOf") or flat.get("oneOf")
        if options is None:
            yield flat
            return
        for one in options:
            yield from self._alternatives({**one, "nullable": True} if flat.get("nullable") and "$ref" not in one else one)

    def _flat(self, document: Node, schema: Node) -> dict[str, Any]:
        """A schema with what it refers to and what it is all of in one."""
        made: dict[str, Any] = {}
        for one in (self._of(document, schema), *(self._flat(document, part) for part in schema.get("allOf", ()))):
            for name, value in one.items():
                if name == "properties":
                    made[name] = {**made.get(name, {}), **value}
                elif name == "required":
                    made[name] = [*made.get(name, ()), *value]
                elif name != "allOf":
                    made.setdefault(name, value)
        return made

    def _of(self, document: Node, node: Any) -> Any:
        while isinstance(node, Mapping) and "$ref" in node:
            found: Any = document
            for name in str(node["$ref"]).removeprefix("#/").split("/"):
                found = found.get(name.replace("~1", "/").replace("~0", "~"), {})
            node = {**found, **{name: value for name, value in cast("Node", node).items() if name == "nullable"}}
        return node


def _content(holder: Any) -> Node | None:
    content = holder.get("content") if isinstance(holder, Mapping) else None
    if not isinstance(content, Mapping):
        return None
    found = content.get("application/json") or next(iter(content.values()), {})
    return cast("Node", found).get("schema")


def _of_values(where: str, ours: Node, theirs: Node) -> Iterator[str]:
    """An enumeration holds nothing that the vendor's does not."""
    mine, vendor = ours.get("enum"), theirs.get("enum")
    if mine is not None and vendor is not None and set(mine) - set(vendor):
        yield f"{where}: no values {sorted(set(mine) - set(vendor))}"


def _of_told_values(where: str, ours: Node, theirs: Node) -> Iterator[str]:
    """An enumeration of an answer holds everything that the vendor's holds: a value that we do not know could not be told."""
    mine, vendor = ours.get("enum"), theirs.get("enum")
    if mine is not None and vendor is not None and set(vendor) - set(mine):
        yield f"{where}: may also be {sorted(map(str, set(vendor) - set(mine)))}"


def _of_limits(where: str, ours: Node, theirs: Node) -> Iterator[str]:
    for name, wider in (("maximum", 1), ("maxLength", 1), ("minimum", -1), ("minLength", -1)):
        mine, vendor = ours.get(name), theirs.get(name)
        if vendor is not None and "enum" not in ours and (mine is None or (mine - float(vendor)) * wider > 0):
            yield f"{where}: {name} is {vendor}, not {mine}"
