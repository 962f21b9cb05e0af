"""Descriptions as the graph keeps them: plain, of one line, of bounded length."""

from __future__ import annotations

import re
from typing import Any

FIELD_MOST = 300
OPERATION_MOST = 500
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")


def trimmed(text: Any, most: int = FIELD_MOST) -> str | None:
    """``text`` without HTML tags and line breaks, cut after ``most`` characters; None for anything but a text with content."""
    if type(text) is not str or not text:
        return None
    if len(text) <= most and "<" not in text and "\n" not in text:
        return text.strip() or None  # most of them
    text = text[: most * 2]
    if "<" in text:
        text = _TAG.sub(" ", text)
    if "  " in text or not text.isprintable():  # of all white space only the blank is printable
        text = " ".join(text.split())
    text = text.strip()
    if len(text) > most:
        text = text[: most - 1].rstrip() + "…"
    return text or None
