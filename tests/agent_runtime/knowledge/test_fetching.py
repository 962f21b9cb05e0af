"""Pages from the web: what is asked of whom, and what is said of sites that are down, closed or hostile."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncGenerator
from ipaddress import ip_network

import pytest

from patchbay.agent_runtime.knowledge import fetching
from patchbay.agent_runtime.knowledge.failures import Failure, failure_of
from patchbay.agent_runtime.knowledge.fetching import Fetched, fetch_page
from patchbay.egress.guard import EgressGuard
from tests.servers.upstreams import hostile
from tests.servers.upstreams.hostile import Behaviour, Turn
from tests.servers.upstreams.site import Site, serving

pytestmark = pytest.mark.anyio
GUARD = EgressGuard([ip_network("127.0.0.1/32")])


@pytest.fixture
async def site() -> AsyncGenerator[Site]:
    async with serving(Site({"/menu": "<p>Large $18"})) as up:
        yield up


async def fetched(site: Site, path: str = "/menu", **known: str | None) -> Fetched | None:
    return await fetch_page(GUARD, site.url(path), etag=known.get("etag"), modified=known.get("modified"))


async def failed(site: Site, path: str = "/menu") -> Failure:
    with pytest.raises(Exception) as error:  # noqa: PT011
        await fetched(site, path)
    failure = failure_of(error.value)
    assert "secret-in-page" not in failure.message
    return failure


async def test_a_page_is_asked_for_as_patchbay_and_without_cookies(site: Site) -> None:
    page = await fetched(site)
    assert page is not None
    assert (page.content, page.content_type, page.name) == (b"<p>Large $18", "text/html; charset=utf-8", "menu")
    for request in site.upstream.requests:
        assert b"User-Agent: Patchbay\r\n" in request
        assert b"Cookie" not in request


async def test_what_has_not_changed_is_not_sent_again(site: Site) -> None:
    page = await fetched(site)
    assert page is not None
    assert await fetched(site, etag=page.etag) is None
    site.pages["/menu"] = "<p>Large $19"
    newer = await fetched(site, etag=page.etag)
    assert newer is not None
    assert newer.content == b"<p>Large $19"
    assert site.asked == ["/menu", "/menu!", "/menu"]


async def test_a_condition_goes_along_to_another_host(site: Site) -> None:
    site.pages["/old"] = hostile.redirecting(site.url("/menu").replace("127.0.0.1", "localhost"), "301 Moved Permanently")
    guard = EgressGuard([ip_network("127.0.0.1/32"), ip_network("::1/128")])
    page = await fetch_page(guard, site.url("/old"), etag=None, modified=None)
    assert page is not None
    assert await fetch_page(guard, site.url("/old"), etag=page.etag, modified=None) is None


async def test_a_site_may_say_no(site: Site) -> None:
    site.robots = "User-agent: *\nDisallow: /\nAllow: /menu\n\nUser-agent: patchbay\nDisallow: /*private\n"
    assert await fetched(site) is not None
    site.pages["/very/private"] = "<p>x"
    assert (await failed(site, "/very/private")).code == "robots_disallowed"
    site.pages["/detour"] = hostile.redirecting("/very/private")
    assert (await failed(site, "/detour")).code == "robots_disallowed"
    site.robots = "User-agent: *\nDisallow: /"
    assert (await failed(site)).code == "robots_disallowed"
    assert "/menu" not in site.asked[1:]
    site.robots = hostile.server_error
    assert await failed(site) == Failure("robots_unavailable", (await failed(site)).message, again=True)


@pytest.mark.parametrize(
    "robots",
    [
        "User-agent: *\nDisallow: /" + "*e*" * 60_000 + "*!$\n",
        "User-agent: *\n" + "Disallow: /*e*e*e*e!\n" * 25_000,
        "User-agent: *\n" * 30_000 + "Disallow: /a\n" * 5_000,
    ],
)
async def test_a_hostile_robots_txt_takes_no_time(site: Site, robots: str) -> None:
    site.robots = robots
    path = "/menu" + "e" * 7_000
    site.pages[path] = "<p>Large $18"
    began = asyncio.get_running_loop().time()
    assert await fetched(site, path) is not None
    assert asyncio.get_running_loop().time() - began < 10


async def test_an_endless_robots_txt_is_cut_and_the_page_is_read(site: Site) -> None:
    site.robots = hostile.endless_chunks
    assert await fetched(site) is not None


async def status(turn: Turn, line: str) -> None:
    await turn.answer(b"secret-in-page", line, headers="Retry-After: 7200\r\n")


def answering(line: str) -> Behaviour:
    return lambda turn: status(turn, line)


@pytest.mark.parametrize(
    ("behaviour", "code", "again"),
    [
        (answering("404 Not Found"), "page_not_found", False),
        (answering("410 Gone"), "page_not_found", False),
        (answering("403 Forbidden"), "page_forbidden", False),
        (answering("401 Unauthorized"), "page_forbidden", False),
        (answering("429 Too Many Requests"), "page_busy", True),
        (answering("503 Service Unavailable"), "page_failed", True),
        (answering("500 Internal Server Error"), "page_failed", True),
        (answering("418 I'm a teapot"), "page_failed", False),
        (lambda turn: turn.answer(b"", "304 Not Modified"), "page_failed", False),
        (hostile.redirecting("http://169.254.169.254/latest/meta-data/"), "egress_refused", False),
        (hostile.redirecting("http://127.0.0.2:80/"), "egress_refused", False),
        (hostile.redirecting("http://[::1]/"), "egress_refused", False),
        (hostile.redirecting("file:///etc/passwd"), "outbound_redirect_refused", False),
        (hostile.redirect_loop, "outbound_redirect_refused", False),
        (hostile.gzip_bomb, "outbound_too_large", False),
        (hostile.members_bomb, "outbound_too_large", False),
        (hostile.endless_chunks, "outbound_too_large", False),
        (hostile.endless_until_close, "outbound_too_large", False),
        (hostile.claims_much, "outbound_too_large", False),
        (hostile.unasked_coding, "outbound_bad_encoding", False),
        (hostile.endless_header, "outbound_not_http", False),
        (hostile.another_protocol, "outbound_not_http", False),
        (hostile.closed_in_the_body, "outbound_broken_off", True),
        (hostile.closed_at_once, "outbound_broken_off", True),
        (hostile.slow_drip, "outbound_timed_out", True),
        (hostile.slow_header, "outbound_timed_out", True),
        (hostile.silence, "outbound_timed_out", True),
    ],
)
async def test_a_hostile_page_is_refused_in_time(
    site: Site, monkeypatch: pytest.MonkeyPatch, behaviour: Behaviour, code: str, again: bool
) -> None:
    slow = code == "outbound_timed_out"
    monkeypatch.setattr(fetching, "FETCH_S", 0.5 if slow else 20.0)
    site.pages["/menu"] = site.pages["/again"] = behaviour
    began = asyncio.get_running_loop().time()
    failure = await failed(site)
    assert (failure.code, failure.again) == (code, again)
    assert asyncio.get_running_loop().time() - began < 10
    assert failure.after_s <= fetching.MOST_WAIT_S
    if code == "page_busy":
        assert failure.after_s == fetching.MOST_WAIT_S


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "http://169.254.169.254/", "https://[::1]/", "http://127.0.0.2:1/"])
async def test_an_address_that_is_not_public_is_never_asked(url: str) -> None:
    with pytest.raises(Exception) as error:  # noqa: PT011
        await fetch_page(GUARD, url, etag=None, modified=None)
    failure = failure_of(error.value)
    assert (failure.code, failure.again) == ("egress_refused", False)


async def test_a_packed_page_is_unpacked(site: Site) -> None:
    async def packed(turn: Turn) -> None:
        await turn.answer(gzip.compress(b"<p>Large $18"), headers="Content-Encoding: gzip\r\n")

    site.pages["/menu"] = packed
    page = await fetched(site)
    assert page is not None
    assert page.content == b"<p>Large $18"
