"""Whether a write was done, where its answer says so itself: 200 alone is no word of that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from patchbay.connectors.http.results import gathered
from patchbay.connectors.refusals import CallNotSupported, OutcomeUnknown, WriteRefused
from patchbay.schema_graph.call import FrozenCall, GraphqlCall, HttpCall


def judge_of(call: FrozenCall, body: HttpCall | GraphqlCall) -> Callable[[Any], None] | None:
    """What judges the payload of a write's answer; None where the call looks at nothing.

    Raises WriteRefused for one that says it was not done, and OutcomeUnknown where the binding says what to look at and it is not
    there. Raises CallNotSupported itself for a call that names no leaf of its own.
    """
    success = body.succeeds
    if success is None:
        return None
    number = next((n for n, output in enumerate(call.outputs) if output.leaf == success.leaf), None)
    if number is None or call.effect != "write":
        raise CallNotSupported
    path = (*body.record, *body.leaves[number])

    def judge(payload: Any) -> None:
        found = [value for value in gathered(payload, path) if value is not None]
        if any(type(value) is not type(success.equals) or value != success.equals for value in found):
            raise WriteRefused("The connected system answers that this was not done.")
        if not found and success.said:
            raise OutcomeUnknown

    return judge
