"""Random histories of clients, time and crashes against the promises. A failing seed is the bug report."""

import os
import random

import pytest
from tests.simulation.promises import Letter, Promises, Shelf
from tests.unit.broker.queues.world import World

from crossdock.aws.api import sqs
from crossdock.aws.errors import ApiError, InvalidParameterValue
from crossdock.aws.shapes import Shape
from crossdock.broker.outcome import Ticket
from crossdock.broker.queues.machine import MachineSettings

HISTORIES = int(os.environ.get("CROSSDOCK_HISTORIES", "2000"))
CHUNKS = 8
STEPS = 60

WINDOWS = [MachineSettings(window=4, lookahead=6, content_bytes_max=1_500), MachineSettings()]


class History:
    """One history: the machine, the promises, and dice."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.world = World(self.dice.choice(WINDOWS), seed)
        self.promises = Promises()
        self.polls: dict[Ticket, tuple[str, int]] = {}
        self.letters = 0
        for suffix in ("", ".fifo"):
            self._add(f"alone{suffix}", retention=300)
            dead = self._add(f"dead{suffix}")
            self._add(f"source{suffix}", dead=dead, count=self.dice.randint(1, 3))
        self.urls = list(self.promises.shelves)

    def _add(self, name: str, retention: int = 345_600, dead: str | None = None, count: int = 1_000) -> str:
        attributes: dict[str, object] = {"MessageRetentionPeriod": retention}
        if self.dice.random() < 0.2:
            attributes["DelaySeconds"] = 3
        if dead is not None:
            policy = f'{{"deadLetterTargetArn":"{self.world.arn(dead)}","maxReceiveCount":{count}}}'
            attributes["RedrivePolicy"] = policy
        url = self.world.create(name, **attributes)
        self.promises.shelves[url] = Shelf(url, name.endswith(".fifo"), retention * 1_000, dead, count)
        return url

    @property
    def now_ms(self) -> int:
        return self.world.now_ms

    def run(self) -> None:
        """Some steps, then everything that must be there is received."""
        actions = [
            (self.send, 30),
            (self.send_batch, 8),
            (self.receive, 30),
            (self.poll, 6),
            (self.delete, 20),
            (self.hide, 10),
            (self.pass_time, 25),
            (self.purge, 1),
            (self.redrive, 2),
            (self.crash, 3),
            (self.stop_and_start, 2),
            (self.count, 4),
        ]
        steps, weights = zip(*actions, strict=True)
        for step in self.dice.choices(steps, weights, k=STEPS):
            step()
            self.settle()
        self.finish()

    def settle(self) -> None:
        """Take note of long polls that were answered meanwhile."""
        for ticket in [ticket for ticket in self.polls if ticket in self.world.replies]:
            url, visibility_ms = self.polls.pop(ticket)
            result = self.world.replies.pop(ticket)
            self.promises.received(url, shown(result), self.now_ms, visibility_ms)
        self.promises.time(self.now_ms)

    # Steps

    def _letter(self, url: str) -> tuple[Letter, dict[str, object]]:
        shelf = self.promises.shelves[url]
        self.letters += 1
        group = self.dice.choice("abc") if shelf.fifo or self.dice.random() < 0.3 else None
        delay_s = int(self.world.attributes(url)["DelaySeconds"])
        parameters: dict[str, object] = {} if group is None else {"message_group_id": group}
        if shelf.fifo:
            parameters["message_deduplication_id"] = f"d{self.dice.randint(1, 40)}"
        elif self.dice.random() < 0.2:
            delay_s = self.dice.choice([0, 2, 10])
            parameters["delay_seconds"] = delay_s
        due_ms = self.now_ms + delay_s * 1_000
        body = f"letter {self.letters}" + "." * self.dice.choice([0, 0, 300])
        return Letter(body, group, self.letters, self.now_ms + shelf.retention_ms, {url}, due_ms, home=url), parameters

    def _send(self, url: str, entries: list[tuple[Letter, dict[str, object]]], command: Shape) -> None:
        shelf = self.promises.shelves[url]
        for letter, parameters in entries:
            key = parameters.get("message_deduplication_id")
            if not shelf.fifo or not self.promises.duplicate(url, str(key), self.now_ms):
                self.promises.sent(url, letter)
        self.world.call(command)

    def send(self) -> None:
        url = self.dice.choice(self.urls)
        letter, parameters = self._letter(url)
        self._send(url, [(letter, parameters)], sqs.SendMessage(url, letter.body, **parameters))  # type: ignore[arg-type]

    def send_batch(self) -> None:
        url = self.dice.choice(self.urls)
        letters = [self._letter(url) for _ in range(self.dice.randint(2, 10))]
        entries = [
            sqs.SendMessageBatchRequestEntry(str(i), letter.body, **parameters)  # type: ignore[arg-type]
            for i, (letter, parameters) in enumerate(letters)
        ]
        self._send(url, letters, sqs.SendMessageBatch(url, entries))

    def _receive(self, url: str, wait: int) -> None:
        visibility = self.dice.choice([0, 1, 5, 5, 30])
        limit = self.dice.randint(1, 10)
        ticket = self.world.ask(
            sqs.ReceiveMessage(
                url,
                message_system_attribute_names=["ApproximateReceiveCount"],
                max_number_of_messages=limit,
                visibility_timeout=visibility,
                wait_time_seconds=wait,
            )
        )
        self.polls[ticket] = (url, visibility * 1_000)

    def receive(self) -> None:
        self._receive(self.dice.choice(self.urls), 0)

    def poll(self) -> None:
        self._receive(self.dice.choice(self.urls), self.dice.choice([1, 20]))

    def _held(self) -> Letter | None:
        """A letter that some client has a handle of, and that is certainly where it was received."""
        held = [letter for letter in self.promises.letters.values() if self._is_held(letter)]
        return self.dice.choice(held) if held else None

    def _is_held(self, letter: Letter) -> bool:
        if letter.handle is None or letter.received_from is None or letter.count is None:
            return False
        in_flight = letter.due_ms > self.now_ms
        return in_flight or letter.certain() == letter.received_from

    def delete(self) -> None:
        letter = self._held()
        if letter is None:
            return
        assert letter.received_from is not None
        assert letter.handle is not None
        command = sqs.DeleteMessage(letter.received_from, letter.handle)
        if self.promises.shelves[letter.received_from].fifo and letter.due_ms <= self.now_ms:
            with pytest.raises(InvalidParameterValue, match="expired"):
                self.world.call(command)
        else:
            self.promises.deleted(letter)
            self.world.call(command)

    def hide(self) -> None:
        letter = self._held()
        if letter is None or letter.due_ms <= self.now_ms:
            return
        assert letter.received_from is not None
        assert letter.handle is not None
        seconds = self.dice.choice([0, 2, 60])
        self.promises.hidden(letter, self.now_ms + seconds * 1_000)
        self.world.call(sqs.ChangeMessageVisibility(letter.received_from, letter.handle, seconds))

    def pass_time(self) -> None:
        for _ in range(self.dice.randint(1, 3)):
            self.advance(self.dice.choice([0, 1, 999, 1_000, 4_000, 31_000]))

    def advance(self, ms: int) -> None:
        """Let time pass, and take note at each moment at which something happens."""
        target = self.now_ms + ms
        while (deadline := self.world.machine.next_deadline_ms()) is not None and deadline <= target:
            self.world.advance(max(0, deadline - self.now_ms))
            self.settle()
        self.world.advance(target - self.now_ms)
        self.settle()

    def purge(self) -> None:
        url = self.dice.choice([url for url in self.urls if "alone" in url])
        try:
            self.world.call(sqs.PurgeQueue(url))
        except ApiError as error:
            assert error.code.endswith("PurgeQueueInProgress")
        else:
            self.promises.purged(url)

    def redrive(self) -> None:
        dead = self.dice.choice([url for url in self.urls if "dead" in url])
        sources = {shelf.url for shelf in self.promises.shelves.values() if shelf.dead == dead}
        destination = self.world.arn(next(iter(sources)))
        rate = self.dice.choice([None, 1])
        try:
            self.world.call(sqs.StartMessageMoveTask(self.world.arn(dead), destination, rate))
        except InvalidParameterValue as error:
            assert "already a task running" in error.message
        else:
            self.promises.redriven(dead, sources, self.now_ms)

    def crash(self) -> None:
        self.polls.clear()
        self.promises.crashed()
        self.world.restart()

    def stop_and_start(self) -> None:
        """With everything on disk, the rebuilt state is the live state."""
        self.polls.clear()
        self.world.machine.drain()
        self.advance(0)
        self.world.store.commit()
        before = self.world.machine.describe(self.now_ms)
        self.world.restart()
        assert self.world.machine.describe(self.now_ms) == before

    def count(self) -> None:
        self.advance(0)
        self.promises.check_counts(sum(sum(self.world.counts(url)) for url in self.urls))

    def finish(self) -> None:
        """Receive everything that is left, each letter from wherever it is."""
        self.advance(100_000)
        for ticket in self.polls:
            self.world.machine.abandon(ticket)
        self.polls.clear()
        idle = 0
        while idle < 2:
            idle += 1
            for url in self.urls:
                while messages := self.world.receive(
                    url, 10, visibility_timeout=40_000, message_system_attribute_names=["ApproximateReceiveCount"]
                ):
                    idle = 0
                    result = sqs.ReceiveMessageResult(messages)
                    self.promises.received(url, shown(result), self.now_ms, 40_000_000)
                    for message in messages:
                        self.world.delete(url, message)
                        self.promises.deleted(self.promises.letters[message.body])
        self.promises.time(self.now_ms)
        self.promises.check_nothing_is_missing()
        assert sum(sum(self.world.counts(url)) for url in self.urls) == 0


def shown(result: sqs.ReceiveMessageResult) -> list[tuple[str, str, int]]:
    """(body, handle, receive count) of each message."""
    return [
        (message.body, message.receipt_handle, int((message.attributes or {})["ApproximateReceiveCount"]))
        for message in result.messages or []
    ]


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_promises_hold(chunk: int) -> None:
    """Over thousands of random histories with crashes, nothing acknowledged is lost, nothing deleted comes back, FIFO order holds."""
    for seed in range(chunk, HISTORIES, CHUNKS):
        try:
            History(seed).run()
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
