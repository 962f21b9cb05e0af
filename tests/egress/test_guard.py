"""The egress guard: what is not plainly public is refused, however it is written and however it resolves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.egress.addresses import BadHost, is_public, read_host
from patchbay.egress.guard import EgressGuard, EgressRefused

PRIVATE_V4 = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
]
PRIVATE_V6 = [
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:a9fe:a9fe",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3ffe::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "52.1.2.3", "2600:1f18::1", "2a00:1450:4001::1", "::ffff:8.8.8.8"]
MALFORMED = [
    "",
    " ",
    "\x00",
    "127.0.0.1\x00.example.com",
    "2130706433",
    "134744072",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "127.1",
    "127.0.1",
    "8.8.8",
    "010.0.0.1",
    "08.8.8.8",
    "127.0.0.1.",
    "127.0.0.1..",
    "256.0.0.1",
    "1.2.3.4.5",
    "example.0x7f",
    "example.1",
    "１２７.０.０.１",
    "127。0。0。1",
    "①②⑦.⓪.⓪.①",
    "٨.٨.٨.٨",
    "[::1",
    "::1]",
    "[127.0.0.1]",
    "[example.com]",
    "fe80::1%eth0",
    "fe80::1%25eth0",
    "[fe80::1%1]",
    "::1%lo",
    "2600::1::",
    "host:5432",
    "127.0.0.1:5432",
    "user@example.com",
    "user:pw@example.com",
    "postgres://example.com",
    "example.com/path",
    "example.com?x=1",
    "example.com#x",
    "example.com\\x",
    "example.com, other.example.com",
    "a,b",
    "/var/run/postgresql",
    "@abstract",
    "exam ple.com",
    " example.com",
    "example.com ",
    "exa\tmple.com",
    "exa\nmple.com",
    "example..com",
    ".example.com",
    "-example.com",
    "example-.com",
    "%31%32%37.0.0.1",
    "a" * 64 + ".com",
    ("a" * 60 + ".") * 5 + "com",
    "a" * 5000,
    "ü" * 300,
    "\ud800.com",
]


def guard_for(records: Sequence[str], *, allow: Sequence[str] = ()) -> tuple[EgressGuard, list[str]]:
    asked: list[str] = []

    async def resolver(name: str, port: int) -> Sequence[str]:
        asked.append(name)
        return records

    return EgressGuard([ip_network(a) for a in allow], resolver=resolver), asked


@pytest.mark.anyio
@pytest.mark.parametrize("address", [*PRIVATE_V4, *PRIVATE_V6])
async def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    guard, asked = guard_for(["8.8.8.8"])
    for spelling in (address, f"[{address}]") if ":" in address else (address,):
        with pytest.raises(EgressRefused) as refused:
            await guard.check(spelling, 5432)
        assert refused.value.reason == "not_public"
        assert "PATCHBAY_EGRESS_ALLOW" in str(refused.value.hint)
    assert asked == []


@pytest.mark.anyio
@pytest.mark.parametrize("address", [*PRIVATE_V4, *PRIVATE_V6])
async def test_a_name_with_any_such_record_is_refused(address: str) -> None:
    for records in ([address], ["8.8.8.8", address], [address, "8.8.8.8"]):
        guard, _ = guard_for(records)
        with pytest.raises(EgressRefused) as refused:
            await guard.check("db.example.com", 5432)
        assert refused.value.reason == "not_public"
        assert address not in refused.value.detail


@pytest.mark.anyio
@pytest.mark.parametrize("host", MALFORMED)
async def test_every_other_spelling_is_refused_without_a_look_up(host: str) -> None:
    guard, asked = guard_for(["8.8.8.8"], allow=["0.0.0.0/0", "::/0"])
    with pytest.raises(EgressRefused) as refused:
        await guard.check(host, 5432)
    assert refused.value.reason == "malformed"
    assert (refused.value.code, refused.value.status) == ("egress_refused", 400)
    assert asked == []


@pytest.mark.anyio
@pytest.mark.parametrize("address", PUBLIC)
async def test_a_public_address_is_returned_in_its_one_spelling(address: str) -> None:
    guard, asked = guard_for([])
    checked = await guard.check(address, 5432)
    assert checked.address == address.removeprefix("::ffff:")
    assert asked == []


@pytest.mark.anyio
async def test_the_name_is_looked_up_once_and_the_first_record_is_the_address() -> None:
    guard, asked = guard_for(["8.8.8.8", "2600:1f18::1"])
    checked = await guard.check("DB.Example.COM.", 5432)
    assert (checked.host, checked.port, checked.address) == ("db.example.com", 5432, "8.8.8.8")
    assert asked == ["db.example.com"]


@pytest.mark.anyio
async def test_a_name_that_changes_its_mind_changes_nothing() -> None:
    answers = iter([["8.8.8.8"], ["127.0.0.1"]])

    async def rebinding(name: str, port: int) -> Sequence[str]:
        return next(answers)

    guard = EgressGuard(resolver=rebinding)
    assert (await guard.check("rebind.example.com", 5432)).address == "8.8.8.8"
    with pytest.raises(EgressRefused):
        await guard.check("rebind.example.com", 5432)


@pytest.mark.anyio
async def test_international_names_are_asked_for_in_ascii() -> None:
    guard, asked = guard_for(["8.8.8.8"])
    assert (await guard.check("bücher.example", 443)).host == "xn--bcher-kva.example"
    assert asked == ["xn--bcher-kva.example"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("host", "allow", "passes"),
    [
        ("127.0.0.1", ["127.0.0.1/32"], True),
        ("127.0.0.2", ["127.0.0.1/32"], False),
        ("::ffff:127.0.0.1", ["127.0.0.1/32"], True),
        ("127.0.0.1", ["::ffff:127.0.0.1/128"], True),
        ("::127.0.0.1", ["127.0.0.1/32"], False),
        ("64:ff9b::7f00:1", ["127.0.0.1/32"], False),
        ("2002:7f00:1::", ["127.0.0.1/32"], False),
        ("fd00::1", ["fd00::/8"], True),
        ("10.0.0.1", ["::/0"], False),
        ("::1", ["0.0.0.0/0"], False),
    ],
)
async def test_the_allow_list_opens_exactly_its_networks(host: str, allow: list[str], passes: bool) -> None:
    guard, _ = guard_for([host], allow=allow)
    for written in (host, "internal.example.com"):
        if passes:
            assert (await guard.check(written, 5432)).address == host.removeprefix("::ffff:")
        else:
            with pytest.raises(EgressRefused):
                await guard.check(written, 5432)


@pytest.mark.anyio
@pytest.mark.parametrize("port", [-1, 0, 65536])
async def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(EgressRefused):
        await guard_for(["8.8.8.8"])[0].check("example.com", port)


@pytest.mark.anyio
async def test_a_slow_look_up_is_given_up() -> None:
    async def never(name: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    with pytest.raises(EgressRefused) as refused:
        await EgressGuard(resolver=never).check("slow.example.com", 5432, timeout_s=0.01)
    assert refused.value.reason == "timed_out"


@pytest.mark.anyio
@pytest.mark.parametrize("failure", [OSError("no such host"), UnicodeError("label too long"), None])
async def test_a_name_without_records_is_not_found(failure: Exception | None) -> None:
    async def missing(name: str, port: int) -> Sequence[str]:
        if failure:
            raise failure
        return []

    with pytest.raises(EgressRefused) as refused:
        await EgressGuard(resolver=missing).check("nowhere.example.com", 5432)
    assert refused.value.reason == "not_found"


@pytest.mark.anyio
async def test_a_record_that_is_no_address_is_refused() -> None:
    for record in ("fe80::1%eth0", "nonsense", "0x7f.1"):
        guard, _ = guard_for([record])
        with pytest.raises(EgressRefused):
            await guard.check("odd.example.com", 5432)


@pytest.mark.anyio
async def test_the_machine_s_own_resolver_is_used_by_default() -> None:
    with pytest.raises(EgressRefused) as refused:
        await EgressGuard().check("localhost", 5432)
    assert refused.value.reason == "not_public"
    checked = await EgressGuard([ip_network("127.0.0.0/8"), ip_network("::1/128")]).check("localhost", 5432)
    assert checked.address in ("127.0.0.1", "::1")


@given(st.ip_addresses(v=6))
def test_only_global_unicast_is_public(address: IPv6Address) -> None:
    if is_public(address) and address.ipv4_mapped is None:
        assert address in IPv6Network("2000::/3")
        assert address.teredo is None
        assert address.sixtofour is None
        assert not any((address.is_private, address.is_reserved, address.is_multicast))


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_as_public_as_what_it_maps(address: IPv4Address) -> None:
    mapped = IPv6Address(f"::ffff:{address}")
    assert is_public(mapped) == is_public(address)
    assert not (is_public(address) and any((address.is_private, address.is_multicast, address.is_reserved)))
    assert not is_public(IPv6Address(f"64:ff9b::{address}"))
    assert not is_public(IPv6Address((0x2002 << 112) | (int(address) << 80)))


@given(st.text(max_size=60))
def test_what_is_read_is_a_plain_name_or_an_address(text: str) -> None:
    try:
        host = read_host(text)
    except BadHost:
        return
    assert host.name.isascii()
    assert not set(host.name) & set(" ,/@%?#[]\\\x00")
    if host.address is None:
        assert ":" not in host.name
        assert not host.name.rsplit(".", 1)[-1].isdigit()


@given(st.ip_addresses(v=4), st.sampled_from(["decimal", "hex", "octal", "short", "padded", "fullwidth"]))
def test_an_address_has_one_spelling(address: IPv4Address, spelling: str) -> None:
    a, b, c, d = address.packed
    text = {
        "decimal": str(int(address)),
        "hex": hex(int(address)),
        "octal": f"0{a:o}.{b}.{c}.{d}",
        "short": f"{a}.{b}.{c * 256 + d}",
        "padded": f"{a:04d}.{b}.{c}.{d}",
        "fullwidth": str(address).translate({ord("0") + n: 0xFF10 + n for n in range(10)}),
    }[spelling]
    with pytest.raises(BadHost):
        read_host(text)
