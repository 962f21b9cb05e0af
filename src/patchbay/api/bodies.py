"""Strict JSON bodies and parameters: what is not expected is refused with the nearest name that is."""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from email.message import Message
from typing import Any, Union, get_args, get_origin

import pydantic_core
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from starlette.requests import Request

from patchbay.errors import Finding, ValidationFailed
from patchbay.nearest import did_you_mean, nearest


class Body(BaseModel):
    """A request body: camelCase, no coercion between types, no members that it does not name."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", strict=True, validate_by_alias=True, validate_by_name=False, frozen=True
    )

    def sent(self) -> dict[str, Any]:
        """The members that were sent, under their wire names."""
        return self.model_dump(by_alias=True, exclude_unset=True)


class StrictRequest(Request):
    """A request whose JSON was read once, strictly, before anything looked at it."""

    parsed: Any = None

    async def json(self) -> Any:
        """The body as :func:`parse_json` read it."""
        return self.parsed


def is_json(content_type: str | None) -> bool:
    """Whether a Content-Type header says JSON (``application/json`` or ``application/…+json``)."""
    message = Message()
    message["content-type"] = content_type or "application/octet-stream"
    subtype = message.get_content_subtype()
    return message.get_content_maintype() == "application" and (subtype == "json" or subtype.endswith("+json"))


def parse_json(raw: bytes) -> Any:
    """Parse a body. Raises :class:`ValidationFailed` for what is not JSON or holds text that cannot be stored."""
    try:
        value = pydantic_core.from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        finding = Finding("", "json_invalid", f"The body is not valid JSON: {_where(str(error))}.")
        raise ValidationFailed(finding.message, errors=[finding]) from None
    if b"\\u0000" in raw:
        for path, text in _texts(value, ()):
            if "\x00" in text:
                finding = Finding(".".join(path), "invalid_text", "must not contain the NUL character")
                raise ValidationFailed(f"{finding.field} {finding.message}", errors=[finding])
    return value


def _where(message: str) -> str:
    """The parser's sentence; it names positions, never values."""
    return message[:1].lower() + message[1:120]


def _texts(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for index, item in enumerate(value):  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
            yield from _texts(item, (*path, str(index)))
    elif isinstance(value, dict):
        for key, item in value.items():  # pyright: ignore[reportUnknownVariableType]
            yield (*path, "?"), str(key)  # pyright: ignore[reportUnknownArgumentType]
            yield from _texts(item, (*path, str(key)))  # pyright: ignore[reportUnknownArgumentType]


def object_of(body: Any) -> dict[str, Any]:
    """A body that a service reads as an object; nothing sent is an empty one. Raises :class:`ValidationFailed`."""
    if body is None:
        return {}
    if not isinstance(body, dict):
        finding = Finding("body", "type", "must be a JSON object")
        raise ValidationFailed("The body must be a JSON object", errors=[finding])
    return body  # pyright: ignore[reportUnknownVariableType]


def check_query(request: Request, dependant: Dependant) -> None:
    """Refuse query parameters that the route does not have, that come twice, or that hold NUL characters."""
    known = list(_query_names(dependant))
    findings: list[Finding] = []
    seen: set[str] = set()
    for name, value in request.query_params.multi_items():
        if name not in known:
            findings.append(Finding(name, "unknown_parameter", "is not a parameter of this endpoint", _hint(name, known)))
        elif name in seen:
            findings.append(Finding(name, "repeated_parameter", "may be sent only once"))
        elif "\x00" in value:
            findings.append(Finding(name, "invalid_text", "must not contain the NUL character"))
        seen.add(name)
    if findings:
        raise ValidationFailed(f"{findings[0].field} {findings[0].message}", errors=findings)


def _query_names(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for below in dependant.dependencies:
        yield from _query_names(below)


def _hint(name: str, known: Sequence[str]) -> str | None:
    if near := did_you_mean(name, known):
        return near
    return f"It takes {', '.join(sorted(known))}." if known else "It takes none."


def findings_of(error: RequestValidationError, request: Request) -> list[Finding]:
    """The framework's validation errors as findings, with the nearest known name for each unknown member."""
    body = getattr(request.scope.get("route"), "body_field", None)
    annotation = body.field_info.annotation if body is not None else None
    return [_finding(raw, annotation) for raw in error.errors()]


_CODES = {"missing": "required", "extra_forbidden": "unknown_field"}


def _finding(raw: dict[str, Any], annotation: Any) -> Finding:
    where, *path = raw["loc"]
    field = ".".join(str(part) for part in path)
    kind = str(raw["type"])
    code = _CODES.get(kind, "type" if kind.endswith("_type") else kind)
    if code == "required":
        return Finding(field or str(where), code, "is required" if field else "a JSON body is required")
    if code == "unknown_field" and where == "body":
        known = known_members(annotation, path[:-1])
        near = nearest(str(path[-1]), known)
        hint = did_you_mean(str(path[-1]), known) if near else (f"It takes {', '.join(known)}." if known else None)
        return Finding(field, code, "is not a known field", hint)
    return Finding(field, code, _sentence(str(raw["msg"])))


def _sentence(message: str) -> str:
    text = message.removeprefix("Value error, ").removeprefix("Input ")
    return text[:1].lower() + text[1:]


def known_members(annotation: Any, path: Sequence[Any]) -> list[str]:
    """The member names that the model at ``path`` under ``annotation`` takes; empty where that is not a model."""
    models = [m for m in _models_at([annotation], list(path)) if isinstance(m, type) and issubclass(m, BaseModel)]
    return [field.alias or name for model in models for name, field in model.model_fields.items()]


def _models_at(annotations: Sequence[Any], path: list[Any]) -> list[Any]:
    open_types = [leaf for annotation in annotations for leaf in _alternatives(annotation)]
    if not path:
        return open_types
    step, *rest = path
    below: list[Any] = []
    for leaf in open_types:
        if isinstance(leaf, type) and issubclass(leaf, BaseModel):
            below += [f.annotation for name, f in leaf.model_fields.items() if step in (name, f.alias)]
        elif get_args(leaf):
            below.append(get_args(leaf)[-1])
    return _models_at(below, rest) if below else []


def _alternatives(annotation: Any) -> list[Any]:
    if get_origin(annotation) in (Union, types.UnionType):
        return [leaf for part in get_args(annotation) for leaf in _alternatives(part)]
    return [annotation]
