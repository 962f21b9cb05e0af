"""The two kinds of JSON values that hold others, told apart in a way that a type checker understands."""

from __future__ import annotations

from typing import Any, TypeGuard


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a parsed value is an object (its keys are texts: the YAML reader sees to that)."""
    return type(value) is dict


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether a parsed value is a list."""
    return type(value) is list
