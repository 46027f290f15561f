"""One broker with a manual clock for all of these tests, clients of both protocols, and queues of their own for each test."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from itertools import count
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from broker_process import metric
from query_client import QueryClient

from crossdock.testing import BrokerClock, LocalBroker

Call = Callable[..., Any]
NAMES = count(1)
LONGEST_START_S = 60


@pytest.fixture(scope="session")
def local() -> Iterator[LocalBroker]:
    """A broker in a thread; its clock stands still until a test moves it."""
    with LocalBroker() as broker:
        yield broker


@pytest.fixture
def clock(local: LocalBroker) -> BrokerClock:
    """The broker's clock."""
    return local.clock


@pytest.fixture(scope="session")
def json_client(local: LocalBroker) -> Any:
    """boto3, which leaves every check to the broker and tries once only."""
    return local.client(config=Config(parameter_validation=False, retries={"total_max_attempts": 1}))


@pytest.fixture(scope="session")
def query_client(local: LocalBroker) -> QueryClient:
    """The same over the Query protocol."""
    return QueryClient(local.url)


@pytest.fixture(params=["json", "query"])
def sqs(request: pytest.FixtureRequest) -> Any:
    """A client of either protocol: a test that takes it runs with both."""
    return request.getfixturevalue(f"{request.param}_client")


@pytest.fixture
def new_name() -> Callable[[], str]:
    """Names that no other test uses."""
    return lambda: f"queue-{next(NAMES)}"


@pytest.fixture
def create(sqs: Any, new_name: Callable[[], str]) -> Call:
    """Create a standard queue; its URL. Keywords are queue attributes."""
    return lambda **attributes: sqs.create_queue(QueueName=new_name(), Attributes=attributes)["QueueUrl"]


@pytest.fixture
def create_fifo(sqs: Any, new_name: Callable[[], str]) -> Call:
    """Create a FIFO queue with content-based deduplication; its URL. Keywords are further queue attributes."""

    def make(**attributes: str) -> str:
        attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true", **attributes}
        url: str = sqs.create_queue(QueueName=f"{new_name()}.fifo", Attributes=attributes)["QueueUrl"]
        return url

    return make


@pytest.fixture
def attributes_of(sqs: Any) -> Call:
    """The attributes of the queue with a URL: all, or those named."""

    def read(url: str, *names: str) -> dict[str, str]:
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names or ("All",)))
        attributes: dict[str, str] = answer.get("Attributes", {})
        return attributes

    return read


@pytest.fixture
def arn_of(attributes_of: Call) -> Call:
    """The ARN of the queue with a URL."""
    return lambda url: attributes_of(url, "QueueArn")["QueueArn"]


@pytest.fixture
def receive(sqs: Any) -> Call:
    """Receive from a queue, up to ten unless told; the messages, perhaps none."""

    def ask(url: str, **parameters: Any) -> list[dict[str, Any]]:
        answer = sqs.receive_message(**{"QueueUrl": url, "MaxNumberOfMessages": 10, **parameters})
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    return ask


@pytest.fixture
def bodies(receive: Call) -> Call:
    """Receive as `receive` does; the bodies only."""
    return lambda url, **parameters: [message["Body"] for message in receive(url, **parameters)]


@pytest.fixture
def counts(attributes_of: Call) -> Call:
    """How many messages of a queue are visible, in flight and delayed."""

    def read(url: str) -> tuple[int, ...]:
        attributes = attributes_of(url)
        kinds = ("", "NotVisible", "Delayed")
        return tuple(int(attributes[f"ApproximateNumberOfMessages{kind}"]) for kind in kinds)

    return read


@pytest.fixture
def with_dead_letters(create: Call, arn_of: Call) -> Call:
    """Create a queue and its dead-letter queue; both URLs."""

    def make(most: int = 1, **attributes: str) -> tuple[str, str]:
        dead = create()
        policy = json.dumps({"deadLetterTargetArn": arn_of(dead), "maxReceiveCount": most})
        return create(RedrivePolicy=policy, **attributes), dead

    return make


@pytest.fixture
def bury(sqs: Any) -> Call:
    """Send messages to a queue with a maxReceiveCount of 1 and have them go to its dead-letter queue."""

    def send_and_exhaust(url: str, *texts: str) -> None:
        for text in texts:
            sqs.send_message(QueueUrl=url, MessageBody=text)
        for _ in range(2 * len(texts)):
            sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)

    return send_and_exhaust


@pytest.fixture(scope="session")
def refusal() -> Call:
    """Make a call that must fail; its legacy code, text and HTTP status."""

    def attempt(call: Call, **parameters: Any) -> tuple[str, str, int]:
        with pytest.raises(ClientError) as raised:
            call(**parameters)
        response = raised.value.response
        return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]

    return attempt


@pytest.fixture
def waiting(local: LocalBroker) -> Call:
    """Make a call that waits in a thread of its own; a future of its answer, once the broker has it waiting."""

    def start(call: Call, *arguments: Any, **parameters: Any) -> Future[Any]:
        answer: Future[Any] = Future()
        before = metric(local.url, "crossdock_waiters")
        threading.Thread(target=lambda: answer.set_result(call(*arguments, **parameters)), daemon=True).start()
        ends = time.monotonic() + LONGEST_START_S
        while metric(local.url, "crossdock_waiters") == before and not answer.done():
            assert time.monotonic() < ends, "the call does not wait"
        return answer

    return start


@pytest.fixture
def hide(sqs: Any) -> Call:
    """Change the visibility of a received message."""

    def change(url: str, message: dict[str, Any], seconds: int) -> None:
        handle = message["ReceiptHandle"]
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=seconds)

    return change
