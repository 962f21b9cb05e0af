"""Sending mail: to a real mail server over TLS, and to ones that hang, lie, break off or strip the TLS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.policy import default
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.connectors.refusals import OutcomeUnknown
from patchbay.connectors.smtp.addresses import mail_address
from patchbay.connectors.smtp.mailer import Mailer, MailRefused, MailUnavailable
from patchbay.connectors.smtp.message import Mail, wire_form
from patchbay.egress.guard import EgressGuard
from patchbay.settings import Settings
from tests.servers.certificates import Authority
from tests.servers.mail_server import PASSWORD, UNKNOWN, USER, Mailbox, mail_server

pytestmark = pytest.mark.anyio
OPEN = EgressGuard((ip_network("127.0.0.1/32"),))
AUTHORITY = Authority()
MAIL = Mail(to=("kitchen@example.com", "boss@example.com"), subject="Grüße", text="One\n.two\n" + "x" * 3000, key="pb_1")


def mailer(port: int, guard: EgressGuard = OPEN, **more: Any) -> Mailer:
    return Mailer(guard, host="localhost", port=port, sender="agent@shop.example", **{"authorities": AUTHORITY.pem, **more})


@pytest.mark.parametrize("implicit", [False, True])
async def test_a_mail_arrives_over_tls_with_a_login(tmp_path: Path, implicit: bool) -> None:
    box = Mailbox()
    async with mail_server(box, AUTHORITY.issue(), tmp_path, implicit=implicit, login=not implicit) as port:
        login: dict[str, Any] = {} if implicit else {"user": USER, "password": PASSWORD}
        sending = mailer(port, security="implicit" if implicit else "starttls", **login)
        await sending.send(MAIL)
        await sending.send(MAIL)
    (to, message), (_, again) = box.taken
    assert to == ["kitchen@example.com", "boss@example.com"]
    assert (message["subject"], message["from"], message["message-id"]) == ("Grüße", "agent@shop.example", again["message-id"])
    assert message.get_content().splitlines() == MAIL.text.splitlines()


async def test_what_the_server_refuses_was_not_sent(tmp_path: Path) -> None:
    box = Mailbox()
    async with mail_server(box, AUTHORITY.issue(), tmp_path) as port:
        for answer in ("451 4.3.0 later", "554 5.7.1 spam, secret of the server"):
            box.answers = [answer]
            with pytest.raises(MailRefused) as refused:
                await mailer(port).send(MAIL)
            assert "secret" not in str(refused.value)
        with pytest.raises(MailRefused):
            await mailer(port).send(Mail(to=("a@example.com", UNKNOWN), subject="s", text="t", key="k"))
    assert box.taken == []


async def test_a_lost_answer_to_the_mail_is_an_unknown_outcome(tmp_path: Path) -> None:
    box = Mailbox()
    async with mail_server(box, AUTHORITY.issue(), tmp_path) as port:
        box.answers = [None]
        with pytest.raises(OutcomeUnknown):
            await mailer(port).send(MAIL)


async def test_a_wrong_login_certificate_or_guard_sends_nothing(tmp_path: Path) -> None:
    box = Mailbox()
    async with mail_server(box, AUTHORITY.issue(), tmp_path, login=True) as port:
        for sending in (
            mailer(port, user=USER, password="wrong"),
            mailer(port, authorities=Authority().pem, user=USER, password=PASSWORD),
            mailer(port, EgressGuard(()), user=USER, password=PASSWORD),
            mailer(port + 1 if port < 65535 else port - 1),
        ):
            with pytest.raises(MailUnavailable):
                await sending.send(MAIL)
    async with mail_server(box, AUTHORITY.issue(("other.example",)), tmp_path) as port:
        with pytest.raises(MailUnavailable):
            await mailer(port).send(MAIL)
    assert box.taken == []


async def test_a_stripped_starttls_is_not_accepted_and_plain_only_where_it_is_opened(tmp_path: Path) -> None:
    box = Mailbox()
    async with mail_server(box, None, tmp_path) as port:
        with pytest.raises(MailUnavailable):
            await mailer(port, user=USER, password=PASSWORD).send(MAIL)
        assert (box.taken, box.logins) == ([], [])
        await mailer(port, security="none").send(MAIL)
    assert len(box.taken) == 1
    with pytest.raises(MailUnavailable):
        await mailer(25, EgressGuard((), resolver=_public), security="none").send(MAIL)


async def _public(name: str, port: int) -> list[str]:
    return ["93.184.216.34"]


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def talking(talk: Talk) -> AsyncIterator[int]:
    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(closing, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _babbles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for _ in range(1000):
        writer.write(b"\x00\xff garbage" * 1000)
        await writer.drain()


async def _speaks_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()


async def _injects(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers after STARTTLS in the same breath, in the clear, as if TLS had begun."""
    writer.write(b"220 hello\r\n")
    await reader.readline()
    writer.write(b"250-mail\r\n250 STARTTLS\r\n")
    await reader.readline()
    writer.write(b"220 go\r\n250 mail\r\n250 OK\r\n250 OK\r\n250 OK\r\n354 go\r\n250 taken\r\n")
    await reader.read()


def _after_data(answer: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        for line in (b"250 mail", b"250 OK", b"250 OK", b"250 OK", b"354 go"):
            await reader.readline()
            writer.write(line + b"\r\n")
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(answer)
        await writer.drain()
        await reader.read()

    return talk


@pytest.mark.parametrize("talk", [_hangs, _babbles, _speaks_http, _injects])
async def test_what_is_no_mail_server(talk: Talk) -> None:
    async with talking(talk) as port:
        for security in ("starttls", "implicit"):
            with pytest.raises(MailUnavailable):
                await mailer(port, security=security, deadline_s=0.5).send(MAIL)


@pytest.mark.parametrize("answer", [b"", b"what?\r\n", b"999 x\r\n", b"250"])
async def test_what_is_no_answer_to_a_mail_leaves_it_unknown(answer: bytes) -> None:
    async with talking(_after_data(answer)) as port:
        with pytest.raises(OutcomeUnknown):
            await mailer(port, security="none", deadline_s=0.5).send(MAIL)


encoded_words = st.builds(
    "{}=?{}?{}?{}?={}".format,
    st.text(max_size=5),
    st.sampled_from(["utf-8", "UTF-8*en", "iso-8859-1", "us-ascii", "x"]),
    st.sampled_from("qQbB"),
    st.sampled_from(
        ["=0D=0ABcc:=20thief@evil.example", "=0ABcc:_x", "DQpCY2M6IHg=", "=00", "=E2=80=AE", "=3D=3Futf-8=3Fq=3F=0A=3F=3D"]
    ),
    st.text(max_size=5),
)
"""Texts that a mail library takes for something encoded, and decodes."""


@given(st.text(max_size=80) | encoded_words, st.text(max_size=200) | encoded_words, st.text(max_size=40) | encoded_words)
def test_no_text_becomes_a_header(subject: str, text: str, name: str) -> None:
    mail = Mail(to=("a@example.com",), subject=subject, text=text, key="k", from_name=name)
    head, _, _ = wire_form(mail, "b@example.com").partition(b"\r\n\r\n")
    names = {line.split(b":")[0] for line in head.split(b"\r\n") if line[:1] not in (b" ", b"\t")}
    assert {one.lower() for one in names} <= {
        b"from", b"to", b"subject", b"date", b"message-id", b"auto-submitted", b"content-type", b"mime-version",
        b"content-transfer-encoding",
    }  # fmt: skip
    assert head.isascii()
    assert not set(head.replace(b"\r\n", b"")) & set(b"\r\n\x00")
    read = message_from_bytes(head, policy=default)
    assert read["subject"] == "".join(str(read["subject"]).splitlines())


def test_an_encoded_word_stays_a_text() -> None:
    word = "=?utf-8?q?=0D=0AReply-To:=20thief@evil.example?="
    mail = Mail(to=("a@example.com",), subject=f"Message from {word}", text=word, key="k", from_name=word)
    read = message_from_bytes(wire_form(mail, "b@example.com"), policy=default)
    assert (read["reply-to"], read["to"]) == (None, "a@example.com")
    assert read["subject"] == "Message from = ?utf-8?q?=0D=0AReply-To:=20thief@evil.example?="


@pytest.mark.parametrize(
    "text",
    ["", "a", "a@b", "a b@example.com", "a@example.com,b@example.com", "a@example.com\r\nBcc: x@y.zz", "<a@example.com>",
     '"a"@example.com', "a..b@example.com", ".a@example.com", "a@-example.com", "a@exämple.com", "a@example.com>",
     "a" * 65 + "@b.cc", "a@" + "b" * 260 + ".com", None, 7, "a@[127.0.0.1]", "a@example.com\n"],
)  # fmt: skip
def test_what_is_no_address(text: object) -> None:
    assert mail_address(text) is None


def test_it_is_there_only_when_all_of_it_is_configured(tmp_path: Path) -> None:
    assert Mailer.from_settings(Settings(data_dir=tmp_path, smtp_host="mail.example.com"), OPEN) is None
    assert Mailer.from_settings(Settings(data_dir=tmp_path, smtp_host="m.example.com", smtp_from="no address"), OPEN) is None
    named = Mailer.from_settings(Settings(data_dir=tmp_path, smtp_host="m.example.com", smtp_from="a@example.com"), OPEN)
    assert named is not None
