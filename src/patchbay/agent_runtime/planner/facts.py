"""What the channel knows of the caller, used for the parameters that mean the caller, and said when it is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from patchbay.agent_runtime.planner.slots import kind_of
from patchbay.agent_runtime.planner.words import named, split_words
from patchbay.schema_graph.call import CallInput

_OWN = re.compile(r"\b(my|mine|i|i'm|i've|i'd|i'll|me|our|we|us)\b", re.I)
_THIS_NUMBER = re.compile(
    r"\b(?:this|same|the|my) (?:phone |current )?number(?: (?:that )?(?:i'?m|i am) calling (?:you )?from)?\b"
    r"|\bcalling from\b|\bthis (?:one|phone)\b",
    re.I,
)
_CALLER = named(
    """
    caller customer client patient contact guest user my phone number mobile cell telephone name full tel
    """
)


def from_channel(said: str, inputs: Sequence[CallInput], session: Mapping[str, Any], *, asked: str | None) -> dict[str, Any]:
    """Values of the caller's own parameters that the channel knows, when the caller speaks of themselves."""
    found: dict[str, Any] = {}
    for one in inputs:
        key = {"phone": "caller_number", "name": "caller_name"}.get(kind_of(one))
        if key is None or not session.get(key) or not set(split_words(one.param)) <= _CALLER:
            continue
        meant = bool(_THIS_NUMBER.search(said)) if asked == one.param else bool(_OWN.search(said))
        if meant and (key == "caller_number" or one.required):
            found[one.param] = str(session[key])
    return found


def acknowledged(params: Sequence[str], inputs: Sequence[CallInput]) -> str:
    """The words that say which of the channel's facts were used, or nothing."""
    kinds = {kind_of(one) for one in inputs if one.param in params}
    if "phone" in kinds:
        return "Going by the number you're calling from: "
    return "Going by the name I have for you: " if "name" in kinds else ""
