"""A load generator for any server of the SQS protocol (JSON 1.0), much cheaper than the server; every answer is checked.

    python -m bench.load URL --mode send|cycle|batch|fifo|wake|ping|fill|fill-single|drain|drain-batch [--connections 16] [--seconds 5] [--size 512]

send: SendMessage. cycle: send, receive, delete, one message after the other on each connection. batch: the same with ten messages a
request. fifo: cycle on a FIFO queue with 64 groups. wake: half of the connections wait in long polls for what the others send. ping:
GetQueueUrl, which touches no message. fill, fill-single: send `--messages` in batches of ten, or of one. drain, drain-batch: receive and delete until nothing is
left. Each works on a new queue that it deletes, or on `--queue-url`, which it leaves. Bodies, MD5s and the order within groups are checked,
and every message is accounted for. The report is one line of JSON.

Without `--rate` each connection begins its next unit (one send, one cycle) when the last has ended: a closed loop. With it units begin on a
fixed schedule, and their latency counts from when they were due, so that a server that stalls cannot hide it.
"""

import argparse
import asyncio
import time
from collections import deque
from contextlib import suppress

import msgspec
import uvloop
from bench.channel import Channel, Endpoint, Wrong
from bench.scenarios import SCENARIOS, Plan, Scenario

PACE_S = 0.001
END_S = 30
"""How long units that are under way may still take when time is up."""


class Report(msgspec.Struct):
    """What a run measured. Latencies are of requests; those of units are from first send to last answer, in wake from send to received."""

    mode: str
    connections: int
    size: int
    seconds: float
    messages: int
    requests: int
    """All that were answered, also before and after what was measured."""
    messages_per_s: int
    requests_per_s: int
    p50_ms: float
    p99_ms: float
    unit_p50_ms: float
    unit_p99_ms: float
    unit_max_ms: float
    load_cpu_us: float
    """CPU of this process per request: must be well below the server's."""


class Load:
    """One run of a scenario."""

    def __init__(self, endpoint: Endpoint, mode: str, plan: Plan, rate: float) -> None:
        """`rate` is in units per second; 0 is a closed loop."""
        scenario, batch = SCENARIOS[mode]
        self.endpoint = endpoint
        self.mode = mode
        self.plan = plan._replace(batch=batch)
        self.scenario: Scenario = scenario(endpoint, self.plan, self)
        self.rate = rate
        self.stopping = False
        self.messages = 0
        self.requests_ns: list[int] = []
        self.units_ns: list[int] = []
        self.failure: Exception | None = None
        self._idle: deque[Channel] = deque()
        self._channels: list[Channel] = []
        self._ended = asyncio.Event()
        self._closing = False
        self._begun = 0
        self._start_ns = 0

    async def run(self, warmup_s: float, seconds: float) -> Report:
        """Warm up, measure, let what is under way end, and account for every message. Raises what went wrong."""
        self.scenario.prepare()
        await self._connect()
        self._start()
        warming = 0
        if warmup_s:
            await self._go_on(warmup_s)
            warming = len(self.requests_ns)
            self.messages, self.requests_ns, self.units_ns = 0, [], []
        began_s, cpu_s = time.perf_counter(), time.process_time()
        await self._go_on(seconds)
        report = self._report(time.perf_counter() - began_s, time.process_time() - cpu_s)
        await self._end()
        self.scenario.check()
        report.requests = warming + len(self.requests_ns)
        return report

    def took(self, ns: int) -> None:
        self.requests_ns.append(ns)

    def failed(self, error: Exception) -> None:
        if not self._closing:
            self.failure = self.failure or error
            self._ended.set()

    def record(self, messages: int, since_ns: int) -> None:
        self.messages += messages
        self.units_ns.append(time.perf_counter_ns() - since_ns)

    def free(self, channel: Channel) -> None:
        if self.stopping or self.rate or self.scenario.finished:
            self._idle.append(channel)
            if (self.stopping or self.scenario.finished) and len(self._idle) == len(self._channels):
                self._ended.set()
        else:
            channel.began_ns = time.perf_counter_ns()
            self.scenario.begin(channel)

    async def _connect(self) -> None:
        for number in range(self.plan.connections):
            channel = Channel(number, self.endpoint, self)
            await channel.open()
            self._channels.append(channel)

    def _start(self) -> None:
        self._start_ns = time.perf_counter_ns()
        for channel in self._channels:
            self.free(channel)
        if self.rate:
            self._keep_pace()

    def _keep_pace(self) -> None:
        """Begin every unit that is due, on whatever channel is free."""
        if self.stopping:
            return
        due = int((time.perf_counter_ns() - self._start_ns) * self.rate / 1e9)
        while self._begun < due and self._idle:
            channel = self._idle.popleft()
            channel.began_ns = self._start_ns + int(self._begun * 1e9 / self.rate)
            self._begun += 1
            self.scenario.begin(channel)
        asyncio.get_running_loop().call_later(PACE_S, self._keep_pace)

    async def _go_on(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), seconds)
        if self.failure is not None:
            raise self.failure

    async def _end(self) -> None:
        self.stopping = True
        if len(self._idle) == len(self._channels):
            self._ended.set()
        await asyncio.wait_for(self._ended.wait(), END_S)
        if self.failure is not None:
            raise self.failure
        self._closing = True
        for channel in self._channels:
            channel.close()

    def _report(self, seconds: float, cpu_s: float) -> Report:
        requests, units = sorted(self.requests_ns) or [0], sorted(self.units_ns) or [0]
        return Report(
            mode=self.mode,
            connections=self.plan.connections,
            size=self.plan.body_bytes,
            seconds=round(seconds, 3),
            messages=self.messages,
            requests=len(self.requests_ns),
            messages_per_s=round(self.messages / seconds),
            requests_per_s=round(len(self.requests_ns) / seconds),
            p50_ms=percentile_ms(requests, 0.5),
            p99_ms=percentile_ms(requests, 0.99),
            unit_p50_ms=percentile_ms(units, 0.5),
            unit_p99_ms=percentile_ms(units, 0.99),
            unit_max_ms=percentile_ms(units, 1),
            load_cpu_us=round(cpu_s / len(requests) * 1e6, 2),
        )


def percentile_ms(ordered_ns: list[int], share: float) -> float:
    """The value that `share` of all do not exceed."""
    return round(ordered_ns[min(len(ordered_ns) - 1, int(len(ordered_ns) * share))] / 1e6, 3)


def main() -> None:
    """Read the command line, run, and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", type=Endpoint.parse)
    parser.add_argument("--mode", choices=SCENARIOS, default="send")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--warmup", type=float, default=0, help="seconds before those that are measured")
    parser.add_argument("--size", type=int, default=512, help="bytes of a message body")
    parser.add_argument("--rate", type=float, default=0, help="units per second; without it as fast as answers come")
    parser.add_argument("--messages", type=int, default=100_000, help="how many fill sends, at least")
    parser.add_argument("--queue-url", default="", help="work on this queue, and leave it there")
    given = parser.parse_args()
    if given.mode == "wake" and (given.rate or given.connections % 2 or given.queue_url):
        parser.error("wake needs pairs of connections, and has a pace and queues of its own")

    async def run() -> Report:
        plan = Plan(given.connections, given.size, messages=given.messages, queue_url=given.queue_url)
        load = Load(given.url, given.mode, plan, given.rate)
        return await load.run(given.warmup, given.seconds)

    try:
        print(msgspec.json.encode(uvloop.run(run())).decode())
    except (Wrong, RuntimeError, OSError, TimeoutError, msgspec.MsgspecError) as error:
        raise SystemExit(f"{given.mode}: {str(error) or type(error).__name__}") from error


if __name__ == "__main__":
    main()
