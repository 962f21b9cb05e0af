"""A plan as one request template of a REST API.

Nothing is written into it: the path keeps its placeholders, and every value, fixed ones too, is a slot that says where it goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from patchbay.bindings.compile.requests import leaf_path, operation_of, slots_of
from patchbay.schema_graph.call import HttpCall, Place, Plan, RequestSlot
from patchbay.schema_graph.model import FieldType
from patchbay.schema_graph.scoping import View

_BODIES: frozenset[Place] = frozenset({"json", "form", "multipart"})


def compile_rest(plan: Plan, view: View) -> HttpCall:
    """The request template. Raises KeyError for what is not in the view."""
    operation = operation_of(plan, view)
    invoke = operation.invoke
    slots = (*slots_of(plan, view, operation, "query"), *_constants(invoke))
    scalar = bool(invoke.get("scalar"))
    return HttpCall(
        method=invoke["method"],
        path=invoke["path"],
        slots=slots,
        leaves=tuple(() if scalar else leaf_path(plan, view, output.column) for output in plan.outputs),
        content_type=invoke.get("contentType") if any(slot.place in _BODIES for slot in slots) else None,
        server=invoke.get("server"),
        record=tuple(invoke.get("record", ())),
        many=operation.many,
        more=tuple(cast("Mapping[str, Any]", invoke.get("page") or {}).get("more", ())) if operation.many else (),
        demand_one=plan.demand_one,
        succeeds=plan.succeeds,
    )


def _constants(invoke: Mapping[str, Any]) -> list[RequestSlot]:
    """What the document fixes of every request: ``{"header": {"Notion-Version": "2022-06-28"}}``."""
    constants = cast("Mapping[Place, Mapping[str, Any]]", invoke.get("constants", {}))
    return [
        RequestSlot(place=place, name=name, type=_type_of(value), native_type="", value=value)
        for place, members in sorted(constants.items())
        for name, value in sorted(members.items())
    ]


def _type_of(value: Any) -> FieldType:
    return "string" if isinstance(value, str) else "json"
