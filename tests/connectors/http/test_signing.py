"""The schemes that sign with stored secrets alone, and what they refuse to send."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from patchbay.connectors.definition import Auth
from patchbay.connectors.http.authorizing import Signature
from patchbay.connectors.http.signing import signature_of, static_authorizer
from patchbay.connectors.refusals import CredentialsRefused
from patchbay.errors import ValidationFailed


@pytest.mark.parametrize(
    ("auth", "secrets", "signature"),
    [
        (Auth(), {}, Signature()),
        (Auth(scheme="bearer"), {"token": "a.b-c=="}, Signature(headers={"Authorization": "Bearer a.b-c=="})),
        (Auth(scheme="api_key", name="X-Key"), {"apiKey": "k 1"}, Signature(headers={"X-Key": "k 1"})),
        (
            Auth(scheme="api_key", name="Authorization", prefix="Token"),
            {"apiKey": "k"},
            Signature(headers={"Authorization": "Token k"}),
        ),
        (Auth(scheme="api_key", name="key", place="query"), {"apiKey": "k&x=ü"}, Signature(query={"key": "k&x=ü"})),
        (Auth(scheme="api_key", name="sid", place="cookie"), {"apiKey": "k=1"}, Signature(cookies={"sid": "k=1"})),
    ],
)
def test_what_a_scheme_adds(auth: Auth, secrets: dict[str, str], signature: Signature) -> None:
    assert signature_of(auth, secrets) == signature


@pytest.mark.parametrize(("user", "password"), [("Aladdin", "open sesame"), ("ada", ""), ("ü", "pä:ss")])
def test_basic_is_a_pair_in_base64(user: str, password: str) -> None:
    """RFC 7617, section 2, and its example."""
    value = signature_of(Auth(scheme="basic"), {"username": user, "password": password}).headers["Authorization"]
    assert base64.b64decode(value.removeprefix("Basic ")).decode() == f"{user}:{password}"
    if user == "Aladdin":
        assert value == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


@pytest.mark.parametrize(
    ("auth", "secrets"),
    [
        (Auth(scheme="bearer"), {"token": "a\r\nX: y"}),
        (Auth(scheme="bearer"), {"token": "a b"}),
        (Auth(scheme="bearer"), {"token": "ü"}),
        (Auth(scheme="basic"), {"username": "a:b", "password": "c"}),
        (Auth(scheme="api_key", name="X-Key"), {"apiKey": "a\nb"}),
        (Auth(scheme="api_key", name="X-Key"), {"apiKey": "ключ"}),
        (Auth(scheme="api_key", name="X Key"), {"apiKey": "a"}),
        (Auth(scheme="api_key", name="Host"), {"apiKey": "a"}),
        (Auth(scheme="api_key", name="Content-Length"), {"apiKey": "1"}),
        (Auth(scheme="api_key", name="sid", place="cookie"), {"apiKey": "a; admin=1"}),
        (Auth(scheme="api_key"), {"apiKey": "a"}),
    ],
)
def test_what_cannot_be_sent_is_refused(auth: Auth, secrets: dict[str, str]) -> None:
    with pytest.raises(ValidationFailed) as refused:
        static_authorizer(auth, secrets)
    (finding,) = refused.value.errors
    assert not any(len(secret) > 2 and secret in finding.message for secret in secrets.values())


@pytest.mark.anyio
async def test_a_refused_signature_has_no_successor() -> None:
    authorizer: Any = static_authorizer(Auth(scheme="bearer"), {"token": "t"})
    assert (await authorizer.sign()).headers == {"Authorization": "Bearer t"}
    with pytest.raises(CredentialsRefused):
        await authorizer.sign(renew=True)


def test_a_scheme_with_tokens_is_not_for_here() -> None:
    with pytest.raises(ValueError, match="oauth2_client_credentials"):
        signature_of(Auth(scheme="oauth2_client_credentials"), {"clientId": "a", "clientSecret": "b"})
