"""A mail as it goes over the wire. Nothing in it can become a header that is not meant to be one."""

from __future__ import annotations

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import msgspec

from patchbay.schema_graph.idempotency_keys import sendable_key

SUBJECT_MOST, TEXT_MOST = 300, 60_000


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """One mail. ``to`` are addresses that were checked; ``key`` names it: the same mail has the same Message-ID."""

    to: tuple[str, ...]
    subject: str
    text: str
    key: str
    reply_to: str | None = None
    from_name: str | None = None


def wire_form(mail: Mail, sender: str) -> bytes:
    """The mail as RFC 5322 text in ASCII, from ``sender``."""
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(_line(mail.from_name or ""), addr_spec=sender)
    message["To"] = [Address(addr_spec=one) for one in mail.to]
    if mail.reply_to is not None:
        message["Reply-To"] = Address(addr_spec=mail.reply_to)
    message["Subject"] = _line(mail.subject)[:SUBJECT_MOST]
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{sendable_key(mail.key)}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text[:TEXT_MOST], charset="utf-8", cte="quoted-printable")
    return message.as_bytes()


def _line(text: str) -> str:
    """Text as one line without control characters. What looks like an encoded word (RFC 2047) is made none: decoded, by the
    library as it writes the header or by whoever reads it, it could hold anything, a line break and another header too.
    """
    return " ".join("".join(c if c.isprintable() else " " for c in text).split()).replace("=?", "= ?")
