"""What a proof gives: the frozen call, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from patchbay.errors import Finding, Unprocessable
from patchbay.schema_graph.call import FORMAT_VERSION, Candidate, FrozenCall

Reason = Literal[
    "schema_changed", "permission_missing", "provenance_unproven", "parameter_mismatch", "time_zone_missing", "not_accepted",
    "write_permission_missing", "not_writable", "not_transactional",
]  # fmt: skip
_ADVICE: Mapping[Reason, tuple[str, str]] = {
    "schema_changed": (
        "The connected system no longer has what was discovered.",
        "Discover the schema again, then save the binding again.",
    ),
    "permission_missing": (
        "The connected role may not read everything this call needs.",
        "Grant the role SELECT (the read-only script does), then discover again.",
    ),
    "provenance_unproven": (
        "It could not be proven that this call reads only what the data scoping permits, which counts as blocked.",
        "Bind columns of tables or views directly, and discover again if the schema has changed.",
    ),
    "parameter_mismatch": (
        "The connected system expects another type for an input than was discovered.",
        "Discover the schema again, then save the binding again.",
    ),
    "time_zone_missing": (
        "The call returns a date and time without a zone, and the connection has no time zone.",
        "Connect again with a timeZone such as America/Toronto.",
    ),
    "write_permission_missing": (
        "The connection's write role may not do everything this call needs.",
        "Grant it SELECT, INSERT and UPDATE on the table (the write script does), then discover again.",
    ),
    "not_writable": (
        "What this call writes to is no plain table: a view, a foreign table, or one on which a rule does something else.",
        "Bind a write to a table of the database's own.",
    ),
    "not_transactional": (
        "This table's storage engine cannot undo a write, so a write that goes wrong would stay.",
        "Have an administrator move the table to a transactional engine such as InnoDB.",
    ),
    "not_accepted": (
        "The connected system does not accept this call.",
        "Run the connection test, then discover the schema again.",
    ),
}


class CallNotProvable(Unprocessable):
    """The call could not be proven on the connected system."""

    code, title = "call_not_provable", "Call not provable"

    def __init__(self, reason: Reason) -> None:
        detail, hint = _ADVICE[reason]
        super().__init__(f"call_not_provable: {detail}", hint=hint, extensions={"reason": reason})
        self.reason: Reason = reason


class FilterNotIndexed(Unprocessable):
    """A filter has no index and the table is too large to be read from end to end while a caller waits."""

    code, title = "filter_not_indexed", "Filter not indexed"


class Proven(msgspec.Struct, frozen=True):
    """A frozen call that the live system or its document has confirmed, and what is worth knowing about it."""

    call: FrozenCall
    warnings: tuple[Finding, ...] = ()


def freeze(candidate: Candidate) -> FrozenCall:
    """The frozen call of a candidate that has been proven."""
    plan = candidate.plan
    return FrozenCall(
        format_version=FORMAT_VERSION,
        connection_id=plan.connection_id,
        kind=plan.kind,
        operation=plan.operation,
        effect=plan.effect,
        body=candidate.body,
        inputs=plan.inputs,
        outputs=plan.outputs,
        touches=plan.touches,
        caps=plan.caps,
        slice=plan.slice,
        slice_fingerprint=plan.slice_fingerprint,
        identifying=plan.identifying,
        verification=plan.verification,
        time_zone=plan.time_zone,
        guarantee=plan.guarantee,
    )
