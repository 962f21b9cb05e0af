"""docs/webhooks.md: its example takes what we sign, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from standardwebhooks.webhooks import WebhookVerificationError

from patchbay.agent_runtime.bodies import read_body
from patchbay.agent_runtime.hand_made.bodies import HandMadeSkill
from patchbay.agent_runtime.hand_made.webhook_config import ExecutionConfig
from patchbay.connectors.http.request import Request
from patchbay.connectors.webhook.credentials import SigningSecret, WebhookCredentials, new_secret
from patchbay.connectors.webhook.rows import result_of
from patchbay.connectors.webhook.signing import stamper
from patchbay.schema_graph.call import Caps
from tests.docs.conftest import blocks

BODY = b'{"serial_number":"S-1"}'


def signed(secret: str, **more: Any) -> dict[str, str]:
    credentials = WebhookCredentials(origin="https://api.example.com", signing=(SigningSecret(secret, **more),))
    request = Request("POST", "/warranty/lookup", {"webhook-id": "6f1c7c1e-2f0b-4f0e-9d0a-5c3b1a2d4e5f"}, BODY)
    return request.headers | stamper(credentials)(request)


def test_the_example_takes_what_we_sign() -> None:
    (example,) = blocks("webhooks.md", "python")
    names: dict[str, Any] = {}
    exec(example, names)
    secret = names["SIGNING_SECRET"]
    assert names["handle"](signed(secret), BODY) == {"status": "valid", "serial_number": "S-1"}
    for headers, body in ((signed(new_secret()), BODY), (signed(secret), BODY + b" "), (signed(secret, until=1.0), BODY)):
        with pytest.raises((WebhookVerificationError, ValueError)):
            names["handle"](headers, body)


def test_the_bodies_are_what_they_say() -> None:
    body, row = (json.loads(block) for block in blocks("webhooks.md", "json"))
    config = read_body(HandMadeSkill, body).execution_config
    assert read_body(ExecutionConfig, config).effect == "read"
    answer = {"verified": True, "subject": {"customer_id": "c1"}}
    assert result_of(answer, Caps(), returns=(), duration_ms=1.0).rows == [row]
