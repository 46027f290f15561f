"""The store against a dict: whatever is appended, folded, purged and crashed, readers see what a simple model says."""

import copy
import shutil
import tempfile
from dataclasses import dataclass, field
from hashlib import md5
from pathlib import Path

from hypothesis import Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.unit.broker.storage.conftest import quiet

from crossdock.aws.quotas import DEDUPLICATION_WINDOW_MS
from crossdock.broker.outcome import Fact
from crossdock.broker.queues.facts import (
    AttributesSet,
    AttributeValue,
    Deleted,
    Moved,
    MoveTaskChanged,
    Purged,
    QueueCreated,
    QueueDeleted,
    Received,
    Sent,
    Stored,
    StoredQueue,
    TagsSet,
    VisibilityChanged,
    first_sequence,
    queue_of,
)
from crossdock.broker.storage.backup import backup, restore
from crossdock.broker.storage.check import check
from crossdock.broker.storage.store import StorageSettings, Store

START_MS = 1_700_000_000_000
EVERYTHING = 1 << 40


@dataclass
class ModelQueue:
    """What a queue should be."""

    created: QueueCreated
    attributes: dict[str, str]
    modified_ms: int
    tags: dict[str, str] = field(default_factory=dict)
    purged_ms: int = 0
    last_sequence: int = 0
    messages: dict[int, Stored] = field(default_factory=dict)
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Deduplication: key → (sequence, sent_ms)."""


@dataclass
class Model:
    """What a store should hold."""

    queues: dict[int, ModelQueue] = field(default_factory=dict)
    deleted: list[tuple[str, int]] = field(default_factory=list)
    tasks: dict[str, MoveTaskChanged] = field(default_factory=dict)
    last_queue: int = 0


class StoreAgainstModel(RuleBasedStateMachine):
    """Random steps of a broker, with folds and crashes at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="crossdock-model-"))
        self.now_ms = START_MS
        self.model = Model()
        self.committed = Model()
        self.store = self.open()

    def open(self) -> Store:
        sizes = StorageSettings(
            data=self.folder / "data",
            memtable_bytes=20_000,
            memtable_bytes_max=40_000,
            journal_bytes=32 * 1024,
            segment_bytes=8 * 1024,
        )
        return Store.open(sizes, self.now_ms)

    def teardown(self) -> None:
        self.store.abandon()
        shutil.rmtree(self.folder)

    def append(self, *facts: Fact) -> None:
        self.store.append(list(facts))

    def queue(self, data: st.DataObject) -> ModelQueue:
        return data.draw(st.sampled_from(list(self.model.queues.values())))

    def message(self, data: st.DataObject, queue: ModelQueue) -> Stored | None:
        return data.draw(st.sampled_from(list(queue.messages.values()))) if queue.messages else None

    def content(self, queue: ModelQueue, body: str, delay_ms: int = 0, key: str | None = None) -> Sent:
        number = queue.created.queue
        queue.last_sequence = max(queue.last_sequence, first_sequence(number)) + 1
        due_ms = self.now_ms + delay_ms if delay_ms else 0
        attributes = (
            {"a": AttributeValue("String", "x"), "b": AttributeValue("Binary", b"\0\xff")} if len(body) % 2 else None
        )
        sequence = queue.last_sequence
        return Sent(
            sequence,
            f"id-{sequence}",
            body,
            md5(body.encode()).hexdigest(),
            self.now_ms,
            "me",
            due_ms,
            attributes,
            deduplication_key=key,
        )

    @initialize()
    def first_queue(self) -> None:
        self.add_queue()

    @rule()
    def create_queue(self) -> None:
        self.add_queue()

    def add_queue(self) -> None:
        number = self.model.last_queue = self.model.last_queue + 1
        fact = QueueCreated(number, "000000000000", "us-east-1", f"q{number}", {"A": "1"}, {}, self.now_ms)
        self.append(fact)
        self.model.queues[number] = ModelQueue(fact, {"A": "1"}, self.now_ms)

    @precondition(lambda self: self.model.queues)
    @rule(
        data=st.data(),
        count=st.integers(1, 60),
        body=st.text(max_size=300),
        delay_ms=st.sampled_from([0, 0, 5_000]),
        dedup=st.booleans(),
    )
    def send(self, data: st.DataObject, count: int, body: str, delay_ms: int, dedup: bool) -> None:
        queue = self.queue(data)
        for _ in range(count):
            key = f"key-{queue.last_sequence % 7}" if dedup else None
            message = self.content(queue, body, delay_ms, key)
            self.append(message)
            queue.messages[message.sequence] = Stored(message, 0, 0, message.due_ms)
            if key:
                queue.keys[key] = (message.sequence, self.now_ms)

    @precondition(lambda self: self.model.queues)
    @rule(data=st.data(), timeout_ms=st.integers(0, 30_000))
    def receive(self, data: st.DataObject, timeout_ms: int) -> None:
        if (stored := self.message(data, self.queue(data))) is not None:
            stored.receive_count += 1
            stored.first_received_ms = stored.first_received_ms or self.now_ms
            stored.due_ms = self.now_ms + timeout_ms
            self.append(
                Received(stored.message.sequence, stored.receive_count, stored.first_received_ms, stored.due_ms)
            )

    @precondition(lambda self: self.model.queues)
    @rule(data=st.data(), timeout_ms=st.integers(0, 30_000))
    def change_visibility(self, data: st.DataObject, timeout_ms: int) -> None:
        stored = self.message(data, self.queue(data))
        if stored is not None and stored.receive_count:
            stored.due_ms = self.now_ms + timeout_ms
            self.append(VisibilityChanged(stored.message.sequence, stored.due_ms))

    @precondition(lambda self: self.model.queues)
    @rule(data=st.data(), first=st.integers(0, 50), count=st.integers(1, 100), step=st.integers(1, 3))
    def delete(self, data: st.DataObject, first: int, count: int, step: int) -> None:
        queue = self.queue(data)
        if gone := list(queue.messages)[first : first + count : step]:
            for sequence in gone:
                del queue.messages[sequence]
            self.append(Deleted(gone))

    @precondition(lambda self: self.model.queues)
    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        source, target = self.queue(data), self.queue(data)
        if (stored := self.message(data, source)) is not None:
            del source.messages[stored.message.sequence]
            message = self.content(target, stored.message.body)
            moved = Stored(message, stored.receive_count, stored.first_received_ms, 0)
            target.messages[message.sequence] = moved
            self.append(Moved(stored.message.sequence, message, moved.receive_count, moved.first_received_ms))

    @precondition(lambda self: self.model.queues)
    @rule(data=st.data())
    def purge(self, data: st.DataObject) -> None:
        queue = self.queue(data)
        queue.messages.clear()
        queue.keys.clear()
        queue.purged_ms = self.now_ms
        self.append(Purged(queue.created.queue, queue.last_sequence, self.now_ms))

    @precondition(lambda self: len(self.model.queues) > 2)
    @rule(data=st.data())
    def delete_queue(self, data: st.DataObject) -> None:
        queue = self.queue(data)
        del self.model.queues[queue.created.queue]
        self.model.deleted.append((queue.created.name, self.now_ms))
        self.append(QueueDeleted(queue.created.queue, self.now_ms))

    @precondition(lambda self: self.model.queues)
    @rule(data=st.data(), value=st.text(max_size=5))
    def configure(self, data: st.DataObject, value: str) -> None:
        queue = self.queue(data)
        queue.attributes, queue.tags, queue.modified_ms = {"A": value}, {"t": value}, self.now_ms
        self.append(
            AttributesSet(queue.created.queue, queue.attributes, self.now_ms), TagsSet(queue.created.queue, queue.tags)
        )

    @rule(number=st.integers(0, 3), moved=st.integers(0, 9))
    def run_move_task(self, number: int, moved: int) -> None:
        task = MoveTaskChanged(f"task-{number}", "arn:source", None, None, "RUNNING", moved, 9, self.now_ms)
        self.model.tasks[task.task_id] = task
        self.append(task)

    @rule(ms=st.integers(1, 120_000))
    def wait(self, ms: int) -> None:
        self.now_ms += ms

    @rule()
    def commit(self) -> None:
        self.store.commit()
        self.committed = copy.deepcopy(self.model)

    @rule()
    def begin_fold(self) -> None:
        self.store.fold()
        self.committed = copy.deepcopy(self.model)

    @rule()
    def crash(self) -> None:
        self.store.abandon()
        assert check(self.folder / "data", quiet).problems == []
        self.model = copy.deepcopy(self.committed)
        self.store = self.open()
        self.snapshot_is_the_model()

    @rule()
    def back_up_and_restore(self) -> None:
        """The restored copy takes the place of the original."""
        for _ in range(2):
            self.store.fold()
            if self.store.running_fold is not None:
                self.store.running_fold.result(60)
        self.committed = copy.deepcopy(self.model)
        backup(self.folder / "data", self.folder / "backup", quiet)
        self.store.abandon()
        shutil.rmtree(self.folder / "data")
        restore(self.folder / "backup", self.folder / "data", quiet)
        self.store = self.open()
        self.snapshot_is_the_model()

    @rule()
    def close_and_open(self) -> None:
        self.store.close()
        self.committed = copy.deepcopy(self.model)
        report = check(self.folder / "data", quiet)
        assert report.problems == []
        self.store = self.open()
        self.snapshot_is_the_model()

    @rule(data=st.data())
    def page_of_anything(self, data: st.DataObject) -> None:
        if not self.model.queues:
            return
        queue = self.queue(data)
        first = first_sequence(queue.created.queue)
        after = first + data.draw(st.integers(-1, 80))
        through = after + data.draw(st.integers(1, 200))
        limit = data.draw(st.integers(1, 50))
        expected = [stored for sequence, stored in sorted(queue.messages.items()) if after < sequence <= through]
        assert self.store.page(after, through, limit, EVERYTHING) == expected[:limit]
        if expected:
            assert self.store.page(after, through, limit, 1)[0] == expected[0]
            assert self.store.content(expected[0].message.sequence) == expected[0].message

    @rule(
        data=st.data(), limit=st.integers(1, 50), behind_ms=st.integers(-40_000, 40_000), for_ms=st.integers(0, 40_000)
    )
    def what_comes_due(self, data: st.DataObject, limit: int, behind_ms: int, for_ms: int) -> None:
        if not self.model.queues:
            return
        queue = self.queue(data)
        entries = sorted((s.due_ms, n, s.receive_count) for n, s in queue.messages.items() if s.due_ms)
        after = data.draw(st.sampled_from([(self.now_ms + behind_ms, 0), *(entry[:2] for entry in entries)]))
        through_ms = after[0] + for_ms
        behind = [entry for entry in entries if entry[:2] > after]
        due = [entry for entry in behind if entry[0] <= through_ms][:limit]
        assert self.store.due(queue.created.queue, after, through_ms, limit) == behind[: len(due) + 1]

    @rule(data=st.data(), bytes_max=st.integers(1, 50))
    def some_messages(self, data: st.DataObject, bytes_max: int) -> None:
        if not self.model.queues:
            return
        queue = self.queue(data)
        first = first_sequence(queue.created.queue)
        asked = data.draw(st.lists(st.integers(first, max(first, queue.last_sequence)), unique=True))
        expected: list[Stored] = []
        for sequence in asked:
            if sequence in queue.messages and sum(len(stored.message.body) for stored in expected) < bytes_max:
                expected.append(queue.messages[sequence])
        assert self.store.some(asked, bytes_max) == expected

    @invariant()
    def every_send_is_remembered(self) -> None:
        for number, queue in self.model.queues.items():
            for key, (sequence, sent_ms) in queue.keys.items():
                if sent_ms > self.now_ms - DEDUPLICATION_WINDOW_MS:
                    entry = self.store.remembered(sequence)
                    assert entry is not None
                    assert (entry.queue, entry.key, entry.sent_ms) == (number, key, sent_ms)

    @invariant()
    def every_message_is_shown(self) -> None:
        for number, queue in self.model.queues.items():
            shown = self.store.page(first_sequence(number) - 1, first_sequence(number + 1) - 1, 1 << 30, EVERYTHING)
            assert shown == [stored for _, stored in sorted(queue.messages.items())]

    def snapshot_is_the_model(self) -> None:
        snapshot = self.store.snapshot()
        assert snapshot.last_queue == self.model.last_queue
        assert [queue.created.queue for queue in snapshot.queues] == sorted(self.model.queues)
        for shown in snapshot.queues:
            self.queue_is_the_model(shown, self.model.queues[shown.created.queue])
        recently = self.now_ms - 60_000
        assert {(name, at_ms) for _, _, name, at_ms in snapshot.deleted if at_ms > recently} == {
            entry for entry in self.model.deleted if entry[1] > recently
        }
        assert {task.task_id: task for task in snapshot.move_tasks} == self.model.tasks
        after_ms = self.now_ms - DEDUPLICATION_WINDOW_MS
        remembered = {(entry.queue, entry.key): (entry.sequence, entry.sent_ms) for entry in snapshot.remembered}
        for number, queue in self.model.queues.items():
            for sequence, key, sent_ms in self.store.sends(
                first_sequence(number) - 1, queue.last_sequence, after_ms, 5_000
            ):
                remembered[number, key] = max((sequence, sent_ms), remembered.get((number, key), (0, 0)))
        assert remembered == {
            (number, key): entry
            for number, queue in self.model.queues.items()
            for key, entry in queue.keys.items()
            if entry[1] > after_ms
        }

    def queue_is_the_model(self, shown: StoredQueue, queue: ModelQueue) -> None:
        assert (shown.created.name, shown.created.at_ms) == (queue.created.name, queue.created.at_ms)
        assert (shown.attributes, shown.tags) == (queue.attributes, queue.tags)
        assert (shown.modified_ms, shown.purged_ms) == (queue.modified_ms, queue.purged_ms)
        assert (shown.last_sequence, shown.message_count) == (queue.last_sequence, len(queue.messages))
        later = [stored for _, stored in sorted(queue.messages.items()) if stored.due_ms > self.now_ms]
        assert list(shown.touched) == later
        assert shown.in_flight == sum(stored.receive_count > 0 for stored in later)
        assert shown.delayed == sum(stored.receive_count == 0 for stored in later)
        assert all(queue_of(stored.message.sequence) == queue.created.queue for stored in later)


TestStoreAgainstModel = StoreAgainstModel.TestCase
TestStoreAgainstModel.settings = hypothesis_settings(
    max_examples=20,
    stateful_step_count=40,
    print_blob=True,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
