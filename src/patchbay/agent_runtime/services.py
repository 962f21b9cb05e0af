"""What the agents need from the rest of the house, handed over once by the composition root."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import structlog

from patchbay.agent_runtime.counting import Books, PostgresBooks
from patchbay.agent_runtime.knowledge.searching import Library
from patchbay.connectors.geocoding.offline import OfflineGeocoder
from patchbay.connectors.geocoding.places import Geocoding
from patchbay.connectors.preview import Preview
from patchbay.connectors.smtp.message import Mail
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall

if TYPE_CHECKING:
    from patchbay.agent_runtime.conversation.model import ModelClient
    from patchbay.agent_runtime.frozen import FrozenAgent
    from patchbay.egress.guard import EgressGuard
    from patchbay.settings import Settings
    from patchbay.store.database import Database
    from patchbay.store.vault import Vault

_log = structlog.get_logger(__name__)

ModelFactory = Callable[["FrozenAgent"], "ModelClient"]


class Runner(Protocol):
    """Runs frozen calls; every refusal is a :class:`~patchbay.errors.PatchbayError`."""

    async def run(self, org_id: str, call: FrozenCall, context: CallContext) -> CallResult:
        """The result of ``call`` with the arguments of ``context``."""
        ...


@runtime_checkable
class SettlingRunner(Runner, Protocol):
    """A runner that can find out what became of a write."""

    async def settle(self, org_id: str, call: FrozenCall, context: CallContext) -> bool:
        """Whether a write that nobody saw the end of is found done. False where that cannot be told."""
        ...


class OwnRunner(Runner, Protocol):
    """Runs the calls of one kind that Patchbay does itself, and shows what they would do."""

    async def preview(self, org_id: str, call: FrozenCall, context: CallContext) -> Preview:
        """What it would do; nothing is done."""
        ...


class Texting(Protocol):
    """Sends text messages."""

    async def send(self, to: str, text: str) -> None:
        """Send ``text`` to ``to`` (E.164). Raises a :class:`~patchbay.errors.PatchbayError` when the carrier does not take it."""
        ...


class Mailing(Protocol):
    """Sends mail."""

    async def send(self, mail: Mail) -> None:
        """Send ``mail`` to all of its recipients or to none. Raises a :class:`~patchbay.errors.PatchbayError`."""
        ...


@dataclass(slots=True)
class Runtime:
    """The services of one process. ``models`` gives the model that speaks for an agent; ``own`` are what Patchbay does itself, by
    the kind of call, to look at what it would do.

    ``counted_in`` are the books to count in across conversations (None: the database); ``sms`` sends text messages, where a
    carrier is configured, and ``mail`` mail, where a mail server is; ``geocoder`` places addresses on the map; ``library``
    are the indexes of knowledge that are ready to be searched.
    """

    database: Database
    vault: Vault
    guard: EgressGuard
    runner: SettlingRunner
    models: ModelFactory
    settings: Settings
    sms: Texting | None = None
    mail: Mailing | None = None
    geocoder: Geocoding = field(default_factory=OfflineGeocoder)
    own: Mapping[str, OwnRunner] = field(default_factory=dict[str, OwnRunner])
    counted_in: Books | None = None
    library: Library = field(default_factory=Library)
    _background: set[asyncio.Task[Any]] = field(default_factory=set[asyncio.Task[Any]])

    @property
    def books(self) -> Books:
        """What counts across conversations."""
        return self.counted_in or PostgresBooks(self.database)

    def detach(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run ``work`` to its end even when the request that started it is cancelled."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("background work failed", error=type(error).__name__)

    async def drain(self) -> None:
        """Wait for what is still being stored. The composition root calls this before it closes the database."""
        while self._background:
            await asyncio.gather(*self._background, return_exceptions=True)
