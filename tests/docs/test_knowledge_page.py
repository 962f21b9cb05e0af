"""docs/knowledge.md: its first part works as it stands, and what it says of limits and errors is so."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from patchbay.agent_runtime.knowledge import bodies, failures, fetching, reading, sources, taking
from patchbay.agent_runtime.knowledge.content import passages, unreadable
from patchbay.egress import failures as egress_failures
from patchbay.egress.failures import OutboundFailed
from patchbay.egress.guard import EgressRefused
from patchbay.errors import PatchbayError
from tests.docs.conftest import ROOT, blocks, run_bash

PAGE = (ROOT / "docs" / "knowledge.md").read_text()


def test_adding_a_source_works_as_it_stands(environment: dict[str, str], server: str, tmp_path: Path) -> None:
    run = run_bash("knowledge.md", {**environment, "API": server}, tmp_path, until="**Limits.**")
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    (shown,) = blocks("knowledge.md", "text", until="**Limits.**")
    assert run.stdout == f"pending\n{shown}"


def test_the_limits_are_so() -> None:
    for told in (
        f"{sources.MOST_SOURCES} sources for each agent",
        f"{unreadable.MOST_CHARACTERS:,} characters and {unreadable.MOST_PASSAGES:,} passages",
        f"at most {unreadable.MOST_PAGES:,} pages",
        f"at most {bodies.MOST_TEXT:,} characters",
        f"up to {bodies.MOST_FAQS} of",
        f"at most {passages.MOST_WORDS} words or {passages.MOST_CHARACTERS:,} characters",
        f"within {fetching.FETCH_S:.0f} seconds and {fetching.MOST_BYTES // 1_000_000} MB",
        f"{reading.READ_S:.0f} seconds and {reading.MEMORY_MB} MB",
        f"after {taking.FIRST_WAIT_S:.0f} seconds, {taking.FIRST_WAIT_S * 5:.0f} seconds and about 4 minutes",
        f"like from {bodies.LEAST_HOURS} on",
    ):
        assert told in PAGE, told
    assert taking.MOST_ATTEMPTS == 4


def test_every_code_of_a_reading_is_listed() -> None:
    families = [EgressRefused]
    for module in (failures, egress_failures, unreadable):
        families += [found for _, found in inspect.getmembers(module, inspect.isclass) if found.__module__ == module.__name__]
    codes = {family.code for family in families if issubclass(family, PatchbayError)} - {OutboundFailed.code}
    table = PAGE[PAGE.index("**When it goes wrong**") : PAGE.index("A process that is killed")]
    assert codes == set(re.findall(r"`([a-z_]+)`", "".join(re.findall(r"^\|([^|]+)\|", table, re.MULTILINE)))) - {"code"}
