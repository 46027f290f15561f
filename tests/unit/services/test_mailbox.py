"""The local mailbox: real SMTP in, real HTTP out, each mail once."""

import smtplib
from asyncio import to_thread
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import aiohttp
import pytest

from crossdock.clock import SystemClock
from crossdock.services.mailbox.service import mailbox
from crossdock.services.mailbox.store import contents
from crossdock.services.settings import MailboxSettings


@pytest.fixture
async def addresses(tmp_path: Path) -> AsyncIterator[tuple[str, int]]:
    """The HTTP URL and the SMTP port of a mailbox."""
    async with mailbox(MailboxSettings(data=tmp_path), SystemClock()) as text:
        http, _, smtp = text.partition(" ")
        yield http, int(smtp.rpartition(":")[2])


def mail(message_id: str | None = "<1@shop.example>") -> EmailMessage:
    """A mail with text and HTML."""
    message = EmailMessage()
    if message_id:
        message["Message-ID"] = message_id
    message["From"], message["To"], message["Subject"] = "shop@shop.example", "ada@example.com", "Grüße"
    message.set_content("Text")
    message.add_alternative("<p>HTML</p>", subtype="html")
    return message


def send(port: int, *messages: EmailMessage | bytes) -> None:
    """Over real SMTP."""
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        for message in messages:
            if isinstance(message, bytes):
                smtp.sendmail("a@b.example", ["c@d.example"], message)
            else:
                smtp.send_message(message)


async def test_mails_are_kept_and_shown(addresses: tuple[str, int]) -> None:
    """A mail can be listed, filtered by recipient, and read in all its parts."""
    url, port = addresses
    await to_thread(send, port, mail())
    async with aiohttp.ClientSession(url) as http:
        async with http.get("/messages", params={"to": "nobody@example.com"}) as response:
            assert (await response.json())["messages"] == []
        async with http.get("/messages", params={"to": "ada@example.com"}) as response:
            (listed,) = (await response.json())["messages"]
        assert (listed["subject"], listed["copies"]) == ("Grüße", 1)
        async with http.get(f"/messages/{listed['id']}") as response:
            shown = await response.json()
        assert (shown["text"].strip(), shown["html"].strip()) == ("Text", "<p>HTML</p>")
        async with http.get(f"/messages/{listed['id']}/raw") as response:
            assert b"Message-ID: <1@shop.example>" in await response.read()


async def test_the_same_message_id_is_the_same_mail(addresses: tuple[str, int]) -> None:
    """A repetition is acknowledged and counted, not kept; mails without an id are all kept."""
    url, port = addresses
    await to_thread(send, port, mail(), mail(), mail(None), mail(None))
    async with aiohttp.ClientSession(url) as http, http.get("/messages") as response:
        copies = [listed["copies"] for listed in (await response.json())["messages"]]
    assert copies == [1, 1, 2]


async def test_mails_survive_a_restart(tmp_path: Path) -> None:
    """What SMTP acknowledged is there after a restart, and still known by its id."""
    for _ in range(2):
        async with mailbox(MailboxSettings(data=tmp_path), SystemClock()) as text:
            await to_thread(send, int(text.rpartition(":")[2]), mail())
            async with aiohttp.ClientSession(text.partition(" ")[0]) as http, http.get("/messages") as response:
                last = (await response.json())["messages"]
    assert [listed["copies"] for listed in last] == [2]


async def test_unknown_mails_are_404(addresses: tuple[str, int]) -> None:
    """A mail that is not there is a problem."""
    async with aiohttp.ClientSession(addresses[0]) as http:
        for path in ("/messages/1", "/messages/1/raw", "/messages/x", "/messages/99999999999999999999"):
            async with http.get(path) as response:
                assert response.status == 404
        async with http.get("/messages?limit=-1") as response:
            assert response.status == 422


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff",
        b"Subject: =?x-none?q?=ff?=\r\nContent-Type: text/plain; charset=nonsense\r\n\r\n\xff",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"To: <>,;:@\r\nMessage-ID: \r\nDate: yesterday\r\n\r\nx",
    ],
)
async def test_malformed_mails_are_kept(raw: bytes, addresses: tuple[str, int]) -> None:
    """Whatever is malformed in a mail, it is kept and can be listed."""
    url, port = addresses
    contents(raw)
    await to_thread(send, port, raw)
    async with aiohttp.ClientSession(url) as http, http.get("/messages/1") as response:
        assert response.status == 200
