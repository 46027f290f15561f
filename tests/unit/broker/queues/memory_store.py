"""An honest double of the broker's store: it applies facts as the store does, in plain dicts, and forgets in a crash what was not committed."""

from bisect import bisect_right, insort
from typing import NoReturn

from crossdock.aws.quotas import QUEUE_DELETED_RECENTLY_MS
from crossdock.broker.outcome import Fact
from crossdock.broker.queues.facts import (
    AttributesSet,
    Deleted,
    Moved,
    MoveTaskChanged,
    Purged,
    QueueCreated,
    QueueDeleted,
    Received,
    Remembered,
    Sent,
    Snapshot,
    Stored,
    StoredQueue,
    TagsSet,
    VisibilityChanged,
    first_sequence,
    queue_of,
    remembered,
)


class MemoryStore:
    """Facts folded into state. `page` and `content` see what was appended, as the real store's do."""

    def __init__(self) -> None:
        self.log: list[Fact] = []
        self.committed = 0
        self.pages = 0
        self.contents = 0
        self._forget_everything()

    def _forget_everything(self) -> None:
        self.queues: dict[int, StoredQueue] = {}
        self.stored: dict[int, Stored] = {}
        self.order: list[int] = []
        self.deleted: list[tuple[str, str, str, int]] = []
        self.memory: dict[int, Remembered] = {}
        self.tasks: dict[str, MoveTaskChanged] = {}
        self.last_queue = 0

    # The store's face

    def append(self, facts: list[Fact]) -> None:
        """Apply facts; they are durable after the next commit."""
        for fact in facts:
            self.log.append(fact)
            self._apply(fact)

    def commit(self) -> None:
        """What was appended survives a crash."""
        self.committed = len(self.log)

    def crash(self) -> None:
        """Lose what was not committed, and rebuild from the rest."""
        if self.committed == len(self.log):
            return
        del self.log[self.committed :]
        self._forget_everything()
        for fact in self.log:
            self._apply(fact)

    def page(self, after: int, through: int, limit: int, bytes_max: int) -> list[Stored]:
        self.pages += 1
        page: list[Stored] = []
        for sequence in self.order[bisect_right(self.order, after) :]:
            if sequence > through or len(page) == limit or bytes_max <= 0:
                break
            stored = self.stored[sequence]
            bytes_max -= len(stored.message.body)
            page.append(Stored(stored.message, stored.receive_count, stored.first_received_ms, stored.due_ms))
        return page

    def some(self, sequences: list[int], bytes_max: int) -> list[Stored]:
        self.pages += 1
        some: list[Stored] = []
        for stored in (self.stored[sequence] for sequence in sequences if sequence in self.stored):
            some.append(Stored(stored.message, stored.receive_count, stored.first_received_ms, stored.due_ms))
            bytes_max -= len(stored.message.body)
            if bytes_max <= 0:
                break
        return some

    def content(self, sequence: int) -> Sent:
        self.contents += 1
        return self.stored[sequence].message

    def lacks(self, queue: int) -> NoReturn:
        raise AssertionError(f"queue {queue} counts messages that are on no page")

    def due(self, queue: int, after: tuple[int, int], through_ms: int, limit: int) -> list[tuple[int, int, int]]:
        mine = [(s.due_ms, n, s.receive_count) for n, s in self.stored.items() if queue_of(n) == queue and s.due_ms]
        behind = sorted(entry for entry in mine if entry[:2] > after)
        now_due = [entry for entry in behind if entry[0] <= through_ms][:limit]
        return behind[: len(now_due) + 1]

    def remembered(self, sequence: int) -> Remembered | None:
        return self.memory.get(sequence)

    def sends(self, after: int, through: int, after_ms: int, limit: int) -> list[tuple[int, str, int]]:
        some = [(s, entry.key, entry.sent_ms) for s, entry in sorted(self.memory.items()) if after < s <= through]
        return [entry for entry in some if entry[2] > after_ms][:limit]

    def snapshot(self, now_ms: int) -> Snapshot:
        """What a machine is rebuilt from at `now_ms`."""
        for number, queue in self.queues.items():
            mine = [self.stored[s] for s in self.order if queue_of(s) == number]
            queue.message_count = len(mine)
            hidden = [stored for stored in mine if stored.due_ms > now_ms]
            queue.touched = iter(hidden)
            queue.in_flight = sum(stored.receive_count > 0 for stored in hidden)
            queue.delayed = len(hidden) - queue.in_flight
        barred = [entry for entry in self.deleted if now_ms - entry[3] < QUEUE_DELETED_RECENTLY_MS]
        return Snapshot(list(self.queues.values()), barred, [], list(self.tasks.values()), self.last_queue)

    # Facts

    def _apply(self, fact: Fact) -> None:
        match fact:
            case QueueCreated():
                self.last_queue = max(self.last_queue, fact.queue)
                first = first_sequence(fact.queue)
                self.queues[fact.queue] = StoredQueue(
                    fact, fact.attributes, fact.tags, fact.at_ms, 0, first, 0, iter(())
                )
            case QueueDeleted():
                created = self.queues.pop(fact.queue).created
                self.deleted.append((created.account, created.region, created.name, fact.at_ms))
                self._remove_through(fact.queue, first_sequence(fact.queue + 1))
            case AttributesSet():
                self.queues[fact.queue].attributes = fact.attributes
                self.queues[fact.queue].modified_ms = fact.at_ms
            case TagsSet():
                self.queues[fact.queue].tags = fact.tags
            case Purged():
                self.queues[fact.queue].purged_ms = fact.at_ms
                self._remove_through(fact.queue, fact.through)
            case Sent():
                self._add(Stored(fact, 0, 0, fact.due_ms))
            case Moved():
                self._remove(fact.origin)
                self._add(Stored(fact.message, fact.receive_count, fact.first_received_ms, fact.message.due_ms))
            case Received():
                stored = self.stored[fact.sequence]
                stored.receive_count = fact.receive_count
                stored.first_received_ms = fact.first_received_ms
                stored.due_ms = fact.due_ms
            case VisibilityChanged():
                self.stored[fact.sequence].due_ms = fact.due_ms
            case Deleted():
                for sequence in fact.sequences:
                    self._remove(sequence)
            case MoveTaskChanged():
                self.tasks[fact.task_id] = fact
            case _:
                raise AssertionError(fact)

    def _add(self, stored: Stored) -> None:
        sent = stored.message
        queue = self.queues[queue_of(sent.sequence)]
        assert sent.sequence > queue.last_sequence, "sequences grow"
        queue.last_sequence = sent.sequence
        self.stored[sent.sequence] = stored
        insort(self.order, sent.sequence)
        if (entry := remembered(sent)) is not None:
            self.memory[sent.sequence] = entry

    def _remove(self, sequence: int) -> None:
        del self.stored[sequence]
        self.order.pop(bisect_right(self.order, sequence) - 1)

    def _remove_through(self, number: int, through: int) -> None:
        self.memory = {s: entry for s, entry in self.memory.items() if entry.queue != number}
        for sequence in [s for s in self.order if queue_of(s) == number and s <= through]:
            self._remove(sequence)
