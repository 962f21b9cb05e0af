"""Which answers of a token endpoint count, and when a token is renewed."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.connectors.oauth.refusals import TokenAnswerInvalid, TokenRefused, TokenServerBusy
from patchbay.connectors.oauth.tokens import EARLY_S, TOKEN_MOST, Tokens, read_tokens_answer

GOOD = {"access_token": "at", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "rt"}


def read(answer: Any, status: int = 200, before: Tokens | None = None) -> Tokens:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return read_tokens_answer(status, body, asked_at=1_000.0, before=before)


def test_a_good_answer() -> None:
    assert read(GOOD) == Tokens(access_token="at", obtained_at=1_000.0, ends_at=4_600.0, refresh_token="rt")
    assert read({**GOOD, "token_type": "bearer", "expires_in": "60"}).ends_at == 1_060.0
    assert read({"access_token": "at", "token_type": "Bearer"}) == Tokens(access_token="at", obtained_at=1_000.0)
    assert read({"access_token": "at"}) == Tokens(access_token="at", obtained_at=1_000.0)
    assert read({**GOOD, "error": None, "scope": ["odd"], "id_token": 7}).access_token == "at"


def test_a_refresh_token_that_is_not_sent_again_stays() -> None:
    before = Tokens(access_token="old", obtained_at=0.0, refresh_token="kept")
    for absent in ({}, {"refresh_token": None}, {"refresh_token": ""}):
        answer = {name: value for name, value in GOOD.items() if name != "refresh_token"} | absent
        assert read(answer, before=before).refresh_token == "kept"
    assert read(GOOD, before=before).refresh_token == "rt"


@pytest.mark.parametrize(
    "change",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": 7},
        {"access_token": "two words"},
        {"access_token": "line\r\nX-Evil: 1"},
        {"access_token": "é"},
        {"access_token": "x" * (TOKEN_MOST + 1)},
        {"token_type": None},
        {"token_type": "mac"},
        {"token_type": ["bearer"]},
        {"expires_in": 0},
        {"expires_in": -1},
        {"expires_in": True},
        {"expires_in": 3600.5},
        {"expires_in": "soon"},
        {"expires_in": "١٢"},
        {"expires_in": 10**12},
        {"expires_in": "9" * 5_000},
        {"refresh_token": 7},
        {"refresh_token": "\x00"},
        {"refresh_token": "x" * (TOKEN_MOST + 1)},
    ],
)
def test_an_answer_that_is_no_token_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(TokenAnswerInvalid):
        read({**GOOD, **change})


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"<html>", b"\xff", b'{"access_token": "at"', b"[" * 60_000])
def test_what_is_not_an_object_is_refused(body: bytes) -> None:
    with pytest.raises(TokenAnswerInvalid):
        read(body)
    with pytest.raises(TokenAnswerInvalid):
        read(body, 404)


@pytest.mark.parametrize(
    ("status", "error", "said", "ends_grant"),
    [
        (400, "invalid_grant", "invalid_grant", True),
        (200, "bad_refresh_token", None, True),
        (401, "invalid_client", "invalid_client", False),
        (401, None, "invalid_client", False),
        (400, "invalid_scope", "invalid_scope", False),
    ],
)
def test_a_refusal_says_whether_the_grant_is_gone(status: int, error: str | None, said: str | None, ends_grant: bool) -> None:
    with pytest.raises(TokenRefused) as refused:
        read({"error": error, "error_description": "secret-ish text"}, status)
    assert (refused.value.said, refused.value.ends_grant) == (said, ends_grant)
    assert "secret-ish" not in repr(vars(refused.value))
    assert error is None or said is not None or error not in repr(vars(refused.value))


@pytest.mark.parametrize("error", ["temporarily_unavailable", "server_error"])
def test_later_is_not_never(error: str) -> None:
    with pytest.raises(TokenServerBusy):
        read({"error": error}, 400)


@given(st.integers(1, 10 * 366 * 86_400))
def test_a_token_is_renewed_while_it_still_serves(life: int) -> None:
    tokens = read({**GOOD, "expires_in": life})
    assert tokens.ends_at is not None
    assert tokens.obtained_at < tokens.due_at <= tokens.useless_at < tokens.ends_at
    assert tokens.ends_at - tokens.due_at <= EARLY_S


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)))
def test_no_answer_breaks_the_reading(value: Any) -> None:
    for answer in (value, {**GOOD, "access_token": value}, {**GOOD, "expires_in": value}, {**GOOD, "error": value}):
        with contextlib.suppress(TokenAnswerInvalid, TokenRefused, TokenServerBusy):
            assert isinstance(read(answer), Tokens)


def test_a_token_without_an_end_serves_until_it_is_refused() -> None:
    tokens = Tokens(access_token="at", obtained_at=0.0)
    assert tokens.due_at == tokens.useless_at == float("inf")
    assert repr(tokens) == "Tokens(ends_at=None, refreshable=False)"
