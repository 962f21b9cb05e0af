"""A text message carrier that speaks Twilio's Messages API, as its documentation has it: auth, errors, rate limits."""

from __future__ import annotations

import base64
from typing import Any

from aiohttp import web

SID, TOKEN, SENDER = "AC" + "0" * 32, "token-of-the-account", "+15005550006"
UNROUTABLE = "+15005550001"


class SmsCarrier:
    """``sent`` are the messages that were taken: (to, body). ``busy``: the next so many requests are over the rate limit."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.busy = 0
        self.broken: web.Response | None = None

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/2010-04-01/Accounts/{sid}/Messages.json", self._message)
        return app

    async def _message(self, request: web.Request) -> web.Response:
        expected = "Basic " + base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()
        if request.headers.get("Authorization") != expected:
            return _error(401, 20003, "Authenticate")
        if request.match_info["sid"] != SID:
            return _error(404, 20404, f"The requested resource /2010-04-01/Accounts/{request.match_info['sid']} was not found")
        if self.broken is not None:
            return self.broken
        if self.busy:
            self.busy -= 1
            return _error(429, 20429, "Too Many Requests")
        if request.content_type != "application/x-www-form-urlencoded":
            return _error(415, 20415, "Unsupported Media Type")
        form = await request.post()
        to, body, sender = (str(form.get(name, "")) for name in ("To", "Body", "From"))
        if not to:
            return _error(400, 21604, "A 'To' phone number is required.")
        if sender != SENDER:
            return _error(400, 21606, f"The 'From' phone number {sender} is not a valid, message-capable phone number.")
        if not body:
            return _error(400, 21602, "Message body is required.")
        if to == UNROUTABLE:
            return _error(400, 21211, f"Invalid 'To' Phone Number: {to}")
        self.sent.append((to, body))
        shown: dict[str, Any] = {"sid": f"SM{len(self.sent):032}", "status": "queued", "to": to, "from": sender, "body": body}
        return web.json_response({**shown, "error_code": None, "error_message": None, "num_segments": "1"}, status=201)


def _error(status: int, code: int, message: str) -> web.Response:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return web.json_response({"code": code, "message": message, "more_info": more, "status": status}, status=status)
