"""The two shapes of a success: ``{success, data}``, and for lists ``{success, data, pagination}``."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

T = TypeVar("T")


class Shown(BaseModel):
    """A value in a response: camelCase; a member that the model does not name is an error of ours, found by the tests."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", validate_by_name=True, validate_by_alias=True)


class Pagination(Shown):
    """Where the list goes on."""

    next_cursor: str | None = Field(description="Pass as `cursor` for the next page; null on the last one.")
    limit: int


class ApiResponse(Shown, Generic[T]):
    """A success."""

    success: Literal[True] = True
    data: T


class PaginatedResponse(Shown, Generic[T]):
    """A page of a list."""

    success: Literal[True] = True
    data: list[T]
    pagination: Pagination


class Deleted(Shown):
    """What was removed."""

    id: str
    deleted: Literal[True] = True


def enveloped(data: Any) -> dict[str, Any]:
    """``data`` as the body of a success."""
    return {"success": True, "data": data}
