"""docs/skills.md: every type is on it as it is in the catalogue, and its examples are accepted as they stand."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema_rs
import pytest

from patchbay.agent_runtime.skill_types import skill_types
from tests.api.guides.conftest import Caller
from tests.docs.conftest import ROOT, blocks

pytestmark = pytest.mark.anyio
EXAMPLES: list[dict[str, Any]] = [json.loads(block) for block in blocks("skills.md", "json")]


def test_every_type_is_on_the_page() -> None:
    page = (ROOT / "docs/skills.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    for entry in skill_types():
        assert any(f"`{entry['type']}`" in row for row in rows), entry["type"]
        assert (entry["schema"] is not None) == (entry["createWith"] == "POST /agents/{agentId}/skills")


async def test_the_examples_are_accepted(caller: Caller) -> None:
    agent = (await caller.ask("POST", "/agents", {"name": "Front desk"}, status=201))["id"]
    # What is booked on needs a connected system: tests/api/guides/test_booking.py makes that one.
    made = [one for one in EXAMPLES if one.get("skillType", "booking") != "booking"]
    for body in made:
        skill = await caller.ask("POST", f"/agents/{agent}/skills", body, status=201)
        writes = re.search(rf"^\| \[`{body['skillType']}`\].*\| (yes|no) \|$", (ROOT / "docs/skills.md").read_text(), re.M)
        assert writes is not None
        assert skill["enabled"] == (writes[1] == "no")
    (roster,) = [one for one in EXAMPLES if "skillType" not in one]
    placed = await caller.ask("POST", f"/agents/{agent}/geocode-roster", roster)
    assert placed["unresolved"] == 0
    assert {one["skillType"] for one in made} == {"transfer", "email", "sms", "take_message", "geo", "knowledge_search"}


async def test_every_type_comes_with_the_schema_of_what_makes_it(caller: Caller) -> None:
    types = {one["type"]: one for one in await caller.ask("GET", "/skill-types")}
    for one in types.values():
        jsonschema_rs.meta.validate(one["schema"])
    read = {"toolName": "Look up", "operation": "a.read", "projection": [{"path": ["b"], "leaf": "b"}]}
    assert jsonschema_rs.is_valid(types["db_query"]["schema"], read)
    assert not jsonschema_rs.is_valid(types["db_query"]["schema"], read | {"sql": "SELECT 1"})
