"""The idempotency key of a write: which argument of a called operation takes one, and the form it is sent in.

An operation takes a key only where its document declares an argument for it: a header or a member of the body that goes by one of
:data:`NAMES` (``Idempotency-Key``, ``idempotency_key``, ``idempotencyKey``, ``X-Idempotency-Key``). What a description says in
prose is no declaration, and names that also mean other things (``requestId``, ``clientMutationId``, ``uid``) are not taken for
one: a key that the other side does not honour would be worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast
from uuid import UUID, uuid4, uuid5

from patchbay.schema_graph.call import CallContext, FrozenCall
from patchbay.schema_graph.model import Argument, Operation

NAMES = frozenset({"idempotencykey", "xidempotencykey"})
"""In small letters, without the signs between words."""
PLACES = frozenset({"header", "json", "form", "multipart", "variable"})
MOST_LEVELS = 2
"""Members below which no key is looked for: ``input.idempotencyKey`` is one, one in every line of an order is another matter."""
LENGTH = 36
_NAMESPACE = UUID("5f2b1c1e-6b0f-4d43-9a55-0d6a4f7a9e11")
_SIGNS = re.compile(r"[^a-z0-9]")


def key_argument(operation: Operation, arguments: Iterable[Argument]) -> Argument | None:
    """The argument of a write that takes its key, among ``arguments`` (those in view); None when there is none, or several."""
    if operation.effect != "write":
        return None
    places = cast("Mapping[str, Mapping[str, Any]]", operation.invoke.get("arguments", {}))
    found = [argument for argument in arguments if _takes_key(argument, places.get(argument.name, {}))]
    return found[0] if len(found) == 1 else None


def _takes_key(argument: Argument, place: Mapping[str, Any]) -> bool:
    path = tuple(place.get("path", ()))
    name = path[-1] if path else str(place.get("name") or argument.name)
    return (
        _SIGNS.sub("", name.lower()) in NAMES
        and place.get("place", "variable") in PLACES
        and len(path) <= MOST_LEVELS
        and argument.type in ("string", "uuid")
        and not argument.enum
        and (argument.max_length is None or argument.max_length >= LENGTH)
    )


def sendable_key(key: str) -> str:
    """The key as every system takes it: a UUID. One that is none gives the same one each time."""
    try:
        return str(UUID(key))
    except ValueError:
        return str(uuid5(_NAMESPACE, key))


def call_key(call: FrozenCall, context: CallContext) -> str | None:
    """The key that a run of the call sends; None for one whose other side takes none.

    Without one in the context the run has a key of its own: it can then be sent again within the run, and no later.
    """
    if call.guarantee != "upstream_key":
        return None
    return sendable_key(context.idempotency_key) if context.idempotency_key else str(uuid4())
