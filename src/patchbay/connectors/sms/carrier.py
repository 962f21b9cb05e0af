"""Sending a text message through a carrier that speaks Twilio's Messages API.

``POST {base}/2010-04-01/Accounts/{sid}/Messages.json`` with basic authentication and the form fields ``To``, ``From``, ``Body``.
201 means queued. 429 (their code 20429) asks to try later. No error of the carrier's is passed on: it may quote the message.
"""

from __future__ import annotations

import asyncio
import base64
from urllib.parse import quote, urlencode

import msgspec

from patchbay.egress.failures import OutboundFailed
from patchbay.egress.guard import EgressGuard, EgressRefused
from patchbay.egress.http import OutboundClient
from patchbay.errors import RateLimited, Unavailable, Unprocessable
from patchbay.settings import Settings

DEADLINE_S = 10.0
MOST_BYTES = 65_536
_FORM = "application/x-www-form-urlencoded"


class SmsUnavailable(Unavailable):
    """The text message carrier does not answer right now."""

    code, title = "sms_unavailable", "Text messages unavailable"


class SmsLost(SmsUnavailable):
    """The text message carrier may have taken the message: its answer was lost."""

    code = "sms_lost"


class SmsRefused(Unprocessable):
    """The text message carrier refused the message; check the PATCHBAY_SMS_ settings and the number."""

    code, title = "sms_refused", "Text message refused"


class SmsRateLimited(RateLimited):
    """The text message carrier takes no more messages right now."""

    code, title = "sms_rate_limited", "Too many text messages"


class _Queued(msgspec.Struct):
    sid: str


class Carrier:
    """A carrier account. ``sender`` is the number (E.164) or messaging service that messages come from."""

    def __init__(self, guard: EgressGuard, *, base_url: str, account_sid: str, auth_token: str, sender: str) -> None:
        self._client = OutboundClient(guard, connections=4)
        self._url = f"{base_url.rstrip('/')}/2010-04-01/Accounts/{quote(account_sid, safe='')}/Messages.json"
        pair = base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()
        self._headers = {"Authorization": f"Basic {pair}", "Content-Type": _FORM, "Accept": "application/json"}
        self._sender = sender

    @classmethod
    def from_settings(cls, settings: Settings, guard: EgressGuard) -> Carrier | None:
        """The carrier that the settings name, or None when they name none."""
        if not (settings.sms_account_sid and settings.sms_auth_token and settings.sms_from):
            return None
        return cls(
            guard,
            base_url=settings.sms_base_url,
            account_sid=settings.sms_account_sid,
            auth_token=settings.sms_auth_token.get_secret_value(),
            sender=settings.sms_from,
        )

    async def send(self, to: str, text: str) -> None:
        """Queue one message. Raises :class:`SmsUnavailable` (:class:`SmsLost` where the carrier may have taken it),
        :class:`SmsRefused` or :class:`SmsRateLimited`.

        It is sent at most once: what the carrier may have taken is not tried again.
        """
        by = "MessagingServiceSid" if self._sender.startswith("MG") else "From"
        body = urlencode({"To": to, by: self._sender, "Body": text}).encode()
        deadline = asyncio.get_running_loop().time() + DEADLINE_S
        try:
            answered = await self._client.request(
                "POST", self._url, headers=self._headers, body=body, deadline=deadline, most_bytes=MOST_BYTES
            )
        except OutboundFailed as error:
            raise (SmsLost if error.sent else SmsUnavailable) from error
        except EgressRefused as error:
            raise SmsUnavailable from error
        if answered.status == 429:
            raise SmsRateLimited
        if answered.status >= 500:
            raise SmsLost
        if answered.status != 201:
            raise SmsRefused
        try:
            msgspec.json.decode(answered.body, type=_Queued)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise SmsLost("What answers is not the carrier's API.") from None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()
