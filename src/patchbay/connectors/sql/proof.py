"""What the proofs of statements have in common: what a statement may refer to, and what is told about filters and phones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from patchbay.connectors.proof import CallNotProvable, FilterNotIndexed
from patchbay.connectors.sql.provenance import NotReadable, Read, Reference, Written, read_statement, read_write
from patchbay.errors import Finding
from patchbay.schema_graph.call import CallInput, Column, Plan
from patchbay.schema_graph.index_advice import create_index
from patchbay.schema_graph.naming import split_name
from patchbay.schema_graph.scoping import View

PROVE_S = 10.0
PHONE_ROWS = 50_000
PHONE_SHAPES = 60
PHONE_MS = 1_000


def check_references(sql: str, plan: Plan, view: View, *, dialect: str = "postgres") -> Read:
    """Every column the statement refers to belongs to what the plan touches. Raises :class:`CallNotProvable`."""
    try:
        read = read_statement(sql, dialect)
    except NotReadable:
        raise CallNotProvable("provenance_unproven") from None
    _check_permitted(read.references, plan, view)
    return read


def check_written(sql: str, plan: Plan, view: View, *, dialect: str = "postgres") -> Written:
    """The same of a write, which moreover sets the very columns the plan says, of the plan's record and no other table."""
    try:
        written = read_write(sql, dialect)
    except NotReadable:
        raise CallNotProvable("provenance_unproven") from None
    _check_permitted(written.references, plan, view)
    claimed = [Reference(*origin(view, one.column)) for one in plan.assigned]
    if list(written.assigned) != claimed or any(one.column.object != plan.object for one in plan.assigned):
        raise CallNotProvable("provenance_unproven")
    return written


def _check_permitted(found: Iterable[Reference], plan: Plan, view: View) -> None:
    permitted: dict[tuple[str | None, str], set[str] | None] = {}
    for touch in plan.touches:
        key = native_name(view, touch.object)
        before = permitted.get(key, set())
        permitted[key] = None if touch.fields is None or before is None else before | set(touch.fields)
    for reference in found:
        columns = permitted.get((reference.schema or view.default_schema, reference.table), set())
        if columns is not None and reference.column not in columns:
            raise CallNotProvable("provenance_unproven")


def check_outputs(read: Read | Written, columns: Sequence[Column], view: View) -> None:
    """Each output is the very one of ``columns``, by the statement's own text. Raises :class:`CallNotProvable`."""
    claimed = [Reference(*origin(view, column)) for column in columns]
    if list(read.outputs) != claimed or list(read.listed) != [column.many for column in columns]:
        raise CallNotProvable("provenance_unproven")


def native_name(view: View, name: str) -> tuple[str | None, str]:
    """The schema and name in the database of the object the view calls ``name``."""
    seen = view.object(name)
    if seen is not None and seen.native_name is not None:
        return seen.native_schema or view.default_schema, seen.native_name
    schema, bare = (view.default_schema, *split_name(name))[-2:]
    return schema, bare or name


def origin(view: View, column: Column) -> tuple[str | None, str, str]:
    """The schema, table and name of a column in the database."""
    return (*native_name(view, column.object), column.field)


def not_indexed(plan: Plan, view: View, *, measure: dict[str, int | float]) -> FilterNotIndexed | None:
    """The refusal for the equality filters that lack an index; None where an index would not help. ``measure`` is shown."""
    findings: list[Finding] = []
    for condition in plan.filters:
        seen = view.object(condition.column.object)
        field = seen.field(condition.column.field) if seen is not None else None
        if seen is None or field is None or field.indexed or condition.op not in ("eq", "in") or seen.kind != "table":
            continue
        hint = f"Have an administrator run: {create_index(view.kind, seen, (field.name,))}"
        at = position(plan.inputs, condition.param)
        findings.append(Finding(at, "filter_not_indexed", "There is no index for this filter.", hint))
    if not findings:
        return None
    return FilterNotIndexed(
        "filter_not_indexed: reading this would take too long while a caller waits.", errors=findings, extensions=measure
    )


def position(inputs: Sequence[CallInput], param: str | None) -> str:
    """Where a finding about an input belongs."""
    found = next((n for n, item in enumerate(inputs) if item.param == param), None)
    return "filters" if found is None else f"inputs.{found}"


def unseen_formats(item: CallInput, found: Iterable[str], at: str) -> list[Finding]:
    """The warning about shapes in a phone column that the call does not look for."""
    unseen = sorted(set(found) - set(item.formats))
    if not unseen or not item.formats:
        return []
    shown = ", ".join(repr(one) for one in unseen[:5])
    message = f"This column also holds numbers written in ways that were not sampled: {shown}."
    return [Finding(at, "phone_format_unseen", message, "Discover the schema again, then save the binding again.")]


def unchecked_formats(at: str) -> list[Finding]:
    """The warning that a phone column could not be looked through in time."""
    message = "Whether all formats of this phone column are known could not be checked in time."
    return [Finding(at, "phone_formats_unchecked", message, "Discover the schema again when the database is less busy.")]
