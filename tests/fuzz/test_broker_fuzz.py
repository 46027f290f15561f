"""A whole broker under nonsense: whatever is asked, the answer is a well-formed result or error of SQS, and never an internal failure."""

import asyncio
import re
from collections import Counter
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
import structlog
from tests.fuzz.nonsense import Nonsense

from crossdock.aws.wire.http import HttpRequest, HttpResponse
from crossdock.broker.app import Broker
from crossdock.broker.framing import encode
from crossdock.broker.server import Exchange
from crossdock.broker.settings import BrokerSettings, Durability
from crossdock.clock import ManualClock

REQUESTS = 4_000
COMMIT_ITERATIONS = 5
"""Of the event loop, until a commit is made at the latest."""

NAMES = ["dead", "dead.fifo", "q", "q.fifo"]
GIVEN = re.compile('"?(ReceiptHandle|NextToken|TaskHandle)"?[:>]"?([^<"]+)')

URLS = [
    *NAMES * 4,
    "http://localhost:9324/000000000000/q",
    "https://elsewhere/x/eu-west-1/000000000000/q.fifo",
    "",
    "http://",
]


class Client(Exchange):
    """Puts requests to a broker without sockets."""

    secure = False  # type: ignore[assignment]

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.context = None
        self.response: HttpResponse | None = None

    def ask(self, request: HttpRequest) -> None:
        """Begin a request; a long poll is answered later, or never."""
        self._broker.dispatch.handle(request, self)

    def respond(self, response: HttpResponse) -> None:
        assert self.response is None, "two answers to one request"
        self.response = response

    async def answered(self) -> bool:
        """Whether the answer has come, once the commit that it may wait for is made."""
        for _ in range(COMMIT_ITERATIONS):
            if self.response is None:
                await asyncio.sleep(0)
        return self.response is not None


async def call(broker: Broker, action: str, *statuses: int, **parameters: Any) -> None:
    """A request that succeeds, or may be answered with one of these statuses."""
    client = Client(broker)
    client.ask(HttpRequest("POST", "/", {"x-amz-target": f"AmazonSQS.{action}"}, msgspec.json.encode(parameters)))
    assert await client.answered()
    assert client.response is not None
    assert client.response.status in (200, *statuses), client.response


async def create_queues(broker: Broker, clock: ManualClock) -> None:
    """The queues that are asked for, anew where they were deleted or have other attributes by now."""
    for name in NAMES:
        await call(broker, "DeleteQueue", 400, QueueUrl=name)
    broker.turn.advance(clock, 60_000)
    for name in NAMES:
        attributes = {"FifoQueue": "true"} if "." in name else {}
        if name.startswith("q"):
            arn = f"arn:aws:sqs:us-east-1:000000000000:{name.replace('q', 'dead')}"
            attributes["RedrivePolicy"] = f'{{"deadLetterTargetArn":"{arn}","maxReceiveCount":2}}'
        await call(broker, "CreateQueue", QueueName=name, Attributes=attributes)


def given(answer: HttpResponse) -> list[tuple[str, str]]:
    """Handles and tokens in an answer, by name."""
    return [(match[1], match[2]) for match in GIVEN.finditer(answer.body.decode())]


def check(request: HttpRequest, answer: HttpResponse) -> None:
    """An answer that any client can read."""
    assert answer.status in (200, 400, 403, 404, 405, 413), (request, answer)
    assert encode(answer, "", "", True)
    if not answer.body:
        assert (answer.status, "x-amz-target" in request.headers) == (200, True), "only JSON has empty bodies"
    elif answer.body.startswith(b"{"):
        assert isinstance(msgspec.json.decode(answer.body), dict)
    else:
        ElementTree.fromstring(answer.body)


@pytest.mark.parametrize("seed", range(4))
async def test_no_request_is_an_internal_failure(seed: int) -> None:
    """Thousands of requests with nonsense in any parameter, in both protocols: each is answered in order, and nothing is logged."""
    clock = ManualClock(seed=seed)
    broker = Broker(BrokerSettings(durability=Durability.MEMORY), clock)
    broker.turn.start(broker.dispatch.deliver, lambda: None)
    nonsense = Nonsense(seed, URLS)
    statuses = Counter[int]()
    for number in range(REQUESTS):
        if number % 200 == 0:
            await create_queues(broker, clock)
        client = Client(broker)
        request = nonsense.request()
        with structlog.testing.capture_logs() as lines:
            client.ask(request)
            if not await client.answered():
                broker.turn.advance(clock, 20_000)
                assert await client.answered(), request
            broker.turn.advance(clock, nonsense.dice.choice([0, 0, 0, 0, 1, 1_000, 1_000, 70_000]))
        assert client.response is not None
        assert not lines, request
        check(request, client.response)
        statuses[client.response.status] += 1
        for name, text in given(client.response):
            nonsense.remember(name, text)
    print(f"seed {seed}: {statuses}, {len(list(broker.machine.census(clock.now_ms())))} queues")
    assert min(statuses[200], statuses[400]) > REQUESTS / 10
    assert broker.machine.waiting == 0
