"""Concurrent load that keeps the account: several clients that send, receive, delete, hide, repeat and redrive, until the broker dies."""

import time
from collections import deque
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import msgspec
from tests.crash.account import Account, Held, Letter, Shelf
from tests.crash.catalog import Catalog
from tests.crash.connection import Connection, Refused

CLIENTS = 8
GROUPS_A_CLIENT = 3
LETTERS_MAX = 1_500
"""No more are sent while so many are there: the receivers have to keep up."""
VISIBILITY_S = (2, 2, 3)
REPEAT_WITHIN_S = 240
"""Less than the five minutes in which a repeated send is recognised."""

PLAIN, WORK, DEAD = "plain", "work", "dead"
ORDERED, WORK_FIFO, DEAD_FIFO = "ordered.fifo", "work.fifo", "dead.fifo"

SHELVES = (
    Shelf(PLAIN),
    Shelf(WORK, dead=DEAD, max_receives=3),
    Shelf(DEAD),
    Shelf(ORDERED, fifo=True),
    Shelf(WORK_FIFO, fifo=True, dead=DEAD_FIFO, max_receives=3),
    Shelf(DEAD_FIFO, fifo=True),
)

ARN = "arn:aws:sqs:ap-southeast-1:000000000000:"


def new_account() -> Account:
    """An account of queues that are empty."""
    return Account(Shelf(shelf.name, shelf.fifo, shelf.dead, shelf.max_receives) for shelf in SHELVES)


async def make_queues(connection: Connection) -> None:
    """Create the queues of `SHELVES`; the dead-letter queues first."""
    for shelf in sorted(SHELVES, key=lambda shelf: shelf.dead is not None):
        attributes = {"VisibilityTimeout": "2"}
        if shelf.fifo:
            attributes |= {"FifoQueue": "true"}
        if shelf.dead:
            attributes |= {
                "RedrivePolicy": msgspec.json.encode(
                    {"deadLetterTargetArn": ARN + shelf.dead, "maxReceiveCount": shelf.max_receives}
                ).decode()
            }
        if shelf.fifo and shelf.dead:
            attributes |= {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
        await connection.call("CreateQueue", QueueName=shelf.name, Attributes=attributes)


class Client:
    """One client: does something at random, again and again, over one connection after the other."""

    def __init__(self, number: int, account: Account, chance: Random, catalog: Catalog | None = None) -> None:
        """`catalog`: of the one client that changes queues."""
        self._account = account
        self._catalog = catalog
        self._chance = chance
        self._groups = [f"group-{number}-{group}" for group in range(GROUPS_A_CLIENT)]
        self._recent: deque[Letter] = deque(maxlen=50)
        """Letters that may be sent again, to be recognised."""
        self._kept: deque[Held] = deque(maxlen=20)
        """Letters that were neither deleted nor given back; some are deleted later, in another life of the broker perhaps."""
        self._connection: Connection
        self.requests = 0
        self.stopping = False

    async def run(self, url: str) -> None:
        """Work until the broker is gone, or `stopping` is set."""
        self.stopping = False
        try:
            await self.connect(url)
            while not self.stopping:
                action: Callable[[], Awaitable[None]] = self._chance.choices(*self._actions())[0]
                await action()
        except ConnectionError:
            return

    async def connect(self, url: str) -> None:
        """Use a new connection from now on."""
        self._connection = await Connection.open(url)

    async def last_words(self) -> None:
        """Something whose answer is a promise, at a moment when nobody else asks for anything."""
        actions = (self._send, self._send_in_order, self._delete_late, self._hold, self._change_queues)
        await self._chance.choices(actions, (1, 1, 1, 2, 2))[0]()

    async def _hold(self) -> None:
        """Receive from a FIFO queue, and do nothing about it."""
        for queue in (ORDERED, WORK_FIFO):
            if held := await self.receive(queue, 3, wait_s=0):
                self._kept += held
                return

    def _actions(self) -> tuple[list[Callable[[], Awaitable[None]]], list[int]]:
        sending = 0 if len(self._account.letters) > LETTERS_MAX else 1
        weights = {
            self._send: 10 * sending,
            self._send_in_order: 10 * sending,
            self._repeat: 2,
            self._receive: 14,
            self._delete_late: 2,
            self._redrive: 1,
            self._change_queues: 0 if self._catalog is None else 3,
        }
        return list(weights), list(weights.values())

    async def _call(self, action: str, **parameters: Any) -> Any:
        self.requests += 1
        return await self._connection.call(action, **parameters)

    # Sends

    def _size(self) -> int:
        return self._chance.choices((self._chance.randint(20, 400), self._chance.randint(5_000, 100_000)), (30, 1))[0]

    async def _send(self) -> None:
        queue, began = self._chance.choice((PLAIN, WORK)), time.time()
        letters = [self._account.letter(queue, self._size()) for _ in range(self._chance.choice((1, 1, 1, 5, 10)))]
        delay_s = self._chance.choice((0, 0, 0, 1))
        for letter in letters:
            letter.delayed_until = began + delay_s
        more: dict[str, Any] = {"DelaySeconds": delay_s} if delay_s else {}
        if self._chance.random() < 0.3:
            more["MessageGroupId"] = f"tenant-{self._chance.randrange(5)}"
        await self._send_all(queue, letters, more)

    async def _send_in_order(self) -> None:
        """Send to a group; first again what was not answered in an earlier life of the broker."""
        account, queue, group = (
            self._account,
            self._chance.choice((ORDERED, WORK_FIFO)),
            self._chance.choice(self._groups),
        )
        letters = account.unsure(queue, group)[:10]
        last_sequence = None if letters else account.shelves[queue].last_sequence
        if not letters:
            count = self._chance.choice((1, 1, 3, 10))
            letters = [account.letter(queue, self._size(), group) for _ in range(count)]
        await self._send_all(queue, letters, {"MessageGroupId": group}, last_sequence)
        self._recent += letters

    async def _repeat(self) -> None:
        """Send again what was acknowledged: the same answer must come."""
        if not self._recent:
            return
        letter = self._chance.choice(self._recent)
        if time.time() - letter.acknowledged < REPEAT_WITHIN_S:
            await self._send_all(letter.home, [letter], {"MessageGroupId": letter.group})

    async def _send_all(
        self, queue: str, letters: list[Letter], more: dict[str, Any], last_sequence: int | None = None
    ) -> None:
        entries = [
            {"MessageBody": letter.name + " " + "x" * (letter.size - len(letter.name) - 1), **more}
            for letter in letters
        ]
        if self._account.shelves[queue].fifo:
            for entry, letter in zip(entries, letters, strict=True):
                entry["MessageDeduplicationId"] = letter.name
        began = time.time()
        if len(letters) == 1:
            answers = [await self._call("SendMessage", QueueUrl=queue, **entries[0])]
        else:
            numbered = [{"Id": str(number), **entry} for number, entry in enumerate(entries)]
            result = await self._call("SendMessageBatch", QueueUrl=queue, Entries=numbered)
            assert not result.get("Failed"), result
            answers = sorted(result.get("Successful", []), key=lambda entry: int(entry["Id"]))
        if last_sequence is not None or not self._account.shelves[queue].fifo:
            self._account.committed(began)
        for letter, answer in zip(letters, answers, strict=True):
            self._account.sent(letter, answer, last_sequence, time.time())

    # Receives

    async def _receive(self) -> None:
        queue = self._chance.choices((PLAIN, WORK, DEAD, ORDERED, WORK_FIFO, DEAD_FIFO), (4, 4, 1, 4, 4, 1))[0]
        held = await self.receive(queue, self._chance.choice(VISIBILITY_S), int(self._chance.random() < 0.05))
        if not held:
            return
        fate = self._chance.random()
        if fate < 0.6:
            await self.delete(held)
        elif fate < 0.8:
            await self._hide(self._chance.choice(held), self._chance.choice((0, 0, 1, 3)))
        else:
            self._kept += held

    async def receive(self, queue: str, visibility_s: int, wait_s: int, limit: int | None = None) -> list[Held]:
        """Receive, and keep the account."""
        began = time.time()
        receive = self._account.receiving(queue, visibility_s, began)
        result = await self._call(
            "ReceiveMessage",
            QueueUrl=queue,
            MaxNumberOfMessages=limit or self._chance.randint(1, 10),
            VisibilityTimeout=visibility_s,
            WaitTimeSeconds=wait_s,
            MessageSystemAttributeNames=["All"],
        )
        return self._account.received(receive, result.get("Messages", []), time.time())

    async def delete(self, held: list[Held]) -> None:
        """Delete what a receive gave, one by one or together."""
        if len(held) == 1:
            await self._delete_one(held[0])
            return
        for one in held:
            self._account.deleting(one)
        entries = [{"Id": str(number), "ReceiptHandle": one.handle} for number, one in enumerate(held)]
        result = await self._call("DeleteMessageBatch", QueueUrl=held[0].queue, Entries=entries)
        now = time.time()
        for entry in result.get("Successful", []):
            self._account.deleted(held[int(entry["Id"])], now)
        for entry in result.get("Failed", []):
            assert "expired" in entry["Message"], entry
            self._account.kept(held[int(entry["Id"])], now)

    async def _delete_one(self, held: Held) -> None:
        self._account.deleting(held)
        try:
            await self._call("DeleteMessage", QueueUrl=held.queue, ReceiptHandle=held.handle)
        except Refused as refused:
            assert "expired" in str(refused), refused
            self._account.kept(held, time.time())
        else:
            self._account.deleted(held, time.time())

    async def _delete_late(self) -> None:
        if self._kept:
            await self._delete_one(self._kept.popleft())

    async def _hide(self, held: Held, visibility_s: int) -> None:
        began = time.time()
        self._account.hiding(held.letter, began + visibility_s)
        try:
            await self._call(
                "ChangeMessageVisibility",
                QueueUrl=held.queue,
                ReceiptHandle=held.handle,
                VisibilityTimeout=visibility_s,
            )
        except Refused as refused:
            assert "expired" in str(refused) or "does not exist" in str(refused), refused
        else:
            self._account.hidden(held.letter, began, began + visibility_s)

    # Queues

    async def _change_queues(self) -> None:
        assert self._catalog is not None
        await self._catalog.change(self._connection)

    async def _redrive(self) -> None:
        dead = self._chance.choice((DEAD, DEAD_FIFO))
        if dead in self._account.redriving:
            await see_move_task(self._connection, self._account, dead)
        elif self._chance.random() < 0.2:
            self._account.redrive(dead, time.time())
            try:
                await self._call("StartMessageMoveTask", SourceArn=ARN + dead)
            except Refused as refused:
                assert "already a task running" in str(refused), refused


async def see_move_task(connection: Connection, account: Account, dead: str) -> None:
    """Look whether the move task of a dead-letter queue is over."""
    asked = account.redriving[dead]
    tasks = (await connection.call("ListMessageMoveTasks", SourceArn=ARN + dead)).get("Results")
    assert not tasks or tasks[0]["Status"] in ("RUNNING", "COMPLETED"), tasks
    if not tasks or tasks[0]["Status"] == "COMPLETED":
        account.redriven(dead, asked)


async def audit(connection: Connection, account: Account) -> int:
    """Compare the counts of a broker that nobody else uses with the account; how many messages there are in all."""
    messages = 0
    while account.redriving:
        await see_move_task(connection, account, next(iter(account.redriving)))
    for family, queues in account.families().items():
        total = 0
        for queue in queues:
            answer = await connection.call("GetQueueAttributes", QueueUrl=queue, AttributeNames=["All"])
            total += sum(int(value) for name, value in answer["Attributes"].items() if "NumberOfMessages" in name)
        sure, possible = account.census(family)
        assert sure <= total <= possible, f"{queues} hold {total} messages, should hold {sure} to {possible}"
        messages += total
    return messages
