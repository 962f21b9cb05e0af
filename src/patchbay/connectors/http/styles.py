"""How parameters are written: the styles of OpenAPI 3 (Parameter Object, "Style Values" and "Style Examples").

A value is a scalar, a list of scalars, or an object; nested objects have a form in ``deepObject`` alone. Everything that is not
unreserved (RFC 3986, section 2.3) is percent-encoded, delimiters that a value could hold included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast
from urllib.parse import quote

import msgspec

Encode = Callable[[str], str]
Write = Callable[[Any], str]
"""A value as it stands in the request; empty for a value that has nothing to say (an empty list)."""

_json = msgspec.json.Encoder(decimal_format="number").encode
_DELIMITERS: Mapping[str, str] = {"form": ",", "spaceDelimited": "%20", "tabDelimited": "%09", "pipeDelimited": "%7C"}
"""Tabs are OpenAPI 2's (collectionFormat ``tsv``); the others are OpenAPI 3's."""


def scalar_text(value: Any) -> str:
    """A scalar as text: JSON's words for true and false; what is not a scalar as JSON."""
    if isinstance(value, str):
        return value
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, (list, dict)) or value is None:
        return _json(value).decode()
    return str(value)


def percent_encoded(text: str) -> str:
    """``text`` as one component of a URL."""
    return text if text.isascii() and text.isalnum() else quote(text, safe="")


def query_writer(name: str, style: str | None, explode: bool | None, encode: Encode = percent_encoded) -> Write:
    """Writes ``name=value`` pairs joined by ``&``; an object without a style is written as JSON (a parameter with ``content``).

    Raises ValueError for a style that a query does not have.
    """
    key = encode(name)
    if style == "deepObject":
        return lambda value: "&".join(f"{encode(k)}={encode(scalar_text(v))}" for k, v in bracketed(name, value))
    if style not in (None, *_DELIMITERS):
        raise ValueError(f"a query has no style {style}")
    between = _DELIMITERS[style or "form"]
    exploded = explode if explode is not None else style in (None, "form")

    def write(value: Any) -> str:
        if isinstance(value, list):
            items = [encode(scalar_text(v)) for v in cast("list[Any]", value) if v is not None]
            return "&".join(f"{key}={item}" for item in items) if exploded else f"{key}={between.join(items)}" if items else ""
        if isinstance(value, dict) and (style is not None or explode is not None):
            pairs = _pairs(cast("dict[str, Any]", value), encode)
            if exploded:
                return "&".join(f"{k}={v}" for k, v in pairs)
            return f"{key}={between.join(part for pair in pairs for part in pair)}" if pairs else ""
        return f"{key}={encode(scalar_text(value))}"

    return write


def path_writer(name: str, style: str | None, explode: bool | None) -> Write:
    """Writes the text of a placeholder in a path. Raises ValueError for a style that a path does not have."""
    if style not in (None, "simple", "label", "matrix"):
        raise ValueError(f"a path has no style {style}")
    exploded = bool(explode)
    if style == "matrix":
        return lambda value: _matrix(percent_encoded(name), value, exploded)
    lead, between = (".", "." if exploded else ",") if style == "label" else ("", ",")
    return lambda value: lead + _joined(value, between, exploded, percent_encoded)


def header_writer(explode: bool | None) -> Write:
    """Writes a header's value (style ``simple``), which is not percent-encoded."""
    exploded = bool(explode)
    return lambda value: _joined(value, ",", exploded, str)


def bracketed(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """``deepObject``, with the usual reading of what OpenAPI leaves open: ``a[b][c]``, ``a[]`` for a list of scalars, ``a[0][b]``
    for a list of objects.
    """
    if isinstance(value, dict):
        for key, below in cast("dict[str, Any]", value).items():
            if below is not None:
                yield from bracketed(f"{name}[{key}]", below)
    elif isinstance(value, list):
        for number, below in enumerate(cast("list[Any]", value)):
            yield from bracketed(f"{name}[{number}]" if isinstance(below, (dict, list)) else f"{name}[]", below)
    else:
        yield name, value


def _joined(value: Any, between: str, exploded: bool, encode: Encode) -> str:
    if isinstance(value, list):
        return between.join(encode(scalar_text(v)) for v in cast("list[Any]", value) if v is not None)
    if isinstance(value, dict):
        pairs = _pairs(cast("dict[str, Any]", value), encode)
        return between.join(f"{k}={v}" if exploded else f"{k}{between}{v}" for k, v in pairs)
    return encode(scalar_text(value))


def _matrix(key: str, value: Any, exploded: bool) -> str:
    if isinstance(value, list) and exploded:
        return "".join(f";{key}={percent_encoded(scalar_text(v))}" for v in cast("list[Any]", value) if v is not None)
    if isinstance(value, dict) and exploded:
        return "".join(f";{k}={v}" for k, v in _pairs(cast("dict[str, Any]", value), percent_encoded))
    return f";{key}={_joined(value, ',', False, percent_encoded)}"


def _pairs(value: Mapping[str, Any], encode: Encode) -> list[tuple[str, str]]:
    return [(encode(key), encode(scalar_text(below))) for key, below in value.items() if below is not None]
