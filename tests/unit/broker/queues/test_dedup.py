"""The memories of FIFO queues: exact, five minutes long, and small."""

import random
import sys

import pytest
from tests.unit.broker.queues.world import World

from crossdock.aws.api import sqs
from crossdock.aws.errors import ApiError, QueueDoesNotExist, ServiceUnavailable
from crossdock.broker.queues import dedup, past_sends
from crossdock.broker.queues.dedup import AttemptMemory, SentMemory, deduplication_key
from crossdock.broker.queues.message import GONE, IN_FLIGHT, Message


def bytes_of(memory: SentMemory) -> int:
    """What a memory takes, without the objects that Python shares."""
    entries = sum(sys.getsizeof(number) + sys.getsizeof(entries) for number, entries in memory._buckets.items())
    return entries + sum(map(sys.getsizeof, (memory._buckets, memory._order, memory._seconds)))


def test_five_minutes_long() -> None:
    """Fact 74: what was sent five minutes ago takes no memory once something else is sent."""
    memory = SentMemory()
    for number in range(1_000):
        memory.remember(1, str(number), number, number * 1_000)
        assert len(memory) <= 301
    assert [memory.find(1, str(number)) for number in (698, 699, 999)] == [[], [699], [999]]
    memory.remember(1, "later", 1_000, 10**9)
    assert len(memory) == 1


def test_latest_first() -> None:
    """A key that was sent again leads to its latest send first; that of another queue leads elsewhere."""
    memory = SentMemory()
    memory.remember(1, "a", 11, 0)
    memory.remember(2, "a", 21, 0)
    memory.remember(1, "a", 12, 1)
    assert memory.find(1, "a") == [12, 11]
    assert memory.find(2, "a") == [21]
    assert memory.find(3, "a") == []


def test_finds_what_a_dictionary_finds() -> None:
    """Among a hundred thousand sends over many windows the sequences of a key are those of a plain dictionary."""
    dice = random.Random(5)
    memory = SentMemory()
    sends: dict[tuple[int, str], list[tuple[int, int]]] = {}
    now_ms = 0
    for sequence in range(100_000):
        now_ms += dice.choice((0, 1, 20))
        queue, key = dice.randrange(3), str(dice.randrange(20_000))
        living = [known for known, sent_ms in sends.get((queue, key), ()) if now_ms - sent_ms < 300_000]
        assert set(living) <= set(memory.find(queue, key))
        memory.remember(queue, key, sequence, now_ms)
        sends.setdefault((queue, key), []).append((sequence, now_ms))
    assert len(memory) <= sum(now_ms - sent_ms < 302_000 for many in sends.values() for _, sent_ms in many)


def test_small() -> None:
    """Three million sends, which is five minutes of ten thousand a second, fit into 60 MB: twenty bytes each, whatever the keys are."""
    memory = SentMemory()
    for number in range(200_000):
        memory.remember(1, "k" * 100 + str(number), number, number // 100)
    fixed = 65_536 * (sys.getsizeof(bytearray()) + sys.getsizeof(1 << 16)) + sys.getsizeof(memory._buckets)
    assert bytes_of(memory) - fixed < 20 * 200_000
    assert fixed < 10 * 1024 * 1024


def test_fingerprints_that_collide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys with one fingerprint are told apart: no message is lost for another's sake, and no duplicate gets through."""
    monkeypatch.setattr(dedup, "fingerprint_of", lambda queue, key: 7)
    world = World()
    url = world.create("q.fifo")
    first = {key: world.send(url, key, message_group_id="g", message_deduplication_id=key) for key in "abc"}
    again = {key: world.send(url, "again", message_group_id="g", message_deduplication_id=key) for key in "abc"}
    assert {key: sent.message_id for key, sent in again.items()} == {
        key: sent.message_id for key, sent in first.items()
    }
    assert world.bodies(url) == ["a", "b", "c"]


def test_duplicate_within_one_batch(world: World) -> None:
    """Two entries of a batch with one deduplication id are one message."""
    url = world.create("q.fifo")
    entries = [
        sqs.SendMessageBatchRequestEntry(id, id, message_group_id="g", message_deduplication_id="d") for id in "ab"
    ]
    result = world.call(sqs.SendMessageBatch(url, entries))
    assert len({entry.message_id for entry in result.successful}) == 1
    assert world.bodies(url) == ["a"]


def test_memory_goes_with_a_purge(world: World) -> None:
    """Fact 77: what was sent before a purge may be sent again."""
    url = world.create("q.fifo")
    send = {"message_group_id": "g", "message_deduplication_id": "d"}
    world.send(url, "before", **send)
    world.call(sqs.PurgeQueue(url))
    world.send(url, "after", **send)
    world.send(url, "duplicate", **send)
    assert world.bodies(url) == ["after"]


def test_keys() -> None:
    """In the scope of the group two groups share no key."""
    assert deduplication_key(False, "g", "d") == deduplication_key(False, "h", "d")
    assert deduplication_key(True, "g", "d") != deduplication_key(True, "h", "d")


def test_attempts_that_no_longer_stand() -> None:
    """Attempts whose messages are gone leave nothing behind, whatever stands among them, and one more takes no longer for it."""
    memory = AttemptMemory()
    standing = [Message(number, None, 0, 0, "g", IN_FLIGHT, 1) for number in range(100)]
    for message in standing:
        memory.remember(f"stands {message.sequence}", [message], 0)
    for number in range(10_000):
        message = Message(number, None, 0, 0, "g", IN_FLIGHT, 1)
        memory.remember(str(number), [message], number)
        message.state = GONE
    assert len(memory) < 3 * len(standing)
    assert all(memory.find(f"stands {message.sequence}", 10_000) == [message] for message in standing)
    memory.remember("later", [standing[0]], 300_000)
    assert memory.find("stands 0", 300_000) is None


@pytest.fixture
def restarted(monkeypatch: pytest.MonkeyPatch) -> tuple[World, list[str]]:
    """Two queues that were sent 95 messages each before a restart, and ten sends are read in one go."""
    monkeypatch.setattr(past_sends, "SLICE", 10)
    world = World()
    urls = [world.create("a.fifo"), world.create("b.fifo")]
    for url in urls:
        for number in range(95):
            world.send(url, "once", message_group_id="g", message_deduplication_id=f"d{number}")
    world.restart()
    return world, urls


def fifo_send(url: str, number: int) -> sqs.SendMessage:
    return sqs.SendMessage(url, "again", message_group_id="g", message_deduplication_id=f"d{number}")


def test_sends_from_before_a_restart(restarted: tuple[World, list[str]]) -> None:
    """After a restart sends are known again, a slice at a time, each once; and forgotten in their time."""
    world, urls = restarted
    memory = world.machine._registry.sent_memory
    assert len(memory) == 0
    world.advance(1_000)
    assert len(memory) == 190
    for url in urls:
        world.call(fifo_send(url, 50))
        assert world.counts(url) == (95, 0, 0)
    world.advance(299_000)
    world.restart()
    world.advance(1_000)
    assert len(world.machine._registry.sent_memory) == 0


def test_sends_wait_until_much_is_read(restarted: tuple[World, list[str]]) -> None:
    """A send to a queue of which much is unread waits, its order kept, while others are served; then it is answered as ever."""
    world, (url, other) = restarted
    tickets = [world.ask(command) for command in (fifo_send(url, 94), fifo_send(url, 200), fifo_send(url, 200))]
    batch = [sqs.SendMessageBatchRequestEntry("x", "y", message_group_id="g", message_deduplication_id="d201")]
    tickets += [world.ask(sqs.SendMessageBatch(url, batch)), world.ask(sqs.SendMessage(url, "no group"))]
    assert not world.replies
    assert world.bodies(other, 1) == ["once"]
    slices = 95 // past_sends.SLICE + 1
    world.advance(slices * past_sends.HURRY_MS)
    assert set(tickets) <= world.replies.keys()
    duplicate, first, again, in_batch, wrong = (world.replies[ticket] for ticket in tickets)
    assert isinstance(wrong, ApiError)
    assert again.message_id == first.message_id != duplicate.message_id
    assert first.sequence_number < in_batch.successful[0].sequence_number
    assert world.counts(url) == (97, 0, 0)


def test_sends_that_wait_in_vain(restarted: tuple[World, list[str]]) -> None:
    """A send that waits is answered when its queue is deleted, and when the broker stops."""
    world, (url, other) = restarted
    deleted, stopped = world.ask(fifo_send(url, 1)), world.ask(fifo_send(other, 1))
    world.call(sqs.DeleteQueue(url))
    assert isinstance(world.replies[deleted], QueueDoesNotExist)
    assert [(ticket, type(error)) for ticket, error in world.machine.drain().replies] == [(stopped, ServiceUnavailable)]


def test_purge_while_sends_wait(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A send that waits after a restart is answered although the queue is purged meanwhile."""
    monkeypatch.setattr(past_sends, "SLICE", 10)
    url = world.create("q.fifo")
    world.send_fifo(url, "g", *map(str, range(50)))
    world.restart()
    ticket = world.ask(sqs.SendMessage(url, "waits", message_group_id="g", message_deduplication_id="waits"))
    assert ticket not in world.replies
    world.call(sqs.PurgeQueue(url))
    world.advance(1_000)
    assert ticket in world.replies
    assert world.bodies(url) == ["waits"]
