"""The signature of each request, by Standard Webhooks (https://www.standardwebhooks.com), version 1."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from standardwebhooks import Webhook

from patchbay.connectors.http.request import Request
from patchbay.connectors.webhook.credentials import WebhookCredentials

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"


def stamper(credentials: WebhookCredentials) -> Callable[[Request], dict[str, str]]:
    """What signs a request: over its id, which is in its headers already, the time, and its body as it is sent.

    A request without a body is signed over an empty one.
    """
    signers = {one.secret: Webhook(one.secret) for one in credentials.signing}

    def stamp(request: Request) -> dict[str, str]:
        now = datetime.now(UTC)
        body = (request.body or b"").decode()
        signatures = [signers[secret].sign(request.headers[ID], now, body) for secret in credentials.current()]
        return {TIMESTAMP: str(int(now.timestamp())), SIGNATURE: " ".join(signatures)}

    return stamp
