"""The whole way of one tool call in one process, against the bare prepared query on the same driver, side by side in one run.

    uv run --locked python benchmarks/full_path.py [--calls 3000] [--rounds 6]

Ours is the engine's own step: the model's request is looked up and parsed, passes its gates, runs through the runtime (state,
scoping, arguments, pool, deadline, caps), is projected and limited, and becomes the events and the message the model is told.
Events are made and not stored: they are stored behind a turn. The bare side and the tables are those of `skill_call.py`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._calling import timed
from benchmarks.skill_call import BY_ID, CASES, MORE_ROWS, bare_query, platform
from patchbay.agent_runtime.agent_draft import read_draft
from patchbay.agent_runtime.conversation.engine import Engine
from patchbay.agent_runtime.conversation.journal import Held, Journal
from patchbay.agent_runtime.conversation.model import ToolCallRequest
from patchbay.agent_runtime.frozen import FrozenAgent, FrozenSkill
from patchbay.bindings.tool_schema import tool_schema
from patchbay.connectors.runtime import CallRunner
from patchbay.schema_graph.call import FrozenCall
from tests.connectors import shop
from tests.servers.postgres import PostgresServer

GOAL = 1.6
SLUG = "find_the_customer"
POLICIES: tuple[dict[str, Any], ...] = (
    {"id": "gdr_1", "policyType": "verify_before_disclose", "appliesToSkillType": "mysql", "isEnabled": True},
    {"id": "gdr_2", "policyType": "field_limit", "deniedFields": ["ssn"], "isEnabled": True},
)


def engine_for(call: FrozenCall, org_id: str, runner: CallRunner) -> tuple[Engine, Journal]:
    """An engine in the middle of a turn, for an agent with one skill and two policies."""
    document: dict[str, Any] = {
        "id": "skl_1",
        "name": "Find the customer",
        "slug": SLUG,
        "description": "Find the customer.",
        "skillType": "postgres",
        "tool": tool_schema(SLUG, "Find the customer.", call.inputs),
        "requiresVerifiedIdentity": False,
        "call": {"digest": ""},
    }
    agent = FrozenAgent(
        agent_id="agt_1",
        version_id="ver_1",
        number=1,
        sha256="",
        profile=read_draft({"name": "Front desk", "timeZone": shop.ZONE}),
        skills=(FrozenSkill(document, call),),
        guardrails=POLICIES,
    )
    held = Held(
        id="cnv_1", org_id=org_id, agent_id="agt_1", version_id="ver_1", draft=False, channel="chat",
        session={}, state={"via": "session"}, last_seq=0, turns=0, claim="trn_1",
    )  # fmt: skip
    runtime: Any = SimpleNamespace(runner=runner, models=lambda _: None, books=None, vault=None)
    journal = Journal(runtime, held)
    engine = Engine(runtime, agent, held, journal, (), turn_seconds=600)
    engine.hear("Who is customer 10000?")
    return engine, journal


async def measure(server: PostgresServer, calls: int, rounds: int) -> str:
    """The table."""
    credentials = server.create_database(sql=shop.SQL + MORE_ROWS)
    dsn = psycopg.conninfo.make_conninfo(
        host=credentials["host"], port=credentials["port"], dbname=credentials["database"], user=credentials["user"],
        password=credentials["password"], sslmode="verify-full", sslrootcert=server.ca_file,
    )  # fmt: skip
    async with platform(credentials) as (made, runner), await psycopg.AsyncConnection.connect(dsn, autocommit=True) as bare:
        case = CASES[0]
        call = shop.frozen(BY_ID, made.connection_id)
        sql, values = bare_query(call, case)
        given = {n: values(n) for n in range(calls * rounds + 1_000)}
        engine, journal = engine_for(call, made.org, runner)

        async def plain(n: int) -> Any:
            cursor = bare.cursor()
            await cursor.execute(sql, given[n], prepare=True)  # pyright: ignore[reportArgumentType]
            return await cursor.fetchall()

        async def ours(n: int) -> Any:
            engine._calls_left = 12
            engine._messages.clear()
            engine._outcomes.clear()
            journal._pending.clear()
            request = ToolCallRequest(call_id="call_1", name=SLUG, arguments=json.dumps(case.arguments(n)))
            return [event async for event in engine._use(request)]

        events = await ours(1)
        assert [event.data["state"] for event in events] == ["started", "succeeded"]
        assert tuple(events[-1].data["result"]["rows"][0].values()) == (await plain(1))[0]
        samples: dict[str, list[float]] = {"bare": [], "ours": []}
        for warm in (plain, ours):
            await timed(warm, 300, 0)
        for number in range(rounds):
            sides = [("bare", plain), ("ours", ours)]
            for side, work in sides if number % 2 else reversed(sides):
                samples[side] += await timed(work, calls // rounds, number * calls)
    p50 = {side: statistics.median(found) for side, found in samples.items()}
    p95 = {side: statistics.quantiles(found, n=20)[-1] for side, found in samples.items()}
    return "\n".join(
        [
            "| one tool call, one indexed row, TLS | bare prepared query | the whole way | ratio | goal |",
            "|---|---|---|---|---|",
            f"| p50 µs | {p50['bare']:.0f} | {p50['ours']:.0f} | {p50['ours'] / p50['bare']:.2f} | ≤ {GOAL} |",
            f"| p95 µs | {p95['bare']:.0f} | {p95['ours']:.0f} | {p95['ours'] / p95['bare']:.2f} | – |",
        ]
    )


def main() -> None:
    """Start a server, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=6)
    options = parser.parse_args()
    server = PostgresServer.start()
    try:
        print(uvloop.run(measure(server, options.calls, options.rounds)))
    finally:
        server.stop()


if __name__ == "__main__":
    main()
