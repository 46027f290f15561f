"""One random history: clients, time and crashes against the promises. The seed says everything that happens in it."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

from tests.simulation.promises import Letter, Promises, Shelf
from tests.unit.broker.queues.world import World

from crossdock.aws.api import sqs
from crossdock.aws.errors import ApiError, InvalidParameterValue, QueueDoesNotExist, ResourceNotFound
from crossdock.aws.shapes import Shape
from crossdock.broker.outcome import Ticket
from crossdock.broker.queues.machine import MachineSettings

STEPS = [10, 20, 30, 60]
"""How long a history is."""

CROWDED_BELOW = 1_000

WINDOWS = [
    MachineSettings(window=4, lookahead=6, content_bytes_max=1_500),
    MachineSettings(window=4, lookahead=6, messages_max=8, reserve=2, content_bytes_max=1_500),
    MachineSettings(),
]

SUFFIXES = [("",), ("",), (".fifo",), (".fifo",), ("", ".fifo")]
"""Standard queues, FIFO queues, or both side by side."""

COUNT = ["ApproximateReceiveCount"]

ATTEMPT_MS = 300_000

TICKS_MAX = 2_000


@dataclass
class Attempt:
    """A receive that has a name."""

    letters: list[Letter]
    stood: list[tuple[int | None, int]]
    """Count and due time of each afterwards."""
    at_ms: int

    def still_stands(self, promises: Promises, now_ms: int) -> bool:
        """Whether the same messages must be given again: in time, and all of them still in flight as they were."""
        return now_ms - self.at_ms < ATTEMPT_MS and all(
            promises.letters.get(letter.body) is letter and (letter.count, letter.due_ms) == stood and stood[1] > now_ms
            for letter, stood in zip(self.letters, self.stood, strict=True)
        )


class History:
    """One history: the machine, the promises, and dice. `seen` counts what happened in it."""

    def __init__(self, seed: int, seen: Counter[str] | None = None, make_world: Callable[..., World] = World) -> None:
        self.dice = random.Random(seed)
        self.seen = Counter() if seen is None else seen
        self.world = make_world(self.dice.choice(WINDOWS), seed)
        self.promises = Promises(self.seen)
        self.polls: dict[Ticket, tuple[str, int]] = {}
        self.tasks: dict[str, str] = {}
        """The handle of the move task that runs, by dead-letter queue."""
        self.attempts: dict[tuple[str, str], Attempt] = {}
        self.letters = 0
        for suffix in self.dice.choice(SUFFIXES):
            self._add(f"alone{suffix}", retention=self.dice.choice([60, 300]))
            dead = self._add(f"dead{suffix}")
            self._add(f"source{suffix}", dead=dead, max_receives=self.dice.randint(1, 3))
        self.urls = list(self.promises.shelves)

    def _add(self, name: str, retention: int = 345_600, dead: Shelf | None = None, max_receives: int = 1_000) -> Shelf:
        attributes: dict[str, object] = {"MessageRetentionPeriod": retention}
        delay_s = 3 if self.dice.random() < 0.2 else 0
        if delay_s:
            attributes["DelaySeconds"] = delay_s
        if dead is not None:
            attributes["RedrivePolicy"] = f'{{"deadLetterTargetArn":"{dead.arn}","maxReceiveCount":{max_receives}}}'
        url = self.world.create(name, **attributes)
        arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
        shelf = Shelf(
            url, name.endswith(".fifo"), retention * 1_000, delay_s * 1_000, arn, dead and dead.url, max_receives
        )
        self.promises.shelves[url] = shelf
        return shelf

    @property
    def now_ms(self) -> int:
        return self.world.now_ms

    def run(self) -> None:
        """Some steps, then everything that must be there is received."""
        for step in self.dice.choices(STEPS_TO_TAKE, cum_weights=WEIGHTS, k=self.dice.choice(STEPS)):
            step(self)
            self.settle()
        self.finish()

    def settle(self) -> None:
        """Take note of long polls that were answered meanwhile, and of move tasks that ended."""
        for ticket in [ticket for ticket in self.polls if ticket in self.world.replies]:
            url, visibility_ms = self.polls.pop(ticket)
            messages = shown(self.world.replies.pop(ticket))
            self.seen["long poll answered" if messages else "long poll in vain"] += 1
            self.promises.received(url, messages, self.now_ms, visibility_ms)
        self.promises.time(self.now_ms)
        for dead in list(self.promises.redrives):
            arn = self.promises.shelves[dead].arn
            status = self.world.call(sqs.ListMessageMoveTasks(arn, 1)).results[0].status
            if status not in ("RUNNING", "CANCELLING"):
                self.promises.redrive_ended(dead, status == "COMPLETED")
                self.seen[f"move task {status}"] += 1

    # Steps

    def _letter(self, url: str) -> tuple[Letter, dict[str, object]]:
        shelf = self.promises.shelves[url]
        self.letters += 1
        group = self.dice.choice("abc") if shelf.fifo or self.dice.random() < 0.3 else None
        delay_ms = shelf.delay_ms
        parameters: dict[str, object] = {} if group is None else {"message_group_id": group}
        if shelf.fifo:
            parameters["message_deduplication_id"] = f"d{self.dice.randint(1, 40)}"
        elif self.dice.random() < 0.2:
            delay_s = self.dice.choice([0, 2, 10])
            parameters["delay_seconds"] = delay_s
            delay_ms = delay_s * 1_000
        body = f"letter {self.letters}" + "." * self.dice.choice([0, 0, 300])
        ends_ms, due_ms = self.now_ms + shelf.retention_ms, self.now_ms + delay_ms
        return Letter(
            body, group, self.letters, ends_ms, {url}, self.now_ms, due_ms, delay_ms > 0, home=url
        ), parameters

    def _send(self, url: str, entries: list[tuple[Letter, dict[str, object]]], command: Shape) -> None:
        shelf = self.promises.shelves[url]
        for letter, parameters in entries:
            key = parameters.get("message_deduplication_id")
            if not shelf.fifo or not self.promises.duplicate(url, str(key), self.now_ms):
                self.promises.sent(letter)
        self.world.call(command)

    def send(self) -> None:
        url = self.dice.choice(self.urls)
        letter, parameters = self._letter(url)
        self._send(url, [(letter, parameters)], sqs.SendMessage(url, letter.body, **parameters))  # type: ignore[arg-type]

    def send_batch(self) -> None:
        url = self.dice.choice(self.urls)
        self._send_letters(url, self._letters(url, self.dice.randint(2, 10)))

    def _letters(self, url: str, count: int) -> list[tuple[Letter, dict[str, object]]]:
        return [self._letter(url) for _ in range(count)]

    def _send_letters(self, url: str, letters: list[tuple[Letter, dict[str, object]]]) -> None:
        entries = [
            sqs.SendMessageBatchRequestEntry(str(i), letter.body, **parameters)  # type: ignore[arg-type]
            for i, (letter, parameters) in enumerate(letters)
        ]
        self._send(url, letters, sqs.SendMessageBatch(url, entries))

    def flood(self) -> None:
        """One tenant of a standard queue sends much and holds much."""
        url = self.dice.choice(self.urls)
        if self.promises.shelves[url].fifo or self.dice.random() < 0.6:
            return
        self.seen["flood"] += 1
        for _ in range(4):
            letters = self._letters(url, 10)
            for letter, parameters in letters:
                letter.group = parameters["message_group_id"] = "f"
            self._send_letters(url, letters)
            self.settle()
        for _ in range(4):
            self._receive(url, 0)
        self._counts()

    def _receive(self, url: str, wait: int) -> None:
        visibility = self.dice.choice([0, 1, 5, 5, 30])
        limit = self.dice.randint(1, 10)
        ticket = self.world.ask(
            sqs.ReceiveMessage(
                url,
                message_system_attribute_names=COUNT,
                max_number_of_messages=limit,
                visibility_timeout=visibility,
                wait_time_seconds=wait,
            )
        )
        if wait:
            self.polls[ticket] = (url, visibility * 1_000)
        else:
            messages = shown(self.world.replies.pop(ticket))
            self.promises.received(url, messages, self.now_ms, visibility * 1_000)

    def receive(self) -> None:
        self._receive(self.dice.choice(self.urls), 0)

    def receive_by_name(self) -> None:
        """Receive from a FIFO queue with a ReceiveRequestAttemptId, perhaps one that was used before."""
        url = self.dice.choice(self.urls)
        if not self.promises.shelves[url].fifo:
            return
        attempt_id = self.dice.choice("xy")
        for _ in range(self.dice.choice([1, 2])):
            self._receive_attempt(url, attempt_id)

    def _receive_attempt(self, url: str, attempt_id: str) -> None:
        visibility_ms = self.dice.choice([1_000, 30_000])
        messages = shown(
            sqs.ReceiveMessageResult(
                self.world.receive(
                    url,
                    4,
                    receive_request_attempt_id=attempt_id,
                    visibility_timeout=visibility_ms // 1_000,
                    message_system_attribute_names=COUNT,
                )
            )
        )
        attempt = self.attempts.get((url, attempt_id))
        if attempt is not None and attempt.still_stands(self.promises, self.now_ms):
            self.promises.received_again(attempt.letters, messages, self.now_ms + visibility_ms)
        else:
            self.promises.received(url, messages, self.now_ms, visibility_ms)
        letters = [self.promises.letters[body] for body, _, _ in messages]
        if letters:
            self.attempts[url, attempt_id] = Attempt(letters, [(x.count, x.due_ms) for x in letters], self.now_ms)

    def poll(self) -> None:
        self._receive(self.dice.choice(self.urls), self.dice.choice([1, 20]))

    def _abandon_polls(self) -> None:
        for ticket in self.polls:
            self.world.machine.abandon(ticket)
        self.polls.clear()

    def _held(self) -> tuple[Letter, str, str] | None:
        """A letter that some client has a handle of, and that is certainly where it was received; that queue, and the handle."""
        held = [letter for letter in self.promises.letters.values() if letter.handle and self._is_held(letter)]
        if not held:
            return None
        letter = self.dice.choice(held)
        assert letter.received_from is not None
        assert letter.handle is not None
        return letter, letter.received_from, letter.handle

    def _is_held(self, letter: Letter) -> bool:
        if letter.received_from is None:
            return False
        return letter.due_ms > self.now_ms or letter.certain() == letter.received_from

    def _is_expired(self, letter: Letter, url: str) -> bool:
        """Whether its handle is worth nothing any more: on FIFO queues, when the visibility timeout has ended."""
        return self.promises.shelves[url].fifo and letter.due_ms <= self.now_ms

    def delete(self) -> None:
        held = self._held()
        if held is None:
            return
        letter, url, handle = held
        command = sqs.DeleteMessage(url, handle)
        if self._is_expired(letter, url):
            self._refused(command)
        else:
            self.seen["delete"] += 1
            self.promises.deleted(letter)
            self.world.call(command)

    def hide(self) -> None:
        held = self._held()
        if held is None:
            return
        letter, url, handle = held
        seconds = self.dice.choice([0, 2, 60])
        command = sqs.ChangeMessageVisibility(url, handle, seconds)
        if self._is_expired(letter, url):
            self._refused(command)
            return
        self.seen["visibility set to 0" if not seconds else "visibility change"] += 1
        if letter.count is None and seconds:
            self.seen["visibility change of a lost receive"] += 1
        if seconds or letter.due_ms > self.now_ms:
            self.promises.hidden(letter, self.now_ms + seconds * 1_000)
        self.world.call(command)

    def _refused(self, command: Shape) -> None:
        self.seen["expired handle refused"] += 1
        try:
            self.world.call(command)
        except InvalidParameterValue as error:
            assert "expired" in error.message
        else:
            raise AssertionError("an expired handle was taken")

    def pass_time(self) -> None:
        for _ in range(self.dice.randint(1, 3)):
            self.advance(self.dice.choice([0, 1, 999, 1_000, 4_000, 31_000]))

    def pass_long_time(self) -> None:
        self.advance(301_000)

    def advance(self, ms: int) -> None:
        """Let time pass, and take note at each moment at which something happens."""
        world = self.world
        target = self.now_ms + ms
        for _ in range(TICKS_MAX):
            deadline = world.machine.next_deadline_ms()
            if deadline is None or deadline > target:
                break
            world.tick_at(deadline)
            self.settle()
        else:
            raise AssertionError("the machine never comes to rest")
        world.clock.advance(target - self.now_ms)
        self.settle()

    def purge(self) -> None:
        url = self.dice.choice([url for url in self.urls if "alone" in url])
        try:
            self.world.call(sqs.PurgeQueue(url))
        except ApiError as error:
            assert error.code.endswith("PurgeQueueInProgress")
        else:
            self.seen["purge"] += 1
            self.promises.purged(url)

    def configure(self) -> None:
        """Set retention and delay of a queue that neither gives nor takes dead letters."""
        url = self.dice.choice([url for url in self.urls if "alone" in url])
        retention_s, delay_s = self.dice.choice([60, 120, 300]), self.dice.choice([0, 3])
        attributes = {"MessageRetentionPeriod": str(retention_s), "DelaySeconds": str(delay_s)}
        self.world.call(sqs.SetQueueAttributes(url, attributes))
        self.seen["configured"] += 1
        self.promises.configured(url, retention_s * 1_000, delay_s * 1_000, self.now_ms)

    def create_again(self) -> None:
        """Delete a queue and, when that is allowed, create it again: it is empty."""
        url = self.dice.choice([url for url in self.urls if "alone" in url])
        shelf = self.promises.shelves[url]
        self.advance(0)
        self.world.call(sqs.DeleteQueue(url))
        self.promises.purged(url)
        for ticket in [ticket for ticket, (polled, _) in self.polls.items() if polled == url]:
            assert isinstance(self.world.replies.pop(ticket), QueueDoesNotExist)
            del self.polls[ticket]
        self.advance(60_000)
        attributes = {"MessageRetentionPeriod": shelf.retention_ms // 1_000, "DelaySeconds": shelf.delay_ms // 1_000}
        assert self.world.create(url.rpartition("/")[2], **attributes) == url
        self.seen["created again"] += 1

    def redrive(self) -> None:
        dead = self.dice.choice([url for url in self.urls if "dead" in url])
        source = next(shelf for shelf in self.promises.shelves.values() if shelf.dead == dead)
        rate = self.dice.choice([None, 1])
        destination = self.dice.choice([source.arn, None])
        command = sqs.StartMessageMoveTask(self.promises.shelves[dead].arn, destination, rate)
        try:
            self.tasks[dead] = self.world.call(command).task_handle
        except InvalidParameterValue as error:
            assert "already a task running" in error.message
        else:
            self.seen["move task"] += 1
            self.promises.redriven(dead, {source.url}, self.now_ms)

    def cancel(self) -> None:
        for dead in self.promises.redrives:
            try:
                self.world.call(sqs.CancelMessageMoveTask(self.tasks[dead]))
            except (ResourceNotFound, InvalidParameterValue):
                self.seen["cancel comes late"] += 1
            else:
                self.seen["cancel"] += 1

    # Crashes

    def crash(self) -> None:
        self.seen["crash"] += 1
        self.polls.clear()
        self.promises.crashed()
        self.attempts.clear()
        self.world.restart()
        self._try_old_handles()

    def _crash_in(self, command: Shape) -> None:
        """Crash before the reply to a command: its facts may be on disk by then or not. Nobody else waits for a reply."""
        self._abandon_polls()
        committed = self.dice.random() < 0.5
        self.seen["crash after a commit" if committed else "crash before a commit"] += 1
        self.world.leave_unanswered(command, committed)
        self.crash()

    def crash_in_send(self) -> None:
        """The sender does not know. To a FIFO queue it sends again, and the message is there once."""
        url = self.dice.choice(self.urls)
        letter, parameters = self._letter(url)
        if self.promises.shelves[url].fifo:
            parameters["message_deduplication_id"] = f"once {self.letters}".replace(" ", "-")
            command = sqs.SendMessage(url, letter.body, **parameters)  # type: ignore[arg-type]
            self._crash_in(command)
            self._send(url, [(letter, parameters)], command)
        else:
            letter.maybe = True
            self.promises.sent(letter)
            self._crash_in(sqs.SendMessage(url, letter.body, **parameters))  # type: ignore[arg-type]

    def crash_in_delete(self) -> None:
        """The consumer does not know. It deletes again, and the message is gone."""
        held = self._held()
        if held is None or self._is_expired(held[0], held[1]):
            return
        letter, url, handle = held
        command = sqs.DeleteMessage(url, handle)
        self.promises.deleted(letter)
        self._crash_in(command)
        self.world.call(command)

    def stop_and_start(self) -> None:
        """With everything on disk, the rebuilt state is the live state."""
        self.seen["restart"] += 1
        self.polls.clear()
        self.world.machine.drain()
        self.advance(0)
        self.world.store.commit()
        before = self.world.machine.describe(self.now_ms)
        self.attempts.clear()
        self.world.restart()
        assert self.world.machine.describe(self.now_ms) == before
        self._try_old_handles()

    def _try_old_handles(self) -> None:
        """Consumers that worked through a restart of a FIFO queue come back too late."""
        for letter in [letter for letter in self.promises.letters.values() if letter.handle and self._is_held(letter)]:
            if self._is_expired(letter, letter.received_from or "") and self.dice.random() < 0.3:
                self._refused(sqs.ChangeMessageVisibility(letter.received_from or "", letter.handle or "", 5))

    # Checks

    def count(self) -> None:
        self.advance(0)
        crowded = self.world.settings.messages_max < CROWDED_BELOW
        self.promises.check_counts(self._counts(), self.now_ms, crowded)
        url = self.dice.choice(self.urls)
        assert self.world.counts(url) == self._counts()[url]

    def _counts(self) -> dict[str, tuple[int, int, int]]:
        census = self.world.machine.census(self.now_ms)
        self.seen["noisy tenant"] += sum(queue.noisy_tenants for queue in census)
        counts = {queue.name.name: (queue.visible, queue.not_visible, queue.delayed) for queue in census}
        return {url: counts[url.rpartition("/")[2]] for url in self.urls}

    def finish(self) -> None:
        """Receive everything that is left, each letter from wherever it is; a dead-letter queue after its source."""
        self.advance(100_000)
        self._abandon_polls()
        self.advance(0)
        for url in sorted(self.urls, key=lambda url: "dead" in url):
            while self._empty(url):
                pass
        self.promises.time(self.now_ms)
        self.promises.check_nothing_is_missing()
        assert not any(map(sum, self._counts().values()))

    def _empty(self, url: str) -> bool:
        messages = self.world.receive(url, 10, visibility_timeout=40_000, message_system_attribute_names=COUNT)
        if not messages:
            return False
        self.promises.received(url, shown(sqs.ReceiveMessageResult(messages)), self.now_ms, 40_000_000)
        handles = [sqs.DeleteMessageBatchRequestEntry(str(i), m.receipt_handle) for i, m in enumerate(messages)]
        assert not self.world.call(sqs.DeleteMessageBatch(url, handles)).failed
        for message in messages:
            self.promises.deleted(self.promises.letters[message.body])
        return True


ACTIONS: list[tuple[Callable[[History], None], int]] = [
    (History.send, 30),
    (History.send_batch, 8),
    (History.flood, 1),
    (History.receive, 30),
    (History.receive_by_name, 4),
    (History.poll, 6),
    (History.delete, 20),
    (History.hide, 10),
    (History.pass_time, 25),
    (History.pass_long_time, 1),
    (History.purge, 2),
    (History.configure, 2),
    (History.create_again, 1),
    (History.redrive, 3),
    (History.cancel, 1),
    (History.crash, 3),
    (History.crash_in_send, 1),
    (History.crash_in_delete, 1),
    (History.stop_and_start, 2),
    (History.count, 4),
]
STEPS_TO_TAKE = [step for step, _ in ACTIONS]
WEIGHTS = list(accumulate(weight for _, weight in ACTIONS))


def shown(result: sqs.ReceiveMessageResult) -> list[tuple[str, str, int]]:
    """(body, handle, receive count) of each message."""
    return [
        (message.body, message.receipt_handle, int((message.attributes or {})["ApproximateReceiveCount"]))
        for message in result.messages or []
    ]
