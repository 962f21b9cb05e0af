"""The outbound client by itself: what it sends and keeps, how it reads, and when it gives up."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.egress.decoding import decode
from patchbay.egress.failures import BadEncoding, BrokenOff, OutboundFailed, RedirectRefused, TimedOut, TooLarge, Unreachable
from patchbay.egress.guard import EgressGuard, EgressRefused
from patchbay.egress.http import MOST_REDIRECTS, Answered, OutboundClient
from patchbay.egress.urls import read_url
from tests.servers.upstreams import hostile
from tests.servers.upstreams.hostile import Turn

GUARD = EgressGuard([ip_network("127.0.0.0/8"), ip_network("::1/128")])


async def ask(client: OutboundClient, url: Any, method: str = "GET", *, seconds: float = 5.0, **more: Any) -> Answered:
    given = {"headers": {}, "most_bytes": 10_000} | more
    return await client.request(method, url, deadline=asyncio.get_running_loop().time() + seconds, **given)


@pytest.fixture
async def client() -> Any:
    made = OutboundClient(GUARD, connections=2)
    yield made
    await made.close()


@pytest.mark.anyio
async def test_nothing_is_taken_from_the_environment_or_an_earlier_answer(
    client: OutboundClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / ".netrc").write_text("machine localhost login ada password secret\n")
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    async with hostile.misbehaving(hostile.bare_deflate) as upstream:
        for _ in range(2):
            answered = await ask(client, upstream.url + "/x?y=%2F")
        assert (answered.status, answered.cut) == (200, False)
        assert answered.url == upstream.url + "/x?y=%2F"
        assert answered.headers["content-TYPE"] == "application/json"
        for request in upstream.requests:
            head = request.decode().lower()
            assert head.startswith("get /x?y=%2f http/1.1\r\n")
            assert not {"cookie:", "authorization:", "proxy", "x-forwarded"} & {word for word in head.split() if word}
            assert "accept-encoding: gzip, deflate\r\n" in head
        assert upstream.connections == 1


@pytest.mark.anyio
async def test_a_body_is_sent_as_it_is(client: OutboundClient) -> None:
    async with hostile.misbehaving(hostile.good) as upstream:
        await ask(client, read_url(upstream.url).at("/a"), "POST", body=b"\x00x", headers={"Content-Type": "text/plain"})
        head, _, body = upstream.requests[0].partition(b"\r\n\r\n")
        assert body == b"\x00x"
        assert b"Content-Type: text/plain\r\n" in head + b"\r\n"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("behaviour", "failure"),
    [
        (hostile.endless_chunks, TooLarge),
        (hostile.claims_much, TooLarge),
        (hostile.gzip_bomb, TooLarge),
        (hostile.members_bomb, TooLarge),
        (hostile.slow_drip, TimedOut),
        (hostile.silence, TimedOut),
        (hostile.closed_at_once, BrokenOff),
        (hostile.unasked_coding, BadEncoding),
        (hostile.redirecting("/elsewhere"), RedirectRefused),
    ],
)
async def test_each_failure_has_its_type(
    client: OutboundClient, behaviour: hostile.Behaviour, failure: type[OutboundFailed]
) -> None:
    async with hostile.misbehaving(behaviour) as upstream:
        with pytest.raises(OutboundFailed) as failed:
            await ask(client, upstream.url, seconds=0.5 if failure is TimedOut else 5.0, most_bytes=200_000)
        assert type(failed.value) is failure


@pytest.mark.anyio
@pytest.mark.parametrize("behaviour", [hostile.endless_chunks, hostile.claims_much, hostile.gzip_bomb])
async def test_where_the_beginning_is_enough_the_rest_is_cut(client: OutboundClient, behaviour: hostile.Behaviour) -> None:
    async with hostile.misbehaving(behaviour) as upstream:
        answered = await ask(client, upstream.url, whole=False)
        assert (len(answered.body), answered.cut) == (10_000, True)


@pytest.mark.anyio
async def test_an_answer_without_a_body_may_say_how_long_it_would_be(client: OutboundClient) -> None:
    async def headed(turn: Turn) -> None:
        await turn.say(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")

    async with hostile.misbehaving(headed) as upstream:
        assert (await ask(client, upstream.url, "HEAD")).body == b""


@pytest.mark.anyio
async def test_redirects_are_followed_on_the_host_and_counted(client: OutboundClient) -> None:
    steps = [hostile.redirecting(f"/{n}", "308 Permanent Redirect") for n in range(MOST_REDIRECTS)]
    async with hostile.misbehaving(*steps, hostile.good) as upstream:
        answered = await ask(client, upstream.url, "POST", body=b"b", follow="same_host", headers={"Authorization": "t"})
        assert (answered.status, answered.url) == (200, f"{upstream.url}/{MOST_REDIRECTS - 1}")
        assert all(r.startswith(b"POST ") and r.endswith(b"b") and b"Authorization: t" in r for r in upstream.requests)
    async with hostile.misbehaving(*steps, hostile.redirecting("/more"), hostile.good) as upstream:
        with pytest.raises(RedirectRefused):
            await ask(client, upstream.url, follow="same_host")
        assert len(upstream.requests) == MOST_REDIRECTS + 1
    async with hostile.misbehaving(hostile.redirecting("/see", "303 See Other"), hostile.good) as upstream:
        with pytest.raises(RedirectRefused):
            await ask(client, upstream.url, "POST", follow="same_host")


@pytest.mark.anyio
async def test_a_caller_that_goes_away_is_no_timeout(client: OutboundClient) -> None:
    async with hostile.misbehaving(hostile.silence) as upstream:
        task = asyncio.create_task(ask(client, upstream.url))
        while not upstream.requests:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()
        with pytest.raises(TimedOut):
            await ask(client, upstream.url, seconds=-1.0)


async def _late(client: OutboundClient, url: str) -> None:
    """Stays on after its request has timed out."""
    with pytest.raises(TimedOut):
        await ask(client, url, seconds=0.1)
    await asyncio.sleep(30.0)


@pytest.mark.anyio
async def test_the_deadline_and_somebody_else_s_timeout_are_told_apart(client: OutboundClient) -> None:
    task = asyncio.current_task()
    assert task is not None
    async with hostile.misbehaving(hostile.silence) as upstream:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await ask(client, upstream.url, seconds=30.0)
        with pytest.raises(TimedOut):
            async with asyncio.timeout(30.0):
                await ask(client, upstream.url, seconds=0.1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(_late(client, upstream.url), 0.3)
        assert task.cancelling() == 0


@pytest.mark.anyio
async def test_connections_to_one_host_are_bounded(client: OutboundClient) -> None:
    async with hostile.misbehaving(hostile.silence) as upstream:
        holding = [asyncio.create_task(ask(client, upstream.url, seconds=30.0)) for _ in range(2)]
        while len(upstream.requests) < 2:
            await asyncio.sleep(0.01)
        outcomes = await asyncio.gather(*(ask(client, upstream.url, seconds=0.3) for _ in range(7)), return_exceptions=True)
        assert {type(one) for one in outcomes} == {TimedOut}
        assert upstream.connections == 2
        for one in holding:
            one.cancel()
        await asyncio.wait(holding)


@pytest.mark.anyio
async def test_nobody_there_and_nothing_readable(client: OutboundClient) -> None:
    with pytest.raises(Unreachable):
        await ask(client, "http://127.0.0.1:1/")
    for url in ("", "x", "http://", "http://a b/", "ftp://localhost/", "http://u@localhost/"):
        with pytest.raises(EgressRefused) as refused:
            await ask(client, url)
        assert refused.value.reason == "malformed"


@given(st.binary(max_size=300), st.sampled_from(["gzip", "x-gzip", "deflate", "raw", "identity", ""]), st.integers(0, 400))
def test_decoding_gives_what_was_packed_up_to_the_bound(data: bytes, coding: str, most: int) -> None:
    packer = zlib.compressobj(wbits=-15)
    packed = {
        "deflate": zlib.compress(data),
        "raw": packer.compress(data) + packer.flush(),
        "identity": data,
        "": data,
    }.get(coding, gzip.compress(data[:100]) + gzip.compress(data[100:]))
    unpacked = decode(packed, "deflate" if coding == "raw" else coding, most)
    assert unpacked[: most + 1] == data[: most + 1]
    assert len(unpacked) <= most + 1


@given(st.binary(min_size=1, max_size=60), st.sampled_from(["gzip", "deflate"]))
def test_garbage_is_refused_and_nothing_else(data: bytes, coding: str) -> None:
    try:
        assert len(decode(data, coding, 100)) <= 101
    except BadEncoding:
        return


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "gzip;q=1", "compress", "nonsense"])
def test_what_was_not_asked_for_is_not_decoded(coding: str) -> None:
    with pytest.raises(BadEncoding):
        decode(b"data", coding, 100)
