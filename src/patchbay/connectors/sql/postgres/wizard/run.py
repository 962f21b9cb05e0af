"""The connection test of a PostgreSQL connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from patchbay.connectors.sql.postgres.wizard import login, permissions, speed
from patchbay.connectors.sql.postgres.wizard.examination import Examination
from patchbay.connectors.sql.wizard.run import run_steps, steps
from patchbay.egress.guard import EgressGuard

STEPS = steps(
    authentication=login.authentication,
    schema_readable=login.schema_readable,
    read_probe=speed.read_probe,
    read_only_proof=permissions.read_only_proof,
    excess_privileges=permissions.excess_privileges,
    pooler=login.pooler,
    write_role=permissions.write_role,
)
CHECK_IDS = tuple(step.id for step in STEPS)


async def run_checks(credentials_raw: Mapping[str, Any], guard: EgressGuard, *, deadline_s: float = 30.0) -> dict[str, Any]:
    """Test a connection and report every check of `CHECK_IDS`, see `sql.wizard.run.run_steps`."""
    examination = Examination(raw=credentials_raw, kind="postgres", guard=guard)
    return await run_steps(examination, STEPS, deadline_s)
