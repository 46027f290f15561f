"""The ways to reach people: a Protocol, its results as values, email by SMTP, and SMS as files.

A channel never raises for what the world does. What a result means for a notification is left to handlers.py.
"""

import asyncio
import os
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Protocol

import aiosmtplib
import msgspec
import stamina

from crossdock.services.notifications.model import Outgoing
from crossdock.services.settings import NotificationsSettings

CONNECT_PATIENCE_S = 10.0
"""How long a connection to the mail server is tried for within one attempt: a restart of the server costs no attempt."""

SMTP_TIMEOUT_S = 10.0


class Delivered(msgspec.Struct, frozen=True):
    """The channel has taken responsibility for the message."""


class NotSent(msgspec.Struct, frozen=True):
    """Certainly not sent; it may be tried again."""

    why: str


class Refused(msgspec.Struct, frozen=True):
    """Certainly not sent, and trying again is useless."""

    why: str


class Unsure(msgspec.Struct, frozen=True):
    """Nobody knows whether it was sent."""

    why: str


Result = Delivered | NotSent | Refused | Unsure


class MessageChannel(Protocol):
    """A way to reach people."""

    idempotent: bool
    """Whether a repetition with the same message id is dropped, so that it may be sent again after a crash."""

    async def send(self, message: Outgoing) -> Result:
        """Send one message."""


class SmtpChannel:
    """Email as multipart text and HTML over SMTP, one connection per mail; STARTTLS and AUTH as set."""

    def __init__(self, settings: NotificationsSettings, patience_s: float = CONNECT_PATIENCE_S) -> None:
        self._settings = settings
        self._patience_s = patience_s
        self._domain = parseaddr(settings.sender)[1].partition("@")[2] or "localhost"
        self.idempotent = settings.smtp_deduplicates

    async def send(self, message: Outgoing) -> Result:
        """See MessageChannel."""
        try:
            mail = self._mail(message)
        except ValueError as error:
            return Refused(f"not a mail: {error}")
        client = self._client()
        try:
            await self._connect(client)
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            return NotSent(f"no connection to the mail server: {error}")
        try:
            await client.send_message(mail, recipients=[message.recipient])
            return Delivered()
        except (aiosmtplib.SMTPException, OSError) as error:
            return _judge(error)
        finally:
            client.close()

    def _client(self) -> aiosmtplib.SMTP:
        settings = self._settings
        return aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_username or None,
            password=settings.smtp_password or None,
            start_tls=settings.smtp_starttls,
            local_hostname="localhost",
            timeout=SMTP_TIMEOUT_S,
        )

    async def _connect(self, client: aiosmtplib.SMTP) -> None:
        async for attempt in stamina.retry_context(
            on=aiosmtplib.SMTPConnectError, attempts=None, timeout=self._patience_s, wait_initial=0.1, wait_max=2.0
        ):
            with attempt:
                await client.connect()

    def _mail(self, message: Outgoing) -> EmailMessage:
        """Raises ValueError for a subject or an address that would break the headers."""
        mail = EmailMessage()
        mail["Message-ID"] = f"<{message.message_id}@{self._domain}>"
        mail["Date"] = format_datetime(datetime.fromtimestamp(message.at_ms / 1000, UTC))
        mail["From"] = self._settings.sender
        mail["To"] = message.recipient
        mail["Subject"] = message.content.subject
        mail.set_content(message.content.text)
        mail.add_alternative(message.content.html, subtype="html")
        return mail


def _judge(error: Exception) -> Result:
    """What a failed SMTP conversation means: a code says that the server refused, anything else leaves it open."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        error = error.recipients[0]
    if isinstance(error, aiosmtplib.SMTPResponseException) and not isinstance(error, aiosmtplib.SMTPServerDisconnected):
        return (Refused if error.code >= 500 else NotSent)(f"{error.code} {error.message}")
    return Unsure(f"{type(error).__name__}: {error}")


class FileSmsChannel:
    """SMS for machines without a provider: one file per message, named by its id, so a repetition is the same file."""

    idempotent = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, message: Outgoing) -> Result:
        """See MessageChannel."""
        try:
            await asyncio.to_thread(self._write, message)
        except OSError as error:
            return NotSent(f"cannot write the SMS: {error}")
        return Delivered()

    def _write(self, message: Outgoing) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{message.message_id}.json"
        partial = path.with_suffix(".partial")
        text = {"id": message.message_id, "to": message.recipient, "text": message.content.text, "atMs": message.at_ms}
        with partial.open("wb") as file:
            file.write(msgspec.json.encode(text))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
