"""The mails on disk: an SQLite file; a mail is durable before SMTP acknowledges it."""

import email
import email.policy
from email.errors import MessageError
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import msgspec

from crossdock.services.durable_file import open_file

_SCHEMA = Path(__file__).parent / "schema.sql"
_COLUMNS = "number, message_id, received_ms, sender, recipients, subject, copies"

KEEP = """
    INSERT INTO mails (message_id, received_ms, sender, recipients, subject, raw) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (message_id) DO UPDATE SET copies = copies + 1
"""
NEWEST = f"""
    SELECT {_COLUMNS} FROM mails
    WHERE ?1 IS NULL OR EXISTS (SELECT 1 FROM json_each(recipients) WHERE value = ?1)
    ORDER BY number DESC LIMIT ?2
"""
ONE = f"SELECT {_COLUMNS} FROM mails WHERE number = ?"
RAW = "SELECT raw FROM mails WHERE number = ?"


class Mail(msgspec.Struct, frozen=True, rename="camel"):
    """A mail as the list shows it."""

    id: int
    message_id: str | None
    received_ms: int
    sender: str
    recipients: list[str]
    subject: str
    copies: int
    """How often it was delivered: 1, or more when a sender repeated itself."""


class Contents(msgspec.Struct, frozen=True):
    """What is in a mail: its headers and its two readable parts, empty where it has none."""

    headers: dict[str, str]
    text: str
    html: str


class MailStore:
    """The file, open. Raises CannotStart when it cannot be used."""

    def __init__(self, path: Path) -> None:
        self._db = open_file(path, _SCHEMA)

    def close(self) -> None:
        self._db.close()

    def keep(self, sender: str, recipients: list[str], raw: bytes, now_ms: int) -> None:
        """Write a mail, or count one more copy of a mail that is there."""
        headers = contents(raw).headers
        recipients_json = msgspec.json.encode(recipients).decode()
        message_id = headers.get("message-id")
        self._db.execute(KEEP, (message_id, now_ms, sender, recipients_json, headers.get("subject", ""), raw))

    def newest(self, recipient: str | None, limit: int) -> list[Mail]:
        """The newest mails first, of one recipient or of all."""
        return [_mail(row) for row in self._db.execute(NEWEST, (recipient, limit))]

    def mail(self, number: int) -> Mail | None:
        row = self._db.execute(ONE, (number,)).fetchone()
        return _mail(row) if row else None

    def raw(self, number: int) -> bytes | None:
        """The mail as it came."""
        row = self._db.execute(RAW, (number,)).fetchone()
        return row[0] if row else None


def contents(raw: bytes) -> Contents:
    """Read a mail; whatever is malformed in it is shown as it is."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    headers: dict[str, str] = {}
    for name in message:
        headers.setdefault(name.lower(), _readable(message, name))
    return Contents(headers=headers, text=_part(message, "plain"), html=_part(message, "html"))


def _readable(message: EmailMessage, name: str) -> str:
    try:
        return str(message[name]).strip()
    except (MessageError, ValueError, LookupError, AttributeError, TypeError):
        return "(unreadable)"


def _part(message: EmailMessage, subtype: str) -> str:
    try:
        part = message.get_body((subtype,))
        return str(part.get_content()) if part else ""
    except (MessageError, ValueError, LookupError, AttributeError, TypeError):
        return "(unreadable)"


def _mail(row: tuple[Any, ...]) -> Mail:
    number, message_id, received_ms, sender, recipients, subject, copies = row
    return Mail(number, message_id, received_ms, sender, msgspec.json.decode(recipients), subject, copies)
