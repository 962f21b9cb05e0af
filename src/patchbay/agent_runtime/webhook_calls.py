"""What the call of a webhook sends for its parameters."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from patchbay.schema_graph.call import WEBHOOK, CallInput, FrozenCall, HttpCall, RequestSlot

BODILESS = frozenset({"GET", "DELETE"})
"""Methods whose parameters are in the query."""


def request_slots(inputs: Sequence[CallInput], method: str) -> tuple[RequestSlot, ...]:
    """Each parameter is a top-level member of the JSON body, or of the query where there is no body."""
    bodiless = method in BODILESS
    return tuple(
        RequestSlot(
            place="query" if bodiless else "json",
            name=one.param,
            type=one.type,
            native_type=one.native_type,
            path=() if bodiless else (one.param,),
            item_type=one.item_type,
            param=one.param,
        )
        for one in inputs
    )


def with_fields(call: FrozenCall, fields: Sequence[str]) -> FrozenCall:
    """A webhook that asks for nothing by itself, given ``fields`` as texts: a verifier's skill may name nothing but its URL.

    A call that has an input of source ``model``, or is no webhook, is returned as it is. So is what a webhook declares to answer
    with: such a field is compared and not sent. The inputs have source ``model``: whoever runs the verifier gives them as
    arguments, and never offers it to a model.
    """
    if call.kind != WEBHOOK or not isinstance(call.body, HttpCall) or any(one.source == "model" for one in call.inputs):
        return call
    known = {one.param for one in call.inputs} | {output.leaf for output in call.outputs}
    asked = tuple(
        CallInput(param=name, arg=name, type="string", native_type="string", required=True)
        for name in dict.fromkeys(fields)
        if name not in known
    )
    body = msgspec.structs.replace(call.body, slots=(*call.body.slots, *request_slots(asked, call.body.method)))
    return msgspec.structs.replace(call, inputs=(*call.inputs, *asked), body=body)
