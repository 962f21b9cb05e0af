"""Whatever an upstream does, the caller gets a typed refusal inside the deadline, and the platform's memory stays its own."""

from __future__ import annotations

import asyncio
import tracemalloc

import pytest

from patchbay.connectors.http.drift import DRIFT
from patchbay.connectors.http.source import MOST_BYTES
from patchbay.connectors.refusals import CallRefused, SourceBusy, SourceRefused, SourceTimeout, SourceUnavailable
from patchbay.connectors.rest.ready import ReadyRequest
from tests.connectors.http.calls import get_customer, run, source_at
from tests.servers.certificates import Authority
from tests.servers.upstreams import hostile
from tests.servers.upstreams.tls import server_context

HANGS = 20.0
"""Far beyond every deadline here: what reaches it has ignored its own."""
REFUSED: list[tuple[hostile.Behaviour, type[CallRefused]]] = [
    (hostile.slow_drip, SourceTimeout),
    (hostile.slow_header, SourceTimeout),
    (hostile.silence, SourceTimeout),
    (hostile.endless_continue, SourceTimeout),
    (hostile.endless_chunks, SourceRefused),
    (hostile.endless_until_close, SourceRefused),
    (hostile.claims_much, SourceRefused),
    (hostile.endless_header, SourceRefused),
    (hostile.many_headers, SourceRefused),
    (hostile.gzip_bomb, SourceRefused),
    (hostile.members_bomb, SourceRefused),
    (hostile.deflate_bomb, SourceRefused),
    (hostile.doubly_packed, SourceRefused),
    (hostile.unasked_coding, SourceRefused),
    (hostile.broken_gzip, SourceRefused),
    (hostile.wrong_type, SourceRefused),
    (hostile.not_json, SourceRefused),
    (hostile.deep_json, SourceRefused),
    (hostile.bad_text, SourceRefused),
    (hostile.another_protocol, SourceRefused),
    (hostile.switched, SourceRefused),
    (hostile.two_lengths, SourceRefused),
    (hostile.server_error, SourceUnavailable),
    (hostile.overloaded, SourceUnavailable),
    (hostile.too_many, SourceBusy),
    (hostile.reset_in_the_body, SourceUnavailable),
    (hostile.closed_in_the_body, SourceUnavailable),
    (hostile.closed_at_once, SourceUnavailable),
    (hostile.garbage_chunks, SourceRefused),
    (hostile.redirecting("http://169.254.169.254/latest/meta-data/"), SourceRefused),
    (hostile.redirecting("https://other.example.com/customers/c1"), SourceRefused),
    (hostile.redirecting("//other.example.com/"), SourceRefused),
    (hostile.redirecting("https://user:pw@localhost/"), SourceRefused),
    (hostile.redirecting("file:///etc/passwd"), SourceRefused),
    (hostile.redirecting("gopher://localhost/"), SourceRefused),
    (hostile.redirecting("http://localhost:1/"), SourceRefused),
    (hostile.redirecting("http://local\\host/"), SourceRefused),
    (hostile.redirecting("http://2130706433/"), SourceRefused),
    (hostile.redirect_loop, SourceRefused),
]


def named(case: object) -> str:
    return getattr(case, "__name__", "")


@pytest.mark.anyio
@pytest.mark.parametrize(("behaviour", "refusal"), REFUSED, ids=named)
async def test_the_caller_gets_a_typed_refusal(behaviour: hostile.Behaviour, refusal: type[CallRefused]) -> None:
    seconds = 1.0 if refusal is SourceTimeout else 8.0
    async with hostile.misbehaving(behaviour) as upstream, source_at(upstream.url) as source:
        tracemalloc.start()
        try:
            async with asyncio.timeout(HANGS):
                with pytest.raises(CallRefused) as refused:
                    await run(source, ReadyRequest(get_customer()), {"id": "c1"}, seconds=seconds)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert type(refused.value) is refusal
        assert "secret" not in f"{refused.value}{refused.value.extensions}{refused.value.hint}"
        assert peak < 8 * MOST_BYTES
    assert source.ended


@pytest.mark.anyio
@pytest.mark.parametrize(
    "behaviour",
    [hostile.http_1_0, hostile.trailers, hostile.with_mark, hostile.packed, hostile.bare_deflate],
    ids=named,
)
async def test_what_is_odd_but_right_is_taken(behaviour: hostile.Behaviour) -> None:
    async with hostile.misbehaving(behaviour) as upstream, source_at(upstream.url) as source:
        for _ in range(2):
            result = await run(source, ReadyRequest(get_customer()), {"id": "c1"})
            assert result.rows == [{"id": "c1", "name": "Ada", "balance": "9007199254740993", "open": True}]
    assert not any(b"cookie" in request.lower() for request in upstream.requests)


@pytest.mark.anyio
async def test_a_storm_of_failures_opens_the_breaker_and_others_are_served() -> None:
    ready = ReadyRequest(get_customer())
    async with (
        hostile.misbehaving(hostile.server_error) as bad,
        hostile.misbehaving(hostile.good) as sound,
        source_at(bad.url) as storm,
        source_at(sound.url) as calm,
    ):
        for _ in range(20):
            with pytest.raises(SourceUnavailable):
                await run(storm, ready, {"id": "c1"})
            assert (await run(calm, ready, {"id": "c1"})).row_count == 1
        assert len(bad.requests) == 3


@pytest.mark.anyio
async def test_an_endless_answer_is_not_read_for_long() -> None:
    async with hostile.misbehaving(hostile.endless_chunks) as upstream, source_at(upstream.url) as source:
        with pytest.raises(SourceRefused):
            await run(source, ReadyRequest(get_customer()), {"id": "c1"})
        assert upstream.sent < 4 * MOST_BYTES


@pytest.mark.anyio
async def test_a_dead_upstream_holds_no_more_than_its_places() -> None:
    ready = ReadyRequest(get_customer())
    async with hostile.misbehaving(hostile.good, hostile.silence) as upstream, source_at(upstream.url, at_once=4) as source:
        await run(source, ready, {"id": "c1"})
        outcomes = await asyncio.gather(
            *(run(source, ready, {"id": "c1"}, seconds=0.8) for _ in range(40)), return_exceptions=True
        )
        assert {type(o) for o in outcomes} == {SourceTimeout, SourceBusy}
        assert upstream.connections == 4


@pytest.mark.anyio
async def test_a_system_over_tls_is_verified_and_not_left_for_plain_http() -> None:
    authority = Authority()
    good, stranger = (server_context(a.issue(("localhost",))) for a in (authority, Authority("Another")))
    elsewhere = server_context(authority.issue(("elsewhere.example.com",)))
    ready = ReadyRequest(get_customer())
    for tls, behaviour, refusal in (
        (good, hostile.good, None),
        (good, hostile.redirecting("http://localhost/customers/c1"), SourceRefused),
        (stranger, hostile.good, SourceUnavailable),
        (elsewhere, hostile.good, SourceUnavailable),
    ):
        async with (
            hostile.misbehaving(behaviour, tls=tls) as upstream,
            source_at(upstream.url, authorities=authority.pem) as source,
        ):
            if refusal is None:
                assert (await run(source, ready, {"id": "c1"})).row_count == 1
            else:
                with pytest.raises(refusal):
                    await run(source, ready, {"id": "c1"})


@pytest.mark.anyio
async def test_a_schema_that_lies_gives_nulls_and_notes() -> None:
    async with hostile.misbehaving(hostile.lying) as upstream, source_at(upstream.url) as source:
        result = await run(source, ReadyRequest(get_customer()), {"id": "c1"})
    assert result.rows == [{"id": None, "name": None, "balance": None, "open": None}]
    assert len(result.notes) == 4
    assert "secret" not in repr(result)
    assert DRIFT.counts("con_1").keys() >= {("getCustomer", leaf) for leaf in result.rows[0]}
