"""docs/knowledge.md: its first part works as it stands, and what it says of limits and errors is so."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from patchbay.agent_runtime.knowledge import bodies, failures, fetching, reading, sources, taking
from patchbay.agent_runtime.knowledge.content import passages, unreadable
from patchbay.agent_runtime.knowledge.content.unreadable import ContentUnreadable
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
    known: set[type[PatchbayError]] = {EgressRefused}
    for family in (ContentUnreadable, OutboundFailed):
        known |= {family, *_below(family)}
    known |= {
        c for _, c in inspect.getmembers(failures, inspect.isclass) if c.__module__ == failures.__name__ and hasattr(c, "code")
    }
    codes = {refusal.code for refusal in known if issubclass(refusal, PatchbayError)} - {OutboundFailed.code}
    table = PAGE[PAGE.index("**When it goes wrong**") : PAGE.index("A process that is killed")]
    assert codes == set(re.findall(r"`([a-z_]+)`", "".join(re.findall(r"^\|([^|]+)\|", table, re.MULTILINE)))) - {"code"}


def _below(family: type[PatchbayError]) -> set[type[PatchbayError]]:
    return {below for direct in family.__subclasses__() for below in (direct, *_below(direct))}
