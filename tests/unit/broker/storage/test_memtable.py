"""The memtable: the last word counts, and what came and went leaves no trace."""

import gc
import weakref
from collections.abc import Callable

from crossdock.broker.queues.facts import (
    Deleted,
    Moved,
    Purged,
    Received,
    Sent,
    Stored,
    VisibilityChanged,
    first_sequence,
)
from crossdock.broker.storage.memtable import Memtable

Make = Callable[..., Sent]
BASE = first_sequence(1)
END = first_sequence(2) - 1


def positions(table: Memtable, after: int = BASE - 1) -> list[int]:
    return [message.sequence - BASE for message in table.between(1, after, END)]


def test_a_message_deleted_again_leaves_nothing(make_sent: Make) -> None:
    """Send, receive, delete: nothing is left to fold, and no memory is counted."""
    table = Memtable()
    table.sent(make_sent(1))
    table.receive(Received(BASE + 1, 1, 5, 9))
    table.delete(Deleted([BASE + 1]))
    assert not table.inserted and not table.received and not table.deleted
    assert table.bytes == 0


def test_a_message_of_a_layer_below_leaves_a_tombstone() -> None:
    """Deleting what is not here is remembered, once."""
    table = Memtable()
    table.delete(Deleted([BASE + 1]))
    table.delete(Deleted([BASE + 1]))
    assert table.deleted == {BASE + 1}
    assert table.balance() == {1: -1}


def test_the_last_receive_counts(make_sent: Make) -> None:
    """Of receives and changes of visibility only the newest state is kept."""
    table = Memtable()
    table.receive(Received(BASE, 1, 5, 10))
    table.change_visibility(VisibilityChanged(BASE, 20))
    stored = Stored(make_sent(0), 0, 0, 0)
    table.update(stored)
    assert (stored.receive_count, stored.first_received_ms, stored.due_ms) == (1, 5, 20)
    table.receive(Received(BASE, 2, 5, 30))
    table.update(stored)
    assert (stored.receive_count, stored.due_ms) == (2, 30)


def test_visibility_of_a_receive_below_keeps_its_count(make_sent: Make) -> None:
    """A new timeout alone does not touch the receive count that a layer below knows."""
    table = Memtable()
    table.change_visibility(VisibilityChanged(BASE, 20))
    stored = Stored(make_sent(0), 3, 5, 10)
    table.update(stored)
    assert (stored.receive_count, stored.first_received_ms, stored.due_ms) == (3, 5, 20)


def test_order_survives_many_deletes(make_sent: Make) -> None:
    """However many messages come and go, reading skips them, and the order is cleared of them."""
    table = Memtable()
    for position in range(20_000):
        table.sent(make_sent(position))
        if position % 100:
            table.delete(Deleted([BASE + position]))
    assert positions(table, BASE + 19_700) == [19_800, 19_900]
    assert len(table.orders[1]) < 10_000


def test_a_purge_takes_what_is_before_it(make_sent: Make) -> None:
    """A purge removes messages up to and with its sequence; later ones stay."""
    table = Memtable()
    for position in range(5):
        table.sent(make_sent(position))
    table.delete(Deleted([BASE - 1 + first_sequence(0)]))
    table.purge(Purged(1, BASE + 2, 0))
    assert positions(table) == [3, 4]
    assert table.is_purged(BASE + 2) and not table.is_purged(BASE + 3)


def test_a_move_is_a_delete_and_a_send(make_sent: Make) -> None:
    """A moved message leaves its queue and enters the other with its counts."""
    table = Memtable()
    table.sent(make_sent(0))
    table.move(Moved(BASE, make_sent(0, queue=2), 4, 77))
    assert positions(table) == []
    stored = Stored(make_sent(0, queue=2))
    table.update(stored)
    assert (stored.receive_count, stored.first_received_ms) == (4, 77)
    assert table.balance() == {2: 1}


def test_deduplication_is_remembered_beyond_the_message(make_sent: Make) -> None:
    """The key of a deleted message is kept; a moved message is no new one."""
    table = Memtable()
    table.sent(make_sent(0, deduplication_key="k"))
    table.move(Moved(BASE, make_sent(0, queue=2, deduplication_key="k")))
    assert [(entry.queue, entry.key) for entry in table.remembered.values()] == [(1, "k")]


def test_freed_at_once(make_sent: Make) -> None:
    """A memtable that was folded takes no memory until a garbage collection: nothing in it refers to itself."""
    table = Memtable()
    table.sent(make_sent(1))
    table.receive(Received(BASE + 1, 1, 1, 2))
    gone = weakref.ref(table)
    gc.disable()
    try:
        del table
        assert gone() is None
    finally:
        gc.enable()


def test_what_is_hidden_in_order_of_time(make_sent: Make) -> None:
    """Of a message that was hidden again and again only the last word counts, and the notes of others do not gather."""
    table = Memtable()
    table.sent(make_sent(1))
    table.sent(make_sent(2))
    for due_ms in range(1, 100_000):
        table.receive(Received(BASE + 1, 1, 1, due_ms))
    table.receive(Received(BASE + 2, 1, 1, 50))
    assert len(table.hidden) < 70_000
    assert list(table.hidden.after(1, (0, 0), table.due_ms)) == [(50, BASE + 2), (99_999, BASE + 1)]
    assert list(table.hidden.after(1, (50, BASE + 2), table.due_ms)) == [(99_999, BASE + 1)]
    table.delete(Deleted([BASE + 1]))
    assert list(table.hidden.after(1, (0, 0), table.due_ms)) == [(50, BASE + 2)]
