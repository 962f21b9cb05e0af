"""Reading request bodies strictly: every finding at once, unknown members refused with the nearest valid name."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from patchbay.errors import Finding, ValidationFailed
from patchbay.nearest import did_you_mean

Model = TypeVar("Model", bound="Body")


def composed(name: str) -> str:
    """The name in Unicode's composed form (NFC), so that names that are written alike are the same name."""
    return unicodedata.normalize("NFC", name)


Name = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(composed)]


class Body(BaseModel):
    """A request body: camelCase members, unknown ones refused."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, str_strip_whitespace=True)


def read_body(model: type[Model], body: Any, *, at: str = "") -> Model:
    """``body`` as ``model``. Raises :class:`ValidationFailed` with one finding for each thing wrong. ``at`` is where the body is
    in what was sent, when it is a member of that.
    """
    try:
        return model.model_validate(body if body is not None else {}, by_alias=True, by_name=False)
    except ValidationError as error:
        findings = [_finding(model, dict(e), at) for e in error.errors(include_url=False, include_input=False)]
    first = findings[0]
    raise ValidationFailed(f"{first.field or 'The body'} {first.message}", errors=findings)


def _finding(model: type[BaseModel], error: Mapping[str, Any], at: str) -> Finding:
    place: tuple[str | int, ...] = error["loc"]
    field, kind = ".".join(str(part) for part in (at, *place) if part != ""), str(error["type"])
    context: Mapping[str, Any] = error.get("ctx") or {}
    match kind:
        case "missing":
            return Finding(field=field, code="required", message="is required")
        case "extra_forbidden":
            hint = did_you_mean(str(place[-1]), members(_model_at(model, place[:-1])))
            return Finding(field=field, code="unknown_member", message="is not a member of this body", hint=hint)
        case "model_type" | "model_attributes_type" | "dict_type":
            return Finding(field=field, code="type", message="must be a JSON object")
        case _:
            message = str(error["msg"])
            message = (
                message.replace("Input should be", "must be").replace("String should", "must").replace("List should", "must")
            )
            return Finding(field=field, code=kind, message=message, hint=context.get("hint"))


def members(model: type[BaseModel] | None) -> list[str]:
    """The names a body of this model may have, as they are on the wire."""
    return [f.alias or name for name, f in model.model_fields.items()] if model else []


def _model_at(model: type[BaseModel], place: Sequence[str | int]) -> type[BaseModel] | None:
    """The model of the member at ``place``, looking through optionals and lists."""
    found: type[BaseModel] | None = model
    for part in place:
        if found is None or isinstance(part, int):
            continue
        field = next((f for name, f in found.model_fields.items() if part in (f.alias, name)), None)
        found = _model_in(field.annotation) if field else None
    return found


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for m in map(_model_in, get_args(annotation)) if m), None)
