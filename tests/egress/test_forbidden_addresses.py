"""Zero passes: no spelling of a forbidden address, no name for it and no way to it is connected to, through any door."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import ip_network

import pytest

from patchbay.egress.failures import OutboundFailed, RedirectRefused
from patchbay.egress.guard import EgressGuard, EgressRefused
from patchbay.egress.http import OutboundClient
from patchbay.egress.urls import BadUrl, Url, read_url
from tests.egress.forbidden import FORBIDDEN_V4, FORBIDDEN_V6, LEADING, spellings, spellings_v6, urls
from tests.servers.upstreams import hostile

HOSTS = [
    *((f"{address}: {how}", host) for address in FORBIDDEN_V4 for how, host in spellings(address)),
    *((f"{address}: {how}", host) for address in FORBIDDEN_V6 for how, host in spellings_v6(address)),
]
RECORDS = [*FORBIDDEN_V4, *FORBIDDEN_V6, *(f"::ffff:{address}" for address in FORBIDDEN_V4)]


class NoConnection(Exception):
    """A socket was about to be opened."""


@pytest.fixture(autouse=True)
def sockets(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """Every connection any of these tests makes, but to the machine itself where a test allows that."""
    opened: list[tuple[object, ...]] = []
    connect = socket.socket.connect

    def watched(self: socket.socket, address: tuple[object, ...]) -> None:
        opened.append(address)
        if address[0] != "127.0.0.1":
            raise NoConnection(address)
        connect(self, address)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(socket.socket, "connect", watched)
    return opened


def resolving(*answers: Sequence[str]) -> EgressGuard:
    """A guard whose n-th look-up gives the n-th answer, and every further one the last."""
    given = iter(answers)
    last: list[Sequence[str]] = [()]

    async def resolver(name: str, port: int) -> Sequence[str]:
        last[0] = next(given, last[0])
        return last[0]

    return EgressGuard(resolver=resolver)


async def asked(client: OutboundClient, url: str | Url, **more: object) -> None:
    loop = asyncio.get_running_loop()
    try:
        await client.request("GET", url, headers={}, deadline=loop.time() + 5, most_bytes=1_000, **more)  # pyright: ignore
    finally:
        await client.close()


@pytest.mark.anyio
async def test_no_spelling_of_a_host_passes_the_guard() -> None:
    """The door of SQL hosts, and the one the client's connections go through. A name that is not refused is looked up, and every
    name here resolves inside.
    """
    passed: list[str] = []
    for name, host in HOSTS:
        guard = resolving(["10.9.8.7"])
        try:
            passed.append(f"{name}: {(await guard.check(host, 443)).address}")
        except EgressRefused:
            continue
    assert passed == []


@pytest.mark.anyio
async def test_no_spelling_is_even_looked_up_when_it_is_a_number() -> None:
    looked_up: list[str] = []

    async def resolver(name: str, port: int) -> Sequence[str]:
        looked_up.append(name)
        return ["8.8.8.8"]

    for _, host in HOSTS:
        with pytest.raises(EgressRefused):
            await EgressGuard(resolver=resolver).check(host, 443)
    assert looked_up == []


@pytest.mark.anyio
async def test_no_url_reaches_a_forbidden_address(sockets: list[tuple[object, ...]]) -> None:
    """The door of REST, GraphQL, documents and OAuth."""
    for _, host in [*spellings("169.254.169.254"), *spellings("127.0.0.1"), *spellings_v6("fd00:ec2::254"), *spellings_v6("::1")]:
        for _, url in urls(host):
            with pytest.raises((EgressRefused, OutboundFailed)):
                await asked(OutboundClient(resolving(["10.9.8.7"])), url)
    assert sockets == []


@pytest.mark.anyio
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_what_got_past_the_reading_of_the_url_is_caught_at_the_socket(
    scheme: str, sockets: list[tuple[object, ...]]
) -> None:
    """The host of a URL that was made by hand is judged once more, as the number that is connected to."""
    for _, host in HOSTS:
        made = Url(scheme, host.strip("[]"), 443, "/")  # pyright: ignore[reportArgumentType]
        with pytest.raises((EgressRefused, OutboundFailed, ValueError)):
            await asked(OutboundClient(resolving(["10.9.8.7"])), made)
    assert sockets == []


@pytest.mark.anyio
@pytest.mark.parametrize("record", RECORDS)
async def test_no_name_for_it_is_connected_to(record: str, sockets: list[tuple[object, ...]]) -> None:
    """Aliases (CNAME) come back as the records of what they name; one forbidden record among public ones is enough."""
    for records in ([record], ["8.8.8.8", record], [record, "8.8.8.8"], ["2600:1f18::1", "8.8.8.8", record]):
        with pytest.raises(EgressRefused) as refused:
            await asked(OutboundClient(resolving(records)), "https://alias.example.com/")
        assert refused.value.reason == "not_public"
    assert sockets == []


@pytest.mark.anyio
async def test_a_name_that_rebinds_is_connected_to_where_it_was_checked(sockets: list[tuple[object, ...]]) -> None:
    """The look-up that is checked is the one that is used: there is no second one for a connection."""
    with pytest.raises((OutboundFailed, NoConnection)):
        await asked(OutboundClient(resolving(["8.8.8.8"], ["127.0.0.1"])), "https://rebind.example.com/")
    assert [address[0] for address in sockets] in ([], ["8.8.8.8"])


@pytest.mark.anyio
async def test_every_new_connection_is_checked_again() -> None:
    async with hostile.misbehaving(hostile.http_1_0) as upstream:
        port = int(upstream.url.rpartition(":")[2])
        looked_up: list[str] = []

        async def resolver(name: str, _: int) -> Sequence[str]:
            looked_up.append(name)
            return ["127.0.0.1"] if len(looked_up) == 1 else ["169.254.169.254"]

        client = OutboundClient(EgressGuard([ip_network("127.0.0.1/32")], resolver=resolver))
        loop = asyncio.get_running_loop()
        url = f"http://moving.example.com:{port}/"
        answered = await client.request("GET", url, headers={}, deadline=loop.time() + 5, most_bytes=1_000)
        assert answered.status == 200
        with pytest.raises(EgressRefused):
            await asked(client, url)
        assert looked_up == ["moving.example.com"] * 2
        assert b"Host: moving.example.com" in upstream.requests[0]


@pytest.mark.anyio
@pytest.mark.parametrize("location", LEADING)
@pytest.mark.parametrize("follow", ["get", "same_host", "never"])
async def test_no_redirect_leads_inside(location: str, follow: str) -> None:
    async def resolver(name: str, _: int) -> Sequence[str]:
        return ["127.0.0.1"] if name == "start.example.com" else ["169.254.169.254"]

    async with hostile.misbehaving(hostile.redirecting(location), hostile.good) as upstream:
        port = upstream.url.rpartition(":")[2]
        # Only the start is allowed: the list is by CIDR, and the redirects here name another port or address.
        client = OutboundClient(EgressGuard([ip_network("127.0.0.1/32")], resolver=resolver))
        if location == "http://127.0.0.1:6379/":
            location = "http://127.0.0.2:6379/"
        with pytest.raises((EgressRefused, OutboundFailed)):
            await asked(client, f"http://start.example.com:{port}/", follow=follow)
        assert len(upstream.requests) == 1


@pytest.mark.anyio
async def test_the_allow_list_opens_by_network_and_not_by_name() -> None:
    async with hostile.misbehaving(hostile.good) as upstream:
        port = upstream.url.rpartition(":")[2]
        for allow, opens in ((["127.0.0.0/8"], True), (["127.0.0.2/32"], False), (["0.0.0.0/0"], True), ([], False)):

            async def resolver(name: str, _: int) -> Sequence[str]:
                return ["127.0.0.1"]

            for host in ("inside.example.com", "127.0.0.1"):
                client = OutboundClient(EgressGuard([ip_network(one) for one in allow], resolver=resolver))
                if opens:
                    await asked(client, f"http://{host}:{port}/")
                else:
                    with pytest.raises(EgressRefused):
                        await asked(client, f"http://{host}:{port}/")


@pytest.mark.anyio
async def test_plain_http_is_for_what_the_operator_opened(sockets: list[tuple[object, ...]]) -> None:
    for url in ("http://example.com/", "http://8.8.8.8/", "http://[2600:1f18::1]/"):
        with pytest.raises(EgressRefused) as refused:
            await asked(OutboundClient(resolving(["8.8.8.8"])), url)
        assert refused.value.reason == "not_secure"
    assert sockets == []


@pytest.mark.anyio
async def test_credentials_do_not_travel_to_another_host() -> None:
    async with hostile.misbehaving(hostile.good) as there:
        elsewhere = there.url.replace("localhost", "127.0.0.1")
        for headers, method, follow in (
            ({"Authorization": "Bearer t"}, "GET", "get"),
            ({"X-Api-Key": "k"}, "GET", "get"),
            ({}, "POST", "get"),
            ({}, "GET", "same_host"),
        ):
            async with hostile.misbehaving(hostile.redirecting(elsewhere, "307 Temporary Redirect")) as here:
                client = OutboundClient(EgressGuard([ip_network("127.0.0.0/8"), ip_network("::1/128")]))
                loop = asyncio.get_running_loop()
                with pytest.raises(RedirectRefused):
                    await client.request(
                        method, here.url, headers=headers, deadline=loop.time() + 5, most_bytes=1_000, follow=follow
                    )
                await client.close()
        assert there.requests == []
        async with hostile.misbehaving(hostile.redirecting(elsewhere)) as here:
            client = OutboundClient(EgressGuard([ip_network("127.0.0.0/8"), ip_network("::1/128")]))
            await asked(client, here.url, follow="get")
        assert len(there.requests) == 1


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("https://api.example.com", "https://api.example.com/"),
        ("HTTPS://API.Example.COM:443/v1?x=%20#part", "https://api.example.com/v1?x=%20"),
        ("http://api.example.com:80/a/./b", "http://api.example.com/a/./b"),
        ("https://bücher.example/straße?q=ü", "https://xn--bcher-kva.example/stra%C3%9Fe?q=%C3%BC"),
        ("https://[2600:1F18::1]:8443/x", "https://[2600:1f18::1]:8443/x"),
        ("https://example.com?x=1", "https://example.com/?x=1"),
        ("https://example.com./", "https://example.com/"),
    ],
)
def test_a_plain_url_has_one_spelling(text: str, read: str) -> None:
    assert read_url(text).text == read
    assert read_url(read) == read_url(text)


@pytest.mark.parametrize(
    ("reference", "meaning"),
    [
        ("/b", "https://example.com/b"),
        ("b?x=1", "https://example.com/a/b?x=1"),
        ("../up", "https://example.com/up"),
        ("//other.example.com/x", "https://other.example.com/x"),
        ("?q=1", "https://example.com/a/c?q=1"),
    ],
)
def test_a_reference_is_read_from_where_it_stands(reference: str, meaning: str) -> None:
    assert read_url("https://example.com/a/c").joined(reference).text == meaning


@pytest.mark.parametrize("target", ["", "b", "/a b", "/a\r\nX: y", "/%zz", "/#x", "/ü\udc80", '/"', "/<x>", "/\\"])
def test_a_target_is_a_path_and_a_query(target: str) -> None:
    try:
        made = read_url("https://example.com/").at(target)
    except BadUrl:
        return
    assert target == "/ü\udc80"
    assert made.target.isascii()
