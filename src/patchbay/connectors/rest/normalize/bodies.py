"""Request bodies: which of several media types is sent, and its members as arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from patchbay.connectors.rest.documents.values import is_list, is_object
from patchbay.connectors.rest.normalize.arguments import Arguments, Flattener, Slot
from patchbay.connectors.rest.normalize.objects import Objects
from patchbay.connectors.rest.normalize.parameters import Parameter
from patchbay.connectors.rest.normalize.schemas import EMPTY, Schema, properties_of, variants_of
from patchbay.schema_graph.model import ArgumentRole

JSON, FORM, MULTIPART = "application/json", "application/x-www-form-urlencoded", "multipart/form-data"
_PLACES = {JSON: "json", FORM: "form", MULTIPART: "multipart"}
_BODY = "body"


class Body(msgspec.Struct, gc=False):
    """A body as arguments. ``content_type`` is None where there is none; ``unusable`` says why it cannot be sent."""

    content_type: str | None = None
    unusable: str | None = None


class Bodies:
    """Makes arguments of bodies; operations with the same body share them."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._made: dict[tuple[int, str, str, bool, int], tuple[Arguments, Any]] = {}

    def of_request(self, held: Any, into: Arguments, role: ArgumentRole) -> Body:
        """An OpenAPI 3 request body."""
        body = self._followed(held)
        content: Any = body.get("content")
        if not is_object(content) or not content:
            return Body()
        kinds = content
        required = body.get("required") is True
        chosen = choose(tuple(map(str, kinds)))
        if chosen is None:
            return _unsendable(list(kinds), required)
        media = self._followed(kinds[chosen])
        return self._of_media(media, chosen, into, role, required)

    def of_parameters(self, parameters: Sequence[Parameter], consumes: Any, into: Arguments, role: ArgumentRole) -> Body:
        """An OpenAPI 2 body: a parameter ``in: body``, or the ``formData`` ones under their own names."""
        kinds = tuple(map(str, consumes)) if is_list(consumes) else ()
        whole = next((parameter for parameter in parameters if parameter.place == "body"), None)
        if whole is not None:
            chosen = choose(kinds) if kinds else JSON
            if chosen is None or _plain_kind(chosen) != JSON:
                return _unsendable(kinds, whole.required) if chosen is None else Body(unusable=f"Its body is {chosen}.")
            return self._of_media({"schema": whole.schema}, chosen, into, role, whole.required)
        fields = [parameter for parameter in parameters if parameter.place == "formData"]
        if not fields:
            return Body()
        files = any(str(parameter.schema.get("type")) == "file" for parameter in fields)
        wanted = MULTIPART if files or (MULTIPART in kinds and FORM not in kinds) else FORM
        for parameter in fields:
            self._form_field(parameter, into, _PLACES[wanted], role)
        return Body(wanted)

    def _form_field(self, parameter: Parameter, into: Arguments, place: str, role: ArgumentRole) -> None:
        name = parameter.name if parameter.name not in into.places else f"form.{parameter.name}"
        extra: dict[str, Any] = {}
        if parameter.schema.get("type") == "array":
            multi = parameter.node.get("collectionFormat") == "multi"
            extra = {"style": "form", "explode": multi}
        slot = Slot(name, parameter.name, [parameter.name], parameter.required)
        Flattener(self._objects, into, place, role).value(parameter.schema, slot, 0, extra)

    def _of_media(self, media: Schema, chosen: str, into: Arguments, role: ArgumentRole, required: bool) -> Body:
        schema: Any = media.get("schema")
        if not is_object(schema):
            schema = EMPTY if _plain_kind(chosen) == JSON else None
        place = _PLACES[_plain_kind(chosen)]
        content_type = JSON if chosen in ("*/*", "application/*") else chosen
        if schema is None:
            return Body(content_type)
        key = (id(schema), place, role, required, id(media.get("encoding")))
        known = self._made.get(key)
        if known is None:
            made = Arguments([], {})
            self._flatten(schema, made, place, role, required, media.get("encoding"))
            known = self._made[key] = (made, schema)
        _join(into, known[0], place)
        return Body(content_type if known[0].listed else None)

    def _flatten(self, schema: Schema, into: Arguments, place: str, role: ArgumentRole, required: bool, encoding: Any) -> None:
        flattener = Flattener(self._objects, into, place, role).encoded(encoding)
        plain = self._objects.schemas.plain(schema)
        slot = Slot(_BODY, _BODY, [], required)
        if not (properties_of(plain) or variants_of(plain)) and plain.get("type") == "object" and place != "json":
            return  # an empty form
        if plain.get("type") == "object" and plain.get("additionalProperties") is False and not properties_of(plain):
            return
        flattener.value(plain, slot, 0)

    def _followed(self, held: Any) -> Schema:
        if not is_object(held):
            return EMPTY
        node = held
        ref = node.get("$ref")
        if type(ref) is str:
            found = self._objects.schemas.references.follow(ref)
            return found if is_object(found) else EMPTY
        return node


def _join(into: Arguments, made: Arguments, place: str) -> None:
    """Add a body's arguments; one that a parameter has the name of gets its place in front."""
    if into.places.keys().isdisjoint(made.places):
        into.listed.extend(made.listed)
        into.places.update(made.places)
        return
    for argument in made.listed:
        name = argument.name if argument.name not in into.places else f"{place}.{argument.name}"
        into.listed.append(msgspec.structs.replace(argument, name=name))
        into.places[name] = made.places[argument.name]


@lru_cache(maxsize=256)
def choose(kinds: tuple[str, ...]) -> str | None:
    """The media type to send or read of several: JSON before a form before a multipart form; None when there is none of them."""
    for wanted in (JSON, FORM, MULTIPART):
        for kind in kinds:
            if kind.partition(";")[0].strip().lower() == wanted:
                return kind
        if wanted == JSON:
            for kind in kinds:
                if _plain_kind(kind) == JSON:
                    return kind
    return None


def _plain_kind(kind: str) -> str:
    """The one of the three that a media type amounts to: ``application/hal+json; v=2`` is JSON (RFC 6839, section 3.1)."""
    bare = kind.partition(";")[0].strip().lower()
    if bare in (JSON, "*/*", "application/*", "text/json", "application/x-json") or bare.endswith("+json"):
        return JSON
    return bare


def _unsendable(kinds: Sequence[str], required: bool) -> Body:
    shown = ", ".join(kinds[:3])
    return Body(unusable=f"Its body is {shown[:120]}, which is neither JSON nor a form." if required else None)


def header_names(response: Mapping[str, Any]) -> Sequence[str]:
    """The names of the headers that a response is described with."""
    held = response.get("headers")
    return [str(name) for name in held] if is_object(held) else []
