"""The Prometheus page: what the machine, the store and the front count, in the text exposition format."""

import resource
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from crossdock.broker.queues.machine import QueueMachine
from crossdock.broker.storage.store import Store

QUEUE_GAUGES = {
    "visible": "Messages that can be received now",
    "not_visible": "Messages in flight",
    "delayed": "Messages whose delay has not ended",
    "oldest_age_ms": "Age of the oldest message",
}
QUEUE_COUNTERS = {
    "sent": "Messages sent",
    "received": "Messages received",
    "deleted": "Messages deleted",
    "empty_receives": "Receives that found nothing",
    "sent_bytes": "Bytes sent",
    "dead_lettered": "Messages moved to the dead-letter queue",
}


class FrontCounts(Protocol):
    """What the HTTP front counts."""

    @property
    def connections(self) -> int:
        """How many are open."""

    @property
    def requests(self) -> int:
        """How many were read."""


class Metrics:
    """Collects at the moment it is asked; nothing is kept twice."""

    def __init__(self, machine: QueueMachine, store: Store, front: Callable[[], FrontCounts]) -> None:
        self._machine = machine
        self._store = store
        self._front = front
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._now_ms = 0

    def render(self, now_ms: int) -> bytes:
        """The page as it stands at `now_ms`."""
        self._now_ms = now_ms
        return generate_latest(self._registry)

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: the families depend on the queues there are."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Every metric family."""
        yield from self._queue_families()
        yield from self._store_families()
        front = self._front()
        yield GaugeMetricFamily("crossdock_connections", "Open connections", front.connections)
        yield CounterMetricFamily("crossdock_requests", "Requests read", front.requests)
        yield GaugeMetricFamily("crossdock_waiters", "Long polls that wait", self._machine.waiting)
        resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024
        yield GaugeMetricFamily("crossdock_resident_bytes_max", "Greatest resident memory so far", resident)

    def _queue_families(self) -> Iterator[Metric]:
        labels = ("account", "region", "queue")
        gauges = {
            name: GaugeMetricFamily(f"crossdock_queue_{name}", text, labels=labels)
            for name, text in QUEUE_GAUGES.items()
        }
        counters = {
            name: CounterMetricFamily(f"crossdock_queue_{name}", text, labels=labels)
            for name, text in QUEUE_COUNTERS.items()
        }
        families = gauges | counters
        for queue in self._machine.census(self._now_ms):
            for name, family in families.items():
                family.add_metric(queue.name, getattr(queue, name))
        yield from families.values()

    def _store_families(self) -> Iterator[Metric]:
        counts = self._store.metrics
        yield CounterMetricFamily("crossdock_commits", "Commits", counts.commits)
        yield CounterMetricFamily("crossdock_commit_seconds", "Time spent in commits", counts.commit_ns / 1e9)
        yield CounterMetricFamily("crossdock_commit_facts", "Facts committed", counts.facts)
        yield CounterMetricFamily("crossdock_commit_bytes", "Bytes committed", counts.bytes)
        yield CounterMetricFamily("crossdock_folds", "Folds of the journal into the tables", counts.folds)
        yield GaugeMetricFamily("crossdock_disk_bytes", "Size of the data folder", self._store.disk_bytes())
