"""The guide "Take an order with a delivery check", request for request. Knowledge and the number are not there yet."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.guides.conftest import Caller, calls, said
from tests.api.webhook_service import serving

pytestmark = pytest.mark.anyio
AREA: dict[str, Any] = {
    "name": "Check delivery area",
    "description": "Check whether the caller's delivery address is within our delivery zone before taking a delivery order.",
    "skillType": "geo",
    "executionConfig": {"action": "check_service_area", "originAddress": "120 Main St, Boulder, CO", "radiusMiles": 5},
}
ORDER: dict[str, Any] = {
    "name": "Submit order",
    "description": "Send the confirmed order to the kitchen. Use after the caller confirms items and (for delivery) the address"
    " is in range.",
    "skillType": "http_webhook",
}
PARAMETERS = [
    {"name": "items", "description": "The ordered items with size and quantity"},
    {"name": "fulfillment", "description": "delivery or pickup"},
    {"name": "address", "description": "Delivery address, if delivery"},
    {"name": "phone", "description": "Callback number"},
]


async def test_an_order_is_checked_and_reaches_the_kitchen(caller: Caller) -> None:
    agent = (await caller.ask("POST", "/agents", {"name": "Tony's Pizza", "primaryLanguage": "en"}, status=201))["id"]
    area = await caller.ask("POST", f"/agents/{agent}/skills", AREA, status=201)
    assert (area["enabled"], area["skillType"]) == (True, "geo")
    async with serving({"ticket": 17}) as kitchen:
        config = {"method": "POST", "url": f"{kitchen.url}/api/orders", "parameters": PARAMETERS}
        order = await caller.ask("POST", f"/agents/{agent}/skills", {**ORDER, "executionConfig": config}, status=201)
        kitchen.secret = order["signingSecret"]
        await caller.ask("POST", f"/agents/{agent}/publish", status=201)
        message = "Can I get a large supreme delivered to 200 Pearl St?"
        frames = await caller.simulate(agent, message=message, draftMode=False)
        assert calls(frames) == [("started", area["name"]), ("refused", area["name"])]
        assert "full address with its ZIP code" in said(frames)
        origin = {"executionConfig": {"origin": {"lat": 40.015, "lng": -105.2705}}}
        mended = await caller.ask("PATCH", f"/agents/{agent}/skills/{area['id']}", origin)
        assert mended["warnings"] == []
        await caller.ask("POST", f"/agents/{agent}/publish", status=201)
        talk = [message, "200 Pearl St, Boulder, CO 80302", "Submit my order", "one large supreme"]
        frames = await caller.simulate(agent, transcript=talk, draftMode=False)
    assert calls(frames)[2:] == [(state, area["name"]) for state in ("started", "succeeded")] + [
        (state, order["name"]) for state in ("started", "succeeded")
    ]
    assert "in area: yes" in said(frames).lower()
    assert kitchen.seen == [("POST", "/api/orders", {"items": "one large supreme"})]
