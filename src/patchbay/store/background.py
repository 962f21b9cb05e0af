"""One piece of work that runs beside the requests while a process serves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any


class Background:
    """Runs one coroutine from :meth:`start` to :meth:`stop`, under ``name``; whoever owns it starts it once."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._task: asyncio.Task[None] | None = None

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin; needs a running loop."""
        self._task = asyncio.get_running_loop().create_task(work, name=f"patchbay {self._name}")

    async def stop(self) -> bool:
        """Cancel the work and wait for its end; whether it had been started."""
        task, self._task = self._task, None
        if task is None:
            return False
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return True
