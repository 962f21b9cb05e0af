"""Running frozen calls while a caller waits: nothing is looked up that could be known before, nothing runs that may not.

One run goes through, in this order: the connection is known, current, connected, of this organization and confirmed within
the last second; scoping permits everything the call touches; the slice of the schema still means what it was proven on; the
arguments are valid; the source's breaker is closed; a session is free; the statement runs within its deadline and caps; the
connection's state is confirmed again; the rows are projected. What depends only on the call, or only on the call and one
version of the connection, is worked out once.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import msgspec
import psycopg
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from patchbay.connectors.connections import IntegrationNotConnected, type_of
from patchbay.connectors.degraded import Degraded, narrowed
from patchbay.connectors.drift_log import DriftLog
from patchbay.connectors.freshness import ConnectionState, ConnectionStates, StateUnconfirmed
from patchbay.connectors.oauth.authorizers import authorizer_for
from patchbay.connectors.refusals import (
    CallNotSupported,
    CallRefused,
    ConnectionReplaced,
    ConnectionUnknown,
    NotConnected,
    SchemaChanged,
    ScopedOut,
    ScopingUnconfirmed,
    SourceUnavailable,
    TimeZoneMissing,
    WriteRoleMissing,
)
from patchbay.connectors.shaped import shaped
from patchbay.connectors.snapshots import SchemaNotDiscovered, load_graph
from patchbay.connectors.stored_credentials import WriteCredentialsMissing, read_credentials, seal_of
from patchbay.connectors.system import Ready, Role, Source, SourceClosed, System
from patchbay.connectors.systems import system_of
from patchbay.connectors.tables import Connection
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.call import FORMAT_VERSION, WEBHOOK, CallContext, CallResult, FrozenCall
from patchbay.schema_graph.coercion import Unfit, zone_info
from patchbay.schema_graph.drift import judge
from patchbay.schema_graph.scoping import Scoping, permits
from patchbay.schema_graph.touched import touched_by
from patchbay.store.background import Background
from patchbay.store.database import Database
from patchbay.store.vault import Vault

CALLS_KEPT = 2_048
HOUSEKEEPING_S = 15.0
WITHHELD = "It was written; what it returns is withheld, because the connection was changed meanwhile."
_ATTEMPTS = 3
_K = TypeVar("_K")
_V = TypeVar("_V")


class _Verdict(NamedTuple):
    """What may be done about a call on one connection: the refusal, or what runs (of a degraded call, less than itself)."""

    ready: Ready
    refusal: type[CallRefused] | None
    runs: Ready


class _Facts:
    """One connection at one version: its source, and which calls may run on it. ``writer`` is the source of writes, where they go
    through one of their own: it is made by the first of them.
    """

    __slots__ = ("scoping", "seal", "snapshot_id", "source", "type", "verdicts", "version", "writer")

    def __init__(self, connection: Connection, scoping: Scoping, source: Source, seal: bytes) -> None:
        self.type = type_of(connection)
        self.version = connection.scoping_version
        self.snapshot_id = connection.snapshot_id
        self.scoping = scoping
        self.source = source
        self.seal = seal
        self.writer: Source | None = None
        self.verdicts: dict[int, _Verdict] = {}

    @property
    def sources(self) -> list[Source]:
        """All there are."""
        return [self.source] if self.writer is None else [self.source, self.writer]


class CallRunner:
    """Runs frozen calls; one per process, started and stopped by the composition root."""

    def __init__(self, database: Database, vault: Vault, guard: EgressGuard) -> None:
        self._database = database
        self._vault = vault
        self._guard = guard
        self._states = ConnectionStates(database)
        self._facts: dict[str, _Facts] = {}
        self._loading: dict[str, asyncio.Lock] = {}
        self._by_identity: OrderedDict[int, tuple[FrozenCall, Ready]] = OrderedDict()
        self._by_content: OrderedDict[bytes, Ready] = OrderedDict()
        self._retired: list[Source] = []
        self._housekeeping = Background("idle sessions")
        self.drift = DriftLog(database)

    async def start(self) -> None:
        """Follow the connections' states. Opens no connection to any source."""
        await self._states.start()
        self.drift.start()
        self._housekeeping.start(self._keep_house())

    async def stop(self) -> None:
        """End every session. Runs that are under way are refused as soon as they need one."""
        await self._housekeeping.stop()
        await self.drift.stop()
        await self._states.stop()
        for source in [*self._retired, *(source for facts in self._facts.values() for source in facts.sources)]:
            await source.close()
        self._retired.clear()
        self._facts.clear()

    @property
    def healthy(self) -> bool:
        """Whether the states of the connections are being followed."""
        return self._states.heard_lately

    async def run(self, org_id: str, call: FrozenCall, context: CallContext) -> CallResult:
        """Run ``call`` for ``org_id``. Raises a :class:`CallRefused`, or what the validation of the arguments raises.

        When the caller is cancelled, the statement is cancelled at the source and its session is given up.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        known = self._by_identity.get(id(call))
        ready = known[1] if known is not None and known[0] is call else self._make_ready(call)
        connection_id = call.connection_id
        deadline = started + ready.seconds
        state = self._states.fresh(connection_id)
        facts = self._facts.get(connection_id)
        if state is None or facts is None or not _may_run(org_id, state, facts, ready):
            state, facts = await self._admit(org_id, ready, deadline)
        zone = _agent_zone(context)
        runs = facts.verdicts[id(ready)].runs
        values = runs.values(context, zone)
        reads = call.effect == "read"
        source = facts.source if reads else await self._writer(org_id, facts, call, deadline)
        try:
            answer = await runs.run(source, values, deadline)
        except SourceClosed:
            # The connection changed while this call waited for a session: whatever it is now decides.
            _, facts = await self._admit(org_id, ready, deadline)
            runs = facts.verdicts[id(ready)].runs
            source = facts.source if reads else await self._writer(org_id, facts, call, deadline)
            answer = await self._execute_again(org_id, source, runs, runs.values(context, zone), deadline)
        except SchemaChanged:
            self.drift.refused(org_id, call)
            raise
        withheld = False
        if self._states.fresh(connection_id) is not state:
            try:
                await self._admit(org_id, ready, loop.time() + 1.0)
            except CallRefused:
                if reads:
                    raise
                withheld = True  # it is done: what became of the connection since cannot undo it
        try:
            result = runs.result(
                source, answer, zone_name=context.time_zone, zone=zone, duration_ms=(loop.time() - started) * 1000
            )
        except LookupError:
            raise TimeZoneMissing from None
        except SchemaChanged:
            self.drift.refused(org_id, call)
            raise
        return _without_rows(result) if withheld else result

    async def settle(self, org_id: str, call: FrozenCall, context: CallContext) -> bool:
        """Whether a write that nobody saw the end of is found done, by the one reading that an unknown outcome is looked up with.

        False where that cannot be told; it is never run again. Raises what :meth:`run` raises.
        """
        ready = self._make_ready(call)
        deadline = asyncio.get_running_loop().time() + ready.seconds
        _, facts = await self._admit(org_id, ready, deadline)
        values = facts.verdicts[id(ready)].runs.values(context, _agent_zone(context))
        try:
            return await (await self._writer(org_id, facts, call, deadline)).finds(values, deadline)
        except SourceClosed:
            raise SourceUnavailable from None

    async def _execute_again(self, org_id: str, source: Source, runs: Ready, values: Any, deadline: float) -> Any:
        try:
            return await runs.run(source, values, deadline)
        except SourceClosed:
            raise SourceUnavailable from None
        except SchemaChanged:
            self.drift.refused(org_id, runs.call)
            raise

    async def _writer(self, org_id: str, facts: _Facts, call: FrozenCall, deadline: float) -> Source:
        """The source that writes go through: made when the first write needs it, with credentials that no read ever loads."""
        if facts.writer is not None:
            return facts.writer
        if not system_of(call.kind).writes_apart:
            return facts.source
        try:
            async with asyncio.timeout_at(deadline), self._loading.setdefault(call.connection_id, asyncio.Lock()):
                return facts.writer or await self._open_writer(org_id, facts, call.connection_id)
        except (TimeoutError, SQLAlchemyError, psycopg.Error, OSError):
            raise ScopingUnconfirmed from None

    async def _open_writer(self, org_id: str, facts: _Facts, connection_id: str) -> Source:
        async with self._database.tenant(org_id, read_only=True) as session:
            connection = await session.scalar(select(Connection).where(Connection.id == connection_id))
            if connection is None:
                raise ConnectionUnknown
            if await seal_of(session, connection) != facts.seal:
                raise ScopingUnconfirmed
            try:
                credentials = await read_credentials(session, self._vault, connection, role="write")
            except IntegrationNotConnected:
                raise NotConnected from None
            except WriteCredentialsMissing:
                raise WriteRoleMissing from None
        facts.writer = self._source(connection, credentials, role="write")
        if self._facts.get(connection_id) is not facts:
            self._retire(facts.writer)
        return facts.writer

    async def _admit(self, org_id: str, ready: Ready, deadline: float) -> tuple[ConnectionState, _Facts]:
        """The confirmed state and the facts that go with it, once everything permits the call; else its refusal."""
        try:
            async with asyncio.timeout_at(deadline):
                for _ in range(_ATTEMPTS):
                    admitted = await self._try_to_admit(org_id, ready)
                    if admitted is not None:
                        return admitted
        except TimeoutError:
            raise ScopingUnconfirmed from None
        except (StateUnconfirmed, SQLAlchemyError, psycopg.Error, OSError):
            raise ScopingUnconfirmed from None
        raise ScopingUnconfirmed

    async def _try_to_admit(self, org_id: str, ready: Ready) -> tuple[ConnectionState, _Facts] | None:
        """None when the connection changed while it was looked at."""
        connection_id = ready.call.connection_id
        state = self._states.fresh(connection_id) or await self._states.confirm(connection_id)
        _refuse_by_state(org_id, state)
        assert state is not None
        facts = self._facts.get(connection_id)
        if facts is None or not _current(facts, state):
            facts = await self._load(state)
            if facts is None:
                await self._states.confirm(connection_id)
                return None
        verdict = await self._verdict(org_id, facts, ready)
        if verdict.refusal is not None:
            raise verdict.refusal()
        self.drift.serves(state.org_id, connection_id)
        fresh = self._states.fresh(connection_id)
        return (fresh, facts) if fresh is not None and _current(facts, fresh) else None

    async def _load(self, state: ConnectionState) -> _Facts | None:
        """Read the connection as it is; None when it is no longer what ``state`` says."""
        lock = self._loading.setdefault(state.id, asyncio.Lock())
        async with lock:
            facts = self._facts.get(state.id)
            if facts is not None and _current(facts, state):
                return facts
            async with self._database.tenant(state.org_id, read_only=True) as session:
                connection = await session.scalar(select(Connection).where(Connection.id == state.id))
                if connection is None:
                    raise ConnectionUnknown
                if connection.scoping_version != state.scoping_version or connection.snapshot_id != state.snapshot_id:
                    return None
                seal = await seal_of(session, connection)
                if facts is not None and facts.seal == seal:
                    source = facts.source
                else:
                    try:
                        source = self._source(connection, await read_credentials(session, self._vault, connection))
                    except IntegrationNotConnected:
                        raise NotConnected from None
            loaded = _Facts(connection, Scoping.from_json(connection.scoping), source, seal)
            if facts is not None and facts.source is not source:
                self._retire(*facts.sources)
            elif facts is not None:
                loaded.writer = facts.writer
            self._facts[state.id] = loaded
            return loaded

    def _source(self, connection: Connection, credentials: Any, role: Role = "read") -> Source:
        authorizer = authorizer_for(self._database, self._vault, self._guard, connection, credentials)
        return system_of(type_of(connection)).source(credentials, self._guard, role=role, authorizer=authorizer)

    async def _verdict(self, org_id: str, facts: _Facts, ready: Ready) -> _Verdict:
        found = facts.verdicts.get(id(ready))
        if found is not None and found.ready is ready:
            return found
        verdict = await self._judge(org_id, facts, ready)
        if len(facts.verdicts) >= CALLS_KEPT:
            facts.verdicts.clear()
        facts.verdicts[id(ready)] = verdict
        return verdict

    async def _judge(self, org_id: str, facts: _Facts, ready: Ready) -> _Verdict:
        """Scoping by what the call touched when it was proven and what it touches now, then what the current snapshot means to it
        (:mod:`patchbay.schema_graph.drift`).
        """
        call = ready.call
        if facts.type == WEBHOOK or call.kind == WEBHOOK:
            # It has no schema that could have changed, and nothing that scoping could block.
            return _Verdict(ready, None if facts.type == call.kind else CallNotSupported, ready)
        if facts.snapshot_id is None:
            return _Verdict(ready, SchemaChanged, ready)
        try:
            async with self._database.tenant(org_id, read_only=True) as session:
                graph = await load_graph(session, facts.snapshot_id)
        except SchemaNotDiscovered:
            return _Verdict(ready, SchemaChanged, ready)
        if graph.kind != call.kind:
            return _Verdict(ready, CallNotSupported, ready)
        touches = (*call.touches, *touched_by(graph, call.slice))
        if not permits(facts.scoping, graph.default_schema, touches):
            return _Verdict(ready, ScopedOut, ready)
        judgement = judge(call, graph)
        if not judgement.runs:
            return _Verdict(ready, SchemaChanged, ready)
        if not judgement.lessened:
            return _Verdict(ready, None, ready)
        less = narrowed(call)
        return _Verdict(ready, None, Degraded(ready if less is call else self._make_ready(less), call, judgement.missing))

    def _make_ready(self, call: FrozenCall) -> Ready:
        """The call made ready: known by identity, else by content, else from scratch."""
        content = hashlib.sha256(msgspec.json.encode(call)).digest()
        ready = self._by_content.get(content)
        if ready is None:
            ready = _ready(call)
            _keep(self._by_content, content, ready)
        _keep(self._by_identity, id(call), (call, ready))
        return ready

    def _retire(self, *sources: Source) -> None:
        for source in sources:
            source.retire()
            self._retired.append(source)

    async def _keep_house(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            self._retired = [source for source in self._retired if not source.ended]
            for connection_id, facts in list(self._facts.items()):
                state = self._states.fresh(connection_id)
                if state is not None and (state.replaced or state.status != "connected"):
                    self._retire(*facts.sources)
                    del self._facts[connection_id]
                else:
                    for source in facts.sources:
                        source.end_idle(loop.time())


def _ready(call: FrozenCall) -> Ready:
    """The call made ready by its type of system."""
    try:
        system: System = system_of(call.kind)
    except KeyError:
        raise CallNotSupported from None
    if call.format_version != FORMAT_VERSION:
        raise CallNotSupported
    return shaped(system.ready(call))


def _agent_zone(context: CallContext) -> ZoneInfo:
    try:
        return zone_info(context.time_zone)
    except Unfit:
        raise TimeZoneMissing("The agent's time zone is not an IANA name.") from None


def _without_rows(result: CallResult) -> CallResult:
    return msgspec.structs.replace(result, rows=[], row_count=0, notes=(*result.notes, WITHHELD))


def _current(facts: _Facts, state: ConnectionState) -> bool:
    return facts.version == state.scoping_version and facts.snapshot_id == state.snapshot_id


def _may_run(org_id: str, state: ConnectionState, facts: _Facts, ready: Ready) -> bool:
    """Whether everything is known and permits the call: the fast path."""
    if state.org_id != org_id or state.replaced or state.status != "connected" or not _current(facts, state):
        return False
    verdict = facts.verdicts.get(id(ready))
    return verdict is not None and verdict.ready is ready and verdict.refusal is None


def _refuse_by_state(org_id: str, state: ConnectionState | None) -> None:
    if state is None or state.org_id != org_id:
        raise ConnectionUnknown
    if state.replaced:
        raise ConnectionReplaced
    if state.status != "connected":
        raise NotConnected


def _keep(kept: OrderedDict[_K, _V], key: _K, value: _V) -> None:
    kept[key] = value
    if len(kept) > CALLS_KEPT:
        kept.popitem(last=False)
