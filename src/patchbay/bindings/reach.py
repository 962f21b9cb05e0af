"""Whether the source can find the records by an index, and what it would need where it cannot.

A read is bounded when one condition that always holds can use an index: the others then only sift what that one finds.
Without one, every record is looked at, which is allowed while the planner's estimate is at most :data:`SCAN_BOUND` records.
Optional conditions have to be reachable one by one, since any of them may be the only one given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from patchbay.bindings.paths import Reading
from patchbay.bindings.scope import Conditions, Scope
from patchbay.schema_graph.call import Comparison, Filter
from patchbay.schema_graph.index_advice import create_index
from patchbay.schema_graph.model import Object

SCAN_BOUND = 50_000
"""Records that may be looked at one by one for a call: some tens of milliseconds of a small server."""

_INDEXABLE: frozenset[Comparison] = frozenset({"eq", "in", "lt", "le", "gt", "ge", "is_null"})


def check_reach(scope: Scope, conditions: Conditions, order: Sequence[Reading]) -> None:
    """Report conditions (or, without any, an order) that would make the source read too many records."""
    together = list(zip(conditions.filters, conditions.readings, conditions.places, strict=True))
    if not together:
        _check_listing(scope, order)
        return
    if any(conditions.always(condition) and _reachable(scope, condition, reading) for condition, reading, _ in together):
        return
    optional = [entry for entry in together if not conditions.always(entry[0])]
    by_input = [entry for entry in together if entry[0].param is not None]
    judged = optional or by_input or together
    for condition, reading, place in judged:
        if not _reachable(scope, condition, reading):
            _report_scan(scope, reading, place)


def _reachable(scope: Scope, condition: Filter, reading: Reading) -> bool:
    return condition.op in _INDEXABLE and not list(_missing_indexes(scope, reading))


def _missing_indexes(scope: Scope, reading: Reading) -> Iterator[tuple[Object, tuple[str, ...]]]:
    """The indexes that finding records by this field lacks: its own, and one on the key that leads back to the record."""
    if not reading.field.indexed:
        yield reading.object, (reading.field.name,)
    for edge in reading.edges[:1]:
        own = tuple(name for name, _ in edge.pairs)
        first = scope.root.field(own[0])
        if first is None or not first.indexed:
            yield scope.root, own


def _report_scan(scope: Scope, reading: Reading, place: str) -> None:
    missing = list(_missing_indexes(scope, reading)) or [(reading.object, (reading.field.name,))]
    estimates = [obj.estimate for obj, _ in missing]
    known = [estimate for estimate in estimates if estimate is not None]
    hint = " ".join(filter(None, (create_index(scope.view.kind, obj, fields) for obj, fields in missing))) or None
    if known and max(known) > SCAN_BOUND:
        message = f"No index serves this condition; each call would read about {max(known):,} records (at most {SCAN_BOUND:,})."
        scope.report.error(
            place, "filter_not_indexed", message, hint or "Filter by an indexed field of the table under this view."
        )
    elif len(known) < len(estimates):
        message = "No index serves this condition, and it is not known how many records there are."
        scope.report.warn(place, "unindexed_filter", message, hint)
    else:
        message = f"No index serves this condition; about {max(known):,} records are read for each call."
        scope.report.warn(place, "unindexed_filter", message, hint)


def _check_listing(scope: Scope, order: Sequence[Reading]) -> None:
    binding = scope.binding
    if binding.limit is None or not order:
        message = "Without an input or filter this would list the records."
        hint = "Add an input or a filter; or, if a list is meant, both orderBy and limit."
        scope.report.error("inputs", "no_filter", message, hint)
        return
    scope.report.warn("inputs", "lists_records", "Nothing is asked of the caller: every call reads the same list.")
    first = order[0] if order else None
    if first is None or (first.field.indexed and not first.edges):
        return
    estimate = scope.root.estimate
    if estimate is not None and estimate > SCAN_BOUND:
        message = (
            f"No index serves this order, and about {estimate:,} records would be sorted for each call (at most {SCAN_BOUND:,})."
        )
        hint = None if first.edges else create_index(scope.view.kind, scope.root, (first.field.name,))
        scope.report.error("orderBy.0.path", "order_not_indexed", message, hint)
