"""Text messages through a carrier that speaks Twilio's Messages API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from patchbay.connectors.sms.carrier import Carrier, SmsRateLimited, SmsRefused, SmsUnavailable
from patchbay.egress.guard import EgressGuard
from patchbay.settings import Settings
from tests.servers.upstreams.sms_carrier import SENDER, SID, TOKEN, UNROUTABLE, SmsCarrier

pytestmark = pytest.mark.anyio
OPEN = EgressGuard((ip_network("127.0.0.1/32"),))


@pytest.fixture
async def upstream() -> AsyncIterator[tuple[SmsCarrier, str]]:
    carrier = SmsCarrier()
    async with TestServer(carrier.app()) as server:
        yield carrier, str(server.make_url("")).rstrip("/")


def client(url: str, guard: EgressGuard = OPEN, *, token: str = TOKEN, sender: str = SENDER) -> Carrier:
    return Carrier(guard, base_url=url, account_sid=SID, auth_token=token, sender=sender)


async def test_a_message_is_queued_with_its_text_as_it_is(upstream: tuple[SmsCarrier, str]) -> None:
    carrier, url = upstream
    sms = client(url)
    await sms.send("+447700900123", "123456 is your code & it's good = for 5 minutes + äß")
    assert carrier.sent == [("+447700900123", "123456 is your code & it's good = for 5 minutes + äß")]
    await sms.close()


@pytest.mark.parametrize(
    ("to", "more", "refusal"),
    [(UNROUTABLE, {}, SmsRefused), ("+1", {"token": "wrong"}, SmsRefused), ("+1", {"sender": "+1999"}, SmsRefused)],
)
async def test_what_the_carrier_refuses(upstream: tuple[SmsCarrier, str], to: str, more: dict[str, str], refusal: type) -> None:
    carrier, url = upstream
    sms = client(url, **more)
    with pytest.raises(refusal) as raised:
        await sms.send(to, "code 123456")
    assert "123456" not in str(raised.value)
    assert carrier.sent == []
    await sms.close()


async def test_a_busy_or_broken_carrier(upstream: tuple[SmsCarrier, str]) -> None:
    carrier, url = upstream
    sms = client(url)
    carrier.busy = 1
    with pytest.raises(SmsRateLimited):
        await sms.send("+1", "x")
    for broken in (web.Response(status=503), web.Response(status=201, text="<html>"), web.Response(status=302)):
        carrier.broken = broken
        with pytest.raises(SmsUnavailable):
            await sms.send("+1", "x")
    assert carrier.sent == []
    await sms.close()


async def test_the_guard_stands_before_the_carrier_too(upstream: tuple[SmsCarrier, str]) -> None:
    carrier, url = upstream
    sms = client(url, EgressGuard(()))
    with pytest.raises(SmsUnavailable):
        await sms.send("+1", "x")
    assert carrier.sent == []
    await sms.close()


def test_it_is_there_only_when_all_of_it_is_configured(tmp_path: Path) -> None:
    some = Settings(data_dir=tmp_path, sms_account_sid=SID, sms_from=SENDER)
    assert Carrier.from_settings(some, OPEN) is None
    assert Carrier.from_settings(Settings(**{**some.model_dump(), "sms_auth_token": TOKEN}), OPEN) is not None
