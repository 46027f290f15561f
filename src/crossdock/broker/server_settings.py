"""The limits of the HTTP front in one place: what is read, how much is under way, how long anybody is waited for.

The broker's own settings (`settings`) choose some of them; the rest are the front's defaults.
"""

import ssl
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Limits of the front. Sizes in bytes, times in seconds."""

    connections_max: int = 10_000
    refusals_max: int = 64
    """So many clients beyond `connections_max` are told that there are too many; whoever comes on top finds the connection closed."""
    body_bytes_max: int = 2 * 1024 * 1024 + 64 * 1024
    arriving_bytes_max: int = 32 * 1024 * 1024
    """Of bodies that are not complete yet, over all connections; then most of them wait (arriving.py)."""
    unread_bytes_max: int = 32 * 1024 * 1024
    """Of answers that clients do not take in, over all connections; then some of them are closed (leaving.py)."""
    unread_patience_s: float = 2
    """How long a client may take in nothing while there is more of that."""
    head_bytes_max: int = 64 * 1024
    """Request line and headers. Query requests by GET carry their parameters in the request line."""
    pipelined_max: int = 64
    """How many requests of one connection are under way at once; the others wait."""
    head_timeout_s: float = 10
    """From the first byte of a request to the end of its headers, and for a TLS handshake."""
    body_timeout_s: float = 60
    """From the end of the headers to the end of the body."""
    write_timeout_s: float = 60
    """For a client to take in what it was answered, once buffers are full."""
    idle_timeout_s: float = 600
    """A connection without a request is closed after this, or up to twice as much."""
    half_close_s: float = 0.25
    """How long answers may still go to a client that has closed its side; after that it counts as gone."""
    linger_s: float = 2
    """How long a refused client may go on sending, so that it reads the refusal rather than a reset."""
    tls: ssl.SSLContext | None = None

    @property
    def wire_bytes_max(self) -> int:
        """A request with the framing of its chunks and its trailers, which otherwise could be endless."""
        return self.head_bytes_max + 2 * self.body_bytes_max
