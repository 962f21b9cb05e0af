"""A call made ready whose results get the form the agent is to have them in."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any
from zoneinfo import ZoneInfo

from patchbay.connectors.system import Ready
from patchbay.schema_graph.call import CallContext, CallResult
from patchbay.schema_graph.shaping import Shape, shape_of


def shaped(ready: Ready) -> Ready:
    """``ready`` with the transforms of its call's outputs done on every result; itself where there are none."""
    shape = shape_of(ready.call.outputs)
    return ready if shape is None else _Shaped(ready, shape)


class _Shaped:
    """See :class:`~patchbay.connectors.system.Ready`."""

    __slots__ = ("_ready", "_shape", "call", "seconds")

    def __init__(self, ready: Ready, shape: Shape) -> None:
        self._ready = ready
        self._shape = shape
        self.call = ready.call
        self.seconds = ready.seconds

    def values(self, context: CallContext, zone: ZoneInfo) -> Any:
        """What a run sends."""
        return self._ready.values(context, zone)

    def run(self, source: Any, values: Any, deadline: float) -> Awaitable[Any]:
        """The system's answer."""
        return self._ready.run(source, values, deadline)

    def result(self, source: Any, answer: Any, *, zone_name: str, zone: ZoneInfo, duration_ms: float) -> CallResult:
        """The answer as the one shape, and its leaves as declared."""
        return self._shape(self._ready.result(source, answer, zone_name=zone_name, zone=zone, duration_ms=duration_ms), zone)
