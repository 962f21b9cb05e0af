"""From a frozen call's template and its values to one request. What depends on the template alone is worked out once."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, cast
from urllib.parse import quote

import msgspec

from patchbay.connectors.http.bodies import FORM, Members, WriteBody, body_writer
from patchbay.connectors.http.header_fields import is_field_value, may_be_parameter
from patchbay.connectors.http.styles import Write, header_writer, path_writer, query_writer
from patchbay.connectors.refusals import CallNotSupported, ValueNotAccepted
from patchbay.schema_graph.call import HttpCall, Place, RequestSlot
from patchbay.schema_graph.requests import Contradiction, nested

SAFE_METHODS = frozenset({"GET", "HEAD"})
MOST_TARGET = 8_000
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"})
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_TEMPLATE = re.compile(r"/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*")
_DOTS = frozenset({".", ".."})
_STEPS = re.compile(r"[/\\]")
_PATH_CHARACTERS = "/!$&'()*+,;=:@%-._~"
_BODY_PLACES = frozenset({"json", "form", "multipart"})


class Request(msgspec.Struct, frozen=True, gc=False):
    """One request below a base URL. ``target`` is path and query; without a path the base URL itself is asked. ``repeatable``:
    sending it twice does no more than once. ``write``: it may change something; ``key`` is then the idempotency key in it that
    the other side takes.
    """

    method: str
    target: str
    headers: dict[str, str]
    body: bytes | None = None
    cookies: str = ""
    repeatable: bool = False
    write: bool = False
    key: str | None = None


class RequestTemplate:
    """The request of one :class:`HttpCall`. Raises CallNotSupported for a template that no request can be made of."""

    __slots__ = ("_body", "_cookies", "_headers", "_method", "_path", "_query", "_repeatable")

    def __init__(self, call: HttpCall) -> None:
        if call.method not in _METHODS:
            raise CallNotSupported
        self._method = call.method
        self._repeatable = call.method in SAFE_METHODS
        try:
            self._path = _path_parts(call)
            self._query = [
                _grouped(group, query_writer(name, group[0][1].style, group[0][1].explode))
                for name, group in _by_name(call.slots, "query").items()
            ]
            self._headers = [
                (name, _grouped(group, header_writer(group[0][1].explode)))
                for name, group in _by_name(call.slots, "header").items()
            ]
            self._cookies = [
                _grouped(group, query_writer(name, group[0][1].style, False))
                for name, group in _by_name(call.slots, "cookie").items()
            ]
        except ValueError:
            raise CallNotSupported from None
        if not all(may_be_parameter(name) for name, _ in self._headers):
            raise CallNotSupported
        self._body = _body(call)

    def build(self, filled: Sequence[Any], *, write: bool = False, key: str | None = None) -> Request:
        """The request, from the values in step with the call's slots; None leaves one out. ``write`` and ``key`` as it has them.

        Raises ValueNotAccepted for a value that has no place in a path or a header.
        """
        target = self._target(filled)
        headers: dict[str, str] = {}
        for name, written in self._headers:
            if text := written(filled):
                if not is_field_value(text):
                    raise ValueNotAccepted
                headers[name] = text
        body = None
        if self._body is not None:
            headers["Content-Type"], body = self._body(filled)
        cookies = "; ".join(text for written in self._cookies if (text := written(filled))) if self._cookies else ""
        return Request(self._method, target, headers, body, cookies, self._repeatable and not write, write, key)

    def _target(self, filled: Sequence[Any]) -> str:
        pieces: list[str] = []
        for part in self._path:
            pieces.append(part if isinstance(part, str) else part(filled))
        path = "".join(pieces)
        if "." in path and not _DOTS.isdisjoint(path.split("/")):
            raise ValueNotAccepted
        query = [text for write in self._query if (text := write(filled))]
        target = f"{path}?{'&'.join(query)}" if query else path
        if len(target) > MOST_TARGET:
            raise ValueNotAccepted
        return target


_Numbered = list[tuple[int, RequestSlot, tuple[str, ...]]]
"""Slots with their position, and the names from their top value down to them."""
_Filled = Callable[[Sequence[Any]], str]


def _by_name(slots: Sequence[RequestSlot], place: Place) -> dict[str, _Numbered]:
    """The slots of a place by the parameter they belong to: parts of one object are written together."""
    found: dict[str, _Numbered] = {}
    for number, slot in enumerate(slots):
        if slot.place == place:
            below = slot.path[1:] if slot.path[:1] == (slot.name,) else slot.path
            found.setdefault(slot.name, []).append((number, slot, below))
    return found


def _grouped(group: _Numbered, write: Write) -> _Filled:
    if len(group) == 1 and not group[0][2]:
        (number, _, _) = group[0]

        def one(filled: Sequence[Any]) -> str:
            value = filled[number]
            return "" if value is None else write(value)

        return one

    members = [(number, ("", *below)) for number, _, below in group]

    def several(filled: Sequence[Any]) -> str:
        value = object_of(members, filled).get("")
        return write(value) if value else ""

    return several


def object_of(members: Sequence[tuple[int, tuple[str, ...]]], filled: Sequence[Any]) -> Members:
    """The object that values make at their paths, by position; what was left out is not in it.

    Raises ValueNotAccepted when two of them want one place.
    """
    try:
        return nested((path, filled[number]) for number, path in members)
    except Contradiction:
        raise ValueNotAccepted from None


def _path_parts(call: HttpCall) -> list[str | _Filled]:
    """Fixed texts and writers of placeholders, alternating. ValueError: a placeholder without a slot, or a slot without one."""
    slots = _by_name(call.slots, "path")
    parts: list[str | _Filled] = []
    at = 0
    used: set[str] = set()
    for placeholder in _PLACEHOLDER.finditer(call.path):
        name = placeholder[1]
        used.add(name)
        parts.append(call.path[at : placeholder.start()])
        parts.append(_placed(slots[name]) if name in slots else _refuse_name(name))
        at = placeholder.end()
    parts.append(call.path[at:])
    fixed = [quote(part, safe=_PATH_CHARACTERS) if isinstance(part, str) else part for part in parts]
    whole = "".join(part if isinstance(part, str) else "x" for part in fixed)
    if used != slots.keys() or not _TEMPLATE.fullmatch(whole) or not _DOTS.isdisjoint(whole.split("/")):
        raise ValueError("the path is not one")
    return [part for part in fixed if part != ""]


def _refuse_name(name: str) -> _Filled:
    raise ValueError(f"nothing fills {name}")


def _placed(group: _Numbered) -> _Filled:
    first = group[0][1]
    write = _grouped(group, path_writer(first.name, first.style, first.explode))
    numbers = tuple(number for number, _, _ in group)

    def place(filled: Sequence[Any]) -> str:
        for number in numbers:
            _refuse_steps(filled[number])
        text = write(filled)
        if not text:
            raise ValueNotAccepted
        return text

    return place


def _refuse_steps(value: Any) -> None:
    """A server that decodes ``%2F`` before it routes must not be led elsewhere by a value, nor to the list by an empty one."""
    if isinstance(value, list):
        for one in cast("list[Any]", value):
            _refuse_steps(one)
        return
    steps = isinstance(value, str) and "." in value and not _DOTS.isdisjoint(_STEPS.split(value))
    if value is None or value == "" or steps:
        raise ValueNotAccepted


def _body(call: HttpCall) -> Callable[[Sequence[Any]], tuple[str, bytes]] | None:
    members: list[tuple[int, tuple[str, ...]]] = []
    styles: dict[str, tuple[str | None, bool | None]] = {}
    for number, slot in enumerate(call.slots):
        if slot.place not in _BODY_PLACES:
            continue
        # A JSON value without a path is the whole body.
        path = slot.path or (("",) if slot.place == "json" else (slot.name,))
        members.append((number, path))
        if path[0] not in styles or slot.style == "deepObject":
            styles[path[0]] = (slot.style, slot.explode)
    if call.content_type is None:
        if members or any(slot.place == "variable" for slot in call.slots):
            raise CallNotSupported
        return None
    try:
        write: WriteBody | None = body_writer(call.content_type, styles)
    except ValueError:
        raise CallNotSupported from None
    if write is None or (call.content_type.startswith(FORM) and "" in styles):
        raise CallNotSupported
    return lambda filled: write(object_of(members, filled))
