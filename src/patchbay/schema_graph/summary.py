"""What a view holds, in numbers and in findings. Nothing blocked is counted or named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from patchbay.schema_graph.scoping import View

_NAMES_SHOWN = 5


def count(view: View, breathe: Callable[[], None] | None = None) -> dict[str, Any]:
    """``{objectCount, fieldCount, edgeCount, operationCount, badges: {badge: count}}`` of one view.

    ``breathe`` is called after each object: a thread that must not hold up others can pause there.
    """
    fields = edges = 0
    operations = view.operation_count(None)
    badges: dict[str, int] = {"core": 0, "pii": 0, "payment_card": 0}
    for name in view.object_names():
        if breathe is not None:
            breathe()
        obj = view.object(name)
        if obj is None:
            continue
        operations += view.operation_count(obj)
        fields += len(obj.fields)
        edges += len(obj.edges)
        for badge in (*obj.badges, *(b for f in obj.fields for b in f.badges)):
            badges[badge] += 1
    return {
        "objectCount": len(view.object_names()),
        "fieldCount": fields,
        "edgeCount": edges,
        "operationCount": operations,
        "badges": badges,
    }


def findings_of(view: View, breathe: Callable[[], None] | None = None) -> list[dict[str, str]]:
    """What the operator should know about what was found, in sentences; only about what is in view. ``breathe``: see above."""
    unreadable: list[str] = []
    opaque: list[str] = []
    keyless: list[str] = []
    for name in view.object_names():
        if breathe is not None:
            breathe()
        obj = view.object(name)
        if obj is None:
            continue
        if not obj.readable:
            unreadable.append(name)
        if obj.opaque is not None:
            opaque.append(name)
        if obj.kind == "table" and not obj.keys:
            keyless.append(name)
    notes = (
        ("unreadable", unreadable, "The connected role may not read {}: grant it SELECT, or leave it out."),
        ("opaque", opaque, "What {} reads cannot be followed to its end: hidden as soon as anything is blocked."),
        ("no_unique_key", keyless, "There is no unique key on {}: a record cannot be told from another, or updated."),
    )
    said = [{"code": code, "message": text.format(listed(names))} for code, names, text in notes if names]
    return [*said, *_unusable(view), *_of_the_document(view)]


def _unusable(view: View) -> Iterator[dict[str, str]]:
    """Operations that no binding can call, by the reason."""
    names: dict[str, list[str]] = {}
    for operation in view.operations(include_writes=True) if view.is_called else ():
        if operation.unusable is not None:
            names.setdefault(operation.unusable, []).append(operation.name)
    for why, those in names.items():
        yield {"code": "operation_unusable", "message": f"{listed(those)} cannot be bound. {why}"}


def _of_the_document(view: View) -> Iterator[dict[str, str]]:
    """What was noted while the document was read, once for everything it was noted of."""
    places: dict[tuple[str, str], list[str]] = {}
    for note in view.notes:
        noted = places.setdefault((note.code, note.message), [])
        noted.extend([note.place] if note.place is not None else [])
    for (code, message), those in places.items():
        yield {"code": code, "message": f"{message} ({listed(those)})" if those else message}


def listed(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    every = list(names)
    shown = ", ".join(every[:_NAMES_SHOWN])
    return shown if len(every) <= _NAMES_SHOWN else f"{shown} and {len(every) - _NAMES_SHOWN:,} more"
