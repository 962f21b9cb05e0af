"""A session that is lost: before the commit nothing was changed; while it commits, a fresh session may tell, or nobody does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from patchbay.connectors.refusals import OutcomeUnknown, SourceUnavailable
from patchbay.connectors.sql.failures import BackendLost
from patchbay.connectors.sql.writing import CONFIRMED
from tests.connectors.writes.places import Place, back, fixed, model

pytestmark = pytest.mark.anyio
CHANGE: dict[str, Any] = {
    "operation": "orders.update",
    "inputs": [model("id"), model("note"), model("total", required=False), fixed("changed_at", {"now": True})],
    "projection": back("note", "total"),
}


class Lossy:
    """A source whose sessions are killed at the server, or lost on the way, around the commit."""

    def __init__(self, place: Place, *, before: bool = False, after: bool = False) -> None:
        self.source: Any = place.source("write")
        self._place = place
        self._begin: Callable[..., Awaitable[Any]] = self.source._begin
        self._commit: Callable[..., Awaitable[None]] = self.source._commit
        self._before, self._after = before, after
        self.commits = 0
        self.source._commit = self.commit

    async def commit(self, backend: Any, deadline: float) -> None:
        self.commits += 1
        if self._before:
            kill(self._place, backend)
        await self._commit(backend, deadline)
        if self._after:
            raise BackendLost(rows_seen=False)


def kill(place: Place, backend: Any) -> None:
    if place.kind == "postgres":
        place.execute(f"SELECT pg_terminate_backend({backend.process_id})")
    else:
        place.execute(f"KILL CONNECTION {backend.session_id}")


async def test_a_lost_answer_is_looked_up_and_found(place: Place) -> None:
    lossy = Lossy(place, after=True)
    result = await place.run(await place.call(**CHANGE), {"id": 201, "note": "kept"}, source=lossy.source)
    await lossy.source.close()
    assert (result.outcome, result.rows[0]["note"], lossy.commits) == ("done", "kept", 1)
    assert CONFIRMED in result.notes
    assert place.execute("SELECT note FROM orders WHERE id = 201") == [("kept",)]


async def test_a_session_killed_before_it_commits_is_not_told_as_done(place: Place) -> None:
    call, before = await place.call(**CHANGE), place.all("orders")
    lossy = Lossy(place, before=True)
    with pytest.raises(OutcomeUnknown):
        await place.run(call, {"id": 201, "note": "lost"}, source=lossy.source)
    await lossy.source.close()
    assert lossy.commits == 1, "it is not tried again"
    assert place.all("orders") == before


async def test_without_a_key_nobody_knows(place: Place) -> None:
    call = await place.call(operation="log.insert", inputs=[model("what")])
    assert call.guarantee == "none"
    lossy = Lossy(place, after=True)
    with pytest.raises(OutcomeUnknown):
        await place.run(call, {"what": "once"}, source=lossy.source)
    await lossy.source.close()
    assert [row[1] for row in place.all("log")] == ["once"], "and it is not written twice"


async def test_an_insert_by_its_own_key_is_looked_up(place: Place) -> None:
    call = await place.call(operation="codes.insert", inputs=[model("code"), model("must"), model("value", required=False)])
    for said, seen in ("Zo\u00eb", True), ("Zoe", False):
        place.execute("DELETE FROM codes")
        lossy = Lossy(place, after=True)
        if not seen:
            original = lossy.commit

            async def altered(backend: Any, deadline: float, commit: Any = original) -> None:
                try:
                    await commit(backend, deadline)
                finally:
                    place.execute("UPDATE codes SET must = 'Zo\u00eb'")

            lossy.source._commit = altered
        running = place.run(call, {"code": "c", "must": said}, source=lossy.source)
        if seen:
            assert (await running).outcome == "done"
        else:
            with pytest.raises(OutcomeUnknown):
                await running
        await lossy.source.close()


async def test_a_session_lost_before_the_commit_has_changed_nothing(place: Place) -> None:
    call, before = await place.call(**CHANGE), place.all("orders")
    source = place.source("write")
    begin = source._begin

    async def lost(backend: Any, asked: Any, deadline: float) -> Any:
        await begin(backend, asked, deadline)
        kill(place, backend)
        raise BackendLost(rows_seen=False)

    source._begin = lost
    with pytest.raises(SourceUnavailable):
        await place.run(call, {"id": 201, "note": "lost"}, source=source)
    await source.close()
    assert place.all("orders") == before
