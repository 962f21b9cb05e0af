"""docs/drift.md and docs/publishing.md show what happens: their blocks are run in their order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from patchbay.api.platform import Platform
from tests.api.conftest import Key
from tests.api.guides.conftest import Caller, said
from tests.api.guides.test_drift import desk
from tests.docs.conftest import blocks
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio


def shown(found: dict[str, Any], page: dict[str, Any]) -> dict[str, Any]:
    """The members of ``found`` that the page shows."""
    return {name: found[name] for name in page}


async def test_the_pages_show_what_happens(caller: Caller, patchbay: Platform, key: Key, tls_postgres: PostgresServer) -> None:
    schema, change = blocks("drift.md", "sql")
    binding, drift, patch = map(json.loads, blocks("drift.md", "json"))
    (learnable,) = map(json.loads, blocks("publishing.md", "json"))
    credentials = tls_postgres.create_database(sql=schema)
    made = await desk(caller, patchbay, key, "postgres", credentials, binding)
    name, session = binding["toolName"], {"callerNumber": "+14155550132"}

    report = await caller.ask("GET", f"/agents/{made.agent}/prepublish-report")
    (entry,) = report["unverifiedCallerCanLearn"]
    assert shown(entry, learnable[0]) == learnable[0]
    assert report["drift"][0]["status"] == "unchanged"
    assert report["dataFlows"][0]["connection"]["host"] == credentials["host"]

    tls_postgres.execute(credentials["database"], change)
    await made.discover()
    found = (await made.drift())[name]
    assert shown(found, drift) == drift
    assert found["suggestion"] is None
    report = await caller.ask("GET", f"/agents/{made.agent}/prepublish-report")
    assert "skill_paused" in {warning["code"] for warning in report["warnings"]}
    assert report["willSay"][0]["paused"]

    mended = await caller.ask("PATCH", f"/agents/{made.agent}/skills/{made.skills[name]}", patch)
    assert (mended["drift"]["status"], mended["enabled"]) == ("unchanged", True)
    await caller.ask("POST", f"/agents/{made.agent}/publish", status=201)
    frames = await caller.simulate(made.agent, message="When is my appointment?", draftMode=False, session=session)
    assert "March 4, 2031" in said(frames)
