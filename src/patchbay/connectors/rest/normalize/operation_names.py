"""Names of operations: the document's own where they tell one from another, else method and path.

A name depends on nothing but its own operation and on whether another wants the same, so it stays when others come and go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

MOST = 200


def name_operations(found: Sequence[tuple[str, str, Any]]) -> list[str]:
    """A name for each (method, path, operationId), all different. Methods in capitals; no two have one method and path."""
    own = [_usable(given) for _, _, given in found]
    spelled = [f"{method} {path}" for method, path, _ in found]
    counts = Counter(name for name in own if name is not None)
    reserved = Counter(spelled)
    return [
        name if name is not None and counts[name] == 1 and (name not in reserved or name == place) else place
        for name, place in zip(own, spelled, strict=True)
    ]


def _usable(given: Any) -> str | None:
    """An ``operationId`` that can be a name: a text without control characters that is not too long."""
    if type(given) is not str or not given.strip() or len(given) > MOST or not given.isprintable():
        return None
    return given.strip()
