"""JSON for reading: what fits on a line stays on it."""

from __future__ import annotations

import json
from typing import Any, cast


def laid_out(value: Any, width: int) -> str:
    """``value`` as JSON, broken into indented lines only where a member would be wider than ``width`` characters."""
    return "\n".join(_lines(value, width))


def _lines(value: Any, width: int) -> list[str]:
    plain = json.dumps(value, ensure_ascii=False)
    return [plain] if len(plain) <= width else _broken(value, width)


def _broken(value: Any, width: int) -> list[str]:
    """The lines of a value that does not fit on one: an object or list has each member on lines of its own."""
    if not isinstance(value, dict | list) or not value:
        return [json.dumps(value, ensure_ascii=False)]
    inner = width - 3
    if isinstance(value, dict):
        members = [_named(name, member, inner) for name, member in cast("dict[str, Any]", value).items()]
        opening, closing = "{}"
    else:
        members = [_lines(member, inner) for member in cast("list[Any]", value)]
        opening, closing = "[]"
    lines = [opening]
    for index, member in enumerate(members):
        lines += [f"  {line}" for line in member]
        lines[-1] += "," if index < len(members) - 1 else ""
    return [*lines, closing]


def _named(name: str, member: Any, width: int) -> list[str]:
    """The lines of one member of an object: its value begins on the line of its name."""
    head = f"{json.dumps(name, ensure_ascii=False)}: "
    whole = head + json.dumps(member, ensure_ascii=False)
    if len(whole) <= width:
        return [whole]
    first, *rest = _broken(member, width)
    return [head + first, *rest]
