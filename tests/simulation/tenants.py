"""Tenants that share a standard queue and its consumers, on a manual clock: how long does each tenant's message wait?"""

import random
from dataclasses import dataclass, field
from heapq import heappop, heappush

from tests.unit.broker.queues.world import World

from crossdock.aws.api import sqs

STEP_MS = 100
FLOOD = "flood"


@dataclass(slots=True)
class Load:
    """What a run is like. Rates are messages a second; consumers work `work_ms` on a message, give or take half of it."""

    seed: int
    seconds: int = 300
    consumers: int = 50
    work_ms: int = 2_000
    quiet_tenants: int = 4
    quiet_rate: float = 1.0
    """Of each quiet tenant."""
    flood_rate: float = 0.0
    """Of the tenant that floods, while it does."""
    otherwise_rate: float = 0.0
    """Of the same tenant before and after."""
    flood_from_s: int = 60
    flood_to_s: int = 240
    fair: bool = True
    """Whether messages name their tenants."""


@dataclass(slots=True)
class Waits:
    """Dwell times in ms, from send to receive."""

    quiet: list[int] = field(default_factory=list)
    """Of the quiet tenants, from the beginning of the flood to its end."""
    flood: list[int] = field(default_factory=list)
    left: int = 0
    """How many messages are visible at the end of the flood."""
    received: int = 0

    def p95(self) -> int:
        """The 95th percentile of the quiet tenants' dwell times."""
        return sorted(self.quiet)[len(self.quiet) * 95 // 100]


class Tenants:
    """One run."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.dice = random.Random(load.seed)
        self.world = World(seed=load.seed)
        self.url = self.world.create(VisibilityTimeout=600)
        self.started_ms = self.world.now_ms
        self.waits = Waits()
        self._working: list[tuple[int, int, sqs.Message]] = []
        """When a consumer is done with which message."""

    @property
    def _now_ms(self) -> int:
        return self.world.now_ms - self.started_ms

    @property
    def _flooding(self) -> bool:
        return self.load.flood_from_s * 1_000 <= self._now_ms < self.load.flood_to_s * 1_000

    def run(self) -> Waits:
        """Play it through, in steps of a tenth of a second."""
        while self._now_ms < self.load.seconds * 1_000:
            flooding = self._flooding
            self._send()
            self._work()
            self.world.advance(STEP_MS)
            if flooding and not self._flooding:
                self.waits.left = self.world.counts(self.url)[0]
        return self.waits

    def _send(self) -> None:
        rates = {f"quiet{number}": self.load.quiet_rate for number in range(self.load.quiet_tenants)}
        rates[FLOOD] = self.load.flood_rate if self._flooding else self.load.otherwise_rate
        for tenant, rate in rates.items():
            whole, part = divmod(rate * STEP_MS / 1_000, 1)
            for _ in range(int(whole) + (self.dice.random() < part)):
                group = {"message_group_id": tenant} if self.load.fair else {}
                self.world.send(self.url, f"{tenant} {self._now_ms}", **group)

    def _work(self) -> None:
        """Consumers that are done delete their message; each free one receives the next."""
        while self._working and self._working[0][0] <= self._now_ms:
            self.world.delete(self.url, heappop(self._working)[2])
        while len(self._working) < self.load.consumers and (messages := self.world.receive(self.url, 1)):
            self.waits.received += 1
            done_ms = self._now_ms + round(self.load.work_ms * self.dice.uniform(0.5, 1.5))
            heappush(self._working, (done_ms, self.waits.received, messages[0]))
            self._note(messages[0].body)

    def _note(self, body: str) -> None:
        tenant, sent_ms = body.split()
        waited_ms = self._now_ms - int(sent_ms)
        if tenant == FLOOD:
            self.waits.flood.append(waited_ms)
        elif self.load.flood_from_s * 1_000 <= int(sent_ms) < self.load.flood_to_s * 1_000:
            self.waits.quiet.append(waited_ms)
