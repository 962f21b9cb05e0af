"""JSON as the store takes it."""

from __future__ import annotations

from typing import Any

import msgspec


def storable_json(value: Any) -> str:
    """``value`` as the text of a ``jsonb``, which can keep no NUL character: connected systems may well answer with one. In its
    place stands U+FFFD; a number that is none is null.
    """
    encoded = msgspec.json.encode(value)
    return (encoded.replace(b"\\u0000", b"\\ufffd") if b"\\u0000" in encoded else encoded).decode()
