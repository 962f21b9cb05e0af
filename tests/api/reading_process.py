"""A server of its own whose leases on sources are short, on the store of the tests. Started by the test of killed readings."""

from __future__ import annotations

import json
import sys
from datetime import timedelta

import uvicorn

from patchbay.agent_runtime.knowledge import taking
from patchbay.api.app import create_app
from patchbay.settings import Settings


def main() -> None:
    given = json.loads(sys.stdin.readline())
    taking.LEASE = timedelta(seconds=given["lease"])
    config = uvicorn.Config(create_app(Settings(**given["settings"])), host="127.0.0.1", port=given["port"], log_level="error")
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
