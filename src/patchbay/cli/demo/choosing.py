"""Which read a database of the user's is shown with: what was asked for, or else the most promising one. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from patchbay.bindings.parameters import meaning_of
from patchbay.nearest import did_you_mean
from patchbay.schema_graph.naming import slug, split_words

_SCALAR = {"string", "integer", "decimal", "number", "boolean", "date", "time", "datetime", "uuid", "enum"}
_LOOKED_UP = {"string", "integer", "uuid", "enum"}
_WORDS = (
    (60, {"phone", "mobile", "tel", "telephone", "cell"}),
    (45, {"email", "mail"}),
    (30, {"number", "reference", "ref", "code", "sku", "username", "login"}),
    (15, {"name", "title", "lastname", "surname"}),
)
_TELLING = {"name", "title", "status", "state", "date", "start", "starts", "due", "total", "amount", "price", "email", "city"}
_MOST_COLUMNS = 5


class NoSuchName(Exception):
    """A table or column that was asked for is not there. ``hint`` names the nearest."""

    def __init__(self, sentence: str, hint: str | None) -> None:
        super().__init__(sentence)
        self.hint = hint


class Choice(NamedTuple):
    """A read: of which object, found by which column, reading back which paths (from the object's record)."""

    object: str
    path_root: str
    filter: str
    columns: tuple[tuple[str, ...], ...]
    score: float

    @property
    def thing(self) -> str:
        """What is looked up, with its article: ``a customer``."""
        words = " ".join(split_words(self.path_root))
        return f"an {words}" if words[:1] in tuple("aeiou") else f"a {words}"

    def binding(self) -> dict[str, Any]:
        """The binding that makes this read a skill."""
        column = self.filter.rpartition(".")[2]
        by = " ".join(split_words(column))
        known = meaning_of(column)
        asked = {"param": slug(column), "arg": self.filter, "required": True, "description": f"The {by}"}
        if known is not None and known.means == "person":
            asked |= {"param": known.name, "description": known.description}
        return {
            "toolName": f"Look up {self.thing}",
            "description": f"Find {self.thing} by {by} and read it back.",
            "operation": f"{self.object}.read",
            "inputs": [asked],
            "projection": [
                {"path": list(path), "leaf": leaf} for path, leaf in zip(self.columns, _leaves(self.columns), strict=True)
            ],
            "enabled": True,
        }


def choices(schema: Mapping[str, Any]) -> list[Choice]:
    """Every readable object that an indexed column finds records of, the most promising first."""
    objects: Mapping[str, Mapping[str, Any]] = {found["name"]: found for found in schema["objects"]}
    made = (choice for found in objects.values() if (choice := _best(found, objects)) is not None)
    return sorted(made, key=lambda choice: (-choice.score, choice.object))


def asked_for(schema: Mapping[str, Any], table: str | None, filter: str | None, columns: Sequence[str]) -> Choice:
    """The read that was asked for; what was left open is chosen. Raises :class:`NoSuchName`."""
    objects: Mapping[str, Mapping[str, Any]] = {found["name"]: found for found in schema["objects"]}
    if table is None:
        usable = [choice for choice in choices(schema) if filter is None or _has(objects[choice.object], filter, objects)]
        if not usable:
            raise NoSuchName(
                "No readable table has an indexed column to look records up by.", "Name one with --table and --filter."
            )
        found = objects[usable[0].object]
    else:
        found = _named(table, objects)
    best = _best(found, objects)
    if filter is not None:
        _check_path(filter, found, objects)
    elif best is None:
        raise NoSuchName(
            f"No column of {found['name']} is indexed and looks like one to look records up by.", "Name one with --filter."
        )
    wanted = filter or (best.filter if best else "")
    for column in columns:
        _check_path(column, found, objects)
    paths = tuple(tuple(column.split(".")) for column in columns) or _told(found, objects, wanted)
    return Choice(found["name"], found["pathRoot"], wanted, paths, best.score if best else 0.0)


def _best(found: Mapping[str, Any], objects: Mapping[str, Mapping[str, Any]]) -> Choice | None:
    if not found["capabilities"]["read"] or found["recordEstimate"] == 0:
        return None
    fields = [field for field in found["fields"] if field["indexed"] and field["readable"] and field["type"] in _LOOKED_UP]
    fields = [field for field in fields if field.get("relationshipTarget") is None and "payment_card" not in field["badges"]]
    if not fields:
        return None
    by = max(fields, key=_promise)
    size = math.log10(max(found["recordEstimate"] or 1, 1))
    score = _promise(by) + size + min(len(found["relationships"]), 4) + (3 if "core" in found["badges"] else 0)
    columns = _told(found, objects, by["name"])
    return Choice(found["name"], found["pathRoot"], by["name"], columns, score) if columns else None


def _promise(field: Mapping[str, Any]) -> float:
    words = set(split_words(field["name"]))
    score = max((points for points, known in _WORDS if known & words), default=0.0)
    if field["type"] == "string":
        score += 5
    return score + (4 if field["unique"] or field["primaryKey"] else 0)


def _told(found: Mapping[str, Any], objects: Mapping[str, Mapping[str, Any]], by: str) -> tuple[tuple[str, ...], ...]:
    """What to read back: telling columns first, nothing sensitive, and the names of to-one neighbours."""
    own = [field for field in found["fields"] if _tellable(field) and field["name"] != by]
    own.sort(key=lambda field: not _TELLING & set(split_words(field["name"])))
    neighbours = list(_neighbour_names(found, objects))[:2]
    return (*((field["name"],) for field in own[: _MOST_COLUMNS - len(neighbours)]), *neighbours)


def _tellable(field: Mapping[str, Any]) -> bool:
    # A time without a zone can be told only once somebody has said which zone it is in.
    zoneless = field["type"] == "datetime" and "without time zone" in field["nativeType"]
    plain = field["type"] in _SCALAR and field["readable"] and not field["sensitive"] and not zoneless
    return plain and not field["primaryKey"] and field.get("relationshipTarget") is None


def _neighbour_names(found: Mapping[str, Any], objects: Mapping[str, Mapping[str, Any]]) -> Iterable[tuple[str, ...]]:
    for edge in found["relationships"]:
        target = objects.get(edge["target"])
        if target is None or edge["inferred"] or edge["cardinality"] not in ("many_to_one", "one_to_one"):
            continue
        name = next(
            (field["name"] for field in target["fields"] if field["name"] in ("name", "title") and _tellable(field)), None
        )
        if name is not None:
            yield (edge["name"], name)


def _named(table: str, objects: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    found = objects.get(table) or next((o for o in objects.values() if o["name"].lower() == table.lower()), None)
    if found is None:
        raise NoSuchName(f"There is no readable table {table!r}.", did_you_mean(table, list(objects)))
    return found


def _has(found: Mapping[str, Any], path: str, objects: Mapping[str, Mapping[str, Any]]) -> bool:
    try:
        _check_path(path, found, objects)
    except NoSuchName:
        return False
    return True


def _check_path(path: str, found: Mapping[str, Any], objects: Mapping[str, Mapping[str, Any]]) -> None:
    *edges, last = path.split(".")
    for name in edges:
        named = {edge["name"]: edge["target"] for edge in found["relationships"]}
        if named.get(name) not in objects:
            raise NoSuchName(f"{found['name']} has no neighbour {name!r}.", did_you_mean(name, list(named)))
        found = objects[named[name]]
    names = [field["name"] for field in found["fields"]]
    if last not in names:
        raise NoSuchName(f"{found['name']} has no column {last!r}.", did_you_mean(last, names))


def _leaves(columns: Sequence[tuple[str, ...]]) -> list[str]:
    """The agent's names for what comes back, each once."""
    leaves: list[str] = []
    for path in columns:
        leaf = base = re.sub(r"\W+", "_", "_".join(path)).strip("_") or "value"
        number = 1
        while leaf in leaves:
            number += 1
            leaf = f"{base}_{number}"
        leaves.append(leaf)
    return leaves
