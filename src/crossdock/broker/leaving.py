"""How much is held of answers that nobody takes in, over all connections, and who is closed because it is too much.

A connection whose client reads too slowly is asked nothing more until it has read, and is closed when that takes too long. Beyond the
limit the one that has taken in nothing for the longest is closed earlier, so that the others need not wait for it. What it was answered
is lost to it as when the network fails: messages come back after their visibility timeout.
"""

import asyncio

from crossdock.broker.rare_log import RareWarning
from crossdock.broker.server_settings import ServerSettings
from crossdock.clock import Clock

HELD_AT_WORST = 2
"""So many times the limit is held of clients that may only be slow; beyond it nobody's patience counts."""


class _Entry:
    """One connection: what it held when it was last looked at, and since when it has taken in nothing. Times as the event loop's."""

    __slots__ = ("bytes", "since", "timeout")

    def __init__(self, since: float, timeout: asyncio.TimerHandle) -> None:
        self.bytes = 0
        self.since = since
        self.timeout = timeout


class Leaving:
    """Bytes by connection; first the one that has taken in nothing for the longest."""

    __slots__ = ("_entries", "_patience_s", "_timeout_s", "_timer", "_too_much", "bytes_max", "held")

    def __init__(self, settings: ServerSettings, clock: Clock) -> None:
        self.bytes_max = settings.unread_bytes_max
        self.held = 0
        """Bytes, of all."""
        self._patience_s = settings.unread_patience_s
        self._timeout_s = settings.write_timeout_s
        self._entries: dict[asyncio.Transport, _Entry] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._too_much = RareWarning("connections are closed: their clients do not read their answers", clock)

    def note(self, transport: asyncio.Transport) -> None:
        """A client reads more slowly than it is answered, and may have been answered once more."""
        entry = self._entries.get(transport)
        if entry is None:
            loop = asyncio.get_running_loop()
            entry = self._entries[transport] = _Entry(loop.time(), loop.call_later(self._timeout_s, transport.abort))
        self._measure(transport, entry)
        if self.held > self.bytes_max:
            self._make_room()

    def forget(self, transport: asyncio.Transport) -> None:
        """The client has caught up, or is gone."""
        entry = self._entries.pop(transport, None)
        if entry is not None:
            self.held -= entry.bytes
            entry.timeout.cancel()

    def _measure(self, transport: asyncio.Transport, entry: _Entry) -> int:
        """Bring the sum up to date; how many bytes more there are than before."""
        more = transport.get_write_buffer_size() - entry.bytes
        entry.bytes += more
        self.held += more
        return more

    def _make_room(self) -> None:
        """Close those that have lost the patience of all, the first ones first; look again when the next one may have."""
        now = asyncio.get_running_loop().time()
        for transport, entry in list(self._entries.items()):
            if self.held <= self.bytes_max:
                return
            if self._measure(transport, entry) < 0:
                entry.since = now
                self._entries[transport] = self._entries.pop(transport)
            elif self.held > HELD_AT_WORST * self.bytes_max or now - entry.since >= self._patience_s:
                self._too_much.happened(bytes_max=self.bytes_max)
                self.forget(transport)
                transport.abort()
        if self._timer is None and self.held > self.bytes_max:
            self._timer = asyncio.get_running_loop().call_later(self._patience_s, self._look_again)

    def _look_again(self) -> None:
        self._timer = None
        self._make_room()
