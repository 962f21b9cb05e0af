"""From whatever JSON an endpoint answers with to rows: flat, small, and without surprises.

An object is one row, a list of objects several, a bare value a row ``{"value": …}``; null or nothing is no row. In a row, members
are taken as they are, and those of an object inside it under a dotted name: ``{"verified": true, "subject": {"customer_id":
"c1"}}`` is the row ``{"verified": true, "subject.customer_id": "c1"}``. A list of plain values stays one. What lies deeper is
left out, and so is what exceeds the bounds; the result says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import msgspec

from patchbay.connectors.http.results import BYTES_CUT, MORE, without_secrets
from patchbay.schema_graph.call import CallResult, Caps

MOST_LEAVES = 64
MOST_IN_A_LIST = 50
NAME_LONGEST = 100
LEFT_OUT = "Parts of the answer that are nested too deep, or too many, are left out."
_EXACT = 2**53
_encode = msgspec.json.Encoder().encode


def result_of(
    payload: Any,
    caps: Caps,
    *,
    returns: Sequence[str],
    duration_ms: float,
    notes: Sequence[str] = (),
    withheld: Sequence[bytes] = (),
) -> CallResult:
    """The answer as a result. ``returns`` are the only leaves that are told, each null where the answer lacks it; none: all."""
    records = [one for one in cast("list[Any]", payload) if one is not None] if isinstance(payload, list) else [payload]
    said = list(notes)
    rows: list[dict[str, Any]] = []
    left = caps.bytes
    for record in records[: caps.rows]:
        if record is None:
            continue
        row = _row(record, said)
        if returns:
            row = {leaf: row.get(leaf) for leaf in returns}
        encoded = _encode(row)
        if any(secret in encoded for secret in withheld):
            row = without_secrets(row, withheld, said)
        left -= len(encoded)
        if left < 0:
            said.append(BYTES_CUT.format(bytes=caps.bytes))
            break
        rows.append(row)
    further = len(records) > caps.rows
    if further and left >= 0:
        said.append(MORE)
    return CallResult(
        rows=rows,
        row_count=len(rows),
        truncated=further or left < 0,
        notes=tuple(dict.fromkeys(said)),
        duration_ms=duration_ms,
    )


def _row(record: Any, notes: list[str]) -> dict[str, Any]:
    if not isinstance(record, dict):
        record = {"value": record}
    row: dict[str, Any] = {}
    for name, value in _members(cast("dict[str, Any]", record)):
        if len(row) >= MOST_LEAVES or len(name) > NAME_LONGEST or not _is_plain(value):
            notes.append(LEFT_OUT)
        elif name not in row:
            row[name] = _exact(value)
    return row


def _members(record: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        if isinstance(value, dict):
            for inner, held in cast("dict[str, Any]", value).items():
                yield f"{name}.{inner}", held
        else:
            yield name, value


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return len(items) <= MOST_IN_A_LIST and not any(isinstance(item, (dict, list)) for item in items)
    return not isinstance(value, dict)


def _exact(value: Any) -> Any:
    """Integers that JSON's readers would round are texts, as in every result."""
    if isinstance(value, list):
        return [_exact(item) for item in cast("list[Any]", value)]
    large = isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _EXACT
    return str(value) if large else value
