"""The order of the checks, and the answer they make up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from patchbay.connectors.sql.postgres.wizard import login, network, permissions, speed
from patchbay.connectors.sql.postgres.wizard.checks import Check, Examination, Step, examine, skipped
from patchbay.egress.guard import EgressGuard

STEPS = (
    Step("credentials", network.credentials, offline=True),
    Step("address", network.address, needs=("credentials",), timeout_s=4.0),
    Step("reachable", network.reachable, needs=("address",)),
    Step("tls", network.tls, needs=("reachable",)),
    Step("authentication", login.authentication, needs=("tls",), timeout_s=8.0),
    Step("schema_readable", login.schema_readable, needs=("authentication",)),
    Step("read_probe", speed.read_probe, needs=("authentication",), timeout_s=6.0),
    Step("read_only_proof", permissions.read_only_proof, needs=("authentication",), timeout_s=8.0),
    Step("excess_privileges", permissions.excess_privileges, needs=("authentication",)),
    Step("pooler", login.pooler, needs=("authentication",), timeout_s=8.0),
    Step("write_role", permissions.write_role, needs=("tls",), timeout_s=8.0),
    Step("latency", speed.latency, needs=("read_probe",), offline=True),
)
CHECK_IDS = tuple(step.id for step in STEPS)


async def run_checks(
    credentials_raw: Mapping[str, Any], guard: EgressGuard, *, kind: str = "postgres", deadline_s: float = 30.0
) -> dict[str, Any]:
    """Test a connection and report; nothing is stored and nothing in the database changes.

    Returns `{ok, checks: [{id, status, message, hint, facts, durationMs}]}` with every check of `CHECK_IDS` in order, also
    when the credentials make no sense or the time (``deadline_s`` for all together) runs out: a check that could not run
    is `skipped`. ``ok`` means that none failed. Raises nothing.
    """
    examination = Examination(raw=credentials_raw, kind=kind, guard=guard)
    checks: dict[str, Check] = {}
    ends = time.monotonic() + deadline_s
    try:
        for step in STEPS:
            checks[step.id] = await _next(step, examination, checks, ends - time.monotonic())
    finally:
        # A cancelled test (the client went away) still closes what it opened.
        await asyncio.shield(examination.close())
    return {
        "ok": all(check.status != "failed" for check in checks.values()),
        "checks": msgspec.json.decode(msgspec.json.encode(list(checks.values()))),
    }


async def _next(step: Step, examination: Examination, done: Mapping[str, Check], left_s: float) -> Check:
    missing = [needed for needed in step.needs if done[needed].status in ("failed", "skipped")]
    if missing:
        return skipped(step, f"This needs the check {missing[0]} to pass first.")
    if left_s <= 0 and not step.offline:
        return skipped(step, "There was no time left for this check.")
    return await examine(step, examination, left_s)
