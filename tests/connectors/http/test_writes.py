"""A write reaches a system at most once, unless it takes our key; and nobody is told more of it than is known."""

from __future__ import annotations

import re
from typing import Any

import pytest

from patchbay.connectors.refusals import (
    AlreadyExists,
    CallRefused,
    CredentialsRefused,
    OutcomeUnknown,
    PermissionMissing,
    RecordNotFound,
    SourceBusy,
    SourceRefused,
    SourceUnavailable,
    ValueNotAccepted,
    WriteRefused,
)
from patchbay.connectors.rest.ready import ReadyRequest
from patchbay.schema_graph.idempotency_keys import sendable_key
from tests.connectors.http.calls import run, source_at, write_customer
from tests.servers.upstreams import hostile
from tests.servers.upstreams.hostile import Behaviour, Turn

POST, PUT, DELETE = (write_customer(method=method) for method in ("POST", "PUT", "DELETE"))
KEYED = write_customer(keyed=True)


def answering(status: str, headers: str = "", body: bytes = b'{"message": "secret"}') -> Behaviour:
    async def answer(turn: Turn) -> None:
        await turn.answer(body, status, headers=headers)

    return answer


async def outcome(*behaviours: Behaviour, call: Any, seconds: float = 5.0, key: str | None = None) -> tuple[Any, list[bytes]]:
    async with hostile.misbehaving(*behaviours) as upstream, source_at(upstream.url) as source:
        try:
            return await run(source, ReadyRequest(call), {"id": "c1"}, seconds=seconds, key=key), upstream.requests
        except CallRefused as refusal:
            return refusal, upstream.requests


@pytest.mark.anyio
@pytest.mark.parametrize("call", [POST, PUT, DELETE], ids=["POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "behaviour",
    [
        hostile.closed_at_once,
        hostile.closed_in_the_body,
        hostile.reset_in_the_body,
        hostile.silence,
        hostile.slow_header,
        hostile.server_error,
        hostile.overloaded,
        hostile.another_protocol,
        hostile.switched,
        hostile.garbage_chunks,
        hostile.endless_header,
        hostile.redirecting("/elsewhere", "303 See Other"),
        hostile.redirecting("http://169.254.169.254/latest/meta-data", "302 Found"),
        answering("501 Not Implemented"),
        answering("504 Gateway Timeout"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
async def test_what_may_have_been_done_is_unknown_and_never_sent_again(call: Any, behaviour: Behaviour) -> None:
    refused, requests = await outcome(behaviour, hostile.good, call=call, seconds=1.0)
    assert (type(refused), len(requests)) == (OutcomeUnknown, 1)
    assert "secret" not in f"{refused}{refused.extensions}"


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        ("400 Bad Request", ValueNotAccepted),
        ("401 Unauthorized", CredentialsRefused),
        ("402 Payment Required", WriteRefused),
        ("403 Forbidden", PermissionMissing),
        ("404 Not Found", RecordNotFound),
        ("405 Method Not Allowed", WriteRefused),
        ("409 Conflict", AlreadyExists),
        ("410 Gone", RecordNotFound),
        ("412 Precondition Failed", WriteRefused),
        ("422 Unprocessable", ValueNotAccepted),
        ("429 Too Many Requests", SourceBusy),
    ],
)
async def test_a_4xx_is_a_refusal_and_nothing_was_done(method: str, status: str, refusal: type[CallRefused]) -> None:
    if (status[:3], method) == ("404", "POST") or (status[:3], method) == ("410", "POST"):
        refusal = SourceRefused  # there is no such place to create anything in
    if status.startswith("409") and method != "POST":
        refusal = WriteRefused
    headers = "Retry-After: 0\r\n" if status.startswith("429") else ""
    refused, requests = await outcome(answering(status, headers), call=write_customer(method=method))
    assert (type(refused), len(requests)) == (refusal, 1)
    assert "secret" not in f"{refused}{refused.extensions}"


@pytest.mark.anyio
async def test_what_asks_for_the_same_elsewhere_is_not_followed_and_was_not_done() -> None:
    for status in ("307 Temporary Redirect", "308 Permanent Redirect"):
        refused, requests = await outcome(hostile.redirecting("/elsewhere", status), call=POST)
        assert (type(refused), len(requests)) == (SourceRefused, 1)


@pytest.mark.anyio
@pytest.mark.parametrize("call", [POST, PUT], ids=["POST", "PUT"])
async def test_what_was_done_is_done_whatever_is_said_of_it(call: Any) -> None:
    for behaviour in (hostile.good, hostile.wrong_type, hostile.not_json, hostile.bad_text, hostile.gzip_bomb, hostile.lying):
        result, requests = await outcome(behaviour, call=call)
        assert (result.outcome, len(requests)) == ("done", 1)
        assert behaviour in (hostile.good, hostile.lying) or (result.rows, len(result.notes)) == ([], 1)
    result, _ = await outcome(answering("204 No Content", body=b""), call=DELETE)
    assert (result.outcome, result.rows, result.notes) == ("done", [], ())


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_a_connection_that_others_have_used_is_not_used_for_a_write(method: str) -> None:
    """It may be closed by the time: a write that is lost with it would be unknown for nothing."""
    call = ReadyRequest(write_customer(method=method))
    async with hostile.misbehaving(hostile.good) as upstream, source_at(upstream.url) as source:
        for number in range(3):
            assert (await run(source, call, {"id": "c1"})).outcome == "done"
            assert (len(upstream.requests), upstream.connections) == (number + 1, number + 1)


@pytest.mark.anyio
async def test_what_never_left_was_not_done() -> None:
    async with hostile.misbehaving(hostile.good) as upstream:
        url = upstream.url
    async with source_at(url) as source:  # nobody listens any more
        with pytest.raises(SourceUnavailable):
            await run(source, ReadyRequest(POST), {"id": "c1"}, seconds=1.0)


def keys_in(requests: list[bytes]) -> list[str]:
    return [re.search(rb"(?i)idempotency-key: (\S+)", request)[1].decode() for request in requests]  # pyright: ignore


@pytest.mark.anyio
@pytest.mark.parametrize(
    "behaviour",
    [hostile.closed_at_once, hostile.server_error, hostile.silence, answering("503 Service Unavailable")],
    ids=lambda one: getattr(one, "__name__", ""),
)
async def test_with_a_key_the_same_is_asked_again_and_decides(behaviour: Behaviour) -> None:
    result, requests = await outcome(behaviour, hostile.good, call=KEYED, seconds=2.0, key="conv_1 call_2")
    assert (result.outcome, len(requests)) == ("done", 2)
    assert keys_in(requests) == [sendable_key("conv_1 call_2")] * 2
    assert len({request.rpartition(b"\r\n\r\n")[2] for request in requests}) == 1


@pytest.mark.anyio
async def test_each_run_without_a_key_of_its_own_has_another() -> None:
    (first,) = keys_in((await outcome(hostile.good, call=KEYED))[1])
    (second,) = keys_in((await outcome(hostile.good, call=KEYED))[1])
    assert first != second


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        ("422 Unprocessable", ValueNotAccepted),
        ("409 Conflict", OutcomeUnknown),  # perhaps our first attempt is still under way there
        ("404 Not Found", OutcomeUnknown),
        ("401 Unauthorized", OutcomeUnknown),
        ("403 Forbidden", OutcomeUnknown),
        ("429 Too Many Requests", OutcomeUnknown),
        ("500 Internal Server Error", OutcomeUnknown),
    ],
)
async def test_after_a_lost_answer_only_a_word_about_the_write_decides(status: str, refusal: type[CallRefused]) -> None:
    call = write_customer(keyed=True, method="PUT")
    refused, requests = await outcome(hostile.closed_at_once, answering(status), call=call)
    assert (type(refused), len(requests) > 1) == (refusal, True)
    assert len(set(keys_in(requests))) == 1


@pytest.mark.anyio
async def test_the_deadline_holds_with_a_key_too() -> None:
    refused, requests = await outcome(hostile.silence, call=KEYED, seconds=1.0)
    assert (type(refused), len(requests)) == (OutcomeUnknown, 2)


@pytest.mark.anyio
async def test_writes_that_come_to_nothing_open_the_breaker() -> None:
    async with hostile.misbehaving(hostile.server_error) as upstream, source_at(upstream.url) as source:
        for _ in range(20):
            with pytest.raises((OutcomeUnknown, SourceUnavailable)):
                await run(source, ReadyRequest(POST), {"id": "c1"})
        assert len(upstream.requests) < 20
