"""Another process that runs live calls round after round and prints what came of each. Started by the tests of drift."""

from __future__ import annotations

import asyncio
import base64
import json
import sys

import msgspec

from patchbay.agent_runtime.drift.judging import judge_connection
from patchbay.connectors.runtime import CallRunner
from patchbay.errors import PatchbayError
from patchbay.schema_graph.call import CallContext, FrozenCall
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.connectors.platform import GUARD


async def main() -> None:
    given = json.loads(sys.stdin.readline())
    database = Database.at(given["dsn"])
    runner = CallRunner(database, Vault([("k1", base64.b64decode(given["key"]))]), GUARD)
    runner.drift.judge = judge_connection
    calls = {name: msgspec.json.decode(call, type=FrozenCall) for name, call in given["calls"].items()}
    await runner.start()
    while True:
        outcomes: dict[str, str] = {}
        for name, call in calls.items():
            context = CallContext(arguments=given["arguments"].get(name, {}), session={"caller_number": "+14155550132"})
            try:
                outcomes[name] = f"rows:{(await runner.run(given['org'], call, context)).row_count}"
            except PatchbayError as refusal:
                outcomes[name] = refusal.code
        print(json.dumps(outcomes), flush=True)
        await asyncio.sleep(0.02)


if __name__ == "__main__":
    asyncio.run(main())
