"""Sending a mail by the operator's mail server, once.

The server's name is looked up once and the address that passed the guard is the one connected to; TLS (from the start, or by
STARTTLS, which is then demanded) is verified against the name. A mail that was refused was not sent; one of which the answer was
lost may have been.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from patchbay.connectors.refusals import CallRefused, OutcomeUnknown
from patchbay.connectors.smtp.addresses import mail_address
from patchbay.connectors.smtp.message import Mail, wire_form
from patchbay.egress.doors import client_tls
from patchbay.egress.guard import EgressGuard, EgressRefused
from patchbay.settings import Settings

if TYPE_CHECKING:
    from aiosmtplib import SMTP

DEADLINE_S = 10.0
_LEAVE_S = 1.0
_PORTS = {"starttls": 587, "implicit": 465, "none": 25}
Security = Literal["starttls", "implicit", "none"]


class MailUnavailable(CallRefused):
    """The mail server cannot be reached, does not speak SMTP over verified TLS, or refuses its login. Nothing was sent."""

    code, status, title = "mail_unavailable", 503, "Mail unavailable"
    layer = "source"
    next_step = "Check the PATCHBAY_SMTP_ settings; patchbay doctor looks at them."
    say = "I can't send that mail right now, so I haven't."


class MailRefused(CallRefused):
    """The mail server did not take the mail. Nothing was sent."""

    code, status, title = "mail_refused", 502, "Mail refused"
    layer = "source"
    next_step = "Check the addresses, and what the mail server's log says."
    say = "The mail wasn't accepted, so it hasn't been sent."


class Mailer:
    """A mail server. ``sender`` is the address that mail comes from; ``authorities`` (PEM) are trusted beside the machine's."""

    def __init__(
        self,
        guard: EgressGuard,
        *,
        host: str,
        sender: str,
        port: int | None = None,
        user: str | None = None,
        password: str | None = None,
        security: Security = "starttls",
        authorities: str | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._guard = guard
        self._host = host
        self._port = port or _PORTS[security]
        self._login = (user, password or "") if user else None
        self._security: Security = security
        self._authorities = authorities
        self._deadline_s = deadline_s
        self.sender = sender

    @classmethod
    def from_settings(cls, settings: Settings, guard: EgressGuard) -> Mailer | None:
        """The mail server that the settings name, or None when they name none."""
        sender = mail_address(settings.smtp_from)
        if not settings.smtp_host or sender is None:
            return None
        return cls(
            guard,
            host=settings.smtp_host,
            sender=sender,
            port=settings.smtp_port,
            user=settings.smtp_user,
            password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
            security=settings.smtp_tls,
        )

    async def send(self, mail: Mail) -> None:
        """Send ``mail`` to all of its recipients or to none. It is tried once.

        Raises :class:`MailUnavailable`, :class:`MailRefused`, or OutcomeUnknown where the answer to the mail itself was lost.
        """
        from aiosmtplib import SMTPException, SMTPResponseException

        content = wire_form(mail, self.sender)
        handed_over = False
        try:
            async with asyncio.timeout(self._deadline_s):
                client = await self._connected()
                try:
                    await client.mail(self.sender)
                    for recipient in mail.to:
                        await client.rcpt(recipient)
                    handed_over = True
                    await client.data(content)
                except BaseException:
                    _drop(client)
                    raise
        except SMTPResponseException as answer:
            if not 400 <= answer.code < 600:
                raise (OutcomeUnknown if handed_over else MailUnavailable) from None
            raise (MailRefused if _about_the_mail(answer) else MailUnavailable) from None
        except (SMTPException, OSError, ValueError, EgressRefused):
            raise (OutcomeUnknown if handed_over else MailUnavailable) from None
        await _leave(client)

    async def _connected(self) -> SMTP:
        """A session that is verified and logged in, as far as the settings ask for it."""
        from aiosmtplib import SMTP

        checked = await self._guard.check(self._host, self._port)
        if self._security == "none" and not checked.opened:
            raise MailUnavailable("Mail goes over TLS, but to servers that PATCHBAY_EGRESS_ALLOW opens.")
        family = socket.AF_INET6 if ":" in checked.address else socket.AF_INET
        wire = socket.socket(family, socket.SOCK_STREAM)
        wire.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(wire, (checked.address, checked.port))
        except BaseException:
            wire.close()
            raise
        client = SMTP(
            hostname=checked.host,
            sock=wire,
            use_tls=self._security == "implicit",
            start_tls=self._security == "starttls",
            tls_context=client_tls(self._authorities, ssl.get_default_verify_paths()),
            local_hostname=self.sender.rpartition("@")[2],
            timeout=self._deadline_s,
        )
        await client.connect()  # which takes the socket, and closes it on a failure
        try:
            if self._login is not None:
                await client.login(*self._login)
        except BaseException:
            _drop(client)
            raise
        return client


async def _leave(client: SMTP) -> None:
    """Take leave, as a client should; what becomes of that changes nothing."""
    from aiosmtplib import SMTPException

    with suppress(SMTPException, OSError):
        async with asyncio.timeout(_LEAVE_S):
            await client.quit()
    _drop(client)


def _drop(client: SMTP) -> None:
    """Close the connection at once: no farewell of a server is waited for."""
    if isinstance(client.transport, asyncio.WriteTransport):
        client.transport.abort()
    client.close()


def _about_the_mail(answer: Exception) -> bool:
    """Whether an answer is to the sender, a recipient or the mail, and not to the greeting or the login."""
    from aiosmtplib import SMTPDataError, SMTPRecipientRefused, SMTPSenderRefused

    return isinstance(answer, SMTPDataError | SMTPRecipientRefused | SMTPSenderRefused)
