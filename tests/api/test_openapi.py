"""The committed OpenAPI document is the one the application makes, and its examples of shape are the real models'."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from pydantic import BaseModel

from patchbay.api.app import create_app
from patchbay.api.binding_shown import BindingBody, BindingFilter, BindingInput, BindingOrder, BindingProjection, BindingTransform
from patchbay.api.credentials_shown import CredentialsBody
from patchbay.api.openapi import text
from patchbay.bindings.model import Binding, FilterRule, Input, OrderRule, Projection
from patchbay.bindings.transform_rules import InputTransform, OutputTransform
from patchbay.connectors.sql.credentials import SqlCredentials
from patchbay.settings import Settings

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> str:
    return text(create_app(Settings(data_dir=tmp_path_factory.mktemp("data"))))


def test_the_committed_document_is_up_to_date(document: str) -> None:
    assert COMMITTED.read_text() == document, "run: make openapi"


def test_it_is_made_the_same_every_time(document: str, tmp_path: Path) -> None:
    assert text(create_app(Settings(data_dir=tmp_path))) == document


def test_every_reference_in_it_leads_somewhere(document: str) -> None:
    parsed = json.loads(document)

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [found for item in value.values() for found in references(item)]
        return [found for item in value for found in references(item)] if isinstance(value, list) else []

    found = set(references(parsed))
    assert found
    for reference in found:
        at: Any = parsed
        for part in reference.removeprefix("#/").split("/"):
            at = at[part]


@pytest.mark.parametrize(
    ("documented", "read"),
    [
        (BindingBody, Binding),
        (BindingInput, Input),
        (BindingProjection, Projection),
        (BindingFilter, FilterRule),
        (BindingOrder, OrderRule),
        (CredentialsBody, SqlCredentials),
    ],
)
def test_documented_members_are_those_that_are_read(documented: type[BaseModel], read: type[msgspec.Struct]) -> None:
    shown = {field.alias or name for name, field in documented.model_fields.items()}
    assert shown == {field.encode_name for field in msgspec.structs.fields(read)}


def test_documented_transforms_are_those_that_are_read() -> None:
    """Every type of both directions is in the enumeration, and every member of any of them is shown."""
    structs = {struct for union in (InputTransform, OutputTransform) for struct in get_args(union)}
    shown = {field.alias or name: field for name, field in BindingTransform.model_fields.items()}
    assert set(get_args(shown.pop("type").annotation)) == {struct.__struct_config__.tag for struct in structs}
    assert set(shown) == {field.encode_name for struct in structs for field in msgspec.structs.fields(struct)}
