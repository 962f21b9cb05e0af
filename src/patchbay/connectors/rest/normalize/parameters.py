"""Parameters in paths, queries, headers and cookies, of all three versions, as arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from patchbay.connectors.rest.documents.values import is_list, is_object
from patchbay.connectors.rest.normalize.arguments import Arguments, Flattener, Slot, unique_name
from patchbay.connectors.rest.normalize.objects import Objects
from patchbay.connectors.rest.normalize.schemas import EMPTY, Schema, properties_of, variants_of
from patchbay.schema_graph.model import ArgumentRole

PLACES = ("path", "query", "header", "cookie")
_FORMS = frozenset({"formData", "body"})
MOST = 300

# Header parameters that say nothing (OpenAPI 3.1, section 4.8.12.1): the content and the authorization say it already.
_IGNORED = frozenset({"accept", "content-type", "authorization"})
_COLLECTIONS: dict[str, tuple[str, bool]] = {
    "csv": ("form", False), "ssv": ("spaceDelimited", False), "tsv": ("tabDelimited", False), "pipes": ("pipeDelimited", False),
    "multi": ("form", True),
}  # fmt: skip
_SINGLE = frozenset(
    {
        "type",
        "format",
        "description",
        "default",
        "minimum",
        "maximum",
        "maxLength",
        "minLength",
        "pattern",
        "enum",
        "example",
        "title",
    }
)
_TEMPLATE = re.compile(r"\{([^{}]*)\}")
_TOKENS = frozenset({"token", "access_token", "accesstoken", "api_key", "apikey", "api-key", "x-api-key", "key", "bearer"})
_SAYS_TOKEN = re.compile(r"\b(authentication|authorization|access|api|auth|bearer|oauth)[ -]?(token|key)\b", re.IGNORECASE)


class Parameter(msgspec.Struct, gc=False):
    """One parameter. ``schema`` describes its value; ``node`` is the whole."""

    name: str
    place: str
    node: Schema
    schema: Schema
    required: bool

    @property
    def said(self) -> Any:
        """The parameter's own description, for a schema without one."""
        return self.node.get("description")

    def described(self) -> Schema:
        """The schema with the parameter's own description, unless it has one."""
        if self.said is None or self.schema is self.node or "description" in self.schema:
            return self.schema
        return {**self.schema, "description": self.said}


class Parameters:
    """The parameters of one operation: its own, and those of its path that it does not repeat."""

    def __init__(self, objects: Objects, keys: frozenset[tuple[str, str]], *, swagger: bool) -> None:
        self._objects = objects
        self._keys = keys
        self._swagger = swagger
        self._read: dict[int | str, Parameter | None] = {}
        self._kept: list[Parameter] = []
        self._made: dict[tuple[int, ArgumentRole], Arguments] = {}

    def listed(self, shared: Any, own: Any) -> list[Parameter]:
        """The parameters of an operation, the path's ones first. Those that carry the authorization are left out."""
        found: dict[tuple[str, str], Parameter] = {}
        for held in (shared, own):
            for node in held[:MOST] if is_list(held) else ():
                parameter = self._parameter(node)
                if parameter is not None:
                    found[parameter.name, parameter.place] = parameter
        return [parameter for parameter in found.values() if not self._authorizes(parameter)]

    def _parameter(self, node: Any) -> Parameter | None:
        if not is_object(node):
            return None
        schema = node
        ref = schema.get("$ref")
        key = ref if type(ref) is str else id(schema)
        if key not in self._read:
            followed = self._objects.schemas.references.follow(ref) if type(ref) is str else schema
            self._read[key] = self._parsed(followed) if is_object(followed) else None
        return self._read[key]

    def _parsed(self, node: Schema) -> Parameter | None:
        name, place = node.get("name"), node.get("in")
        if type(name) is not str or not name or type(place) is not str or (place not in PLACES and place not in _FORMS):
            self._objects.schemas.note("parameter_unclear", "A parameter has no name or no place.", str(name)[:100])
            return None
        schema: Any = node.get("schema")
        content: Any = node.get("content")
        if not is_object(schema) and is_object(content) and content:
            media: Any = next(iter(content.values()))
            schema = media.get("schema") if is_object(media) else None
        elif not is_object(schema) and self._swagger:
            schema = node
        made = schema if is_object(schema) else {"type": "string"}
        return Parameter(name[:200], place, node, made, node.get("required") is True or place == "path")

    def _authorizes(self, parameter: Parameter) -> bool:
        """Whether a parameter is how the caller is authorized: that is the connection's, not an agent's to give."""
        name = parameter.name.lower()
        if parameter.place == "header" and name in _IGNORED:
            return True
        if (parameter.place, name) in self._keys:
            return True
        if name not in _TOKENS or parameter.place == "path":
            return False
        said = parameter.node.get("description")
        if type(said) is str and _SAYS_TOKEN.search(said[:200]):
            self._objects.schemas.note(
                "parameter_authorizes", "A parameter carries the authorization; it is the connection's to give.", name
            )
            return True
        return False

    def undeclared(self, path: str, listed: Sequence[Parameter]) -> list[Parameter]:
        """Placeholders of a path that no parameter describes: texts that have to be given."""
        known = {parameter.name for parameter in listed if parameter.place == "path"}
        names = [name for name in dict.fromkeys(_TEMPLATE.findall(path)) if name and name not in known]
        for name in names:
            self._note("path_parameter_undeclared", "A placeholder of a path is not described.", f"{path} {name}")
        made = [Parameter(name, "path", EMPTY, {"type": "string"}, True) for name in names]
        self._kept.extend(made)
        return made

    def _note(self, code: str, message: str, place: str) -> None:
        self._objects.schemas.note(code, message, place[:200])

    def add(self, parameters: Sequence[Parameter], into: Arguments, role: ArgumentRole) -> None:
        """The parameters as arguments. Those of a path are keys whatever the operation does."""
        for parameter in parameters:
            if parameter.place not in PLACES:
                continue
            part: ArgumentRole = "key" if parameter.place == "path" else role
            made = self._made.get((id(parameter), part))
            if made is None:
                made = Arguments([], {})
                self._add(parameter, made, part)
                self._made[id(parameter), part] = made
            if into.places.keys().isdisjoint(made.places):
                into.listed.extend(made.listed)
                into.places.update(made.places)
            else:
                self._add(parameter, into, part)

    def _add(self, parameter: Parameter, into: Arguments, role: ArgumentRole) -> None:
        node = parameter.node
        name = unique_name(parameter.name, parameter.place, into.places)
        schema = parameter.schema
        style, explode = self._style(parameter)
        slot = Slot(name, parameter.name, [parameter.name], parameter.required)
        if is_object(node.get("content")) and node["content"]:
            slot_extra: dict[str, Any] = {"content": next(iter(node["content"]))}
            self._whole(slot, into, parameter, role, slot_extra)
            return
        single = self._objects.single(schema) if style in ("form", "simple") and "allowReserved" not in node else None
        if single is not None and schema.keys() <= _SINGLE:  # most of them
            flattener = Flattener(self._objects, into, parameter.place, role)
            flattener.leaf(schema, single, slot, schema.get("description", parameter.said))
            return
        plain = self._objects.schemas.plain(parameter.described())
        nested = bool(properties_of(plain)) or any(properties_of(self._objects.schemas.plain(v)) for v in variants_of(plain))
        if nested and parameter.place == "query" and (style == "deepObject" or (style == "form" and explode)):
            bracketed = style == "deepObject"
            Flattener(self._objects, into, "query", role, bracketed=bracketed).value(plain, slot, 0)
        elif nested:
            self._whole(slot, into, parameter, role, {"style": style, "explode": explode})
        else:
            listed = plain.get("type") == "array" or "items" in plain or bool(variants_of(plain))
            said = listed or style not in ("form", "simple") or node.get("allowReserved") is True
            extra: dict[str, Any] = {"style": style, "explode": explode} if said else {}
            if node.get("allowReserved") is True:
                extra["allowReserved"] = True
            Flattener(self._objects, into, parameter.place, role).value(schema, slot, 0, extra, parameter.said)

    def _whole(self, slot: Slot, into: Arguments, parameter: Parameter, role: ArgumentRole, extra: dict[str, Any]) -> None:
        """A structured value that is given as a whole."""
        whole: Schema = {"type": "object", "description": parameter.described().get("description")}
        Flattener(self._objects, into, parameter.place, role).value(whole, slot, 0, extra)

    def _style(self, parameter: Parameter) -> tuple[str, bool]:
        """Style and explode, with the defaults of their place (section 4.8.12.2); 2.0 has collection formats instead."""
        node = parameter.node
        if self._swagger:
            collection = node.get("collectionFormat")
            if parameter.place in ("path", "header") and collection != "multi":
                return ("simple", False) if collection in (None, "csv") else _COLLECTIONS.get(str(collection), ("simple", False))
            return _COLLECTIONS.get(str(collection), ("form", False))
        style: Any = node.get("style")
        if type(style) is not str:
            style = "form" if parameter.place in ("query", "cookie") else "simple"
        explode: Any = node.get("explode")
        return style, explode if type(explode) is bool else style in ("form", "deepObject")


def api_keys(security: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """(place, name in small letters) of the parameters that the security schemes put the API key into."""
    found: set[tuple[str, str]] = set()
    for scheme in security.values():
        held = scheme if is_object(scheme) else {}
        place, name = held.get("in"), held.get("name")
        if str(held.get("type", "")).lower() == "apikey" and type(place) is str and type(name) is str:
            found.add((place, name.lower()))
    return frozenset(found)
