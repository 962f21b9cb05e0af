"""Requests and answers held against a Google discovery document: what it does not know is a mistake.

Source of the format: https://developers.google.com/discovery/v1/reference/apis.
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema_rs

ROOT = Path(__file__).resolve().parents[3]
NEWER_SCOPES = {
    "https://www.googleapis.com/auth/calendar.events": "https://www.googleapis.com/auth/calendar",
    "https://www.googleapis.com/auth/calendar.events.readonly": "https://www.googleapis.com/auth/calendar.readonly",
}
"""Scopes that came after the stored documents, and what they are a part of (for events alone)."""


class Mistake(Exception):
    """The request, or the answer, is not one that the document knows."""


@dataclass(frozen=True)
class Method:
    """One method of a document: what it is called, its own part of the document, and the path's values."""

    id: str
    declared: Mapping[str, Any]
    values: Mapping[str, str]


@functools.cache
def discovery(name: str) -> Discovery | None:
    """The document ``calendar`` or ``sheets``; None where the shared data is absent: then nothing is held against it."""
    document = stored_document(name)
    return None if document is None else Discovery(document)


def stored_document(name: str) -> dict[str, Any] | None:
    """The stored document itself, mended; None where the shared data is absent."""
    shared = Path(os.environ.get("PATCHBAY_SHARED_DATA") or ROOT.parent / "shared" / "data")
    file = shared / "openapi" / "google-discovery" / f"{name}-api.json"
    return json.loads(_mended(file.read_text())) if file.is_file() else None


def _mended(text: str) -> str:
    """The calendar document of that revision is no JSON: a comma is missing in ``Event.reminders.useDefault``, between its type
    and ``required``. It is put there, in the copy that is read.
    """
    return re.sub(r'("type": "boolean")(\s+"required": true)', r"\1,\2", text)


class Discovery:
    """One document, ready to compare with."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.base = "/" + document["servicePath"].strip("/")
        self._methods = [(_template(held["path"]), held) for held in _methods(document)]
        self._methods.sort(key=lambda one: one[1]["path"].count("{"))
        self._schemas = {name: _json_schema(held) for name, held in document["schemas"].items()}
        self._validators: dict[str, Any] = {}

    def method(self, verb: str, path: str) -> Method:
        """The method that a request (its path as it was sent) is of."""
        below = path.removeprefix(self.base).strip("/")
        for template, held in self._methods:
            if held["httpMethod"] == verb and (found := template.fullmatch(below)):
                names = re.findall(r"\{\+?([^}]*)\}", held["path"])
                return Method(held["id"], held, {n: unquote(v) for n, v in zip(names, found.groups(), strict=True)})
        raise Mistake(f"there is no method {verb} {path}")

    def check_query(self, method: Method, pairs: list[tuple[str, str]]) -> None:
        """The parameters: known, of their type, once unless they repeat, and there where they are required."""
        declared = {**self.document["parameters"], **method.declared.get("parameters", {})}
        given: dict[str, list[str]] = {}
        for name, value in pairs:
            given.setdefault(name, []).append(value)
        for name, values in given.items():
            known = declared.get(name)
            if known is None or known.get("location") != "query":
                raise Mistake(f"{method.id} has no query parameter {name!r}")
            if len(values) > 1 and not known.get("repeated"):
                raise Mistake(f"{method.id} takes {name} once")
            for value in values:
                _check_text(method.id, name, known, value)
        for name, known in declared.items():
            there = name in given if known.get("location") == "query" else name in method.values
            if known.get("required") and not there:
                raise Mistake(f"{method.id} needs {name}")

    def check_body(self, method: Method, body: Any) -> None:
        """What is sent, where something may be."""
        wanted = method.declared.get("request")
        if wanted is None:
            if body is not None:
                raise Mistake(f"{method.id} takes no body")
            return
        self._check(method.id, wanted["$ref"], body)

    def check_answer(self, method: Method, body: Any) -> None:
        """The server itself: whether its answer is one of Google's."""
        wanted = method.declared.get("response")
        if wanted is not None:
            self._check(f"the answer of {method.id}", wanted["$ref"], body)

    def allows(self, method: Method, scopes: set[str]) -> bool:
        """Whether a token with these scopes may call the method."""
        meant = scopes | {NEWER_SCOPES[one] for one in scopes & NEWER_SCOPES.keys() if ".events." in method.id}
        return not meant.isdisjoint(method.declared.get("scopes", ()))

    def _check(self, what: str, schema: str, value: Any) -> None:
        validator = self._validators.get(schema)
        if validator is None:
            whole = {"$ref": f"#/$defs/{schema}", "$defs": self._schemas}
            validator = self._validators[schema] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        error = next(validator.iter_errors(value), None)
        if error is not None:
            raise Mistake(f"{what}: {'.'.join(map(str, error.instance_path))}: {error.message}")


def _methods(holder: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from holder.get("methods", {}).values()
    for held in holder.get("resources", {}).values():
        yield from _methods(held)


def _template(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{\+?[^}]*\})", path)
    return re.compile("".join("([^/]+?)" if part.startswith("{") else re.escape(part) for part in parts))


def _json_schema(held: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in held:
        return {"$ref": f"#/$defs/{held['$ref']}"}
    kind, made = held.get("type", "any"), dict[str, Any]()
    if kind == "any":
        return made
    made["type"] = kind
    if "properties" in held:
        made["properties"] = {name: _json_schema(inner) for name, inner in held["properties"].items()}
    if kind == "object":
        rest = held.get("additionalProperties")
        made["additionalProperties"] = _json_schema(rest) if rest is not None else False
    if "items" in held:
        made["items"] = _json_schema(held["items"])
    if "enum" in held:
        made["enum"] = held["enum"]
    if held.get("format") in ("date", "date-time"):
        made["format"] = held["format"]
    return made


def _check_text(method: str, name: str, known: Mapping[str, Any], value: str) -> None:
    kind, form = known.get("type"), known.get("format")
    good = True
    if kind == "integer":
        good = re.fullmatch(r"-?[0-9]+", value) is not None
        good = good and int(known.get("minimum", value)) <= int(value) <= int(known.get("maximum", value))
    elif kind == "boolean":
        good = value in ("true", "false")
    elif "enum" in known:
        good = value in known["enum"]
    elif form == "date-time":
        good = _reads(datetime.fromisoformat, value) and re.search(r"T.*(Z|[+-]\d\d:\d\d)$", value) is not None
    elif form == "date":
        good = _reads(date.fromisoformat, value)
    elif "pattern" in known:
        good = re.search(known["pattern"], value) is not None
    if not good:
        raise Mistake(f"{method}: {name} cannot be {value!r}")


def _reads(parse: Any, value: str) -> bool:
    try:
        parse(value)
    except ValueError:
        return False
    return True
