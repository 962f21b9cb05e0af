"""A second process that runs one frozen call again and again, and prints what came of it. Started by the tests."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time

import msgspec

from patchbay.connectors.runtime import CallRunner
from patchbay.errors import PatchbayError
from patchbay.schema_graph.call import FrozenCall
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.connectors.platform import GUARD, by_phone


async def main() -> None:
    given = json.loads(sys.stdin.readline())
    database = Database.at(given["dsn"])
    runner = CallRunner(database, Vault([("k1", base64.b64decode(given["key"]))]), GUARD)
    call = msgspec.json.decode(given["call"], type=FrozenCall)
    await runner.start()
    try:
        while True:
            try:
                outcome = f"rows:{(await runner.run(given['org'], call, by_phone())).row_count}"
            except PatchbayError as refusal:
                outcome = refusal.code
            print(json.dumps({"at": time.monotonic(), "outcome": outcome}), flush=True)
            await asyncio.sleep(0.01)
    finally:
        await runner.stop()
        await database.close()


if __name__ == "__main__":
    asyncio.run(main())
