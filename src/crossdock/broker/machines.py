"""The machines as one: commands go to the one whose they are, and the watch machine sees each minute end before the queues go on."""

from crossdock.aws.api import autoscaling, cloudwatch
from crossdock.aws.shapes import Shape
from crossdock.broker.outcome import Caller, Outcome, Ticket
from crossdock.broker.queues.machine import QueueMachine
from crossdock.broker.watch.machine import WatchMachine

WATCHED = {operation.input for api in (cloudwatch, autoscaling) for operation in api.OPERATIONS.values()}


class Machines:
    """What the turn runs."""

    def __init__(self, queues: QueueMachine, watch: WatchMachine) -> None:
        self._queues = queues
        self._watch = watch

    def handle(self, ticket: Ticket, command: Shape, caller: Caller, now_ms: int) -> Outcome:
        """Run one command: see `QueueMachine.handle`."""
        watch = self._watch
        if watch.wants_time(now_ms):
            watch.pass_time(now_ms)
        if type(command) in WATCHED:
            return watch.handle(ticket, command, caller, now_ms)
        watch.stirred = True
        return self._queues.handle(ticket, command, caller, now_ms)

    def tick(self, now_ms: int) -> Outcome:
        """Do what time asks for."""
        deadline_ms = self._watch.next_deadline_ms()
        if self._watch.wants_time(now_ms) or (deadline_ms is not None and now_ms >= deadline_ms):
            self._watch.pass_time(now_ms)
        return self._queues.tick(now_ms)

    def next_deadline_ms(self) -> int | None:
        """When one of them wants `tick`; None: never, as things are."""
        queues_ms, watch_ms = self._queues.next_deadline_ms(), self._watch.next_deadline_ms()
        if queues_ms is None or watch_ms is None:
            return queues_ms if watch_ms is None else watch_ms
        return min(queues_ms, watch_ms)

    def abandon(self, ticket: Ticket) -> None:
        """The client went away."""
        self._queues.abandon(ticket)

    def drain(self) -> Outcome:
        """Answer everything that waits: see `QueueMachine.drain`."""
        return self._queues.drain()
