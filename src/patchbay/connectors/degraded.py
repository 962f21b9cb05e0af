"""A call that has to do without its optional leaves: its fallback runs, and null stands for what is gone."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from patchbay.connectors.system import Ready
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall

GONE = "{leaf!r} cannot be given, because the connected system has changed, and is null."


def narrowed(call: FrozenCall) -> FrozenCall:
    """The call that its fallback is: what was proven together with it. The call itself, where its own body does."""
    fallback = call.fallback
    if fallback is None or fallback.body is None:
        return call
    required = tuple(output for output in call.outputs if not output.optional)
    return msgspec.structs.replace(call, body=fallback.body, slice=fallback.slice, outputs=required, fallback=None)


class Degraded:
    """``ready``, the fallback of ``call`` or the call itself, with every leaf in its results and a note for each that is gone:
    those it does not read, and those ``missing`` from what it does.
    """

    __slots__ = ("_leaves", "_notes", "_ready", "call", "seconds")

    def __init__(self, ready: Ready, call: FrozenCall, missing: Sequence[str]) -> None:
        self._ready = ready
        self._leaves = tuple(output.leaf for output in call.outputs if not output.hidden)
        read = {output.leaf for output in ready.call.outputs}
        self._notes = tuple(GONE.format(leaf=leaf) for leaf in self._leaves if leaf not in read or leaf in missing)
        self.call = call
        self.seconds = ready.seconds

    def values(self, context: CallContext, zone: ZoneInfo) -> Any:
        """See :meth:`patchbay.connectors.system.Ready.values`."""
        return self._ready.values(context, zone)

    def run(self, source: Any, values: Any, deadline: float) -> Awaitable[Any]:
        """See :meth:`patchbay.connectors.system.Ready.run`."""
        return self._ready.run(source, values, deadline)

    def result(self, source: Any, answer: Any, *, zone_name: str, zone: ZoneInfo, duration_ms: float) -> CallResult:
        """The rows with every leaf, and a note for each that is gone."""
        found = self._ready.result(source, answer, zone_name=zone_name, zone=zone, duration_ms=duration_ms)
        rows = [{leaf: row.get(leaf) for leaf in self._leaves} for row in found.rows]
        return msgspec.structs.replace(found, rows=rows, notes=(*self._notes, *found.notes))
