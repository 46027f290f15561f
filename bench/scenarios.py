"""What a load consists of: units of work on a queue, each a few requests one after the other, every answer checked.

A scenario starts a unit on a channel when it is told to (`begin`), follows it from answer to answer, and says when the channel is free
again. When and how often units begin, and what they took, is `load`'s affair.
"""

import asyncio
import hashlib
import random
import time
import uuid
from functools import partial
from itertools import count
from typing import NamedTuple, Protocol

import msgspec
from bench.channel import Channel, Endpoint, Wrong, request

GROUPS = 64
BODIES = 1_024
BODIES_BYTES = 64 << 20
"""How many bodies are made beforehand: so many, or so many bytes of them."""
WAKE_AFTER_S = 0.02
"""How long a long poll waits before its message is sent, half more or less, so that pairs do not march in step."""


class Pace(Protocol):
    """Who decides when units begin."""

    stopping: bool

    def record(self, messages: int, since_ns: int) -> None:
        """So many messages went all the way; their latency began at `since_ns` (perf_counter_ns)."""

    def free(self, channel: Channel) -> None:
        """The unit on this channel is at its end."""


class Message(msgspec.Struct, rename="pascal", gc=False):
    message_id: str
    receipt_handle: str
    body: str
    md5_of_body: str = msgspec.field(name="MD5OfBody")


class Received(msgspec.Struct, rename="pascal", gc=False):
    messages: list[Message] | None = None


class Batch(msgspec.Struct, rename="pascal", gc=False):
    successful: list[dict[str, str]] | None = None
    failed: list[dict[str, object]] | None = None


RECEIVED = msgspec.json.Decoder(Received)
BATCH = msgspec.json.Decoder(Batch)


class Plan(NamedTuple):
    """How much of it: connections, bytes of a body, messages per batch, messages in all, and the queue if there is one already."""

    connections: int
    body_bytes: int = 512
    batch: int = 1
    messages: int = 0
    queue_url: str = ""


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class Scenario:
    """Base of all: a queue, and the account of what went through it.

    While a request is under way, `channel.step(channel, body)` is what goes on with its answer.
    """

    attributes: dict[str, str] = {}
    suffix = ""

    def __init__(self, endpoint: Endpoint, plan: Plan, pace: Pace) -> None:
        self.endpoint = endpoint
        self.plan = plan
        self.pace = pace
        self.sent = 0
        self.deleted = 0
        self.finished = False
        """Whether there is nothing left to begin."""
        self.queue_urls: list[str] = []
        self.found = 0
        """How many messages were in the queue before."""

    def prepare(self) -> None:
        """Create what the units need. The front alone knows no queues: then nothing is checked and nothing counted."""
        if self.plan.queue_url:
            self.queue_url = self.plan.queue_url
            self.queue_urls.append(self.queue_url)
            self.found = self.endpoint.count_messages(self.queue_url)
        else:
            self.queue_url = self.new_queue()

    def new_queue(self) -> str:
        name = f"bench-{uuid.uuid4().hex[:12]}{self.suffix}"
        created = self.endpoint.call("CreateQueue", QueueName=name, Attributes=self.attributes)
        if "QueueUrl" not in created:
            return name
        self.queue_urls.append(created["QueueUrl"])
        return created["QueueUrl"]  # type: ignore[no-any-return]

    def begin(self, channel: Channel) -> None:
        """Start a unit."""
        raise NotImplementedError

    def check(self) -> None:
        """Every message that was sent must be deleted or still there; then delete the queues that were made for this."""
        left = sum(self.endpoint.count_messages(url) for url in self.queue_urls)
        if self.queue_urls and self.found + self.sent - self.deleted != left:
            raise Wrong(f"{self.found} found, {self.sent} sent, {self.deleted} deleted, but {left} left")
        for url in self.queue_urls:
            if url != self.plan.queue_url:
                self.endpoint.call("DeleteQueue", QueueUrl=url)


class Send(Scenario):
    """One SendMessage per unit."""

    def prepare(self) -> None:
        super().prepare()
        head = self.endpoint.head("SendMessage")
        bodies = max(1, min(BODIES, BODIES_BYTES // self.plan.body_bytes))
        texts = [f"{number:08d}".ljust(self.plan.body_bytes, "x") for number in range(bodies)]
        self.requests = [
            (
                request(head, msgspec.json.encode({"QueueUrl": self.queue_url, "MessageBody": text})),
                md5(text).encode(),
            )
            for text in texts
        ]
        self.numbers = count()

    def begin(self, channel: Channel) -> None:
        data, expected = self.requests[next(self.numbers) % len(self.requests)]
        channel.step = partial(self.after_send, expected)
        channel.send(data)

    def after_send(self, expected: bytes, channel: Channel, body: bytes) -> None:
        if self.queue_urls and (expected not in body or b'"MessageId"' not in body):
            raise Wrong(f"SendMessage: {body[:200]!r}")
        self.sent += 1
        self.pace.record(1, channel.began_ns)
        self.pace.free(channel)


class Ping(Scenario):
    """The least that a queue can be asked, one request per unit."""

    def prepare(self) -> None:
        super().prepare()
        name = self.queue_url.rpartition("/")[2]
        self.request = request(self.endpoint.head("GetQueueUrl"), msgspec.json.encode({"QueueName": name}))

    def begin(self, channel: Channel) -> None:
        channel.step = self.after_answer
        channel.send(self.request)

    def after_answer(self, channel: Channel, body: bytes) -> None:
        if b'"QueueUrl"' not in body:
            raise Wrong(f"GetQueueUrl: {body[:200]!r}")
        self.pace.record(0, channel.began_ns)
        self.pace.free(channel)


class Cycle(Scenario):
    """Send, receive, delete: one message, or a batch of them, per unit."""

    wait_s = 1
    """How long a receive waits for a message."""

    def prepare(self) -> None:
        super().prepare()
        batch, url = self.plan.batch, self.queue_url
        suffix = "Batch" if batch > 1 else ""
        self.send_head = self.endpoint.head(f"SendMessage{suffix}")
        self.delete_head = self.endpoint.head(f"DeleteMessage{suffix}")
        wanted = {"QueueUrl": url, "MaxNumberOfMessages": batch, "WaitTimeSeconds": self.wait_s}
        self.receive = request(self.endpoint.head("ReceiveMessage"), msgspec.json.encode(wanted))
        self.numbers = count()

    def begin(self, channel: Channel) -> None:
        entries = [self.entry(channel, next(self.numbers)) for _ in range(self.plan.batch)]
        channel.step = self.after_send
        channel.send(request(self.send_head, self.enclosed(entries)))

    def entry(self, channel: Channel, number: int) -> dict[str, str]:
        """One message to send."""
        return {"MessageBody": f"{number:08d}".ljust(self.plan.body_bytes, "x")}

    def enclosed(self, entries: list[dict[str, str]]) -> bytes:
        """The body of a request for one entry, or for a batch."""
        if self.plan.batch == 1:
            return msgspec.json.encode({"QueueUrl": self.queue_url, **entries[0]})
        numbered = [{"Id": str(number), **entry} for number, entry in enumerate(entries)]
        return msgspec.json.encode({"QueueUrl": self.queue_url, "Entries": numbered})

    def after_send(self, channel: Channel, body: bytes) -> None:
        self.sent += self.succeeded(body)
        channel.step = self.after_receive
        channel.send(self.receive)

    def after_receive(self, channel: Channel, body: bytes) -> None:
        messages = RECEIVED.decode(body).messages
        if messages:
            for message in messages:
                self.inspect(message)
            channel.step = self.after_delete
            entries = [{"ReceiptHandle": message.receipt_handle} for message in messages]
            channel.send(request(self.delete_head, self.enclosed(entries)))
        elif self.pace.stopping:
            self.pace.free(channel)
        else:
            channel.send(self.receive)

    def after_delete(self, channel: Channel, body: bytes) -> None:
        messages = self.succeeded(body)
        self.deleted += messages
        self.pace.record(messages, channel.began_ns)
        self.pace.free(channel)

    def succeeded(self, body: bytes) -> int:
        """How many messages a request was good for: all that it named."""
        if self.plan.batch == 1:
            return 1
        batch = BATCH.decode(body)
        if batch.failed:
            raise Wrong(f"a batch failed in part: {body[:200]!r}")
        return len(batch.successful or ())

    def inspect(self, message: Message) -> None:
        """Check a received message."""
        if md5(message.body) != message.md5_of_body or len(message.body) != self.plan.body_bytes:
            raise Wrong(f"message {message.message_id} is not as it was sent")


class Fill(Scenario):
    """Send `plan.messages` in batches, a batch per unit."""

    def prepare(self) -> None:
        super().prepare()
        head, batch = self.endpoint.head("SendMessageBatch"), self.plan.batch
        texts = [f"{number:08d}".ljust(self.plan.body_bytes, "x") for number in range(batch)]
        entries = [{"Id": str(number), "MessageBody": text} for number, text in enumerate(texts)]
        self.request = request(head, msgspec.json.encode({"QueueUrl": self.queue_url, "Entries": entries}))
        self.expected = {str(number): md5(text) for number, text in enumerate(texts)}
        self.begun = 0

    def begin(self, channel: Channel) -> None:
        self.begun += self.plan.batch
        self.finished = self.begun >= self.plan.messages
        channel.step = self.after_send
        channel.send(self.request)

    def after_send(self, channel: Channel, body: bytes) -> None:
        taken = {entry["Id"]: entry["MD5OfMessageBody"] for entry in BATCH.decode(body).successful or ()}
        if taken != self.expected:
            raise Wrong(f"SendMessageBatch: {body[:200]!r}")
        self.sent += len(taken)
        self.pace.record(len(taken), channel.began_ns)
        self.pace.free(channel)


class Drain(Cycle):
    """Receive, delete: one message, or a batch of them, per unit, until a receive comes back empty."""

    wait_s = 0

    def begin(self, channel: Channel) -> None:
        channel.step = self.after_receive
        channel.send(self.receive)

    def after_receive(self, channel: Channel, body: bytes) -> None:
        if RECEIVED.decode(body).messages:
            super().after_receive(channel, body)
        else:
            self.finished = True
            self.pace.free(channel)


class Fifo(Cycle):
    """The cycle on a FIFO queue with 64 groups, each fed by one connection, so that the order within a group is known."""

    attributes = {"FifoQueue": "true"}
    suffix = ".fifo"

    def prepare(self) -> None:
        super().prepare()
        self.last = dict.fromkeys(range(GROUPS), -1)
        self.seen: set[str] = set()

    def entry(self, channel: Channel, number: int) -> dict[str, str]:
        share = max(1, GROUPS // self.plan.connections)
        group = (channel.number + number % share * self.plan.connections) % GROUPS
        text = f"{group}:{number}:".ljust(self.plan.body_bytes, "x")
        return {"MessageBody": text, "MessageGroupId": f"group-{group}", "MessageDeduplicationId": str(number)}

    def inspect(self, message: Message) -> None:
        super().inspect(message)
        group, number = (int(part) for part in message.body.split(":")[:2])
        if message.message_id in self.seen:
            raise Wrong(f"message {number} was delivered twice")
        if self.plan.connections <= GROUPS and number <= self.last[group]:
            raise Wrong(f"message {number} of group {group} was delivered after {self.last[group]}")
        self.seen.add(message.message_id)
        self.last[group] = number


class Wake(Scenario):
    """Long polls: of two connections one waits on a queue of the pair's own, the other sends; latency counts from the send."""

    def prepare(self) -> None:
        self.chance = random.Random(0)
        self.pairs: dict[int, Pair] = {}
        for number in range(0, self.plan.connections, 2):
            self.pairs[number] = self.pairs[number + 1] = Pair(self, self.new_queue())

    def begin(self, channel: Channel) -> None:
        pair = self.pairs[channel.number]
        if channel.number % 2:
            pair.sender = channel
        else:
            pair.begin(channel)


class Pair:
    """A poller and a sender."""

    def __init__(self, scenario: Wake, queue_url: str) -> None:
        head = scenario.endpoint.head
        text = "x" * scenario.plan.body_bytes
        self.scenario = scenario
        self.queue_url = queue_url
        self.delete_head = head("DeleteMessage")
        self.send = request(head("SendMessage"), msgspec.json.encode({"QueueUrl": queue_url, "MessageBody": text}))
        self.receive = request(
            head("ReceiveMessage"), msgspec.json.encode({"QueueUrl": queue_url, "WaitTimeSeconds": 20})
        )
        self.open_answers = 0
        self.poller: Channel
        self.sender: Channel

    def begin(self, poller: Channel) -> None:
        self.poller = poller
        self.open_answers = 3
        poller.step = self.after_receive
        poller.send(self.receive)
        asyncio.get_running_loop().call_later(WAKE_AFTER_S * self.scenario.chance.uniform(0.5, 1.5), self.wake)

    def wake(self) -> None:
        self.sender.step = self.count_off
        self.sender.began_ns = time.perf_counter_ns()
        self.sender.send(self.send)

    def after_receive(self, poller: Channel, body: bytes) -> None:
        messages = RECEIVED.decode(body).messages
        if not messages:
            raise Wrong("a long poll came back empty")
        scenario = self.scenario
        scenario.pace.record(1, self.sender.began_ns)
        scenario.sent += 1
        poller.step = self.after_delete
        wanted = {"QueueUrl": self.queue_url, "ReceiptHandle": messages[0].receipt_handle}
        poller.send(request(self.delete_head, msgspec.json.encode(wanted)))
        self.count_off(poller, body)

    def after_delete(self, poller: Channel, body: bytes) -> None:
        self.scenario.deleted += 1
        self.count_off(poller, body)

    def count_off(self, channel: Channel, body: bytes) -> None:
        """One of the three answers of a unit is in; after the last the pair is free."""
        self.open_answers -= 1
        if self.open_answers == 0:
            self.scenario.pace.free(self.sender)
            self.scenario.pace.free(self.poller)


SCENARIOS: dict[str, tuple[type[Scenario], int]] = {
    "send": (Send, 1),
    "cycle": (Cycle, 1),
    "batch": (Cycle, 10),
    "fifo": (Fifo, 1),
    "wake": (Wake, 1),
    "ping": (Ping, 1),
    "fill": (Fill, 10),
    "fill-single": (Fill, 1),
    "drain": (Drain, 1),
    "drain-batch": (Drain, 10),
}
"""The modes of the command line: a scenario, and the messages in each of its requests."""
