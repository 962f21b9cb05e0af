"""Bodies that a service reads itself, documented by that service's own model."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, create_model
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


class Documented:
    """Marks a body of any JSON as ``model`` in the OpenAPI document; the service checks it and says what is wrong.

    ``Annotated[Any, Documented(AgentDraft)]``
    """

    def __init__(self, model: type[BaseModel]) -> None:
        self.model = model

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Anything is valid here."""
        return core_schema.any_schema(metadata={"pydantic_js_functions": [self._json_schema]})

    def _json_schema(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(self.model.__pydantic_core_schema__)


def partial(model: type[BaseModel], name: str) -> type[BaseModel]:
    """``model`` with every member optional: what a PATCH may send."""
    fields: dict[str, Any] = {field: (info.annotation, None) for field, info in model.model_fields.items()}
    return create_model(
        name, __config__=model.model_config, __doc__=f"Members of {model.__name__}; those sent replace.", **fields
    )
