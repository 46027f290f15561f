"""A log line for what may happen a thousand times a second: at once for the first, then seldom, with how many there were."""

import structlog

from crossdock.clock import Clock

log = structlog.get_logger()

EVERY_MS = 10_000


class RareWarning:
    """One event, logged at most once in EVERY_MS."""

    def __init__(self, event: str, clock: Clock) -> None:
        self._event = event
        self._clock = clock
        self._count = 0
        self._quiet_until_ms: int | None = None

    def happened(self, **values: object) -> None:
        """It happened; `values` go into the line, if there is one."""
        self._count += 1
        now_ms = self._clock.monotonic_ms()
        if self._quiet_until_ms is None or now_ms >= self._quiet_until_ms:
            log.warning(self._event, times=self._count, **values)
            self._count = 0
            self._quiet_until_ms = now_ms + EVERY_MS
