"""A server of its own whose leases are short, on the store of the tests. Started by :mod:`tests.api.killed`."""

from __future__ import annotations

import json
import sys
from datetime import timedelta

import uvicorn

from patchbay.agent_runtime import direct_calls
from patchbay.agent_runtime.conversation import journal
from patchbay.agent_runtime.knowledge import taking
from patchbay.api.app import create_app
from patchbay.settings import Settings


def main() -> None:
    given = json.loads(sys.stdin.readline())
    journal.LEASE = direct_calls.LEASE = taking.LEASE = timedelta(seconds=given["lease"])
    settings = Settings(**given["settings"])
    config = uvicorn.Config(create_app(settings), host="127.0.0.1", port=given["port"], log_level="error")
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
