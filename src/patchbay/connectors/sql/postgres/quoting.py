"""Names and texts in PostgreSQL's SQL, quoted so that nothing in them can be read as anything else.

The quoting does not depend on the server's settings: it is the same with ``standard_conforming_strings`` on and off
(https://www.postgresql.org/docs/current/sql-syntax-lexical.html).
"""

from __future__ import annotations

from patchbay.connectors.sql.names import BadName, split_parts

MAX_NAME_BYTES = 63


def check_name(name: str) -> str:
    """The name unchanged when an object can be called that: 1 to 63 bytes of UTF-8, no NUL; else raises `BadName`."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise BadName("it is not valid Unicode") from None
    if not 1 <= size <= MAX_NAME_BYTES:
        raise BadName(f"a name has between 1 and {MAX_NAME_BYTES} bytes")
    if "\x00" in name:
        raise BadName("a name cannot hold a NUL character")
    return name


def identifier(*parts: str) -> str:
    """A name, qualified when there are several parts, as a quoted identifier."""
    return ".".join('"' + check_name(part).replace('"', '""') + '"' for part in parts)


def literal(text: str) -> str:
    """A text as a string constant; raises `BadName` when it holds a NUL, which no constant can."""
    if "\x00" in text:
        raise BadName("a text cannot hold a NUL character")
    quoted = text.replace("'", "''")
    if "\\" in text:
        return "E'" + quoted.replace("\\", "\\\\") + "'"
    return "'" + quoted + "'"


def dollar_quoted(body: str) -> str:
    """A program text between dollar quotes whose tag does not occur in it. ``body`` must end in a line break."""
    tag = "$patchbay$"
    while tag in body:
        tag = f"{tag[:-1]}_$"
    return f"{tag}\n{body}{tag}"


def split_name(text: str) -> tuple[str, ...]:
    """The parts of an object's name as the API writes it, see `names.split_parts`."""
    return split_parts(text, check_name)
