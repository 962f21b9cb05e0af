"""The arguments of a called operation, by what a person writes of them, and what the parts of their names say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from patchbay.bindings.path_problems import near
from patchbay.bindings.report import Report
from patchbay.schema_graph.coercion import JSON_INTEGER
from patchbay.schema_graph.model import Argument, Operation
from patchbay.schema_graph.naming import split_name

_SAME = frozenset({"eq", "equals", "equal", "exact", "is", "value", "values", "in", "oneof", "any", "id_in"})
_OTHER = frozenset(
    {
        "gt", "gte", "ge", "lt", "lte", "le", "ne", "neq", "not", "nin", "notin", "from", "to", "since", "until", "before",
        "after", "min", "max", "start", "end", "contains", "startswith", "endswith", "like", "ilike", "match", "search", "range",
        "between", "prefix", "fuzzy", "exists", "isnull", "regex",
    }
)  # fmt: skip
_PLACES = frozenset({"body", "query", "path", "header", "cookie"})


def find_argument(arguments: Sequence[Argument], invoke: Mapping[str, Any], arg: str, at: str, report: Report) -> Argument | None:
    """The argument that ``arg`` names: its name, or the end of it, or its name on the wire, when only one has that. None with
    the reason reported at ``at``.
    """
    exact = next((one for one in arguments if one.name == arg), None)
    if exact is not None:
        return exact
    wanted = split_name(arg)
    ends = [one for one in arguments if split_name(one.name)[-len(wanted) :] == wanted or _wire_name(invoke, one.name) == arg]
    whole = [one for one in ends if split_name(one.name) == wanted]
    found = whole or ends
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(repr(one.name) for one in found[:5])
        report.error(at, "ambiguous_argument", "Several arguments have this name.", f"Say which: {listed}.")
        return None
    hint = near(arg, [one.name for one in arguments])
    report.error(at, "unknown_argument", "The operation has no such argument.", hint)
    return None


def place_of(operation: Operation, name: str) -> Mapping[str, Any]:
    """Where an argument goes in a request, as the connector wrote it down."""
    return cast("Mapping[str, Mapping[str, Any]]", operation.invoke.get("arguments", {})).get(name, {})


def _wire_name(invoke: Mapping[str, Any], name: str) -> str | None:
    place = cast("Mapping[str, Mapping[str, Any]]", invoke.get("arguments", {})).get(name, {})
    return place.get("name")


def telling_part(name: str) -> tuple[str, bool]:
    """What an argument is about, and whether it asks for equality: ``where.number.eq`` gives ``("number", True)``, and
    ``created.gte`` gives ``("created", False)``.
    """
    parts = list(split_name(name))
    equal = True
    while len(parts) > 1 and (word := parts[-1].casefold().replace("_", "")) in _SAME | _OTHER:
        equal = equal and word in _SAME
        parts.pop()
    if len(parts) == 1 and parts[0].casefold() in _PLACES:
        return split_name(name)[-1], equal
    return parts[-1], equal


def plain_native(argument: Argument) -> str:
    """The native type values are read by: an integer of no stated width is as wide as JSON is exact."""
    native = argument.native_type.strip("[]! ").lower()
    if "integer" in (argument.type, argument.item_type):
        if "64" in native or native in ("long", "bigint"):
            return "bigint"
        return "int32" if "32" in native or argument.native_type.strip("[]! ") == "Int" else JSON_INTEGER
    return argument.native_type
