"""From a compiled candidate to a frozen call: the connected system confirms it, or it is refused with the reason. And what such a
call would do, before anything depends on it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from patchbay.connectors.http.authorizing import Authorizer
from patchbay.connectors.preview import Preview, PreviewOptions
from patchbay.connectors.proof import CallNotProvable, FilterNotIndexed, Proven
from patchbay.connectors.systems import system_of
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.call import CallContext, Candidate, Fallback, FrozenCall, HttpCall
from patchbay.schema_graph.scoping import View

__all__ = ["CallNotProvable", "FilterNotIndexed", "Proven", "preview", "prove"]


async def prove(
    candidate: Candidate, view: View, *, credentials: Any, guard: EgressGuard, authorizer: Authorizer | None = None
) -> Proven:
    """Prove ``candidate`` on the system behind ``credentials`` (as from ``stored_credentials.read_credentials``).

    ``view`` is the one it was compiled against. Takes at most a few seconds and holds no transaction of the platform's.
    The call takes its ground along, and where it has optional leaves its fallback, proven just so.
    Raises :class:`CallNotProvable` or :class:`FilterNotIndexed` (422), or the typed failure of reaching the system.
    """
    system = system_of(view.kind)
    proven = await system.prove(candidate, view, credentials=credentials, guard=guard, authorizer=authorizer)
    fallback = None
    if candidate.fallback is not None:
        without = await system.prove(candidate.fallback, view, credentials=credentials, guard=guard, authorizer=authorizer)
        body = None if isinstance(without.call.body, HttpCall) else without.call.body
        fallback = Fallback(without.call.slice, body)
    call = msgspec.structs.replace(proven.call, ground=view.ground(candidate.plan), fallback=fallback)
    return msgspec.structs.replace(proven, call=call)


async def preview(
    call: FrozenCall,
    context: CallContext,
    view: View | None,
    *,
    credentials: Any,
    guard: EgressGuard,
    authorizer: Authorizer | None = None,
    options: PreviewOptions,
) -> Preview:
    """What ``call`` would do with the values of ``context``; nothing is changed for good.

    Raises :class:`~patchbay.connectors.refusals.CallRefused`, what the validation of the arguments raises, or PreviewRefused.
    """
    return await system_of(call.kind).preview(
        call, context, view, credentials=credentials, guard=guard, authorizer=authorizer, options=options
    )
