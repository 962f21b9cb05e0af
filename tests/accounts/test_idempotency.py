from __future__ import annotations

import asyncio
import signal
import subprocess
import sys

import pytest
from sqlalchemy import text

from patchbay.accounts.idempotency import IdempotencyInProgress, IdempotencyKeyReused, Replay, begin, finish
from patchbay.accounts.organizations import ensure_organization
from patchbay.errors import ValidationFailed
from patchbay.store.database import Database

pytestmark = pytest.mark.anyio

REQUEST = {"key": "once", "route": "POST /agents/agt_1/publish", "request_hash": "abc"}


async def publish(database: Database, org_id: str, **changed: str) -> Replay | None:
    """A request: its work is an audit row, so that what was carried out can be counted."""
    request = {**REQUEST, **changed}
    async with database.tenant(org_id) as session:
        replay = await begin(session, **request)
        if replay is None:
            await session.execute(
                text(
                    "INSERT INTO audit_logs (id, actor_type, method, path, status, request_id) "
                    "SELECT 'aud_' || count(*), 'system', 'POST', '/', 201, 'r' FROM audit_logs"
                )
            )
            await finish(session, **request, status=201, body=b'{"id":"ver_1"}')
        return replay


async def carried_out(database: Database, org_id: str) -> int:
    async with database.tenant(org_id) as session:
        return int(await session.scalar(text("SELECT count(*) FROM audit_logs")) or 0)


async def test_a_request_sent_again_gets_the_first_answer(database: Database, org_id: str) -> None:
    assert await publish(database, org_id) is None
    assert await publish(database, org_id) == Replay(201, b'{"id":"ver_1"}')
    assert await carried_out(database, org_id) == 1


@pytest.mark.parametrize("changed", [{"request_hash": "other"}, {"route": "POST /agents/agt_2/publish"}])
async def test_the_key_of_another_request_is_refused(database: Database, org_id: str, changed: dict[str, str]) -> None:
    await publish(database, org_id)
    with pytest.raises(IdempotencyKeyReused) as refused:
        await publish(database, org_id, **changed)
    assert (refused.value.status, refused.value.code) == (409, "idempotency_key_reused")
    assert await carried_out(database, org_id) == 1


async def test_organizations_have_keys_of_their_own(database: Database, org_id: str) -> None:
    other = await ensure_organization(database, "Other")
    await publish(database, org_id)
    async with database.tenant(org_id) as session:
        assert await begin(session, **REQUEST) is not None
        async with database.tenant(other.id) as theirs:
            assert await begin(theirs, **REQUEST) is None


async def test_while_the_first_runs_the_second_is_told_so(database: Database, org_id: str) -> None:
    async with database.tenant(org_id) as first:
        assert await begin(first, **REQUEST) is None
        with pytest.raises(IdempotencyInProgress) as refused:
            await publish(database, org_id)
        assert (refused.value.status, refused.value.code) == (409, "idempotency_in_progress")
        assert refused.value.headers == {"Retry-After": "1"}
        assert await publish(database, org_id, key="another") is None
    assert await publish(database, org_id) is None  # the first stored nothing, so this one is carried out


async def test_a_failed_request_is_carried_out_when_it_is_sent_again(database: Database, org_id: str) -> None:
    async def fail() -> None:
        async with database.tenant(org_id) as session:
            assert await begin(session, **REQUEST) is None
            await finish(session, **REQUEST, status=201, body=b"{}")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await publish(database, org_id) is None


async def test_of_many_at_once_one_is_carried_out(database: Database, org_id: str) -> None:
    second = Database.at(database.dsn)
    try:
        answers = await asyncio.gather(*(publish((database, second)[n % 2], org_id) for n in range(16)), return_exceptions=True)
    finally:
        await second.close()
    assert answers.count(None) == 1
    assert all(answer is None or isinstance(answer, Replay | IdempotencyInProgress) for answer in answers)
    assert await carried_out(database, org_id) == 1


KILLED = """
import asyncio, sys
from patchbay.accounts.idempotency import begin
from patchbay.store.database import Database

async def main():
    async with Database.at(sys.argv[1]).tenant(sys.argv[2]) as session:
        print(await begin(session, key="once", route="POST /agents/agt_1/publish", request_hash="abc"), flush=True)
        sys.stdin.read()

asyncio.run(main())
"""


async def test_a_killed_process_does_not_hold_its_key(database: Database, org_id: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, database.dsn, org_id], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "None\n"
    with pytest.raises(IdempotencyInProgress):
        await publish(database, org_id)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    while True:  # until the server has noticed
        try:
            assert await publish(database, org_id) is None
        except IdempotencyInProgress:
            await asyncio.sleep(0.01)
        else:
            break
    assert await carried_out(database, org_id) == 1


async def test_after_a_day_a_key_is_forgotten(database: Database, org_id: str) -> None:
    await publish(database, org_id)
    await publish(database, org_id, key="another")
    async with database.owner(org_id) as session:
        await session.execute(text("UPDATE idempotency_records SET created_at = created_at - interval '25 hours'"))
    assert await publish(database, org_id, request_hash="new") is None
    async with database.tenant(org_id) as session:
        assert (await session.scalars(text("SELECT request_hash FROM idempotency_records"))).all() == ["new"]


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "ключ"])
async def test_a_key_that_cannot_be_is_refused(database: Database, org_id: str, key: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        await publish(database, org_id, key=key)
    assert refused.value.errors[0].field == "Idempotency-Key"
