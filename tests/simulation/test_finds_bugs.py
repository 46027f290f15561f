"""The simulation finds bugs: the machine is broken in typical ways, one at a time, and some history notices each."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.simulation.history import History
from tests.unit.broker.queues.memory_store import MemoryStore

from crossdock.aws.api import sqs
from crossdock.broker.queues import machine, receive, redrive, send
from crossdock.broker.queues.dedup import AttemptMemory
from crossdock.broker.queues.fair import FairOrder
from crossdock.broker.queues.fifo import Group
from crossdock.broker.queues.message import GONE, VISIBLE, Message
from crossdock.broker.queues.queue import Queue
from crossdock.broker.queues.registry import Registry
from crossdock.broker.queues.standard import Ranks
from crossdock.broker.queues.step import Step
from crossdock.broker.queues.window import Window

HISTORIES = 1_000

Patch = pytest.MonkeyPatch


def hidden_messages_do_not_hold_up_their_group(patch: Patch) -> None:
    patch.setattr(Group, "free", lambda group: iter([m for m in group.messages if m.state is VISIBLE]))


def visibility_ends_a_second_early(patch: Patch) -> None:
    hide = Queue.hide
    patch.setattr(Queue, "hide", lambda queue, message, due, now: hide(queue, message, max(now, due - 1_000), now))


def no_duplicate_is_recognised(patch: Patch) -> None:
    patch.setattr(send, "_original", lambda registry, queue, key, step: None)


def the_deduplication_window_never_ends(patch: Patch) -> None:
    patch.setattr(send, "DEDUPLICATION_WINDOW_MS", 1 << 60)


def deduplication_is_forgotten_in_a_restart(patch: Patch) -> None:
    patch.setattr(MemoryStore, "sends", lambda store, *args: [])


def a_delete_is_not_written_down(patch: Patch) -> None:
    without_facts(patch, sqs.DeleteMessage)


def a_send_is_not_written_down(patch: Patch) -> None:
    without_facts(patch, sqs.SendMessage)


def a_purge_is_not_written_down(patch: Patch) -> None:
    without_facts(patch, sqs.PurgeQueue)


def without_facts(patch: Patch, command: type) -> None:
    action = machine.QUEUE_ACTIONS[command]

    def silent(registry: Registry, queue: Queue, command: Any, step: Step) -> Any:
        before = len(step.facts)
        result = action(registry, queue, command, step)
        del step.facts[before:]
        return result

    patch.setitem(machine.QUEUE_ACTIONS, command, silent)


def replies_do_not_wait_for_the_disk(patch: Patch) -> None:
    handle = machine.QueueMachine.handle

    def hasty(self: machine.QueueMachine, *args: Any) -> Any:
        outcome = handle(self, *args)
        outcome.durable = False
        return outcome

    patch.setattr(machine.QueueMachine, "handle", hasty)


def receives_are_not_counted(patch: Patch) -> None:
    patch.setattr(Queue, "receive", lambda queue, message, due_ms, now_ms: queue.hide(message, due_ms, now_ms))


def nothing_is_ever_exhausted(patch: Patch) -> None:
    patch.setattr(receive, "is_exhausted", lambda queue, message: False)


def dead_letters_are_dropped(patch: Patch) -> None:
    def drop(registry: Registry, queue: Queue, target: Queue, message: Message, step: Step) -> None:
        queue.remove(message, step.now_ms)
        step.facts.append(receive.Deleted([message.sequence]))

    patch.setattr(receive, "move_to_dead_letters", drop)


def a_redriven_message_keeps_its_count(patch: Patch) -> None:
    move = redrive._move

    def keeping(registry: Registry, source: Queue, target: Queue, message: Message, step: Step) -> None:
        count = message.receive_count
        move(registry, source, target, message, step)
        moved = target.find(target.last_sequence)
        if moved is not None:
            moved.receive_count = count

    patch.setattr(redrive, "_move", keeping)


def a_redriven_message_stays_behind(patch: Patch) -> None:
    move = redrive._move

    def leaving(registry: Registry, source: Queue, target: Queue, message: Message, step: Step) -> None:
        move(registry, source, target, message, step)
        message.state = VISIBLE
        source.messages[message.sequence] = message
        source.put_back(message)

    patch.setattr(redrive, "_move", leaving)


def a_page_forgets_its_last_message(patch: Patch) -> None:
    page = MemoryStore.page
    patch.setattr(MemoryStore, "page", lambda store, *args: page(store, *args)[:-1] or page(store, *args))
    patch.setattr(Window, "next_page", skipping(Window.next_page))


def skipping(next_page: Callable[[Window, Queue, Step], bool]) -> Callable[[Window, Queue, Step], bool]:
    def skip(window: Window, queue: Queue, step: Step) -> bool:
        found = next_page(window, queue, step)
        if found and queue.away.cold:
            queue.away.edge += 1
        return found

    return skip


def what_is_taken_away_is_paged_in_again(patch: Patch) -> None:
    patch.setattr(Step, "gone", lambda step: set())


def a_restart_shows_what_is_in_flight(patch: Patch) -> None:
    take_back = Queue.take_back

    def visible(queue: Queue, stored: Any, now_ms: int) -> None:
        stored.due_ms = min(stored.due_ms, now_ms) if stored.receive_count else stored.due_ms
        take_back(queue, stored, now_ms)

    patch.setattr(Queue, "take_back", visible)


def retention_never_ends(patch: Patch) -> None:
    patch.setattr(Queue, "is_over", lambda queue, message, now_ms: False)


def delays_are_ignored(patch: Patch) -> None:
    place = Queue._place

    def at_once(queue: Queue, message: Message, due_ms: int, now_ms: int, in_order: bool = True) -> None:
        place(queue, message, due_ms if message.receive_count else 0, now_ms, in_order)

    patch.setattr(Queue, "_place", at_once)


def a_busy_tenant_loses_its_place(patch: Patch) -> None:
    enter = FairOrder._enter
    patch.setattr(FairOrder, "_enter", lambda order, tenant: None if tenant.in_flight > 1 else enter(order, tenant))


def a_message_that_comes_back_is_listed_twice(patch: Patch) -> None:
    put = Ranks.put

    def twice(ranks: Ranks, message: Message, rank: int) -> None:
        put(ranks, message, rank)
        message.listed = False
        put(ranks, message, rank)

    patch.setattr(Ranks, "put", twice)


def a_repeated_receive_is_a_new_one(patch: Patch) -> None:
    patch.setattr(AttemptMemory, "find", lambda memory, attempt_id, now_ms: None)


def a_deleted_queue_leaves_its_messages(patch: Patch) -> None:
    patch.setattr(MemoryStore, "_remove_through", lambda store, number, through: None)


def a_group_that_is_freed_by_a_delete_does_not_go_on(patch: Patch) -> None:
    def removed(order: Any, message: Message) -> None:
        group = order._groups.get(message.group_id)
        if group is not None and all(m.state is GONE for m in group.messages):
            del order._groups[message.group_id]

    patch.setattr("crossdock.broker.queues.fifo.FifoOrder.removed", removed)


BUGS = [
    value
    for value in list(globals().values())
    if callable(value) and getattr(value, "__annotations__", None) == {"patch": Patch, "return": None}
]


@pytest.fixture
def patch() -> Iterator[Patch]:
    with pytest.MonkeyPatch.context() as patched:
        yield patched


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_a_history_notices(bug: Callable[[Patch], None], patch: Patch) -> None:
    """A bug that loses, repeats, reorders, shows early or keeps too long breaks a promise in one of a few hundred histories."""
    bug(patch)
    for seed in range(HISTORIES):
        try:
            History(seed).run()
        except Exception as error:
            print(f"seed {seed}: {error!r}"[:200])
            return
    pytest.fail(f"{HISTORIES} histories noticed nothing")
