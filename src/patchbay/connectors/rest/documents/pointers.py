"""JSON pointers (RFC 6901), as they stand in the fragment of a reference: percent-encoded, ``~1`` for ``/``, ``~0`` for ``~``."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import unquote

MOST_PARTS = 200


@lru_cache(maxsize=8_192)
def pointer_parts(fragment: str) -> tuple[str, ...] | None:
    """The names a fragment leads along: ``/a~1b/c%20d`` gives ``("a/b", "c d")``. None for what is no pointer."""
    text = unquote(fragment) if "%" in fragment else fragment
    if not text:
        return ()
    if text[0] != "/":
        return None
    parts = text[1:].split("/", MOST_PARTS)
    if len(parts) > MOST_PARTS:
        return None
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in parts) if "~" in text else tuple(parts)


def pointer_to(*parts: str) -> str:
    """The pointer along ``parts``, as a place in a note."""
    return "#/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in parts)
