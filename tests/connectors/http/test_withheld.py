"""A system that sends back what it was sent: no credential comes into a result, and so into no event, reply or receipt."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from patchbay.connectors.definition import Auth
from patchbay.connectors.graphql.ready import ReadyDocument
from patchbay.connectors.http.signing import signature_of, withheld
from patchbay.connectors.rest.ready import ReadyRequest
from patchbay.schema_graph.call import CallInput, FrozenCall, GraphqlCall, HttpCall
from tests.connectors.http.calls import frozen, output, run, source_at
from tests.servers.upstreams import hostile
from tests.servers.upstreams.hostile import Turn

SECRET = 's3cret/"t0ken'
PAIR = base64.b64encode(b"ada@example.com:hunter2hunter2").decode()
OUTPUTS = [output("id"), output("name"), output("email")]
PATHS = (("id",), ("name",), ("email",))


def _calls() -> list[tuple[Any, FrozenCall, bool]]:
    inputs = [CallInput("id", "id", "string", "string", required=False)]
    rest = frozen(HttpCall("GET", "/x", leaves=PATHS), OUTPUTS, inputs)
    document = GraphqlCall("query X { x { id name email } }", "X", leaves=PATHS, record=("x",))
    return [(ReadyRequest, rest, False), (ReadyDocument, frozen(document, OUTPUTS, inputs), True)]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("auth", "secrets", "sent_back"),
    [
        (Auth(scheme="api_key", name="X-Key"), {"apiKey": SECRET}, SECRET),
        (Auth(scheme="api_key", name="key", place="query"), {"apiKey": SECRET}, SECRET),
        (Auth(scheme="basic"), {"username": "ada@example.com", "password": "hunter2hunter2"}, "hunter2hunter2"),
        (Auth(scheme="basic"), {"username": "ada@example.com", "password": "hunter2hunter2"}, PAIR),
        (Auth(scheme="bearer"), {"token": "a.long.token"}, "a.long.token"),
    ],
)
async def test_what_was_sent_back_is_withheld(auth: Auth, secrets: dict[str, str], sent_back: str) -> None:
    record = {"id": "c1", "name": f"You sent: {sent_back}!", "email": "ada@example.com"}
    for ready, call, wrapped in _calls():

        async def echo(turn: Turn, wrapped: bool = wrapped) -> None:
            await turn.answer(json.dumps({"data": {"x": record}} if wrapped else record).encode())

        async with hostile.misbehaving(echo) as upstream, source_at(upstream.url, auth=auth, secrets=secrets) as source:
            result = await run(source, ready(call), {})
        assert result.rows == [{"id": "c1", "name": None, "email": "ada@example.com"}]
        assert [note for note in result.notes if "'name' holds a credential" in note]
        assert sent_back not in str(result)


def test_short_secrets_and_names_are_not_looked_for() -> None:
    secrets = {"username": "ada@example.com", "password": "pw"}
    assert withheld(signature_of(Auth(scheme="basic"), secrets), secrets) == (base64.b64encode(b"ada@example.com:pw"),)
