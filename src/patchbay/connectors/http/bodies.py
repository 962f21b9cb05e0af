"""How a request's body is written: JSON, form (``application/x-www-form-urlencoded``) and multipart."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import quote_plus

import msgspec

from patchbay.connectors.http.styles import Write, query_writer, scalar_text

Members = dict[str, Any]
"""The members of a body by their top names, nested as they are sent; under "" the whole body."""
WriteBody = Callable[[Members], tuple[str, bytes]]
"""The body's content type, as it is sent, and its bytes."""

FORM = "application/x-www-form-urlencoded"
_json = msgspec.json.Encoder(decimal_format="number").encode


def body_writer(content_type: str, styles: Mapping[str, tuple[str | None, bool | None]]) -> WriteBody | None:
    """How a body of that media type is written; None for one that is not spoken here.

    ``styles`` are style and explode of a form's members.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        return lambda members: (kind, _json(members.get("", members)))
    if kind == FORM:
        writers = {name: _form_writer(name, *style) for name, style in styles.items()}
        return lambda members: (FORM, "&".join(filter(None, (writers[n](v) for n, v in members.items()))).encode())
    if kind == "multipart/form-data":
        return _multipart
    if kind == "text/plain":
        return lambda members: ("text/plain; charset=utf-8", scalar_text(members.get("", "")).encode())
    return None


def _form_writer(name: str, style: str | None, explode: bool | None) -> Write:
    """OpenAPI 3, Encoding Object: a member with a style is written in it; one without is JSON where it is an object."""
    if style is not None or explode is not None:
        return query_writer(name, style, explode, quote_plus)
    plain = query_writer(name, None, None, quote_plus)
    return lambda value: plain(_json(value).decode() if isinstance(value, dict) else value)


def _multipart(members: Members) -> tuple[str, bytes]:
    """RFC 7578. Files have a name and a type of their own; the rest is text."""
    boundary = secrets.token_hex(16)
    parts: list[bytes] = []
    for name, value in members.items():
        several = cast("list[Any]", value) if isinstance(value, list) else [value]
        parts += [_part(boundary, name, one) for one in several]
    return f"multipart/form-data; boundary={boundary}", b"".join(parts) + f"--{boundary}--\r\n".encode()


def _part(boundary: str, name: str, value: Any) -> bytes:
    # HTML, "multipart/form-data encoding algorithm": these three are escaped in names.
    shown = name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{shown}"'
    if isinstance(value, bytes):
        return f'{head}; filename="{shown}"\r\nContent-Type: application/octet-stream\r\n\r\n'.encode() + value + b"\r\n"
    kind = "\r\nContent-Type: application/json" if isinstance(value, (dict, list)) else ""
    return f"{head}{kind}\r\n\r\n{scalar_text(value)}\r\n".encode()
