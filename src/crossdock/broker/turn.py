"""The turn: runs the machine, makes its facts durable, and only then lets its replies go.

    poll: requests are read ──► run: the machine takes them ──► poll: stragglers are read ──► flush: they run too, one commit, replies

What arrives in one iteration of the event loop runs in one go, and shares one commit with what arrives in the next: clients that were
answered together ask again together, and nobody is waited for (group commit without a timer). To read, run, commit and answer many at
a time is also what the processor's caches like: the same code again and again (docs/performance.md).

Facts that no reply waits for ride along with the next commit, or go after a short while. The turn also sleeps until the machine's next
deadline and wakes it then: nothing in the broker polls.
"""

import asyncio
from collections.abc import Callable

import structlog

from crossdock.aws.api.cloudwatch import PutMetricData
from crossdock.aws.api.sqs import ReceiveMessage, SendMessage, SendMessageBatch
from crossdock.aws.errors import ApiError, ServiceUnavailable
from crossdock.aws.shapes import Shape
from crossdock.broker.machines import Machines
from crossdock.broker.outcome import Caller, Outcome, Reply, Ticket
from crossdock.broker.rare_log import RareWarning
from crossdock.broker.storage.store import StorageFailed, Store
from crossdock.clock import Clock, ManualClock

log = structlog.get_logger()

ANSWERS_BYTES_MAX = 4 * 1024 * 1024
"""Once answers take so much memory they leave, and others have their turn, before more is received."""

FILLS_THE_DISK = (SendMessage, SendMessageBatch, PutMetricData)

LOW_ON_SPACE = (
    "The server is low on disk space and takes no messages and no samples until messages are deleted or space is made."
)

Deliver = Callable[[Ticket, Shape | ApiError | None], None]


class Turn:
    """Owns the machine and the store; everything goes through the thread of the event loop."""

    def __init__(self, machine: Machines, store: Store, clock: Clock, lag_ms: int, strict: bool = True) -> None:
        """`strict`: replies wait for the disk. Without it (relaxed durability) they wait for the operating system only, and the disk
        follows within `lag_ms`."""
        self._machine = machine
        self._store = store
        self._clock = clock
        self._lag_s = lag_ms / 1_000
        self._strict = strict
        self._low_on_space = RareWarning("sends are refused: the disk is nearly full", clock)
        self._deliver: Deliver
        self._on_failure: Callable[[], None]
        self._loop: asyncio.AbstractEventLoop
        self._submitted: list[tuple[Ticket, Shape, Caller]] = []
        """Commands of this iteration, which run in the next."""
        self._postponed: list[tuple[Ticket, Shape, Caller]] = []
        """Receives for whose answers there was no room."""
        self._run_scheduled = False
        self._held: list[Reply] = []
        self._held_bytes = 0
        self._flush_scheduled = False
        self._lag_timer: asyncio.TimerHandle | None = None
        self._deadline_timer: asyncio.TimerHandle | None = None
        self._deadline_ms = 0
        self.failed = False
        self._stopping = False
        self.on_commit: Callable[[], None] = lambda: None
        """Called after each commit."""

    def start(self, deliver: Deliver, on_failure: Callable[[], None]) -> None:
        """Begin: replies go to `deliver`; `on_failure` is called once when a commit fails and nothing can be accepted any more."""
        self._loop = asyncio.get_running_loop()
        self._deliver = deliver
        self._on_failure = on_failure
        self._arm()

    def submit(self, ticket: Ticket, command: Shape, caller: Caller) -> None:
        """Have a command run soon. Its reply comes through `deliver`, now or later."""
        if self.failed:
            self._deliver(ticket, ServiceUnavailable())
            return
        if type(command) in FILLS_THE_DISK and self._store.low_on_space:
            self._low_on_space.happened(free_bytes=self._store.free_bytes())
            self._deliver(ticket, ServiceUnavailable(LOW_ON_SPACE))
            return
        self._submitted.append((ticket, command, caller))
        self._schedule_run()

    def abandon(self, ticket: Ticket) -> None:
        """Forget a ticket whose client went away. What it asked for is done all the same; but nothing is received for it any more."""
        for commands in (self._postponed, self._submitted):
            for at, (submitted, command, _) in enumerate(commands):
                if submitted is ticket:
                    if isinstance(command, ReceiveMessage):
                        del commands[at]
                    return
        self._machine.abandon(ticket)

    def advance(self, clock: ManualClock, ms: int) -> int:
        """Move a manual clock forward, stopping at each deadline on the way, and return the new time."""
        self._run(all_of_it=True)
        target = clock.now_ms() + ms
        while not self.failed and (deadline := self._machine.next_deadline_ms()) is not None and deadline <= target:
            clock.advance(max(0, deadline - clock.now_ms()))
            self._tried(self._pass_time)
        clock.advance(target - clock.now_ms())
        self._release()
        return target

    def fold(self) -> bool:
        """Let the store fold; whether it wants that again, in a while. For idle moments."""
        return self._tried(self._store.fold) and self._store.folding

    async def settle(self) -> bool:
        """Return when everything that is acknowledged now is in the tables; False if the disk does not take it."""
        for _ in range(2):  # a fold that runs already may have begun before the latest commit
            if not self._tried(self._store.fold):
                return False
            if self._store.running_fold is not None:
                ended = asyncio.shield(asyncio.wrap_future(self._store.running_fold))
                await asyncio.gather(ended, return_exceptions=True)
        return self._tried(self._store.commit)

    def stop(self) -> None:
        """Answer every long poll empty, those that still come at once, and commit what is pending."""
        self._stopping = True
        for timer in (self._lag_timer, self._deadline_timer):
            if timer is not None:
                timer.cancel()
        self._run(all_of_it=True)
        if not self.failed:
            self._take(self._machine.drain())
            self._flush()

    def _schedule_run(self) -> None:
        if not self._run_scheduled:
            self._run_scheduled = True
            self._loop.call_soon(self._run_scheduled_commands)

    def _run_scheduled_commands(self) -> None:
        self._run_scheduled = False
        self._run()

    def _run(self, all_of_it: bool = False) -> None:
        """Run what was submitted, in the order in which it came; receives only as far as there is room for their answers."""
        if not self._submitted and not self._postponed:
            return
        submitted = self._postponed + self._submitted
        self._submitted, self._postponed = [], []
        now_ms = self._clock.now_ms()
        for ticket, command, caller in submitted:
            if self._held_bytes >= ANSWERS_BYTES_MAX and type(command) is ReceiveMessage and not all_of_it:
                self._postponed.append((ticket, command, caller))
                continue
            if self.failed:
                self._deliver(ticket, ServiceUnavailable())
                continue
            try:
                outcome = self._machine.handle(ticket, command, caller, now_ms)
            except StorageFailed as failure:
                self._fail(failure)
                self._deliver(ticket, ServiceUnavailable())
            except Exception:
                log.exception("command failed", command=type(command).__name__)
                self._deliver(ticket, ApiError())
            else:
                self._take(outcome)
        if self._postponed:
            self._schedule_run()
        if self._stopping:
            self._take(self._machine.drain())
        else:
            self._arm()
        self._release()

    def _take(self, outcome: Outcome) -> None:
        """Keep what a step of the machine yields: its facts for the store, its replies for `_release`."""
        self._held += outcome.replies
        self._held_bytes += outcome.size
        if outcome.facts:
            self._store.append(outcome.facts)
            if outcome.durable:
                self._schedule_flush()
            else:
                self._commit_later()

    def _release(self) -> None:
        """Let replies go, unless a commit is due: then they may tell of something that is not yet on disk."""
        if self._flush_scheduled:
            return
        held, self._held, self._held_bytes = self._held, [], 0
        for ticket, result in held:
            self._deliver(ticket, result)

    def _schedule_flush(self) -> None:
        if not self._flush_scheduled:
            self._flush_scheduled = True
            self._loop.call_soon(self._flush)

    def _commit_later(self) -> None:
        if self._lag_timer is None:
            self._lag_timer = self._loop.call_later(self._lag_s, self._commit_lagging)

    def _flush(self) -> None:
        """Make what has run as durable as was promised, the stragglers included, then let the replies go."""
        self._run()
        self._flush_scheduled = False
        if not self._tried(self._store.commit if self._strict else self._store.write):
            return
        self.on_commit()
        if not self._strict:
            self._commit_later()
        self._release()

    def _commit_lagging(self) -> None:
        """Commit what no reply waited for. In strict mode another commit may have taken it along."""
        self._lag_timer = None
        if (self._store.pending or not self._strict) and self._tried(self._store.commit):
            self.on_commit()

    def _tried(self, step: Callable[[], None]) -> bool:
        """Whether the store did its part."""
        if self.failed:
            return False
        try:
            step()
        except StorageFailed as failure:
            self._fail(failure)
            return False
        return True

    def _fail(self, failure: StorageFailed) -> None:
        """Memory and disk differ from now on: whoever waits is told, and nothing more is accepted. A restart rebuilds what was acknowledged."""
        self.failed = True
        log.critical("storage failed; the broker stops", reason=str(failure))
        held, self._held, self._held_bytes = self._held, [], 0
        for ticket, _ in held + self._machine.drain().replies:
            self._deliver(ticket, ServiceUnavailable())
        self._on_failure()

    def _arm(self) -> None:
        """Sleep until the machine's next deadline. A timer that is too early is left: it only looks again."""
        deadline = self._machine.next_deadline_ms()
        if deadline is None or isinstance(self._clock, ManualClock):
            return
        if self._deadline_timer is not None:
            if self._deadline_ms <= deadline:
                return
            self._deadline_timer.cancel()
        self._deadline_ms = deadline
        delay_s = max(0, deadline - self._clock.now_ms()) / 1_000
        self._deadline_timer = self._loop.call_later(delay_s, self._tick)

    def _tick(self) -> None:
        self._deadline_timer = None
        if self._tried(self._pass_time):
            self._arm()
            self._release()

    def _pass_time(self) -> None:
        self._take(self._machine.tick(self._clock.now_ms()))
