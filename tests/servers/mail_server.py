"""A mail server for tests: aiosmtpd with TLS and a login, and what may go wrong with one."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.servers.certificates import Certificate

USER, PASSWORD = "patchbay", "s3cret of the mailbox"
UNKNOWN = "nobody@example.com"


class Mailbox:
    """What was taken, as (recipients, message). ``answers`` are said instead of taking a mail; None drops the connection."""

    def __init__(self) -> None:
        self.taken: list[tuple[list[str], EmailMessage]] = []
        self.answers: list[str | None] = []
        self.logins: list[str] = []

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if address == UNKNOWN:
            return "550 5.1.1 No such user, secret of the server"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.answers:
            answer = self.answers.pop(0)
            if answer is not None:
                return answer
            cast("Any", server).transport.abort()
        content = envelope.content
        assert isinstance(content, bytes)
        message = cast("EmailMessage", message_from_bytes(content, policy=policy.default))
        self.taken.append(([str(one) for one in envelope.rcpt_tos], message))
        return "250 OK queued"

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        fits = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        self.logins.append(mechanism)
        return AuthResult(success=fits, handled=False, message=None if fits else "535 5.7.8 wrong")


@asynccontextmanager
async def mail_server(
    box: Mailbox, certificate: Certificate | None, directory: Path, *, implicit: bool = False, login: bool = False
) -> AsyncIterator[int]:
    """The server on a port of its own; without a certificate it has no TLS."""
    import asyncio

    context = None
    if certificate is not None:
        chain, key = directory / "mail.pem", directory / "mail.key"
        chain.write_text(certificate.pem)
        key.write_text(certificate.key)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(chain, key)

    def session() -> SMTP:
        return SMTP(
            box,
            hostname="mail.example.com",
            tls_context=None if implicit else context,
            require_starttls=context is not None and not implicit,
            auth_required=login,
            auth_require_tls=login and not implicit,
            authenticator=box.authenticate if login else None,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(session, "127.0.0.1", 0, ssl=context if implicit else None)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
