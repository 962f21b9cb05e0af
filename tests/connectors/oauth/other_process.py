"""A second process that makes sure of one connection's tokens, and then waits to be killed. Started by the tests."""

from __future__ import annotations

import asyncio
import base64
import json
import sys

from patchbay.connectors.oauth.renewal import current_tokens
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.connectors.oauth.customers import Customers
from tests.servers.authorization_server import AuthorizationServer


async def main() -> None:
    given = json.loads(sys.stdin.readline())
    vault = Vault([("k1", base64.b64decode(given["key"]))])
    mine = Customers(Database.at(given["dsn"]), vault, given["org"], AuthorizationServer())
    await current_tokens(await mine.held())
    print("renewed", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
