"""The order of a standard queue whose messages name tenants (MessageGroupId): a noisy tenant does not hold up the quiet ones.

Within a tenant the order is that of a standard queue. Between tenants, messages of quiet ones come first, in order of arrival; the
noisy ones get what is left, the one with the fewest messages in flight first. Messages without a tenant are quiet.

    quiet ── more than 10 % of what is in flight and at least 30, or ──► noisy
      ▲      more than 10 % of the recent processing time                  │
      └───────── nothing visible is left of it, or it sent ────────────────┘
                 nothing for 5 minutes

A tenant is judged when its turn comes, so that what others do costs it nothing. Processing time runs from receive to delete or return;
it fades with a half-life, by forward decay: later moments weigh more, so that no sum has to be aged. AWS publishes no floor for the
second rule; ours is `PROCESSING_FLOOR_MS`: less processing than that says nothing about anybody.

Source: SQS Developer Guide, "Amazon SQS fair queues" and its detailed rules; G. Cormode et al., "Forward decay", ICDE 2009.
"""

from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush

from crossdock.aws.quotas import NOISY_IN_FLIGHT_MIN, NOISY_QUIET_AFTER_MS, NOISY_SHARE
from crossdock.broker.queues.line import Line, appended
from crossdock.broker.queues.message import IN_FLIGHT, VISIBLE, Message
from crossdock.broker.queues.standard import Find, Offer, Ranks

HALF_LIFE_MS = 60_000
PROCESSING_FLOOR_MS = 30_000

_HALF_LIVES_MAX = 500
"""The weight doubles every half-life; it starts anew long before a float ends."""

_COMPACT_FROM = 1_024


class Tenant:
    """One message group of a fair queue."""

    __slots__ = ("fresh", "in_flight", "last_sent_ms", "noisy", "number", "place", "processing", "returned")

    def __init__(self, number: int, find: Find) -> None:
        self.number = number
        self.fresh: Line = []
        self.returned = Ranks(find)
        self.place: int | None = None
        """The rank of its living entry among the quiet tenants."""
        self.in_flight = 0
        self.noisy = False
        self.last_sent_ms = 0
        self.processing = 0.0
        """Processing time in ms, weighted."""

    def first(self) -> int | None:
        """The rank of its first visible message."""
        fresh, rank = self.fresh, self.returned.first()
        while fresh and fresh[0].wake_ms:
            del fresh[0]
        if fresh and (rank is None or fresh[0].sequence <= rank):
            return fresh[0].sequence
        return rank

    def pop(self) -> Message:
        """Take its first visible message."""
        rank = self.first()
        if self.fresh and self.fresh[0].sequence == rank:
            message = self.fresh[0]
            del self.fresh[0]
            return message
        return self.returned.pop()


class FairOrder:
    """Tenants by message group: the quiet ones in a heap by their first message, the noisy ones in a short list."""

    __slots__ = (
        "_by_number",
        "_count",
        "_find",
        "_in_flight",
        "_landmark_ms",
        "_noisy",
        "_processing",
        "_quiet",
        "_tenants",
    )

    def __init__(self, find: Find, now_ms: int) -> None:
        self._find = find
        self._tenants: dict[str | None, Tenant] = {}
        self._by_number: dict[int, Tenant] = {}
        self._count = 0
        self._quiet: list[tuple[int, int]] = []
        """(rank of the first message, number of the tenant); an entry that is not the tenant's `place` is dead."""
        self._noisy: list[Tenant] = []
        self._in_flight = 0
        self._processing = 0.0
        self._landmark_ms = now_ms

    @property
    def noisy_tenants(self) -> int:
        """How many tenants are noisy at the moment."""
        return len(self._noisy)

    def take_over(self, messages: Iterable[Message], rank: Callable[[Message], int]) -> None:
        """What is resident in a queue that was not fair before. `rank`: the place of a message that was touched."""
        for message in sorted(messages, key=_by_sequence):
            message.listed = False
            if message.state is IN_FLIGHT:
                self.received(message)
            elif message.state is VISIBLE and message.wake_ms:
                self.appear(message, rank(message))
            elif message.state is VISIBLE:
                self.arrive(message)

    def sent(self, group_id: str | None, now_ms: int) -> None:
        """A tenant sent a message, which may have gone to the backlog."""
        tenant = self._tenants.get(group_id)
        if tenant is not None:
            tenant.last_sent_ms = max(tenant.last_sent_ms, now_ms)

    def arrive(self, message: Message) -> None:
        tenant = self._tenant(message.group_id)
        tenant.last_sent_ms = max(tenant.last_sent_ms, message.retained_from_ms)
        tenant.fresh = appended(tenant.fresh, message)
        self._enter(tenant)

    def appear(self, message: Message, rank: int) -> None:
        tenant = self._tenant(message.group_id)
        tenant.returned.put(message, rank)
        self._enter(tenant)

    def offer(self, now_ms: int) -> Offer:
        self._calm(now_ms)
        while (tenant := self._next(now_ms)) is not None:
            message = tenant.pop()
            self._enter(tenant)
            yield message

    def received(self, message: Message) -> None:
        self._tenant(message.group_id).in_flight += 1
        self._in_flight += 1

    def finished(self, message: Message, now_ms: int) -> None:
        tenant = self._tenant(message.group_id)
        tenant.in_flight -= 1
        self._in_flight -= 1
        weighted = (now_ms - message.received_ms) * self._weight(now_ms)
        tenant.processing += weighted
        self._processing += weighted

    def removed(self, message: Message) -> None:
        """A tenant with nothing left is forgotten."""
        tenant = self._tenant(message.group_id)
        if not tenant.in_flight and tenant.first() is None:
            del self._tenants[message.group_id], self._by_number[tenant.number]
            if tenant.noisy:
                self._noisy.remove(tenant)

    def _tenant(self, group_id: str | None) -> Tenant:
        tenant = self._tenants.get(group_id)
        if tenant is None:
            self._count += 1
            tenant = self._tenants[group_id] = self._by_number[self._count] = Tenant(self._count, self._find)
        return tenant

    def _enter(self, tenant: Tenant) -> None:
        """Give a quiet tenant its place by its first message."""
        if tenant.noisy or (first := tenant.first()) == tenant.place:
            return
        tenant.place = first
        if first is not None:
            heappush(self._quiet, (first, tenant.number))
            if len(self._quiet) > 2 * len(self._tenants) + _COMPACT_FROM:
                self._quiet[:] = [(t.place, t.number) for t in self._tenants.values() if t.place is not None]
                heapify(self._quiet)

    def _next(self, now_ms: int) -> Tenant | None:
        """The tenant whose turn it is."""
        quiet = self._quiet
        while quiet:
            rank, number = quiet[0]
            tenant = self._by_number.get(number)
            if tenant is None or tenant.place != rank:
                heappop(quiet)
            elif tenant.first() != rank:
                heappop(quiet)
                self._enter(tenant)
            elif self._is_noisy(tenant, now_ms):
                heappop(quiet)
                tenant.noisy, tenant.place = True, None
                self._noisy.append(tenant)
            else:
                return tenant
        waiting = [tenant for tenant in self._noisy if tenant.first() is not None]
        return min(waiting, key=_messages_in_flight, default=None)

    def _is_noisy(self, tenant: Tenant, now_ms: int) -> bool:
        if tenant is self._tenants.get(None) or now_ms - tenant.last_sent_ms >= NOISY_QUIET_AFTER_MS:
            return False
        if tenant.in_flight >= NOISY_IN_FLIGHT_MIN and tenant.in_flight > NOISY_SHARE * self._in_flight:
            return True
        floor = PROCESSING_FLOOR_MS * self._weight(now_ms)
        return tenant.processing >= floor and tenant.processing > NOISY_SHARE * self._processing

    def _calm(self, now_ms: int) -> None:
        """Tenants that stop being noisy."""
        calm = [t for t in self._noisy if now_ms - t.last_sent_ms >= NOISY_QUIET_AFTER_MS or t.first() is None]
        for tenant in calm:
            tenant.noisy = False
            self._noisy.remove(tenant)
            self._enter(tenant)

    def _weight(self, now_ms: int) -> float:
        """What a millisecond of processing that ends now weighs."""
        half_lives = (now_ms - self._landmark_ms) / HALF_LIFE_MS
        if half_lives < _HALF_LIVES_MAX:
            return float(2.0**half_lives)
        fade = 2.0 ** -min(half_lives, 2.0 * _HALF_LIVES_MAX)
        self._processing *= fade
        for tenant in self._tenants.values():
            tenant.processing *= fade
        self._landmark_ms = now_ms
        return 1.0


def _messages_in_flight(tenant: Tenant) -> int:
    return tenant.in_flight


def _by_sequence(message: Message) -> int:
    return message.sequence
