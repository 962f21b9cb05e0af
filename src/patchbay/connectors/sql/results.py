"""From the rows a source sent to the one shape every read returns, within the byte cap and with everything that was cut said."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Protocol, cast

import msgspec

from patchbay.connectors.sql.decoding import Decoder, decode_row
from patchbay.schema_graph.call import CallResult, Caps, Output

_encode = msgspec.json.Encoder().encode
BYTES_CUT = "The answer was longer than {bytes} bytes; what came after is not here."
LIST_CUT = "{leaf!r} has more values than the first {most}, which are here."
SEVERAL = "Several records match; ask which one is meant."


class Answer(Protocol):
    """Rows as the server sent them. ``types`` says how its columns are to be read; ``cut``: the byte limit ended the reading."""

    @property
    def rows(self) -> Sequence[Sequence[bytes | None]]:
        """The values, in text form."""
        ...

    @property
    def types(self) -> Hashable:
        """Equal for answers whose columns are read alike."""
        ...

    @property
    def cut(self) -> bool:
        """Whether there was more than was read."""
        ...


class Projection:
    """How the answers of one call become results: leaf names (``listed`` those that are lists through a to-many step), caps, and
    per set of types and zone the decoders.
    """

    __slots__ = ("_caps", "_decoders", "_identifying", "_leaves", "_listed")

    def __init__(self, leaves: Sequence[str], caps: Caps, *, identifying: bool, listed: Sequence[str] = ()) -> None:
        self._leaves = tuple(leaves)
        self._listed = tuple(listed)
        self._caps = caps
        self._identifying = identifying
        self._decoders: dict[tuple[Hashable, str], tuple[Decoder, ...]] = {}

    def result(
        self, answer: Answer, *, zone_name: str, decoders_of: Callable[[], tuple[Decoder, ...]], duration_ms: float
    ) -> CallResult:
        """The result, with at most the capped rows and bytes.

        ``decoders_of`` is asked once for each set of types and each ``zone_name``, and raises what it raises.
        """
        key = (answer.types, zone_name)
        decoders = self._decoders.get(key)
        if decoders is None:
            decoders = self._decoders[key] = decoders_of()
        caps = self._caps
        raw = answer.rows
        truncated = answer.cut or len(raw) > caps.rows
        rows: list[dict[str, Any]] = []
        notes: list[str] = []
        left = caps.bytes
        for one in raw[: caps.rows]:
            row, altered = decode_row(one, decoders, self._leaves)
            for leaf in self._listed:
                self._cut(leaf, row, notes)
            left -= _size(one, row)
            if left < 0:
                break
            rows.append(row)
            if altered:
                notes += altered
        if answer.cut or left < 0:
            truncated = True
            notes.append(BYTES_CUT.format(bytes=caps.bytes))
        elif truncated:
            notes.append(_rows_cut(caps.rows))
        ambiguous = self._identifying and (len(raw) > 1)
        if ambiguous:
            notes.append(SEVERAL)
        return CallResult(
            rows=rows,
            row_count=len(rows),
            truncated=truncated,
            ambiguous=ambiguous,
            notes=tuple(dict.fromkeys(notes)) if notes else (),
            duration_ms=duration_ms,
        )

    def _cut(self, leaf: str, row: dict[str, Any], notes: list[str]) -> None:
        """One element more than the cap tells that there are more."""
        values = row[leaf]
        if isinstance(values, list) and len(cast("list[Any]", values)) > self._caps.elements:
            row[leaf] = values[: self._caps.elements]
            notes.append(LIST_CUT.format(leaf=leaf, most=self._caps.elements))


def listed_leaves(outputs: Sequence[Output]) -> list[str]:
    """The leaves that are lists through a to-many step."""
    return [output.leaf for output in outputs if output.column.many]


def _size(raw: Sequence[bytes | None], row: Mapping[str, Any]) -> int:
    """The bytes of a row as JSON: exact when it may matter, else a bound from what came over the wire."""
    wire = sum([len(value) for value in raw if value is not None])
    return wire if wire < 1_024 else max(wire, len(_encode(row)))


def _rows_cut(rows: int) -> str:
    first = "the first one, which is" if rows == 1 else f"the first {rows}, which are"
    return f"More rows were found than {first} here."
