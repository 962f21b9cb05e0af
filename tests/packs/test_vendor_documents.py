"""The API document of a pack says nothing that the vendor's own does not, where the vendor's is at hand."""

from __future__ import annotations

import copy
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from patchbay.connectors.rest.documents.google import openapi_of
from patchbay.connectors.rest.documents.yaml_text import read_yaml
from patchbay.packs.known import DIRECTORY
from patchbay.packs.model import Pack
from patchbay.packs.reading import read_pack
from tests.packs.vendor_subset import Documents
from tests.servers.datasets import shared_data
from tests.servers.providers.discovery import stored_document

VENDORS = {
    "stripe": "stripe/spec3.json",
    "square": "square/api.json",
}
GOOGLE = {"google_calendar": "calendar", "google_sheets": "sheets"}


def vendors(kind: str) -> dict[str, Any]:
    """The vendor's own document, as OpenAPI. Skips the test where it is absent."""
    if kind in VENDORS:
        return msgspec.json.decode((shared_data() / "openapi" / VENDORS[kind]).read_bytes())
    document = stored_document(GOOGLE[kind])
    if document is None:
        pytest.skip("the shared data is not here: set PATCHBAY_SHARED_DATA")
    common = {key: {"schema": {"type": one["type"]}} for key, one in document["parameters"].items()}
    return {**openapi_of(document), "x-common": common}


def documents_of(kind: str) -> tuple[Pack, Documents]:
    """A pack beside its vendor's document."""
    pack, theirs = read_pack(DIRECTORY / kind), vendors(kind)
    below = urlsplit(theirs["servers"][0]["url"]).path.rstrip("/")
    base = urlsplit(pack.identity.connect.base_url or "").path
    return pack, Documents(read_yaml(pack.document or "", "api.yaml"), theirs, below=below.removeprefix(base))


@pytest.mark.parametrize("kind", [*VENDORS, *GOOGLE])
def test_a_pack_says_of_its_vendor_what_the_vendor_says(kind: str) -> None:
    _, documents = documents_of(kind)
    found = [*documents.differences()]
    assert not found, "\n".join(found)


OURS: dict[str, Any] = {
    "paths": {
        "/things/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": {"parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 10}}],
                    "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}}},
            "put": {"requestBody": {"content": {"application/json": {"schema": {
                        "type": "object", "required": ["name"], "properties": {"name": {"type": "string", "maxLength": 5}}}}}},
                    "responses": {}},
        }
    },
    "components": {"schemas": {"Thing": {
        "type": "object", "required": ["name"],
        "properties": {"name": {"type": "string"}, "state": {"type": "string", "enum": ["on", "off"]}}}}},
}  # fmt: skip
GET, PUT = ("paths", "/things/{id}", "get"), ("paths", "/things/{id}", "put")
BODY = (*PUT, "requestBody", "content", "application/json", "schema")
THING = ("components", "schemas", "Thing")


@pytest.mark.parametrize(
    ("at", "value", "said"),
    [
        (("paths", "/other"), {}, "no such path"),
        (("paths", "/things/{id}", "delete"), {"responses": {}}, "no such operation"),
        ((*GET, "parameters", 0, "name"), "most", "no query parameter 'most'"),
        ((*GET, "parameters", 0, "schema", "maximum"), 11, "maximum is 10, not 11"),
        ((*GET, "parameters", 0, "schema"), {"type": "string"}, "of type integer, not string"),
        ((*BODY, "properties", "colour"), {"type": "string"}, "no member 'colour'"),
        ((*BODY, "properties", "name"), {"type": "string"}, "maxLength is 5, not None"),
        ((*BODY, "required"), [], "needs ['name']"),
        ((*THING, "properties", "age"), {"type": "integer"}, "no member 'age'"),
        ((*THING, "properties", "state", "enum"), ["on", "off", "idle"], "no values ['idle']"),
        ((*THING, "properties", "state", "enum"), ["on"], "may also be ['off']"),
        ((*THING, "required"), ["name", "state"], "need not have ['state']"),
    ],
)
def test_what_a_pack_says_otherwise_is_found(at: tuple[Any, ...], value: Any, said: str) -> None:
    assert [*Documents(OURS, OURS).differences()] == []
    changed = copy.deepcopy(OURS)
    holder: Any = changed
    for name in at[:-1]:
        holder = holder[name]
    holder[at[-1]] = value
    found = [*Documents(changed, OURS).differences()]
    assert any(said in one for one in found), found
