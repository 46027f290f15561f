"""A client of one connection, as cheap as Python allows: JSON 1.0, one request at a time, no signature that anyone made."""

import asyncio
import ssl
from typing import Any
from urllib.parse import urlsplit

import msgspec

HEAD = (
    "POST / HTTP/1.1\r\nHost: {host}\r\nX-Amz-Target: AmazonSQS.{action}\r\nContent-Type: application/x-amz-json-1.0\r\n"
    "Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/ap-southeast-1/sqs/aws4_request, SignedHeaders=host, Signature=0\r\n"
    "Content-Length: {length}\r\n\r\n"
)


class Refused(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"{status} {body.decode()}")
        self.status = status
        self.body = body

    @property
    def shape(self) -> str:
        """The name of the error."""
        return str(msgspec.json.decode(self.body)["__type"]).rpartition("#")[2]


class Connection:
    """One connection to a broker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, url: str) -> None:
        self._reader = reader
        self._writer = writer
        self._host = urlsplit(url).netloc
        self.url = url

    @classmethod
    async def open(cls, url: str, tls: ssl.SSLContext | None = None) -> "Connection":
        """Connect to the broker at a URL."""
        parts = urlsplit(url)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port, ssl=tls, limit=1 << 22), url)

    async def call(self, action: str, **parameters: Any) -> Any:
        """One request. ConnectionError if the broker goes away before its answer, Refused if it answers with an error."""
        body = msgspec.json.encode(parameters)
        head = HEAD.format(host=self._host, action=action, length=len(body))
        self._writer.write(head.encode() + body)
        status, answer = await self.answer()
        if status != 200:
            raise Refused(status, answer)
        return msgspec.json.decode(answer) if answer else {}

    async def answer(self) -> tuple[int, bytes]:
        """Status and body of the next answer."""
        try:
            head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
            at = head.index(b"content-length: ") + 16
            length = int(head[at : head.index(b"\r", at)])
            return int(head[9:12]), await self._reader.readexactly(length)
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError("the broker closed the connection") from error

    def close(self) -> None:
        """Close it, without a word."""
        self._writer.close()
