"""From a compiled candidate to a frozen call: the connected system confirms it, or it is refused with the reason. And what such a
call would do, before anything depends on it.
"""

from __future__ import annotations

from typing import Any

from patchbay.connectors.http.authorizing import Authorizer
from patchbay.connectors.preview import Preview, PreviewOptions
from patchbay.connectors.proof import CallNotProvable, FilterNotIndexed, Proven
from patchbay.connectors.systems import system_of
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.call import CallContext, Candidate, FrozenCall
from patchbay.schema_graph.scoping import View

__all__ = ["CallNotProvable", "FilterNotIndexed", "Proven", "preview", "prove"]


async def prove(
    candidate: Candidate, view: View, *, credentials: Any, guard: EgressGuard, authorizer: Authorizer | None = None
) -> Proven:
    """Prove ``candidate`` on the system behind ``credentials`` (as from ``stored_credentials.read_credentials``).

    ``view`` is the one it was compiled against. Takes at most a few seconds and holds no transaction of the platform's.
    Raises :class:`CallNotProvable` or :class:`FilterNotIndexed` (422), or the typed failure of reaching the system.
    """
    return await system_of(view.kind).prove(candidate, view, credentials=credentials, guard=guard, authorizer=authorizer)


async def preview(
    call: FrozenCall,
    context: CallContext,
    view: View,
    *,
    credentials: Any,
    guard: EgressGuard,
    authorizer: Authorizer | None = None,
    options: PreviewOptions,
) -> Preview:
    """What ``call`` would do with the values of ``context``; nothing is changed for good.

    Raises :class:`~patchbay.connectors.refusals.CallRefused`, what the validation of the arguments raises, or PreviewRefused.
    """
    return await system_of(view.kind).preview(
        call, context, view, credentials=credentials, guard=guard, authorizer=authorizer, options=options
    )
