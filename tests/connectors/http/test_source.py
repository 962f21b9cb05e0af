"""How requests reach a system: signed, sent again where that is safe and in time, and refused by what the status means."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from patchbay.connectors.definition import Auth
from patchbay.connectors.http.authorizing import Signature
from patchbay.connectors.http.source import HttpSource
from patchbay.connectors.refusals import (
    CallRefused,
    CredentialsRefused,
    PermissionMissing,
    SchemaChanged,
    SourceBusy,
    SourceRefused,
    SourceTimeout,
    SourceUnavailable,
    ValueNotAccepted,
)
from patchbay.connectors.rest.ready import ReadyRequest
from patchbay.connectors.system import SourceClosed
from patchbay.schema_graph.call import CallInput, HttpCall, RequestSlot
from tests.connectors.http.calls import GUARD, credentials, frozen, get_customer, output, run, source_at
from tests.servers.upstreams import hostile
from tests.servers.upstreams.hostile import Behaviour, Turn


def answering(status: str, headers: str = "", body: bytes = b"{}") -> Behaviour:
    async def answer(turn: Turn) -> None:
        await turn.answer(body, status, headers=headers)

    return answer


async def outcome(*behaviours: Behaviour, call: Any = None, seconds: float = 5.0, **more: Any) -> tuple[Any, list[bytes]]:
    """The result or refusal of one run, and the requests it took."""
    async with hostile.misbehaving(*behaviours) as upstream, source_at(upstream.url, **more) as source:
        try:
            return await run(source, ReadyRequest(call or get_customer()), {"id": "c1"}, seconds=seconds), upstream.requests
        except CallRefused as refusal:
            return refusal, upstream.requests


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("status", "refusal", "attempts"),
    [
        ("400 Bad Request", ValueNotAccepted, 1),
        ("401 Unauthorized", CredentialsRefused, 1),
        ("403 Forbidden", PermissionMissing, 1),
        ("405 Method Not Allowed", SourceRefused, 1),
        ("406 Not Acceptable", SourceRefused, 1),
        ("409 Conflict", SourceRefused, 1),
        ("422 Unprocessable", ValueNotAccepted, 1),
        ("429 Too Many Requests", SourceBusy, 1),
        ("304 Not Modified", SourceRefused, 1),
        ("500 Internal Server Error", SourceUnavailable, 1),
        ("501 Not Implemented", SourceRefused, 1),
        ("502 Bad Gateway", SourceUnavailable, 3),
        ("503 Service Unavailable", SourceUnavailable, 3),
        ("504 Gateway Timeout", SourceUnavailable, 3),
    ],
)
async def test_a_status_is_a_refusal(status: str, refusal: type[CallRefused], attempts: int) -> None:
    body = b"" if status.startswith("304") else b'{"message": "secret"}'
    refused, requests = await outcome(answering(status, body=body))
    assert (type(refused), len(requests)) == (refusal, attempts)
    assert "secret" not in f"{refused}{refused.extensions}"


GOOGLE = b'{"error": {"errors": [{"domain": "usageLimits", "reason": "%s", "message": "x"}], "code": 403, "message": "x"}}'


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("headers", "body", "refusal"),
    [
        ("", GOOGLE % b"rateLimitExceeded", SourceBusy),
        ("", GOOGLE % b"userRateLimitExceeded", SourceBusy),
        ("", b'[{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "x"}]', SourceBusy),
        ("", b'{"code": "rate_limited"}', SourceBusy),
        ("X-RateLimit-Remaining: 0\r\n", b"{}", SourceBusy),
        ("Retry-After: 30\r\n", b"{}", SourceBusy),
        ("X-RateLimit-Remaining: 7\r\n", b"{}", PermissionMissing),
        ("", GOOGLE % b"insufficientPermissions", PermissionMissing),
        ("", b'{"message": "rate limit exceeded"}', PermissionMissing),
        ("", b"<html>rateLimitExceeded", PermissionMissing),
        ("", b'{"code": ' * 5_000, PermissionMissing),
        ("", b'"' + b"x" * 100_000, PermissionMissing),
    ],
)
async def test_too_many_requests_that_are_called_forbidden_are_too_many(
    method: str, headers: str, body: bytes, refusal: type[CallRefused]
) -> None:
    refused, requests = await outcome(answering("403 Forbidden", headers, body), call=get_customer(method=method))
    assert (type(refused), len(requests)) == (refusal, 1)
    assert refused.headers.get("Retry-After") == ("30" if "Retry" in headers else None)


@pytest.mark.anyio
@pytest.mark.parametrize("when", ["1000000000", "9" * 40, "Fri, 31 Dec 9999 23:59:59 GMT"])
async def test_nobody_is_told_to_come_back_in_a_year(when: str) -> None:
    refused, _ = await outcome(answering("429 X", f"Retry-After: {when}\r\n"))
    assert refused.headers["Retry-After"] == "86400"


@pytest.mark.anyio
@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone"])
async def test_what_does_not_exist_has_no_rows(status: str) -> None:
    result, _ = await outcome(answering(status))
    assert (result.rows, result.row_count) == ([], 0)
    listed = frozen(HttpCall("GET", "/customers", leaves=(("x",),), many=True), [output("x")])
    async with hostile.misbehaving(answering(status)) as upstream, source_at(upstream.url) as source:
        with pytest.raises(SourceRefused):
            await run(source, ReadyRequest(listed), {})


@pytest.mark.anyio
@pytest.mark.parametrize(
    "first",
    [
        answering("502 Bad Gateway"),
        answering("503 Service Unavailable", "Retry-After: 0\r\n"),
        answering("429 Too Many Requests", "Retry-After: 0\r\n"),
        hostile.reset_in_the_body,
        hostile.closed_at_once,
        hostile.closed_in_the_body,
    ],
)
async def test_a_read_is_tried_again(first: Behaviour) -> None:
    result, requests = await outcome(first, hostile.good)
    assert (result.row_count, len(requests)) == (1, 2)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "first", [answering("502 Bad Gateway"), answering("503 X", "Retry-After: 0\r\n"), hostile.closed_in_the_body]
)
async def test_what_may_change_something_is_not(first: Behaviour) -> None:
    refused, requests = await outcome(first, hostile.good, call=get_customer(method="POST"))
    assert isinstance(refused, SourceUnavailable)
    assert len(requests) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("when", [lambda: "3600", lambda: format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)])
async def test_a_retry_that_does_not_fit_is_not_waited_for(when: Callable[[], str]) -> None:
    refused, requests = await outcome(answering("503 X", f"Retry-After: {when()}\r\n"), hostile.good)
    assert isinstance(refused, SourceUnavailable)
    assert len(requests) == 1
    assert int(refused.headers["Retry-After"]) in range(3590, 3601)


@pytest.mark.anyio
async def test_a_retry_at_a_time_that_has_come_is_made() -> None:
    past = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    result, requests = await outcome(answering("503 X", f"Retry-After: {past}\r\n"), hostile.good)
    assert (result.row_count, len(requests)) == (1, 2)


@pytest.mark.anyio
async def test_too_many_requests_say_when_to_come_back_and_do_not_count_as_failures() -> None:
    async with hostile.misbehaving(hostile.too_many) as upstream, source_at(upstream.url) as source:
        for _ in range(5):
            with pytest.raises(SourceBusy) as refused:
                await run(source, ReadyRequest(get_customer()), {"id": "c1"}, seconds=1.0)
            assert refused.value.headers == {"Retry-After": "30"}
        assert len(upstream.requests) == 5


class Renewing:
    """An authorizer whose tokens are numbered."""

    def __init__(self) -> None:
        self.asked: list[bool] = []

    async def sign(self, *, renew: bool = False) -> Signature:
        self.asked.append(renew)
        number = sum(self.asked)
        return Signature(headers={"Authorization": f"Bearer t{number}"}, query={"k": f"{number}&"}, cookies={"c": str(number)})


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_refused_token_is_renewed_once(method: str) -> None:
    for behaviours, renewals, taken in (
        ((hostile.good,), 0, 1),
        ((answering("401 X"), hostile.good), 1, 2),
        ((answering("401 X"),), 1, 2),
    ):
        authorizer = Renewing()
        async with hostile.misbehaving(*behaviours) as upstream:
            source = HttpSource(credentials(upstream.url), GUARD, authorizer)
            try:
                result: Any = await run(source, ReadyRequest(get_customer(method=method)), {"id": "c1"})
                assert result.row_count == 1
            except CredentialsRefused:
                assert len(behaviours) == 1
            finally:
                await source.close()
            assert (sum(authorizer.asked), len(upstream.requests)) == (renewals, taken)
            last = upstream.requests[-1]
            assert f"?k={renewals}%26 HTTP".encode() in last
            assert f"Authorization: Bearer t{renewals}\r\n".encode() in last
            assert f"Cookie: c={renewals}\r\n".encode() in last


@pytest.mark.anyio
async def test_an_authorizer_that_hangs_is_given_up_at_the_deadline() -> None:
    class Hanging:
        async def sign(self, *, renew: bool = False) -> Signature:
            await asyncio.Event().wait()
            return Signature()

    async with hostile.misbehaving(hostile.good) as upstream:
        source = HttpSource(credentials(upstream.url), GUARD, Hanging())
        with pytest.raises(SourceTimeout):
            await run(source, ReadyRequest(get_customer()), {"id": "c1"}, seconds=0.2)
        await source.close()
        assert upstream.requests == []


@pytest.mark.anyio
async def test_the_definition_s_headers_are_sent_and_nothing_of_a_call_replaces_them() -> None:
    names = ("X-Version", "x-tenant", "X-Other")
    body = HttpCall(
        "GET",
        "/x",
        tuple(RequestSlot("header", name, "string", "string", param=name) for name in names),
        leaves=(("id",),),
    )
    call = frozen(body, [output("id")], [CallInput(name, name, "string", "string") for name in names])
    async with (
        hostile.misbehaving(hostile.good) as upstream,
        source_at(
            upstream.url,
            headers={"X-Version": "2026-01-01", "X-Tenant": "t1"},
            auth=Auth(scheme="api_key", name="X-Key"),
            secrets={"apiKey": "k"},
        ) as source,
    ):
        await run(source, ReadyRequest(call), {name: "theirs" for name in names})
        (request,) = upstream.requests
    head = request.decode().lower()
    assert "x-version: 2026-01-01\r\n" in head
    assert "x-tenant: t1\r\n" in head
    assert "x-key: k\r\n" in head
    assert head.count("theirs") == 1
    assert "user-agent: patchbay\r\n" in head
    assert "accept: application/json\r\n" in head


@pytest.mark.anyio
async def test_another_server_is_taken_on_the_same_host_alone() -> None:
    async with hostile.misbehaving(hostile.good) as upstream, source_at(upstream.url + "/v1/") as source:
        for server, target in ((None, b"/v1/x"), (upstream.url + "/v2", b"/v2/x")):
            call = frozen(HttpCall("GET", "/x", leaves=(("id",),), server=server), [output("id")])
            await run(source, ReadyRequest(call), {})
            assert upstream.requests[-1].startswith(b"GET " + target + b" HTTP/1.1\r\n")
        elsewhere = frozen(HttpCall("GET", "/x", leaves=(("id",),), server="https://elsewhere.example.com"), [output("id")])
        with pytest.raises(SchemaChanged):
            await run(source, ReadyRequest(elsewhere), {})
        assert len(upstream.requests) == 2


@pytest.mark.anyio
async def test_a_retired_source_takes_nothing_more_and_finishes_what_it_has() -> None:
    gate = asyncio.Event()

    async def held(turn: Turn) -> None:
        await gate.wait()
        await hostile.good(turn)

    async with hostile.misbehaving(held) as upstream:
        source = HttpSource(credentials(upstream.url), GUARD)
        ready = ReadyRequest(get_customer())
        under_way = asyncio.create_task(run(source, ready, {"id": "c1"}))
        while not upstream.requests:
            await asyncio.sleep(0.01)
        source.retire()
        assert not source.ended
        with pytest.raises(SourceClosed):
            await run(source, ready, {"id": "c1"})
        gate.set()
        assert (await under_way).row_count == 1
        await source.close()
        assert source.ended


@pytest.mark.anyio
async def test_a_redirect_on_the_same_host_is_followed_by_a_read() -> None:
    moved = hostile.redirecting("/v2/customers/c1", "301 Moved Permanently")
    result, requests = await outcome(moved, hostile.good)
    assert (result.row_count, len(requests)) == (1, 2)
    assert b"Authorization: Bearer t0k" in requests[1]
    refused, requests = await outcome(moved, hostile.good, call=get_customer(method="POST"))
    assert (type(refused), len(requests)) == (SourceRefused, 1)
