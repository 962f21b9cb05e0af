"""Who a message goes to: whom the operator names, or the caller by what is known of them. Never whom a model says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from patchbay.agent_runtime.bodies import Body
from patchbay.errors import Finding
from patchbay.schema_graph.call import CallInput, Codec

RECIPIENT = "recipient"
"""The input that the caller's own address or number comes by."""


class CallersOwn(Body):
    """What is known of the caller: a fact of the session, or of a verified caller, under ``key``."""

    source: Literal["session", "verified"] = "verified"
    key: Annotated[str, Field(min_length=1, max_length=200)] | None = None


def own_input(own: CallersOwn, key: str, *, codec: Codec = "plain", country: str | None = None) -> CallInput:
    """The input for the caller's own address. ``key`` is the usual fact."""
    return CallInput(
        RECIPIENT,
        RECIPIENT,
        "string",
        "string",
        source=own.source,
        key=own.key or key,
        required=True,
        description="Where the caller is reached",
        codec=codec,
        country=country,
    )


def check_recipients(to: Sequence[str], own: CallersOwn | None, names: Sequence[str], hint: str, findings: list[Finding]) -> None:
    """Adds a finding where nobody, or a parameter, would be the recipient."""
    if not to and own is None:
        message = "Somebody has to be the recipient: to, or toCaller."
        findings.append(Finding("executionConfig.to", "required", message, hint))
    if own is not None and RECIPIENT in names:
        message = "With toCaller no parameter may have this name: nobody says who the recipient is."
        findings.append(Finding(f"parametersSchema.properties.{RECIPIENT}", "param_reserved", message, "Give it another name."))


def told_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values a text is filled with: all but the recipient."""
    return {name: value for name, value in values.items() if name != RECIPIENT}
