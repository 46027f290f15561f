"""Time and chance: the one file that reads the clock or draws a random number.

Everything else is handed a `Clock`, so that a test can move time by hand and repeat chance from a seed. Times are integer
milliseconds since 1970 (UTC) unless a name says otherwise.
"""

import os
import random
import time
from typing import Protocol


def _uuid_text(digits: str) -> str:
    """Put the hyphens of RFC 9562 into 32 hexadecimal digits."""
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


class Clock(Protocol):
    """What a program may know of time and chance."""

    def now_ms(self) -> int:
        """Milliseconds since 1970 (UTC)."""

    def monotonic_ms(self) -> int:
        """Milliseconds since some fixed point; never goes back. For leases and timeouts."""

    def new_id(self) -> str:
        """A fresh random UUID (version 4), in its 36-character text form."""

    def new_event_id(self) -> str:
        """A fresh time-ordered UUID (version 7, RFC 9562), in its 36-character text form."""

    def random(self) -> float:
        """A number in [0, 1)."""


class SystemClock:
    """The clock of the machine and the chance of the operating system."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    def new_id(self) -> str:
        digits = os.urandom(16).hex()
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def new_event_id(self) -> str:
        return _version_7(self.now_ms(), int.from_bytes(os.urandom(10)))

    def random(self) -> float:
        return random.random()


class ManualClock:
    """A clock that stands still until it is told to move; its ids and chance come from a seed."""

    def __init__(self, now_ms: int = 1_700_000_000_000, seed: int = 0) -> None:
        self._now_ms = now_ms
        self._chance = random.Random(seed)

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic_ms(self) -> int:
        return self._now_ms

    def advance(self, ms: int) -> int:
        """Move forward by `ms` milliseconds and return the new time."""
        if ms < 0:
            raise ValueError("time does not go back")
        self._now_ms += ms
        return self._now_ms

    def new_id(self) -> str:
        return _uuid_text(f"{self._chance.getrandbits(128):032x}")

    def new_event_id(self) -> str:
        return _version_7(self._now_ms, self._chance.getrandbits(80))

    def random(self) -> float:
        return self._chance.random()


def _version_7(now_ms: int, chance: int) -> str:
    version = f"7{chance & 0xFFF:03x}"
    variant = f"{0x8000 | (chance >> 12) & 0x3FFF:04x}"
    return _uuid_text(f"{now_ms & 0xFFFFFFFFFFFF:012x}{version}{variant}{chance >> 26 & 0xFFFFFFFFFFFF:012x}")
