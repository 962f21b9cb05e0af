"""A preview of a call on a database: a read runs with few rows; a write is shown, and if asked for run and rolled back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import asynccontextmanager
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

import msgspec

from patchbay.connectors.preview import Preview, PreviewOptions, PreviewRefused
from patchbay.connectors.refusals import SchemaChanged, TimeZoneMissing
from patchbay.connectors.shaped import shaped
from patchbay.connectors.sql.credentials import SqlCredentials
from patchbay.connectors.sql.current_row import current_row
from patchbay.connectors.sql.proof import native_name
from patchbay.connectors.sql.side_effects import WriteTarget
from patchbay.connectors.sql.writing import WritingSource, Written
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.arguments import prepare_inputs
from patchbay.schema_graph.call import CallContext, CallInput, CallResult, FrozenCall, SqlSlot, statement_of
from patchbay.schema_graph.coercion import zone_info
from patchbay.schema_graph.model import Object
from patchbay.schema_graph.operations import split_operation
from patchbay.schema_graph.scoping import View

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from patchbay.connectors.sql.system import SqlSystem
    from patchbay.connectors.system import Role

ROWS = 3
CONNECT_S = 5.0
ROLLED_BACK = "It was run and rolled back: nothing was changed."
NOT_FOUND = "No record is found by these values now: the call would be refused."
SEVERAL = "More than one record is found by these values now: the call would be refused."


class Previewing:
    """One preview under way."""

    def __init__(
        self,
        system: SqlSystem,
        call: FrozenCall,
        context: CallContext,
        view: View,
        *,
        credentials: SqlCredentials,
        guard: EgressGuard,
    ) -> None:
        self._system = system
        self._call = call
        self._context = context
        self._view = view
        self._credentials = credentials
        self._guard = guard
        self._zone = zone_info(context.time_zone)

    async def preview(self, options: PreviewOptions) -> Preview:
        """See :meth:`patchbay.connectors.system.System.preview`."""
        self._check_slice()
        shown = Preview(
            effect=self._call.effect,
            executed=False,
            statement=statement_of(self._call).sql,
            parameters=_parameters(self._call, self._context, self._zone),
        )
        if self._call.effect == "read":
            result = await self._read(self._call)
            few = msgspec.structs.replace(result, rows=result.rows[:ROWS], row_count=min(result.row_count, ROWS))
            return msgspec.structs.replace(shown, executed=True, result=few)
        return await self._write(shown, options)

    async def _write(self, shown: Preview, options: PreviewOptions) -> Preview:
        ready = shaped(self._system.ready(self._call))
        values = ready.values(self._context, self._zone)
        record, verb = self._record()
        schema, table = native_name(self._view, record.name)
        target = await self._system.write_target(self._credentials, self._guard, schema=schema, table=table, verb=verb)
        shown = msgspec.structs.replace(shown, side_effects=target.side_effects)
        if verb == "update":
            shown = await self._with_current_row(shown, record)
        if not options.execute:
            return shown
        _refuse_unsafe(target, options)
        async with self._source("write") as source:
            answer = await source.rehearse(values.write, deadline=self._deadline(ready.seconds))
            result = self._shown(lambda: ready.result(
                source, Written(answer), zone_name=self._context.time_zone, zone=self._zone, duration_ms=0.0
            ))  # fmt: skip
        notes = [*shown.notes, ROLLED_BACK, *(_used_up(target, self._call) if verb == "insert" else ())]
        undone = msgspec.structs.replace(result, outcome=None)
        return msgspec.structs.replace(shown, executed=True, result=undone, notes=tuple(notes))

    async def _with_current_row(self, shown: Preview, record: Object) -> Preview:
        """With the record as the read role sees it: no field that the view does not show is asked for."""
        read = current_row(self._call, record, self._system.dialect)
        if read is None:
            return shown
        found = await self._read(read)
        notes = (SEVERAL,) if found.truncated else () if found.rows else (NOT_FOUND,)
        row = found.rows[0] if len(found.rows) == 1 and not found.truncated else None
        return msgspec.structs.replace(shown, current_row=row, notes=(*shown.notes, *notes))

    async def _read(self, call: FrozenCall) -> CallResult:
        ready = shaped(self._system.ready(call))
        values = ready.values(self._context, self._zone)
        loop = asyncio.get_running_loop()
        async with self._source("read") as source:
            began = loop.time()
            answer = await ready.run(source, values, self._deadline(ready.seconds))
            taken = (loop.time() - began) * 1000
            return self._shown(lambda: ready.result(
                source, answer, zone_name=self._context.time_zone, zone=self._zone, duration_ms=taken
            ))  # fmt: skip

    @asynccontextmanager
    async def _source(self, role: Role) -> AsyncGenerator[WritingSource[Any, Any]]:
        source = cast("WritingSource[Any, Any]", self._system.source(self._credentials, self._guard, role=role, authorizer=None))
        try:
            yield source
        finally:
            await source.close()

    def _shown(self, result: Callable[[], CallResult]) -> CallResult:
        try:
            return result()
        except LookupError:
            raise TimeZoneMissing from None

    def _deadline(self, seconds: float) -> float:
        return asyncio.get_running_loop().time() + CONNECT_S + seconds

    def _record(self) -> tuple[Object, str]:
        parsed = split_operation(self._call.operation)
        record = self._view.object(parsed[0]) if parsed is not None else None
        if parsed is None or record is None:
            raise SchemaChanged
        return record, parsed[1]

    def _check_slice(self) -> None:
        """What the call uses must be in view, and as it was when it was proven."""
        try:
            now = self._view.slice_fingerprint(self._call.operation, self._call.slice)
        except KeyError:
            raise SchemaChanged from None
        if now != self._call.slice_fingerprint:
            raise SchemaChanged


def _refuse_unsafe(target: WriteTarget, options: PreviewOptions) -> None:
    """Raises PreviewRefused for what could not be undone, or has not been accepted."""
    if not target.plain:
        raise PreviewRefused("A view, a foreign table, or a table with a rule in the write's place is not tried out.")
    if not target.transactional:
        raise PreviewRefused("The table's storage engine cannot undo a write.")
    unnamed = [name for name in target.side_effects if name not in options.accept_side_effects]
    if unnamed:
        listed = ", ".join(repr(name) for name in unnamed[:10])
        raise PreviewRefused(f"This write also sets off what may reach beyond the database: {listed}.", unnamed=unnamed)


def _used_up(target: WriteTarget, call: FrozenCall) -> list[str]:
    """The numbers that a rollback does not give back."""
    given = {one.arg for one in call.inputs}
    return [f"The next number of {name!r} was used up by this." for name in target.numbered if name not in given]


def _parameters(call: FrozenCall, context: CallContext, zone: ZoneInfo) -> list[dict[str, Any]]:
    """Each value of the call: what it is called, as it was given, and as it is sent."""
    values = prepare_inputs(call)(context)
    origins = {one.param: one for one in call.inputs}
    given = [(one, origins[one.key or ""] if one.source == "derived" else one) for one in call.inputs]
    shown = [{"name": one.param, "value": _given(origin, context), "sent": _json(values[one.param])} for one, origin in given]
    fixed = [slot for slot in statement_of(call).slots if slot.param is None]
    return [*shown, *({"name": None, "value": _fixed(slot), "sent": _fixed(slot, datetime.now(zone))} for slot in fixed)]


def _given(one: CallInput, context: CallContext) -> Any:
    held: Mapping[str, Mapping[str, Any]] = {"session": context.session, "verified": context.verified}
    if one.source == "constant":
        return one.constant
    if one.source == "model":
        return context.arguments.get(one.param)
    return held[one.source].get(one.key or one.param)


def _fixed(slot: SqlSlot, now: datetime | None = None) -> Any:
    if not slot.now:
        return slot.value
    return {"now": True} if now is None else now.isoformat(timespec="seconds")


def _json(value: Any) -> Any:
    """A value as JSON writes it; of a number or address that is compared, all its spellings."""
    if isinstance(value, (tuple, list)):
        return [_json(one) for one in cast("list[Any]", value)]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return value.isoformat() if isinstance(value, (datetime, date, time)) else msgspec.to_builtins(value, enc_hook=str)
