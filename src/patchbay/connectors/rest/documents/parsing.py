"""One file's bytes as plain values: JSON with msgspec, YAML with ryaml, in whatever Unicode encoding they came."""

from __future__ import annotations

import codecs
import math
import re
from typing import Any

import msgspec

from patchbay.connectors.rest.documents.refusals import DocumentNotReadable, document_refusal

MOST_BYTES = 32 << 20
"""The largest public API descriptions are about 12 MB."""

_BYTE = re.compile(r"\(byte (\d+)\)")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip


def parse(content: bytes, name: str) -> Any:
    """The value in a JSON or YAML file. ``name`` is its path, whose ending decides where the content could be either.

    Raises :class:`~patchbay.connectors.rest.documents.refusals.DocumentNotReadable`, naming the line where there is one.
    """
    if len(content) > MOST_BYTES:
        raise document_refusal("too_large", f"The document is larger than {MOST_BYTES >> 20} MB.", file=name)
    text = _as_utf8(content, name)
    start = text[:4096].lstrip()[:1] or text.lstrip()[:1]
    if not start:
        raise document_refusal("empty", "The document is empty.", file=name)
    if start == b"<":
        raise document_refusal("not_an_api", "This is a web page or XML, not an API document.", file=name)
    try:
        if start not in b"{[":
            return _yaml(text, name)
        try:
            return _json(text, name)
        except DocumentNotReadable:
            if not name.lower().endswith((".yaml", ".yml")):
                raise
            return _yaml(text, name)  # a flow mapping looks like JSON and allows more
    except RecursionError:
        raise document_refusal("too_deep", "The document is nested deeper than any real one.", file=name) from None


def _as_utf8(content: bytes, name: str) -> bytes:
    """The content in UTF-8 without a byte order mark. UTF-16 without one shows in the zero bytes of its first characters."""
    mark, encoding = next(((m, e) for m, e in _MARKS if content.startswith(m)), (b"", "utf-8"))
    if not mark and 0 in content[:4]:
        encoding = "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
    body = content[len(mark) :] if mark else content
    if encoding == "utf-8":
        return body
    try:
        return body.decode(encoding).encode()
    except UnicodeError:
        raise document_refusal("not_text", f"The document is not {encoding.upper()} text.", file=name) from None


def _json(text: bytes, name: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except UnicodeDecodeError:
        raise _not_utf8(text, name) from None
    except msgspec.DecodeError as error:
        return _json_slowly(text, name, str(error))


def _json_slowly(text: bytes, name: str, message: str) -> Any:
    """What other programs write into JSON although it is none: lone surrogates, NaN. Anything else is refused at its line."""
    import json

    def finite(number: str) -> float | None:
        value = float(number)
        return value if math.isfinite(value) else None

    try:
        value = json.loads(text, parse_constant=finite, parse_float=finite)
        return msgspec.json.decode(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
    except json.JSONDecodeError as error:
        raise document_refusal("malformed", f"{error.msg}.", file=name, line=error.lineno) from None
    except UnicodeDecodeError:
        raise _not_utf8(text, name) from None
    except (ValueError, msgspec.DecodeError):  # an integer of thousands of digits, say
        found = _BYTE.search(message)
        line = text.count(b"\n", 0, int(found[1]) if found else len(text)) + 1
        raise document_refusal("malformed", "This is not JSON.", file=name, line=line) from None


def _not_utf8(text: bytes, name: str) -> DocumentNotReadable:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        return document_refusal("not_text", "The text is not UTF-8 here.", file=name, line=line)
    return document_refusal("not_text", "The text is not UTF-8.", file=name)


def _yaml(text: bytes, name: str) -> Any:
    from patchbay.connectors.rest.documents.yaml_text import read_yaml

    try:
        decoded = text.decode()
    except UnicodeDecodeError:
        raise _not_utf8(text, name) from None
    return read_yaml(decoded, name)
