"""One HTTP request and one HTTP response as values: what codecs and signatures read and make.

Bytes on sockets, chunked bodies and the like belong to whoever owns the connection (`broker.server`, an HTTP client).
"""

import msgspec

REQUEST_ID = "x-amzn-RequestId"
"""The response header that every protocol carries."""


class HttpRequest(msgspec.Struct, gc=False):
    """A request as it came over the connection, its body complete."""

    method: str
    target: str
    """Raw path and query string, still percent-encoded: `/123456789012/orders?Action=SendMessage`."""
    headers: dict[str, str]
    """Names in lower case; bytes outside ASCII read as Latin-1; repeated headers joined by a comma."""
    body: bytes

    @property
    def path(self) -> str:
        """The raw path, without the query string."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The raw query string; empty when there is none."""
        return self.target.partition("?")[2]


class HttpResponse(msgspec.Struct, gc=False):
    """A response to be written. Content-Length, Date and Connection are the connection's affair."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    close: bool = False
    """True to close the connection after this response."""

    def header(self, name: str) -> str | None:
        """The value of a header by its name, whatever its case; None when it is absent."""
        lower = name.lower()
        return next((value for key, value in self.headers if key.lower() == lower), None)
