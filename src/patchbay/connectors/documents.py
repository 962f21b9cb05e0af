"""What reading a document brings besides the graph: notes, a few of each kind in full; or the reason why there is none."""

from __future__ import annotations

from collections.abc import Collection, Container

from patchbay.errors import Unprocessable
from patchbay.schema_graph.model import Note

SHOWN = 20
"""Notes of one code that are kept one by one."""


class DocumentNotReadable(Unprocessable):
    """This document does not describe a system that could be connected."""

    code, title = "document_not_readable", "Document not readable"


class Findings:
    """Collects notes; a document that is wrong in a thousand places of one kind says so once."""

    def __init__(self) -> None:
        self._notes: dict[str, list[Note]] = {}
        self._counts: dict[str, int] = {}

    def add(self, code: str, message: str, place: str | None = None) -> None:
        """One thing to know. Notes of one code should read alike."""
        found = self._notes.setdefault(code, [])
        self._counts[code] = self._counts.get(code, 0) + 1
        if len(found) < SHOWN:
            found.append(Note(code, message, place))

    def add_line(self, code: str, message: str, line: int | None) -> None:
        """One thing to know about a line of SDL; introspection has none."""
        self.add(code, message, None if line is None else f"line {line}")

    def add_unknown_reads(self, reads: Collection[str], known: Container[str]) -> None:
        """Say which of the operations that a person marked as reads are not there."""
        for name in sorted(reads):
            if name not in known:
                self.add("reads_unknown", "The definition's reads name an operation that is not there.", name)

    def notes(self) -> tuple[Note, ...]:
        """All of them, by code in the order they came up."""
        every: list[Note] = []
        for code, found in self._notes.items():
            every += found
            if (more := self._counts[code] - len(found)) > 0:
                every.append(Note(code, f"{more:,} more like this."))
        return tuple(every)
