"""JSON for reading: what fits on a line stays on it."""

from __future__ import annotations

import json
from typing import Any, cast


def laid_out(value: Any, width: int) -> str:
    """``value`` as JSON, broken into indented lines only where a member would be wider than ``width`` characters."""
    return "\n".join(_lines(value, width))


def _lines(value: Any, width: int) -> list[str]:
    plain = json.dumps(value, ensure_ascii=False)
    if len(plain) <= width or not isinstance(value, dict | list) or not value:
        return [plain]
    if isinstance(value, dict):
        members = [_named(name, member, width - 3) for name, member in cast("dict[str, Any]", value).items()]
        opening, closing = "{}"
    else:
        members = [_lines(member, width - 3) for member in cast("list[Any]", value)]
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
    first, *rest = _lines(member, min(width, len(whole) - len(head) - 1))
    return [head + first, *rest]
