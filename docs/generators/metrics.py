"""reference/metrics.md: what the broker shows at /metrics."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from docs.generators.markdown import NOTICE, code, table

from crossdock.aws.api.sqs import CreateQueue
from crossdock.broker.metrics import FrontCounts, Metrics
from crossdock.broker.outcome import Caller
from crossdock.broker.queues.machine import MachineSettings, QueueMachine
from crossdock.broker.storage.store import StorageSettings, Store
from crossdock.clock import ManualClock

HEAD = """# Metrics

`GET /metrics` shows these to Prometheus. Counters begin at 0 when the broker starts. The age of the oldest message and the number of
resident ones are found in memory, where the head of a queue always is.

```yaml
scrape_configs:
  - job_name: crossdock
    static_configs: [{targets: ["127.0.0.1:9324"]}]
```

Worth an alert: `crossdock_queue_oldest_message_age_seconds` above what your service promises; any increase of
`crossdock_queue_messages_dead_lettered_total`; `crossdock_disk_free_bytes` near `--free-space-min`;
`crossdock_connections` near `crossdock_connections_max`; the 99th percentile of `crossdock_commit_duration_seconds`.

"""

NO_FRONT = FrontCounts(0, 0, 0, 0, 0, 0, 0, 0)


class Family(NamedTuple):
    """A family of the page."""

    name: str
    kind: str
    labels: list[str]
    help_text: str


def page() -> str:
    """The whole page."""
    rows = [
        (code(one.name), one.kind, ", ".join(map(code, one.labels)), one.help_text) for one in families(sample_page())
    ]
    return NOTICE + HEAD + table(("name", "type", "labels", "what"), rows)


def families(text: str) -> Iterator[Family]:
    """The families of a metrics page. Buckets count as no label."""
    for family in text.split("# HELP ")[1:]:
        head, kind, sample, *_ = family.splitlines()
        name, _, help_text = head.partition(" ")
        labels = [label for label in re.findall(r'(\w+)="', sample) if label != "le"]
        yield Family(name, kind.split()[-1], labels, help_text)


def sample_page() -> str:
    """The page of a broker with a queue that has answered one request."""
    clock = ManualClock()
    store = Store.open(StorageSettings(data=None), clock.now_ms())
    machine = QueueMachine(MachineSettings(), clock, store)
    machine.handle("ticket", CreateQueue(queue_name="orders"), Caller("0", "r", "p", "http://h"), clock.now_ms())
    metrics = Metrics(machine, store, lambda: NO_FRONT, clock.now_ms())
    metrics.requests.succeeded["CreateQueue"] += 1
    return metrics.render(clock.now_ms()).decode()
