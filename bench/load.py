"""A load on an SQS endpoint over AWS JSON 1.0, in a closed loop; prints rates and latencies as one line of JSON.

    python -m bench.load URL --mode send|cycle|batch|fifo [--connections 16] [--seconds 5] [--size 512]

send: SendMessage. cycle: send, receive, delete, one message after the other on each connection. batch: the same with ten messages a
request. fifo: cycle on a FIFO queue with 64 groups. Every answer must be 200 and, for a send, carry its MessageId; what was received
is counted against what was sent.
"""

import argparse
import asyncio
import json
import re
import statistics
import time
from collections.abc import Callable
from typing import Any

import uvloop
from bench.channel import Channel, Endpoint, request

GROUPS = 64
BATCH = 10
HANDLE = re.compile(rb'"ReceiptHandle" ?: ?"([^"]*)"')


class Load:
    """One run of one mode on one queue."""

    def __init__(self, endpoint: Endpoint, mode: str, size: int) -> None:
        self.endpoint = endpoint
        self.mode = mode
        self.size = size
        suffix = ".fifo" if mode == "fifo" else ""
        attributes = {"FifoQueue": "true"} if suffix else {}
        name = f"bench-{mode}-{time.time_ns()}{suffix}"
        created = endpoint.call("CreateQueue", QueueName=name, Attributes=attributes)
        self.url = created.get("QueueUrl", name)  # the front alone knows no queues
        many = "Batch" if mode == "batch" else ""
        self._send_head = endpoint.head(f"SendMessage{many}")
        self._delete_head = endpoint.head(f"DeleteMessage{many}")
        limit = BATCH if mode == "batch" else 1
        body = json.dumps({"QueueUrl": self.url, "MaxNumberOfMessages": limit}).encode()
        self._receive = request(endpoint.head("ReceiveMessage"), body)
        self._number = 0
        self._running = True
        self.latencies_ns: list[int] = []
        self.requests = self.sent = self.deleted = self.empty = self.failed = 0

    async def run(self, connections: int, seconds: float) -> dict[str, Any]:
        """Run and sum up."""
        loop = asyncio.get_running_loop()
        channels: list[Channel] = []
        for number in range(connections):
            _, channel = await loop.create_connection(
                lambda number=number: Channel(number, self._answered), self.endpoint.host, self.endpoint.port
            )
            channels.append(channel)
        begun = time.perf_counter()
        for channel in channels:
            self._send(channel)
        await asyncio.sleep(seconds)
        self._running = False
        elapsed = time.perf_counter() - begun
        figures = self._figures(elapsed)
        await asyncio.sleep(0.2)
        for channel in channels:
            channel.close()
        return figures

    def _figures(self, elapsed_s: float) -> dict[str, Any]:
        messages = self.sent if self.mode == "send" else self.deleted
        cuts = statistics.quantiles(self.latencies_ns, n=100) if len(self.latencies_ns) > 1 else [0.0] * 99
        return {
            "mode": self.mode,
            "messages_per_s": round(messages / elapsed_s),
            "requests_per_s": round(self.requests / elapsed_s),
            "p50_ms": round(cuts[49] / 1e6, 2),
            "p99_ms": round(cuts[98] / 1e6, 2),
            "empty_receives": self.empty,
            "failed": self.failed,
        }

    def _send(self, channel: Channel) -> None:
        channel.state = self._sent
        channel.send(request(self._send_head, self._send_body(channel)))

    def _send_body(self, channel: Channel) -> bytes:
        self._number += 1
        text = f"{self._number:012d}".ljust(self.size, "x")
        document: dict[str, Any] = {"QueueUrl": self.url}
        if self.mode == "batch":
            document["Entries"] = [{"Id": str(position), "MessageBody": text} for position in range(BATCH)]
        else:
            document["MessageBody"] = text
        if self.mode == "fifo":
            document["MessageGroupId"] = f"g{channel.number % GROUPS}"
            document["MessageDeduplicationId"] = str(self._number)
        return json.dumps(document).encode()

    def _answered(self, channel: Channel, status: int, body: bytes) -> None:
        self.requests += 1
        self.latencies_ns.append(time.perf_counter_ns() - channel.since_ns)
        if status != 200:
            self.failed += 1
            raise SystemExit(f"status {status}: {body[:300]!r}")
        step: Callable[[Channel, bytes], None] = channel.state
        if self._running:
            step(channel, body)

    def _sent(self, channel: Channel, body: bytes) -> None:
        self.sent += body.count(b'"MessageId"')
        if self.mode == "send":
            self._send(channel)
            return
        channel.state = self._received
        channel.send(self._receive)

    def _received(self, channel: Channel, body: bytes) -> None:
        handles = HANDLE.findall(body)
        if not handles:
            self.empty += 1
            channel.send(self._receive)
            return
        channel.state = self._deleted
        channel.note = len(handles)
        channel.send(request(self._delete_head, self._delete_body([handle.decode() for handle in handles])))

    def _delete_body(self, handles: list[str]) -> bytes:
        if self.mode != "batch":
            return json.dumps({"QueueUrl": self.url, "ReceiptHandle": handles[0]}).encode()
        entries = [{"Id": str(position), "ReceiptHandle": handle} for position, handle in enumerate(handles)]
        return json.dumps({"QueueUrl": self.url, "Entries": entries}).encode()

    def _deleted(self, channel: Channel, body: bytes) -> None:
        self.deleted += channel.note
        self._send(channel)


def main() -> None:
    """Run one load from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--mode", choices=("send", "cycle", "batch", "fifo"), default="send")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--size", type=int, default=512)
    given = parser.parse_args()
    load = Load(Endpoint.parse(given.url), given.mode, given.size)
    print(json.dumps(uvloop.run(load.run(given.connections, given.seconds)) | {"connections": given.connections}))


if __name__ == "__main__":
    main()
