"""Names as they stand in a statement for MySQL or MariaDB."""

from __future__ import annotations

from patchbay.connectors.sql.names import BadName, split_parts

MAX_NAME = 64
MAX_USER = 32
"""MySQL's; MariaDB allows more."""


def identifier(*parts: str) -> str:
    """A name, qualified when there are several parts, as a quoted identifier. It holds whatever these servers let a name hold."""
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)


def check_name(name: str, most: int = MAX_NAME) -> str:
    """The name unchanged when a database, table or user can be called that on every version; else raises `BadName`.

    1 to ``most`` characters of the Basic Multilingual Plane, no NUL, no space at the end
    (https://dev.mysql.com/doc/refman/8.4/en/identifiers.html).
    """
    if not 1 <= len(name) <= most:
        raise BadName(f"a name has between 1 and {most} characters")
    if any(not 0 < ord(c) < 0x10000 or 0xD800 <= ord(c) < 0xE000 for c in name):
        raise BadName("a name holds neither NUL nor characters outside the Basic Multilingual Plane")
    if name.endswith(" "):
        raise BadName("a name cannot end with a space")
    return name


def split_name(text: str) -> tuple[str, ...]:
    """The parts of an object's name as the API writes it, see `names.split_parts`."""
    return split_parts(text, check_name)


def account(user: str) -> str:
    """The account of a user who may come from any host."""
    return f"{identifier(user)}@'%'"


def grant_pattern(database: str) -> str:
    """A database in a GRANT on all its tables, where `_` and `%` stand for other characters unless they are escaped."""
    return identifier(database.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%"))
