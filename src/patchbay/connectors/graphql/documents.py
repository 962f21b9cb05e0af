"""A schema document in bytes, whatever form it has, as the definitions in it."""

from __future__ import annotations

import msgspec

from patchbay.connectors.graphql.definitions import Schema
from patchbay.connectors.graphql.refusals import document_refusal

MOST_BYTES = 32 << 20
"""The largest known schemas are about 15 MB of introspection."""


class _Result(msgspec.Struct, gc=False):
    """The ``data`` of an introspection answer."""

    schema: Schema | None = msgspec.field(name="__schema", default=None)


class _Answer(msgspec.Struct, gc=False):
    """A whole introspection answer, or only its data."""

    schema: Schema | None = msgspec.field(name="__schema", default=None)
    data: _Result | None = None


_introspection = msgspec.json.Decoder(_Answer)


def read_document(document: bytes) -> Schema:
    """The definitions in an introspection result (with or without its ``data`` member) or in SDL.

    Raises :class:`~patchbay.connectors.graphql.refusals.DocumentNotReadable`, with the line where there is one.
    """
    if len(document) > MOST_BYTES:
        raise document_refusal("too_large", f"The document is larger than {MOST_BYTES >> 20} MB.")
    text = document.removeprefix(b"\xef\xbb\xbf")
    start = text[:4096].lstrip() or text.strip()
    if not start:
        raise document_refusal("empty", "The document is empty.")
    try:
        if start[:1] in b"{[":
            return _read_introspection(text) if _is_json(start) else _read_sdl(text)
        if start[:1] == b"<":
            raise document_refusal("not_graphql", "This is a web page, not a GraphQL schema.")
        return _read_sdl(text)
    except RecursionError:
        raise document_refusal("too_deep", "The document is nested deeper than any real schema.") from None


def _is_json(start: bytes) -> bool:
    """SDL cannot begin with a bracket; a query written in short form can, and is no schema either way."""
    return start[:1] == b"[" or start[1:].lstrip()[:1] in b'"}'


def _read_sdl(text: bytes) -> Schema:
    from patchbay.connectors.graphql.sdl import read_sdl

    try:
        decoded = text.decode()
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise document_refusal("not_text", f"The document is not UTF-8 text from line {line} on.", line=line) from None
    return read_sdl(decoded)


def _read_introspection(text: bytes) -> Schema:
    try:
        answer = _introspection.decode(text)
    except msgspec.ValidationError as error:
        where = str(error).rpartition(" - at ")[2].strip("`")
        place = f" at {where}" if where.startswith("$") else ""
        raise document_refusal("no_schema", f"This JSON is not an introspection result{place}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        line = _line_of_byte(text, str(error))
        raise document_refusal(
            "malformed", f"The JSON of this document breaks off or is wrong in line {line}.", line=line
        ) from None
    schema = answer.schema or (answer.data.schema if answer.data else None)
    if schema is None:
        raise document_refusal("no_schema", "This JSON holds no introspection result: there is no __schema in it.")
    return schema


def _line_of_byte(text: bytes, message: str) -> int:
    """The line of the byte that a decoder's message names (``(byte 17)``), the last line when it names none."""
    _, named, rest = message.rpartition("(byte ")
    digits = rest.partition(")")[0]
    end = int(digits) if named and digits.isdigit() else len(text)
    return text.count(b"\n", 0, end) + 1
