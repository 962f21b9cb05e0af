"""The operation a binding names: found, or said why it cannot be bound."""

from __future__ import annotations

from collections.abc import Mapping

from patchbay.bindings.report import Report
from patchbay.nearest import nearest
from patchbay.schema_graph.called import bare_names
from patchbay.schema_graph.model import Operation
from patchbay.schema_graph.naming import split_name
from patchbay.schema_graph.operations import split_operation
from patchbay.schema_graph.scoping import View

_NOT_OFFERED: Mapping[str, str] = {
    "insert": "No record can be added here: the connection has no role that may, or a value every record needs is not in view.",
    "update": "No record can be changed here: the connection has no role that may, or no unique key of it is in view.",
}


def find_operation(name: str, view: View, report: Report) -> Operation | None:
    """The operation of that name, slug or bare name; None with the reason reported."""
    return _called(name, view, report) if view.is_called else _of_records(name, view, report)


def _called(name: str, view: View, report: Report) -> Operation | None:
    found = view.operation(name)
    if found is None:
        _report_unknown_call(name, view, report)
        return None
    if found.unusable is not None:
        report.error("operation", "operation_unusable", found.unusable)
        return None
    if found.object is None and found.effect == "read":
        report.error("operation", "returns_nothing", "This operation returns no record to take fields from.")
        return None
    return found


def _report_unknown_call(name: str, view: View, report: Report) -> None:
    same = view.operations_meant_by(name)
    if len(same) > 1:
        listed = ", ".join(repr(one) for one in same[:5])
        report.error("operation", "ambiguous_operation", "Several operations have this name.", f"Say which: {listed}.")
        return
    spelled = {name: operation.name for operation in view.operations() for name in (operation.name, *bare_names(operation.name))}
    close = list(dict.fromkeys(spelled[one] for one in nearest(name, spelled)))
    hint = f"Did you mean {' or '.join(repr(one) for one in close)}?" if close else "GET …/operations lists all of them."
    report.error("operation", "unknown_operation", "There is no such operation.", hint)


def _of_records(name: str, view: View, report: Report) -> Operation | None:
    found = view.operation(name)
    parsed = split_operation(name)
    wanted = parsed[0] if parsed is not None else name
    if found is not None:
        return found
    reading = view.operation(f"{wanted}.read") if parsed is not None else None
    if parsed is not None and reading is not None:
        hint = f"Let the connection's write role do it (the write script does), then discover again; or use {reading.name!r}."
        report.error("operation", "write_not_offered", _NOT_OFFERED[parsed[1]], hint)
        return None
    _report_unknown_read(name, wanted, view, report)
    return None


def _report_unknown_read(name: str, wanted: str, view: View, report: Report) -> None:
    """Say which reads have this very name, or else which are near it."""
    bare = split_name(wanted)[-1]
    same = [one for one in view.object_names() if split_name(one)[-1] == bare]
    known = [operation.name for one in same if (operation := view.operation(f"{one}.read")) is not None]
    if name != wanted and len(known) > 1:
        listed = ", ".join(repr(one) for one in known[:5])
        report.error("operation", "ambiguous_operation", "Several operations have this name.", f"Say which: {listed}.")
        return
    close = known or [f"{one}.read" for one in nearest(wanted, view.object_names()) if view.operation(f"{one}.read") is not None]
    hint = f"Did you mean {' or '.join(repr(one) for one in close[:3])}?" if close else None
    report.error(
        "operation",
        "unknown_operation",
        "There is no such operation.",
        hint or "An operation is an object's name and its verb, such as customers.read.",
    )
