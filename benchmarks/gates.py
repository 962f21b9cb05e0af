"""All gates on one call: every policy type at once, and the version's own flags, without what is counted in the store.

    uv run --locked python benchmarks/gates.py [--calls 20000]

Each sample is one call: the skill is looked up, its gates decide (hours, level, writes, confirmation), the outputs are chosen
and a row is limited. Screening what is said is measured by itself, per sentence. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from patchbay.agent_runtime.guardrails.levels import level_at
from patchbay.agent_runtime.guardrails.screening import screened
from patchbay.agent_runtime.verification.masking import Masks, mask_entries
from tests.agent_runtime.gated import VAULT, gated_agent

GOAL_US = 25.0
DAY = [{"from": "00:00", "to": "24:00"}]
POLICIES: tuple[dict[str, Any], ...] = (
    {
        "policyType": "business_hours",
        "timeZone": "America/New_York",
        "blocks": "tools",
        "hours": dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"), DAY),
        "holidays": ["2026-12-25"],
    },
    {"policyType": "verify_before_disclose", "appliesToSkillType": "db_query"},
    {"policyType": "field_limit", "deniedFields": ["ssn"]},
    {"policyType": "field_limit", "allowedFields": ["balance", "ssn", "price"], "liftedBy": "step_up"},
    {"policyType": "write_gate", "level": "basic", "requiresConfirmation": True},
)
RULE: dict[str, Any] = {
    "policyType": "content_rule",
    "phrases": ["guaranteed returns", "legal advice"],
    "categories": ["payment_card", "iban"],
    "action": "redact",
}
SENTENCE = "Your appointment is on Tuesday, March 4 at 9:30 AM, and the balance is 1,250.75."


def timed(work: Callable[[], Any], calls: int) -> Sequence[float]:
    """Microseconds of each of ``calls`` runs, after some to warm up."""
    for _ in range(calls // 10):
        work()
    samples: list[float] = []
    for _ in range(calls):
        started = time.perf_counter_ns()
        work()
        samples.append((time.perf_counter_ns() - started) / 1000)
    return samples


def row(name: str, samples: Sequence[float], goal: float | None) -> str:
    """A line of the table."""
    cuts = statistics.quantiles(samples, n=100)
    verdict = "" if goal is None else f"≤ {goal:g} µs: {'yes' if cuts[49] <= goal else 'NO'}"
    return f"| {name} | {cuts[49]:.2f} | {cuts[94]:.2f} | {verdict} |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=20_000)
    calls = parser.parse_args().calls
    agent = gated_agent(guardrails=POLICIES)
    verified = {"grants": {"basic": {"until": time.time() + 3600, "method": "account_pin", "check": "p"}}, "facts": {}}
    record = {"balance": "1250.75", "ssn": "078-05-1120"}

    def call(slug: str, state: dict[str, Any]) -> Callable[[], Any]:
        def one() -> Any:
            level = level_at(state, time.time())
            skill = agent.by_slug[slug]
            gate = agent.gates.of(skill.id)
            decision = gate.decide(level, confirmed=False)
            return decision or (gate.outputs(skill.call.outputs, level), gate.limits[level].row(record))

        return one

    rules = gated_agent(guardrails=[RULE]).gates.agent_rules
    masks = Masks(mask_entries({"407193", "19800503"}, "pin", VAULT.keyed_hash, "cnv"), VAULT.keyed_hash, "cnv")
    print("| all gates on one call, no I/O | p50 µs | p95 µs | goal |\n|---|---|---|---|")
    print(row("let through: a read for a verified caller", timed(call("read_the_balance", verified), calls), GOAL_US))
    print(row("refused: not verified", timed(call("read_the_balance", {}), calls), GOAL_US))
    print(row("refused: a write to be confirmed", timed(call("refund_an_order", verified), calls), GOAL_US))
    print(row("a sentence, content rules", timed(lambda: screened(SENTENCE, rules), calls // 10), None))
    print(row("a sentence, two secrets to mask", timed(lambda: masks.find(SENTENCE), calls // 10), None))


if __name__ == "__main__":
    main()
