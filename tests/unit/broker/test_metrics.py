"""The metrics page of a broker with many queues and messages: it must not hold up anybody."""

import time

from prometheus_client.parser import text_string_to_metric_families

from crossdock.aws.api.sqs import CreateQueue, CreateQueueResult, ReceiveMessage, SendMessage
from crossdock.aws.shapes import Shape
from crossdock.broker.metrics import FrontCounts, Metrics
from crossdock.broker.outcome import Caller
from crossdock.broker.queues.machine import MachineSettings, QueueMachine
from crossdock.broker.storage.store import StorageSettings, Store
from crossdock.clock import ManualClock

CALLER = Caller("000000000000", "us-east-1", "AIDA", "http://127.0.0.1:9324")
QUEUES = 1_000
CPU_S_MAX = 0.08
"""About ten milliseconds are needed; prometheus_client's own writer takes a hundred."""


class Scene:
    """A machine over a store in memory, and its metrics."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = Store.open(StorageSettings(data=None), self.clock.now_ms())
        self.machine = QueueMachine(MachineSettings(), self.clock, self.store)
        front = FrontCounts(0, 0, 0, 0, 0, 0, 0, 0)
        self.metrics = Metrics(self.machine, self.store, lambda: front, self.clock.now_ms())

    def do(self, command: Shape) -> object:
        """One command; its result."""
        outcome = self.machine.handle(object(), command, CALLER, self.clock.now_ms())
        self.store.append(outcome.facts)
        return outcome.replies[0][1]

    def create(self, name: str) -> str:
        """A queue; its URL."""
        created = self.do(CreateQueue(queue_name=name))
        assert isinstance(created, CreateQueueResult)
        return created.queue_url


def values(page: bytes, name: str) -> list[float]:
    """The values of a family, in the order of the queues."""
    families = text_string_to_metric_families(page.decode())
    return next([sample.value for sample in family.samples] for family in families if family.name == name)


def test_a_thousand_queues_are_shown_at_once() -> None:
    """Every queue is there, and the page takes little CPU, also where messages are in flight."""
    scene = Scene()
    for number in range(QUEUES):
        url = scene.create(f"queue-{number}")
        for _ in range(10):
            scene.do(SendMessage(queue_url=url, message_body="x"))
        scene.do(ReceiveMessage(queue_url=url, max_number_of_messages=5))
    took_s = []
    for _ in range(3):
        began_s = time.process_time()
        page = scene.metrics.render(scene.clock.now_ms())
        took_s.append(time.process_time() - began_s)
    assert values(page, "crossdock_queue_in_flight_messages") == [5] * QUEUES
    assert min(took_s) < CPU_S_MAX


def test_the_oldest_message_may_be_in_flight() -> None:
    """Its age counts until it is deleted, whether it waits, is in flight, or has come back; the poison pills of a standard queue do not
    count."""
    scene = Scene()
    url = scene.create("queue")
    name = "crossdock_queue_oldest_message_age_seconds"
    assert values(scene.metrics.render(scene.clock.now_ms()), name) == [0]
    scene.do(SendMessage(queue_url=url, message_body="old"))
    scene.clock.advance(7_000)
    scene.do(SendMessage(queue_url=url, message_body="new"))
    assert values(scene.metrics.render(scene.clock.now_ms()), name) == [7]
    for age_s in (7, 7, 0):
        scene.do(ReceiveMessage(queue_url=url, visibility_timeout=0))
        assert values(scene.metrics.render(scene.clock.now_ms()), name) == [age_s]
