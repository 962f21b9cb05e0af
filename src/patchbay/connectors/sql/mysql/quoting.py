"""Names as they stand in a statement for MySQL or MariaDB."""

from __future__ import annotations


def identifier(*parts: str) -> str:
    """A name, qualified when there are several parts, as a quoted identifier. It holds whatever these servers let a name hold."""
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)
