"""From an answer in JSON to the one shape every read returns.

The record, or the list of them, is found by its path and the leaves in each record by theirs, leniently: a list where one record
belongs is taken, one record where a list belongs too, and what is absent is absent. Values are not: what is not of its type is
null with a note, and is told as drift.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import Any, cast

import msgspec

from patchbay.connectors.http.drift import DRIFT, Drift
from patchbay.connectors.http.json_forms import Form, Mismatch, form_of
from patchbay.connectors.refusals import SourceRefused
from patchbay.schema_graph.call import CallResult, FrozenCall, Output
from patchbay.schema_graph.coercion import zone_info

MOST_IN_A_LIST = 50
"""Values of one leaf that lies below a list."""
MISMATCH = "{leaf!r} is not what the schema says in some records and is given as null there."
LIST_CUT = "{leaf!r} has more values than the first {most}, which are here."
NO_RECORD = "Some records are not what the schema says and are left out."
WITHHELD = "{leaf!r} holds a credential of this connection in some records and is given as null there."
BYTES_CUT = "The answer was longer than {bytes} bytes; what came after is not here."
MORE = "There are more records than those here."
NOT_READ = "It was done, but what the connected system said of it could not be read."
SEVERAL = "Several records match; ask which one is meant."

_encode = msgspec.json.Encoder().encode
Reach = Callable[[Any], Any]


def written(make: Callable[[], CallResult], *, notes: Sequence[str], duration_ms: float) -> CallResult:
    """The result of a write that took effect: what its answer says of the record, or that this cannot be read. It never fails."""
    try:
        made = make()
    except (LookupError, SourceRefused):
        made = CallResult(rows=[], row_count=0, notes=(*notes, NOT_READ), duration_ms=duration_ms)
    return msgspec.structs.replace(made, outcome="done", ambiguous=False)


class Results:
    """How the answers of one call become results. ``strict``: a leaf that the schema says is never null must be there."""

    __slots__ = ("_call", "_drift", "_forms", "_leaves", "_many", "_more", "_objects", "_record", "_source_zone", "_strict")

    def __init__(
        self,
        call: FrozenCall,
        *,
        record: Sequence[str],
        many: bool,
        leaves: Sequence[Sequence[str | int]],
        more: Sequence[str],
        strict: bool = False,
        drift: Drift = DRIFT,
    ) -> None:
        self._call = call
        self._record = tuple(record)
        self._many = many
        self._more = tuple(more)
        self._leaves = [_Leaf(output, tuple(path)) for output, path in zip(call.outputs, leaves, strict=True)]
        self._objects = all(map(len, leaves))
        self._strict = strict
        self._source_zone = zone_info(call.time_zone) if call.time_zone else None
        self._forms: dict[str, list[tuple[_Leaf, Form]]] = {}
        self._drift = drift

    def result(
        self,
        payload: Any,
        *,
        zone_name: str,
        zone: tzinfo,
        duration_ms: float,
        notes: Sequence[str] = (),
        withheld: Sequence[bytes] = (),
    ) -> CallResult:
        """The result, with at most the capped rows and bytes. A value that holds any of ``withheld``, in JSON, is null.

        Raises LookupError for a time without offset that there is no zone for, SourceRefused for a record that lacks what it
        must have (``strict``).
        """
        forms = self._forms.get(zone_name)
        if forms is None:
            forms = self._forms[zone_name] = [(leaf, form_of(leaf.column, zone, self._source_zone)) for leaf in self._leaves]
        caps = self._call.caps
        records: list[Any] = [payload] if not self._record and isinstance(payload, dict) else records_at(payload, self._record)
        said = list(notes)
        rows: list[dict[str, Any]] = []
        left = caps.bytes
        for record in records[: caps.rows]:
            if self._objects and not isinstance(record, dict):
                self._drift.seen(self._call.connection_id, self._call.operation, "")
                said.append(NO_RECORD)
                continue
            row = self._row(record, forms, said)
            encoded = _encode(row)
            if any(secret in encoded for secret in withheld):
                row = without_secrets(row, withheld, said)
            left -= len(encoded)
            if left < 0:
                said.append(BYTES_CUT.format(bytes=caps.bytes))
                break
            rows.append(row)
        further = len(records) > caps.rows or (bool(self._more) and _says_more(payload, self._more))
        if further and left >= 0:
            said.append(MORE)
        ambiguous = self._call.identifying and (len(records) > 1 or further)
        if ambiguous:
            said.append(SEVERAL)
        return CallResult(
            rows=rows,
            row_count=len(rows),
            truncated=further or left < 0,
            ambiguous=ambiguous,
            notes=tuple(dict.fromkeys(said)),
            duration_ms=duration_ms,
        )

    def _row(self, record: Any, forms: list[tuple[_Leaf, Form]], notes: list[str]) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for leaf, form in forms:
            value = leaf.reach(record)
            if value is None:
                if self._strict and leaf.never_null:
                    self._drift.seen(self._call.connection_id, self._call.operation, leaf.name)
                    raise SourceRefused("The answer of the connected system lacks something its schema promises.")
            elif leaf.plain:
                try:
                    value = form(value)
                except Mismatch:
                    value = self._mismatch(leaf, notes)
            elif leaf.many:
                value = self._values(value, form, leaf, notes)
            else:
                value = self._value(value, form, leaf, notes)
            row[leaf.name] = value
        return row

    def _values(self, values: list[Any], form: Form, leaf: _Leaf, notes: list[str]) -> list[Any]:
        if len(values) > MOST_IN_A_LIST:
            notes.append(LIST_CUT.format(leaf=leaf.name, most=MOST_IN_A_LIST))
        return [self._value(one, form, leaf, notes) for one in values[:MOST_IN_A_LIST]]

    def _value(self, value: Any, form: Form, leaf: _Leaf, notes: list[str]) -> Any:
        try:
            read: Any = form(value)
        except Mismatch:
            return self._mismatch(leaf, notes)
        if leaf.listed and len(read) > MOST_IN_A_LIST:
            notes.append(LIST_CUT.format(leaf=leaf.name, most=MOST_IN_A_LIST))
            return read[:MOST_IN_A_LIST]
        return read

    def _mismatch(self, leaf: _Leaf, notes: list[str]) -> None:
        self._drift.seen(self._call.connection_id, self._call.operation, leaf.name)
        notes.append(MISMATCH.format(leaf=leaf.name))


def without_secrets(row: dict[str, Any], withheld: Sequence[bytes], notes: list[str]) -> dict[str, Any]:
    """The row without values that hold any of ``withheld``: a system may send back what it was sent."""
    kept: dict[str, Any] = {}
    for leaf, value in row.items():
        encoded = _encode(value)
        told = not any(secret in encoded for secret in withheld)
        kept[leaf] = value if told else None
        if not told:
            notes.append(WITHHELD.format(leaf=leaf))
    return kept


class _Leaf:
    """One output and how its value is found in a record."""

    __slots__ = ("column", "listed", "many", "name", "never_null", "plain", "reach")

    def __init__(self, output: Output, path: tuple[str | int, ...]) -> None:
        self.name = output.leaf
        self.column = output.column
        self.many = output.column.many
        self.listed = output.column.type == "array" and not self.many
        self.plain = not self.many and not self.listed
        self.never_null = len(path) == 1 and not output.column.nullable
        if self.many:
            self.reach: Reach = lambda record: gathered(record, path)
        elif len(path) == 1 and isinstance(path[0], str):
            name = path[0]
            self.reach = lambda record: record.get(name)
        else:
            self.reach = lambda record: _reached(record, path)


def records_at(payload: Any, path: Sequence[str]) -> list[Any]:
    """The records of an answer: what ``path`` leads to, through lists on the way, as one list without nulls."""
    if isinstance(payload, list) and path and not _leads_on(cast("list[Any]", payload), path[0]):
        path = ()
    return gathered(payload, path)


def _leads_on(records: list[Any], name: str) -> bool:
    """Whether the path goes on inside a list that the whole answer is, rather than having been meant for an object around it."""
    return any(isinstance(one, dict) and name in one for one in records)


def gathered(record: Any, path: Sequence[str | int]) -> list[Any]:
    """All values that ``path`` leads to, through every list on the way of which it picks no element."""
    found: list[Any] = [record]
    for step in path:
        if isinstance(step, int):
            found = [_element(one, step) for one in found]
        else:
            found = [cast("dict[str, Any]", one).get(step) for one in _flat(found) if isinstance(one, dict)]
    return _flat(found)


def _element(value: Any, number: int) -> Any:
    """One element of a list, None beyond its end. One thing where a list belongs is its first."""
    if not isinstance(value, list):
        return value if number == 0 else None
    values = cast("list[Any]", value)
    return values[number] if number < len(values) else None


def _flat(values: list[Any]) -> list[Any]:
    flat: list[Any] = []
    for value in values:
        if isinstance(value, list):
            flat += [one for one in cast("list[Any]", value) if one is not None]
        elif value is not None:
            flat.append(value)
    return flat


def _reached(record: Any, path: Sequence[str | int]) -> Any:
    """The value at ``path``. A list on the way of more than one thing leads to no one value: an object is given, which is of
    no leaf's type. A scalar on the way (the id of something that was not expanded) holds nothing.
    """
    value = record
    for step in path:
        if isinstance(step, int):
            value = _element(value, step)
            continue
        if isinstance(value, list):
            several = _flat(cast("list[Any]", value))
            if len(several) > 1:
                return {}
            value = several[0] if several else None
        if not isinstance(value, dict):
            return None
        value = cast("dict[str, Any]", value).get(step)
    return value


def _says_more(payload: Any, path: Sequence[str]) -> bool:
    return any(one not in (False, 0, "", "false") for one in gathered(payload, path))
