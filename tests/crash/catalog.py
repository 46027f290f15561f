"""An account of queues that come and go, and of an attribute that changes: what was answered holds in every later life of the broker.

One client changes them, so the order of changes is known; a change that was never answered may have happened or not.
"""

from random import Random

from tests.crash.connection import Connection

PASSING = "passing-"
"""Queues that come and go have names that begin so. None comes back: SQS refuses a name for a minute after its deletion."""

QUEUES_MAX = 20

RETENTION_S = 345_600
"""AWS's default, and the least that is set here: no letter expires."""


class Catalog:
    """What the queues and the attribute may be. `watched` is the queue whose retention period changes."""

    def __init__(self, watched: str, chance: Random) -> None:
        self._watched = watched
        self._chance = chance
        self._there: set[str] = set()
        self._unsure: set[str] = set()
        """Queues whose creation or deletion was asked for and not answered."""
        self._retentions = {RETENTION_S}
        """More than one while it is unsure."""
        self._made = 0
        self.changes = 0

    async def change(self, connection: Connection) -> None:
        """Create a queue, delete one, or set the attribute."""
        self.changes += 1
        kind = self._chance.random()
        if kind < 0.4:
            await self._set(connection, RETENTION_S + self._chance.randrange(1_000))
        elif kind < 0.7 and len(self._there) < QUEUES_MAX:
            self._made += 1
            await self._create(connection, f"{PASSING}{self._made}")
        elif self._there:
            await self._delete(connection, self._chance.choice(sorted(self._there)))

    async def _set(self, connection: Connection, retention_s: int) -> None:
        self._retentions.add(retention_s)
        attributes = {"MessageRetentionPeriod": str(retention_s)}
        await connection.call("SetQueueAttributes", QueueUrl=self._watched, Attributes=attributes)
        self._retentions = {retention_s}

    async def _create(self, connection: Connection, name: str) -> None:
        self._unsure.add(name)
        await connection.call("CreateQueue", QueueName=name)
        self._unsure.discard(name)
        self._there.add(name)

    async def _delete(self, connection: Connection, name: str) -> None:
        self._there.discard(name)
        self._unsure.add(name)
        await connection.call("DeleteQueue", QueueUrl=name)
        self._unsure.discard(name)

    async def check(self, connection: Connection) -> None:
        """Compare with what the broker has; what was unsure is known from then on."""
        listed = await connection.call("ListQueues", QueueNamePrefix=PASSING)
        found = {url.rpartition("/")[2] for url in listed.get("QueueUrls", [])}
        assert self._there <= found <= self._there | self._unsure, (
            f"missing: {self._there - found}, back again: {found - self._there - self._unsure}"
        )
        self._there, self._unsure = found, set()
        names = ["MessageRetentionPeriod"]
        answer = await connection.call("GetQueueAttributes", QueueUrl=self._watched, AttributeNames=names)
        retention_s = int(answer["Attributes"]["MessageRetentionPeriod"])
        assert retention_s in self._retentions, f"the retention is {retention_s} s, should be {self._retentions}"
        self._retentions = {retention_s}
