"""Reading sources in the background, in every process: whoever finds one that is due takes it, reads it, and stores what it read.

There is no queue beside the sources themselves. A process says every few seconds that it is still at what it took; when it is
killed, the next one takes over once the lease is over. Reading twice does no harm: what comes of it is put in place at once, by
the one who holds the lease then.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from random import SystemRandom

import structlog
from sqlalchemy import event, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from patchbay.agent_runtime.knowledge import taking
from patchbay.agent_runtime.knowledge.failures import ReadingInterrupted, failure_of
from patchbay.agent_runtime.knowledge.reading import Reader
from patchbay.agent_runtime.knowledge.taking import MOST_ATTEMPTS, Taken
from patchbay.egress.guard import EgressGuard
from patchbay.store.background import Background
from patchbay.store.database import Database

EVERY_S = 5.0
"""How often a process looks, more or less, when nobody wakes it."""
AT_ONCE = 4
"""Sources that one process reads side by side."""
OF_ONE = 3
"""Of one organization, so that slow sites of one hold up no other."""
_FOUND = 40
_CHANCE = SystemRandom()
_DUE = text("SELECT id, org_id FROM due_knowledge(:most)")
_log = structlog.get_logger(__name__)


class Ingestion:
    """Reads what is due while a process runs; started and stopped by the composition root."""

    def __init__(self, database: Database, guard: EgressGuard, *, every_s: float = EVERY_S) -> None:
        self._database = database
        self._reader = Reader(database, guard)
        self._every_s = every_s
        self._woken = asyncio.Event()
        self._looking = Background("knowledge")
        self._reading: dict[asyncio.Task[None], str] = {}

    def start(self) -> None:
        """Look again and again."""
        self._looking.start(self._keep_looking())

    async def stop(self) -> None:
        """Look no more. What is being read is given back, for another process to read."""
        await self._looking.stop()
        tasks = list(self._reading)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    def wake_after(self, session: AsyncSession, *, again_in: timedelta | None = None) -> None:
        """Look as soon as the transaction of ``session`` is there for others to see, and once more after ``again_in``."""
        loop = asyncio.get_running_loop()

        def wake(_: Session) -> None:
            self.wake()
            if again_in is not None:
                loop.call_later(again_in.total_seconds(), self.wake)

        event.listen(session.sync_session, "after_commit", wake, once=True)

    async def _keep_looking(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every_s * _CHANCE.uniform(0.5, 1.5)):
                    await self._woken.wait()
            self._woken.clear()
            try:
                await self._look()
            except (SQLAlchemyError, OSError) as error:
                _log.warning("sources were not looked for", error=type(error).__name__)
            except Exception:  # whatever it was, the next look may go better, and nobody else looks in this process
                _log.exception("sources were not looked for")

    async def _look(self) -> None:
        """Begin to read as much of what is due as there is room for."""
        if len(self._reading) >= AT_ONCE:
            return  # the first that ends wakes us
        async with self._database.anonymous() as session:
            found = (await session.execute(_DUE, {"most": _FOUND})).all()
        for source_id, org_id in found:
            if len(self._reading) >= AT_ONCE:
                return
            if sum(org_id == of for of in self._reading.values()) >= OF_ONE:
                continue
            taken = await taking.take(self._database, org_id, source_id)
            if taken is not None:
                task = asyncio.get_running_loop().create_task(self._read(taken))
                self._reading[task] = org_id
                task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._reading[task]
        self.wake()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("a reading could not be stored", error=type(error).__name__)

    async def _read(self, taken: Taken) -> None:
        """Read one source while its lease is kept. A reading whose lease is lost is somebody else's, and ends."""
        began = asyncio.get_running_loop().time()
        work = asyncio.get_running_loop().create_task(self._read_and_store(taken))
        try:
            while not work.done():
                await asyncio.wait([work], timeout=taking.LEASE.total_seconds() / 3)
                if not work.done() and not await self._kept(taken):
                    return
            outcome = await work
            _log.info("source read", source_id=taken.id, outcome=outcome, seconds=round(_since(began), 3))
        except asyncio.CancelledError:
            await _end(work)
            await taking.give_back(self._database, taken)
            raise
        finally:
            await _end(work)

    async def _kept(self, taken: Taken) -> bool:
        try:
            return await taking.keep(self._database, taken)
        except (SQLAlchemyError, OSError):
            return True  # the store is away for a moment; whether the lease was lost meanwhile shows at the end

    async def _read_and_store(self, taken: Taken) -> str:
        try:
            if taken.attempts > MOST_ATTEMPTS:
                raise ReadingInterrupted
            reading = await self._reader.read(taken)
        except (SQLAlchemyError, OSError):
            raise  # the store's, not the source's: whoever takes it next tries again
        except Exception as error:
            failure = failure_of(error)
            again = await taking.end_failed(self._database, taken, failure)
            return f"{failure.code}, again" if again else failure.code
        if reading is None:
            await taking.end_unchanged(self._database, taken)
            return "not modified"
        changed = await taking.end_read(self._database, taken, reading.read, etag=reading.etag, modified=reading.modified)
        return "changed" if changed else "the same"


async def _end(work: asyncio.Task[str]) -> None:
    """Cancel it where it is not done, and wait until nothing of it runs any more."""
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


def _since(began: float) -> float:
    return asyncio.get_running_loop().time() - began
