"""The turn: who is answered when, and what happens when the disk is full or fails."""

import asyncio
from concurrent.futures import Future
from typing import Any

import pytest
import structlog

from crossdock.aws.api.cloudwatch import PutMetricData
from crossdock.aws.api.sqs import GetQueueUrl, GetQueueUrlResult, ReceiveMessage, ReceiveMessageResult, SendMessage
from crossdock.aws.errors import ServiceUnavailable
from crossdock.broker.outcome import Caller, Fact, Outcome, Ticket
from crossdock.broker.storage.store import StorageFailed
from crossdock.broker.turn import ANSWERS_BYTES_MAX, LOW_ON_SPACE, Turn
from crossdock.clock import SystemClock

CALLER = Caller("000000000000", "us-east-1", "test", "http://127.0.0.1:9324")
SEND = SendMessage(queue_url="q", message_body="x")
RECEIVE = ReceiveMessage(queue_url="q")
ASK = GetQueueUrl(queue_name="q")
BUG = GetQueueUrl(queue_name="bug")
UNREADABLE = GetQueueUrl(queue_name="unreadable")


class Noted(Fact, tag=99):
    """A fact of the tests."""


class Disk:
    """A store as the turn sees it, on a disk that the test fills and breaks."""

    def __init__(self) -> None:
        self.low_on_space = False
        self.free_bytes = lambda: 4_096
        self.broken = False
        self.pending = False
        self.commits = 0
        self.folds: list[Future[None]] = []

    def append(self, facts: list[Fact]) -> None:
        """Take facts."""
        self.pending = True

    def commit(self) -> None:
        """Make them durable, unless the disk is broken."""
        if self.broken:
            raise StorageFailed("the disk is broken")
        self.pending = False
        self.commits += 1
        if self.folds and self.folds[-1].done() and self.folds[-1].exception():
            self.broken = True
            raise StorageFailed("the disk is full")

    @property
    def running_fold(self) -> Future[None] | None:
        """The latest fold."""
        return self.folds[-1] if self.folds else None

    def fold(self) -> None:
        """Commit, and begin a fold unless one runs."""
        self.commit()
        if self.running_fold is None or self.running_fold.done():
            self.folds.append(Future())


class Machine:
    """Answers everything at once: a question without a fact, anything else with one. `durable` is that of the outcome."""

    def __init__(self) -> None:
        self.durable = True
        self.size = 0
        self.polls: list[Ticket] = []
        self.handled: list[Ticket] = []
        self.abandoned: list[Ticket] = []

    def handle(self, ticket: Ticket, command: Any, caller: Caller, now_ms: int) -> Outcome:
        """One step; its reply takes `size` bytes."""
        if command is BUG:
            raise RuntimeError("a bug")
        if command is UNREADABLE:
            raise StorageFailed("the disk cannot be read")
        self.handled.append(ticket)
        facts: list[Fact] = [] if command is ASK else [Noted()]
        return Outcome([(ticket, GetQueueUrlResult(queue_url="q"))], facts, self.durable, self.size)

    def abandon(self, ticket: Ticket) -> None:
        """A client went away."""
        self.abandoned.append(ticket)

    def drain(self) -> Outcome:
        """The long polls end."""
        return Outcome([(ticket, ReceiveMessageResult()) for ticket in self.polls], [], False)

    def next_deadline_ms(self) -> int | None:
        """Nothing is ever due."""
        return None


class Scene:
    """A turn between that machine and that disk, and what it has answered."""

    def __init__(self) -> None:
        self.disk = Disk()
        self.machine = Machine()
        self.answers: dict[Ticket, Any] = {}
        self.failures = 0
        self.turn = Turn(self.machine, self.disk, SystemClock(), lag_ms=1)  # type: ignore[arg-type]
        self.turn.start(self.answers.__setitem__, self.failed)

    def failed(self) -> None:
        """Count the notices of a failure."""
        self.failures += 1

    def submit(self, ticket: str, command: Any) -> None:
        """Submit a command."""
        self.turn.submit(ticket, command, CALLER)


@pytest.fixture
async def scene() -> Scene:
    """A started turn."""
    return Scene()


async def committed() -> None:
    """Let the event loop come around to the commit of what was submitted."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_a_reply_waits_for_its_commit(scene: Scene) -> None:
    """Requests of one iteration and of the next share one commit, and none is answered before it."""
    scene.submit("a", SEND)
    await asyncio.sleep(0)
    scene.submit("b", SEND)
    assert scene.answers == {}
    await committed()
    assert scene.disk.commits == 1
    assert set(scene.answers) == {"a", "b"}


async def test_a_question_is_answered_without_a_commit_unless_one_is_due(scene: Scene) -> None:
    """What an answer tells must be on disk: it waits for the commit of those before it."""
    scene.submit("alone", ASK)
    await asyncio.sleep(0)
    assert set(scene.answers) == {"alone"}
    scene.submit("send", SEND)
    scene.submit("behind it", ASK)
    await asyncio.sleep(0)
    assert set(scene.answers) == {"alone"}
    await committed()
    assert set(scene.answers) == {"alone", "send", "behind it"}
    assert scene.disk.commits == 1


async def test_a_bug_costs_only_its_own_request(scene: Scene) -> None:
    """The one that met it is told InternalFailure; those that arrived with it are answered."""
    scene.submit("before", SEND)
    scene.submit("bug", BUG)
    scene.submit("after", SEND)
    await committed()
    assert scene.answers["bug"].code == "InternalFailure"
    assert all(isinstance(scene.answers[ticket], GetQueueUrlResult) for ticket in ("before", "after"))


async def test_a_client_that_goes_away_has_its_request_done(scene: Scene) -> None:
    """What was submitted runs, but nothing is received for a client that is not there any more."""
    scene.submit("gone", SEND)
    scene.submit("gone, too", RECEIVE)
    scene.submit("there", RECEIVE)
    scene.turn.abandon("gone")
    scene.turn.abandon("gone, too")
    await committed()
    assert scene.machine.handled == ["gone", "there"]
    scene.turn.abandon("there")
    assert scene.machine.abandoned == ["there"]


@pytest.mark.parametrize("durable", [False, True])
async def test_large_answers_leave_before_more_commands_run(scene: Scene, durable: bool) -> None:
    """However many receive at once, no more is held of their answers than there is room for; others do not wait for them."""
    scene.machine.size = ANSWERS_BYTES_MAX // 2
    scene.machine.durable = durable
    for number in range(10):
        scene.submit(str(number), RECEIVE)
    scene.submit("small", ASK)
    most = 0
    while len(scene.answers) < 11:
        await asyncio.sleep(0)
        most = max(most, len(scene.machine.handled) - len(scene.answers))
    assert most <= 2 + 1
    assert (
        list(scene.answers) == scene.machine.handled == ["0", "1", "small", *(str(number) for number in range(2, 10))]
    )


async def test_a_broker_that_stops_answers_all(scene: Scene) -> None:
    """What still waits for room runs before the end."""
    scene.machine.size = ANSWERS_BYTES_MAX
    for number in range(10):
        scene.submit(str(number), RECEIVE)
    await asyncio.sleep(0)
    assert len(scene.machine.handled) == 1
    scene.turn.stop()
    assert len(scene.answers) == 10


async def test_sends_go_on_as_soon_as_there_is_space(scene: Scene) -> None:
    """A nearly full disk refuses sends and samples, and nothing else; with space again the next send is taken, whatever else was asked meanwhile."""
    scene.disk.low_on_space = True
    scene.submit("refused", SEND)
    scene.submit("samples", PutMetricData("Shop"))
    scene.submit("question", ASK)
    await committed()
    for refused in ("refused", "samples"):
        assert isinstance(scene.answers[refused], ServiceUnavailable)
        assert scene.answers[refused].message == LOW_ON_SPACE
    assert isinstance(scene.answers["question"], GetQueueUrlResult)
    scene.disk.low_on_space = False
    scene.submit("taken", SEND)
    await committed()
    assert isinstance(scene.answers["taken"], GetQueueUrlResult)


async def test_a_nearly_full_disk_is_in_the_log(scene: Scene) -> None:
    """Once for many refused sends, with how much space there is."""
    scene.disk.low_on_space = True
    with structlog.testing.capture_logs() as lines:
        for number in range(3):
            scene.submit(f"refused {number}", SEND)
    assert [(line["event"], line["free_bytes"]) for line in lines] == [
        ("sends are refused: the disk is nearly full", 4_096)
    ]


async def test_a_failed_commit_answers_everyone_who_waits(scene: Scene) -> None:
    """Whoever waits is told; what comes later is refused; the failure is noticed once."""
    scene.disk.broken = True
    scene.machine.polls.append("poll")
    scene.submit("a", SEND)
    scene.submit("b", SEND)
    await committed()
    scene.submit("later", ASK)
    assert {ticket: type(answer) for ticket, answer in scene.answers.items()} == dict.fromkeys(
        ("a", "b", "poll", "later"), ServiceUnavailable
    )
    assert scene.failures == 1


async def test_what_cannot_be_read_is_a_failure_too(scene: Scene) -> None:
    """The machine may have changed before it could not read on: everyone is told, and nothing more is accepted."""
    scene.machine.durable = False
    scene.submit("before", SEND)
    scene.machine.polls.append("poll")
    scene.submit("a", UNREADABLE)
    scene.submit("b", SEND)
    await committed()
    answers = {ticket: type(answer) for ticket, answer in scene.answers.items()}
    assert answers == dict.fromkeys(("before", "a", "b", "poll"), ServiceUnavailable)
    assert scene.failures == 1
    assert not scene.disk.commits


async def test_a_failed_lagging_commit_answers_them_too(scene: Scene) -> None:
    """Facts that nobody waits for may be the ones whose commit fails, with others' replies held at that moment."""
    scene.machine.durable = False
    scene.submit("lagging", SEND)
    scene.machine.durable = True
    scene.disk.broken = True
    scene.submit("waiting", SEND)
    scene.turn._commit_lagging()
    await committed()
    assert isinstance(scene.answers["waiting"], ServiceUnavailable)
    assert scene.failures == 1


async def test_a_fold_that_runs_already_is_not_enough(scene: Scene) -> None:
    """It may have begun before the latest commit: the one after it ends the wait."""
    scene.disk.fold()
    asked = asyncio.create_task(scene.turn.settle())
    await asyncio.sleep(0)
    assert len(scene.disk.folds) == 1
    scene.disk.folds[0].set_result(None)
    while len(scene.disk.folds) < 2:  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert not asked.done()
    scene.disk.folds[1].set_result(None)
    assert await asked


async def test_a_fold_that_fails_stops_the_broker(scene: Scene) -> None:
    """Whoever asked for it is told, and nothing more is accepted."""
    asked = asyncio.create_task(scene.turn.settle())
    await asyncio.sleep(0)
    scene.disk.folds[0].set_exception(OSError(28, "No space left on device"))
    assert not await asked
    assert scene.failures == 1
    assert not await scene.turn.settle()


async def test_who_waits_for_a_fold_may_leave(scene: Scene) -> None:
    """The fold goes on."""
    asked = asyncio.create_task(scene.turn.settle())
    await asyncio.sleep(0)
    asked.cancel()
    await asyncio.wait([asked])
    scene.disk.folds[0].set_result(None)
