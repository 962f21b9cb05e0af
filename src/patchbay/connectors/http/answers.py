"""Reading the JSON a system answers with: its media type, its text, and what it may not be."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from patchbay.connectors.refusals import SourceRefused
from patchbay.egress.http import Answered
from patchbay.schema_graph.call import FrozenCall

NOT_UNDERSTOOD = "The answer of the connected system was not understood."
_TEXTS = ("text/plain", "text/javascript", "application/octet-stream")
"""What servers call JSON when nobody told them."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Decoder = msgspec.json.Decoder[Any]
_quick: Decoder = msgspec.json.Decoder()
_exact: Decoder = msgspec.json.Decoder(float_hook=Decimal)


def decoder_for(call: FrozenCall) -> Decoder:
    """Reads fractions digit for digit where the call returns decimals."""
    kinds = {kind for output in call.outputs for kind in (output.column.type, output.column.item_type)}
    return _exact if "decimal" in kinds else _quick


def decoded(answered: Answered, decoder: Decoder) -> Any:
    """The body as JSON; None for an empty one. Raises SourceRefused where it is not JSON, or says that it is something else."""
    body = answered.body
    if not body:
        return None
    kind = answered.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind and "json" not in kind and kind not in _TEXTS:
        raise SourceRefused(NOT_UNDERSTOOD)
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, ArithmeticError):
        pass
    if body.startswith(_BYTE_ORDER_MARK):
        return decoded(Answered(answered.status, answered.headers, body[len(_BYTE_ORDER_MARK) :], answered.at), decoder)
    raise SourceRefused(NOT_UNDERSTOOD)
