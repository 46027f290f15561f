"""The relay: sends the rows of an outbox, oldest first in each group, again and again until SQS has them."""

from sqlalchemy.ext.asyncio import AsyncEngine

from crossdock.clock import Clock
from crossdock.messaging.sqs import Sqs


class Relay:
    """Sends what the outbox of one database holds. Several relays on one database share the work by leases."""

    def __init__(self, engine: AsyncEngine, sqs: Sqs, clock: Clock) -> None:
        self._engine = engine

    def wake(self) -> None:
        """Something was committed: look now."""

    async def run(self) -> None:
        """Send until `stop`; errors are logged and tried again with backoff."""
        raise NotImplementedError

    def stop(self) -> None:
        """End `run` after the batch in progress."""

    async def run_once(self) -> int:
        """Send what may be sent now; how many rows were sent."""
        raise NotImplementedError

    async def oldest_unsent_s(self) -> float:
        """The age of the oldest row that is not sent, in seconds; 0 when there is none."""
        raise NotImplementedError
