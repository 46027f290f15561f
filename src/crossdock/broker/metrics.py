"""The Prometheus page: what the machine, the store, the front and the process count. Collected at the moment it is asked for."""

import os
import resource
import sys
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from crossdock.broker.counts import RequestCounts
from crossdock.broker.exposition import Page, labels
from crossdock.broker.queues.machine import QueueCensus, QueueMachine
from crossdock.broker.storage.store import Store


class QueueFamily(NamedTuple):
    """A number of each queue."""

    name: str
    help_text: str
    field: str
    """Of `QueueCensus`."""


QUEUE_GAUGES = (
    QueueFamily("crossdock_queue_visible_messages", "Messages that can be received now.", "visible"),
    QueueFamily("crossdock_queue_in_flight_messages", "Messages received and not deleted yet.", "not_visible"),
    QueueFamily("crossdock_queue_delayed_messages", "Messages whose delay has not ended.", "delayed"),
    QueueFamily("crossdock_queue_resident_messages", "Messages of which memory has an entry.", "resident"),
    QueueFamily("crossdock_queue_noisy_tenants", "Message groups that a fair queue holds back.", "noisy_tenants"),
)
QUEUE_COUNTERS = (
    QueueFamily("crossdock_queue_messages_sent_total", "Messages sent.", "sent"),
    QueueFamily("crossdock_queue_sent_bytes_total", "Bytes of the messages sent.", "sent_bytes"),
    QueueFamily("crossdock_queue_messages_deduplicated_total", "Sends that were duplicates.", "deduplicated"),
    QueueFamily("crossdock_queue_messages_received_total", "Messages received.", "received"),
    QueueFamily("crossdock_queue_empty_receives_total", "Receives that found nothing.", "empty_receives"),
    QueueFamily("crossdock_queue_messages_deleted_total", "Messages deleted by clients.", "deleted"),
    QueueFamily(
        "crossdock_queue_messages_dead_lettered_total",
        "Messages moved from the queue to its dead-letter queue.",
        "dead_lettered",
    ),
)


class FrontCounts(NamedTuple):
    """What the HTTP front counts."""

    connections: int
    connections_max: int
    accepted: int
    refused: int
    requests: int
    open_requests: int
    bytes_received: int
    bytes_sent: int


class Metrics:
    """Renders the page."""

    def __init__(self, machine: QueueMachine, store: Store, front: Callable[[], FrontCounts], started_ms: int) -> None:
        """`started_ms`: when the process began, in milliseconds since 1970."""
        self._machine = machine
        self._store = store
        self._front = front
        self._started_ms = started_ms
        self.requests = RequestCounts()

    def render(self, now_ms: int) -> bytes:
        """The page as it stands at `now_ms`."""
        page = Page()
        self._show_queues(page, self._machine.census(now_ms))
        self._show_requests(page)
        self._show_front(page)
        self._show_storage(page)
        self._show_process(page)
        return page.text()

    def _show_queues(self, page: Page, queues: list[QueueCensus]) -> None:
        of = [
            labels(account=name.account, region=name.region, queue=name.name)
            for name in (queue.name for queue in queues)
        ]
        for family in QUEUE_GAUGES:
            page.gauge(family.name, family.help_text, map(attrgetter(family.field), queues), of)
        ages_s = [queue.oldest_age_ms / 1_000 for queue in queues]
        page.gauge("crossdock_queue_oldest_message_age_seconds", "Age of the oldest message.", ages_s, of)
        for family in QUEUE_COUNTERS:
            page.counter(family.name, family.help_text, map(attrgetter(family.field), queues), of)

    def _show_requests(self, page: Page) -> None:
        succeeded, failed = self.requests.succeeded, self.requests.failed
        of = [labels(action=action, status="200", error="") for action in succeeded]
        of += [labels(action=action, status=str(error.status), error=error.code) for action, error in failed]
        page.counter(
            "crossdock_requests_total",
            "SQS requests answered, by action, status and error code.",
            [*succeeded.values(), *failed.values()],
            of,
        )

    def _show_front(self, page: Page) -> None:
        front = self._front()
        page.gauge("crossdock_connections", "Open connections.", front.connections)
        page.gauge("crossdock_connections_max", "Connections beyond so many are refused.", front.connections_max)
        page.counter("crossdock_connections_accepted_total", "Connections that came.", front.accepted)
        page.counter("crossdock_connections_refused_total", "Connections beyond the most that may be.", front.refused)
        page.counter("crossdock_http_requests_total", "HTTP requests read.", front.requests)
        page.counter("crossdock_http_received_bytes_total", "Bytes read from clients.", front.bytes_received)
        page.counter("crossdock_http_sent_bytes_total", "Bytes written to clients.", front.bytes_sent)
        page.gauge("crossdock_open_requests", "Requests not answered yet, long polls included.", front.open_requests)
        page.gauge("crossdock_waiters", "Long polls that wait for a message.", self._machine.waiting)

    def _show_storage(self, page: Page) -> None:
        store = self._store
        counts = store.metrics
        page.histogram("crossdock_commit_duration_seconds", "Time of a commit.", counts.commit_ns, 1e-9)
        page.histogram("crossdock_commit_facts", "Facts that one commit made durable.", counts.commit_facts)
        page.counter("crossdock_journal_written_bytes_total", "Bytes written to the journal.", counts.bytes)
        page.gauge(
            "crossdock_journal_unfolded_bytes", "Bytes of the journal that a restart would read.", store.unfolded_bytes
        )
        page.counter("crossdock_folds_total", "Folds of the journal into the tables.", counts.folds)
        page.gauge("crossdock_memtable_bytes", "Memory of what is not folded yet.", store.memtable_bytes)
        page.gauge("crossdock_data_bytes", "Size of the data folder.", store.disk_bytes())
        page.gauge("crossdock_disk_free_bytes", "Free space around the data folder.", store.free_bytes())

    def _show_process(self, page: Page) -> None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        page.counter("process_cpu_seconds_total", "CPU time, user and system.", used.ru_utime + used.ru_stime)
        page.gauge("process_resident_memory_bytes", "Resident memory.", _resident_bytes(used))
        page.gauge("process_open_fds", "Open files.", _open_files())
        page.gauge("process_max_fds", "Files that may be open.", resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        page.gauge("process_start_time_seconds", "Start of the process since 1970.", self._started_ms / 1_000)


def _resident_bytes(used: resource.struct_rusage) -> int:
    """Resident memory now; where the system does not tell, the most that it was."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    return used.ru_maxrss * (1 if sys.platform == "darwin" else 1_024)


def _open_files() -> int:
    """How many; macOS has the folder under another name."""
    folder = next(folder for folder in ("/proc/self/fd", "/dev/fd") if Path(folder).exists())
    with os.scandir(folder) as files:
        return sum(1 for _ in files)
