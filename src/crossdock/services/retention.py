"""Forgetting what a service need not remember for ever: a task that runs a service's own pruning now and then."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from crossdock.services.foundation import Foundation

REMEMBERED_MS: Final = 30 * 86_400_000
"""How long idempotency keys and handled webhooks are kept."""

PAUSE_S: Final = 3_600.0

Prune = Callable[[AsyncSession, int], Awaitable[None]]
"""Deletes what is older than a point in time (milliseconds)."""


class Retention:
    """Runs `prune` at once and then every hour."""

    def __init__(self, ground: Foundation, prune: Prune) -> None:
        self._ground = ground
        self._prune = prune
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """End `run`."""
        self._stopped.set()

    async def run(self) -> None:
        """Work until `stop`."""
        while not self._stopped.is_set():
            async with self._ground.transaction() as tx:
                await self._prune(tx.session, self._ground.clock.now_ms() - REMEMBERED_MS)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), PAUSE_S)
