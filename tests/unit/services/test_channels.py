"""Email over real SMTP and SMS as files: what arrives, and what the results say when it does not."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from crossdock.clock import SystemClock
from crossdock.services.mailbox.service import mailbox
from crossdock.services.notifications.channels import (
    Delivered,
    FileSmsChannel,
    NotSent,
    Refused,
    SmtpChannel,
    Unsure,
)
from crossdock.services.notifications.model import Content, Outgoing
from crossdock.services.settings import MailboxSettings, NotificationsSettings


def outgoing(recipient: str = "ada@example.com", subject: str = "Grüße") -> Outgoing:
    """A message."""
    content = Content(subject, "Text", "<p>HTML</p>")
    return Outgoing(message_id="m1", recipient=recipient, content=content, at_ms=1_700_000_000_000)


def smtp_channel(port: int) -> SmtpChannel:
    """A channel to a port of this machine."""
    return SmtpChannel(NotificationsSettings(data=Path(), smtp_port=port))


async def test_mail_arrives_once(tmp_path: Path) -> None:
    """A mail arrives as text and HTML under its own Message-ID; sent again, it is the same mail."""
    async with mailbox(MailboxSettings(data=tmp_path), SystemClock()) as addresses:
        channel = smtp_channel(int(addresses.rpartition(":")[2]))
        assert await channel.send(outgoing()) == Delivered()
        assert await channel.send(outgoing()) == Delivered()
        async with aiohttp.ClientSession(addresses.partition(" ")[0]) as http, http.get("/messages/1") as response:
            mail = await response.json()
    assert (mail["messageId"], mail["subject"], mail["copies"]) == ("<m1@shop.example>", "Grüße", 2)
    assert (mail["text"].strip(), mail["html"].strip()) == ("Text", "<p>HTML</p>")
    assert mail["recipients"] == ["ada@example.com"]


@pytest.mark.parametrize(("recipient", "subject"), [("ada@example.com", "a\r\nBcc: x@y.example"), ("a\n@b.c", "s")])
async def test_headers_cannot_be_broken(recipient: str, subject: str) -> None:
    """A line break in an address or a subject is refused before anything is sent."""
    assert isinstance(await smtp_channel(1).send(outgoing(recipient, subject)), Refused)


async def test_a_server_that_is_not_there() -> None:
    """Without a connection the mail is certainly not sent."""
    with_port = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = with_port.sockets[0].getsockname()[1]
    with_port.close()
    await with_port.wait_closed()
    settings = NotificationsSettings(data=Path(), smtp_port=port)
    assert isinstance(await SmtpChannel(settings, patience_s=0.1).send(outgoing()), NotSent)


Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def conversation(**answers: str) -> Conversation:
    """An SMTP server that answers each command as given, otherwise well; an empty answer hangs up."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        while line := await reader.readline():
            verb = line.split()[0].decode().upper() if line.split() else ""
            good = {"DATA": "354 go on", "EHLO": "250 localhost"}.get(verb, "250 OK")
            if verb not in {"EHLO", "MAIL", "RCPT", "DATA", "QUIT", "RSET"}:
                continue
            if not (answer := answers.get(verb, good)):
                break
            writer.write(answer.encode() + b"\r\n")
            if verb == "DATA" and answer.startswith("354"):
                while (await reader.readline()).rstrip() != b".":
                    pass
                if not (end := answers.get("END", "250 kept")):
                    break
                writer.write(end.encode() + b"\r\n")
        writer.close()

    return talk


@asynccontextmanager
async def server(talk: Conversation) -> AsyncIterator[int]:
    """A server on a free port."""
    listening = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


@pytest.mark.parametrize(
    ("answers", "result"),
    [
        ({}, Delivered),
        ({"RCPT": "550 no such user"}, Refused),
        ({"RCPT": "450 busy"}, NotSent),
        ({"MAIL": "553 not you"}, Refused),
        ({"DATA": "451 later"}, NotSent),
        ({"END": "554 spam"}, Refused),
        ({"END": "452 full"}, NotSent),
        ({"END": ""}, Unsure),
        ({"MAIL": ""}, Unsure),
    ],
)
async def test_what_servers_answer(answers: dict[str, str], result: type) -> None:
    """A code says that nothing was sent, for now or for ever; a lost connection leaves it open."""
    async with server(conversation(**answers)) as port:
        assert isinstance(await smtp_channel(port).send(outgoing()), result)


async def test_sms_are_files_named_by_id(tmp_path: Path) -> None:
    """An SMS is one file, also when it is sent twice."""
    channel = FileSmsChannel(tmp_path / "sms")
    for _ in range(2):
        assert await channel.send(outgoing("+491701234567")) == Delivered()
    (file,) = (tmp_path / "sms").iterdir()
    assert json.loads(file.read_text())["to"] == "+491701234567"


async def test_sms_that_cannot_be_written(tmp_path: Path) -> None:
    """A folder that is a file is a reason to try again later, not a crash."""
    (tmp_path / "sms").write_text("")
    assert isinstance(await FileSmsChannel(tmp_path / "sms").send(outgoing()), NotSent)
