"""The order of the checks, the same for every SQL database, and the answer they make up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from patchbay.connectors.sql.wizard import network, speed
from patchbay.connectors.sql.wizard.checks import Check, Examination, Step, Verdict, examine, skipped

_Run = Callable[[Any], Awaitable[Verdict]]


def steps(
    *,
    authentication: _Run,
    schema_readable: _Run,
    read_probe: _Run,
    read_only_proof: _Run,
    excess_privileges: _Run,
    pooler: _Run,
    write_role: _Run,
) -> tuple[Step, ...]:
    """Every check in order; what is given is what a database does in its own way."""
    return (
        Step("credentials", network.credentials, offline=True),
        Step("address", network.address, needs=("credentials",), timeout_s=4.0),
        Step("reachable", network.reachable, needs=("address",)),
        Step("tls", network.tls, needs=("reachable",)),
        Step("authentication", authentication, needs=("tls",), timeout_s=8.0),
        Step("schema_readable", schema_readable, needs=("authentication",)),
        Step("read_probe", read_probe, needs=("authentication",), timeout_s=6.0),
        Step("read_only_proof", read_only_proof, needs=("authentication",), timeout_s=8.0),
        Step("excess_privileges", excess_privileges, needs=("authentication",)),
        Step("pooler", pooler, needs=("authentication",), timeout_s=8.0),
        Step("write_role", write_role, needs=("tls",), timeout_s=8.0),
        Step("latency", speed.latency, needs=("read_probe",), offline=True),
    )


async def run_steps(examination: Examination[Any], steps: Sequence[Step], deadline_s: float) -> dict[str, Any]:
    """Test a connection and report; nothing is stored and nothing in the database changes.

    Returns `{ok, checks: [{id, status, message, hint, facts, durationMs}]}` with every check in order, also when the
    credentials make no sense or the time (``deadline_s`` for all together) runs out: a check that could not run is `skipped`.
    ``ok`` means that none failed. Raises nothing.
    """
    checks: dict[str, Check] = {}
    ends = time.monotonic() + deadline_s
    try:
        for step in steps:
            checks[step.id] = await _next(step, examination, checks, ends - time.monotonic())
    finally:
        # A cancelled test (the client went away) still closes what it opened.
        await asyncio.shield(examination.close())
    return {
        "ok": all(check.status != "failed" for check in checks.values()),
        "checks": msgspec.json.decode(msgspec.json.encode(list(checks.values()))),
    }


async def _next(step: Step, examination: Examination[Any], done: Mapping[str, Check], left_s: float) -> Check:
    missing = [needed for needed in step.needs if done[needed].status in ("failed", "skipped")]
    if missing:
        return skipped(step, f"This needs the check {missing[0]} to pass first.")
    if left_s <= 0 and not step.offline:
        return skipped(step, "There was no time left for this check.")
    return await examine(step, examination, left_s)
