"""Names of database objects as people and the API write them."""

from __future__ import annotations

import re
from collections.abc import Callable


class BadName(ValueError):
    """The text cannot be the name of an object of this database; the message says why."""


_PART = re.compile(r'"((?:[^"]|"")+)"|([^".]+)')


def split_parts(text: str, check_name: Callable[[str], str]) -> tuple[str, ...]:
    """The parts of an object's name as the API writes it, letter case kept: `t`, `schema.t`, `"a.b"."c"`.

    A name without quotes and with at most one dot is taken as it is; parts that contain dots or quotes are quoted. Each part
    passes ``check_name``. Raises `BadName` for anything else.
    """
    parts: list[str] = []
    position = 0
    while True:
        match = _PART.match(text, position)
        if match is None:
            raise BadName("write it as table or schema.table, with double quotes around a part that contains a dot or a quote")
        quoted, plain = match.groups()
        parts.append(check_name(plain if quoted is None else quoted.replace('""', '"')))
        position = match.end()
        if position == len(text):
            break
        if text[position] != ".":
            raise BadName("a quoted part must be followed by a dot or the end")
        position += 1
    if len(parts) > 2:
        raise BadName("give at most schema.table; the database is chosen by the connection")
    return tuple(parts)
