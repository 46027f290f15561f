"""A small model of what a queue promises, kept apart from how the machine keeps it.

Each letter is a message with a body of its own. Where the machine has a choice that a client cannot see (whether a letter that was
received too often has moved yet), the letter may be in several queues until it is seen again; where a crash may have lost a receive,
its count and its hiding are unknown until then; where a crash may have lost a send whose reply nobody got, so is the letter itself.
"""

from collections import Counter
from dataclasses import dataclass, field
from heapq import heappop, heappush

FOREVER_MS = 1 << 60
DEDUPLICATION_MS = 300_000


@dataclass(slots=True, eq=False)
class Letter:
    """One message, as its sender and its receivers know it."""

    body: str
    group: str | None
    number: int
    expires_ms: int
    places: set[str]
    sent_ms: int
    due_ms: int
    """Not to be seen before: end of delay or of visibility."""
    delayed: bool = False
    count: int | None = 0
    home: str | None = None
    """The queue in which `number` is its place among others; None once it may have moved."""
    handle: str | None = None
    received_from: str | None = None
    maybe: bool = False
    """Nobody knows whether it exists: its send was never answered."""

    def certain(self) -> str | None:
        """The queue that it must be in, if that is known."""
        return next(iter(self.places)) if len(self.places) == 1 else None


@dataclass(slots=True)
class Shelf:
    """A queue, as far as its promises go."""

    url: str
    fifo: bool
    retention_ms: int
    delay_ms: int
    arn: str
    dead: str | None = None
    max_receives: int = 1_000
    remembered: dict[str, int] = field(default_factory=dict)
    """FIFO: when each deduplication id was first sent."""


@dataclass(slots=True)
class Redrive:
    """A move task out of a dead-letter queue."""

    sources: set[str]
    visible: list[tuple[Letter, int]]
    """What was certainly there and visible when it began, and since when: received meanwhile, it has another due time. Nothing on FIFO
    queues, where a message stays behind one of its group that is in flight."""


class Broken(AssertionError):
    """A promise was broken."""


class Promises:
    """All letters that must still be somewhere, and the checks. `seen` counts what happened."""

    def __init__(self, seen: Counter[str]) -> None:
        self.seen = seen
        self.shelves: dict[str, Shelf] = {}
        self.letters: dict[str, Letter] = {}
        self.redrives: dict[str, Redrive] = {}
        """By dead-letter queue, while the task runs: what is visible there may go, and begins anew where it comes to."""
        self._lines: dict[tuple[str, str | None], dict[str, Letter]] = {}
        """FIFO: letters that keep their place in a group, in order."""
        self._ends: list[tuple[int, str]] = []
        self.lapsed: Counter[str] = Counter()
        """By queue: letters whose retention ended. A queue may still count those that it has left to the store when memory was crowded."""

    # What happened

    def sent(self, letter: Letter) -> None:
        """A send was acknowledged, or may have been made: then the letter says `maybe`."""
        self.letters[letter.body] = letter
        heappush(self._ends, (letter.expires_ms, letter.body))
        if letter.home is not None and self.shelves[letter.home].fifo and not letter.maybe:
            self._lines.setdefault((letter.home, letter.group), {})[letter.body] = letter

    def duplicate(self, url: str, key: str, now_ms: int) -> bool:
        """Whether a send with this deduplication id must deliver nothing; if not, it is remembered."""
        remembered = self.shelves[url].remembered
        if key in remembered:
            if now_ms - remembered[key] < DEDUPLICATION_MS:
                self.seen["duplicate"] += 1
                return True
            self.seen["deduplication window over"] += 1
        remembered[key] = now_ms
        return False

    def received(self, url: str, messages: list[tuple[str, str, int]], now_ms: int, visibility_ms: int) -> None:
        """A receive was answered with (body, handle, receive count) each."""
        shelf = self.shelves[url]
        batch: set[str] = set()
        letters: list[Letter] = []
        for body, handle, count in messages:
            letter = self.letters.get(body)
            if letter is None:
                raise Broken(f"{body} was deleted, or never sent, or given after its retention")
            self._check_delivery(shelf, letter, count, now_ms)
            if body in batch:
                raise Broken(f"{body} comes twice in one answer")
            if shelf.fifo:
                self._check_front(url, letter, batch, now_ms)
            self._count_delivery(shelf, letter, count)
            batch.add(body)
            letters.append(letter)
            letter.places, letter.count, letter.handle, letter.received_from = {url}, count, handle, url
            letter.maybe = False
        for letter in letters:
            letter.due_ms = now_ms + visibility_ms
            if shelf.dead is not None and (letter.count or 0) >= shelf.max_receives:
                letter.places = {shelf.url, shelf.dead}
                self._leave_line(letter)

    def received_again(self, letters: list[Letter], shown: list[tuple[str, str, int]], due_ms: int) -> None:
        """A receive was repeated by its name, and nothing had happened to its letters: they are given once more, hidden anew."""
        if [(body, count) for body, _, count in shown] != [(letter.body, letter.count) for letter in letters]:
            raise Broken(f"a repeated receive gave {shown}")
        for letter in letters:
            letter.due_ms = due_ms
        self.seen["receive repeated"] += 1

    def hidden(self, letter: Letter, until_ms: int) -> None:
        """A change of visibility was acknowledged."""
        letter.due_ms = until_ms

    def deleted(self, letter: Letter) -> None:
        """A delete was acknowledged."""
        self._leave_line(letter)
        del self.letters[letter.body]

    def purged(self, url: str) -> None:
        """A purge was acknowledged: what may be there is gone, or was elsewhere; call it only where that is certain."""
        for letter in self.at(url):
            self.deleted(letter)
            self.seen["purged letter"] += 1
        self.shelves[url].remembered.clear()

    def configured(self, url: str, retention_ms: int, delay_ms: int, now_ms: int) -> None:
        """Attributes were set: retention counts for what is there already, and on FIFO queues the delay for what is still delayed. Call it
        only where everything that may be there is certain to be."""
        shelf = self.shelves[url]
        shelf.retention_ms, shelf.delay_ms = retention_ms, delay_ms
        for letter in self.at(url):
            letter.expires_ms = letter.sent_ms + retention_ms
            heappush(self._ends, (letter.expires_ms, letter.body))
            if shelf.fifo and letter.count == 0 and letter.due_ms > now_ms:
                letter.due_ms = letter.sent_ms + delay_ms

    def crashed(self) -> None:
        """The process ended without warning: receives from standard queues may be lost."""
        for letter in self.letters.values():
            if letter.received_from is not None and not any(self.shelves[url].fifo for url in letter.places):
                letter.count = None
                letter.due_ms = 0

    def redriven(self, dead: str, sources: set[str], now_ms: int) -> None:
        """A move task was started."""
        visible = [
            (letter, letter.due_ms)
            for letter in self.at(dead)
            if letter.certain() and letter.due_ms < now_ms and letter.count is not None and not letter.maybe
        ]
        self.redrives[dead] = Redrive(sources, [] if self.shelves[dead].fifo else visible)
        self.time(now_ms)

    def redrive_ended(self, dead: str, complete: bool) -> None:
        """A move task is over. One that completed has moved everything that it found: a letter's count begins anew."""
        redrive = self.redrives.pop(dead)
        if not complete:
            return
        for letter, due_ms in redrive.visible:
            untouched = letter.due_ms == due_ms and letter.places == redrive.sources | {dead}
            if untouched and letter.body in self.letters:
                letter.places, letter.count = set(redrive.sources), 0
                self.seen["redriven letter"] += 1

    def time(self, now_ms: int) -> None:
        """Retention ends; move tasks move."""
        ends = self._ends
        while ends and ends[0][0] <= now_ms:
            expires_ms, body = heappop(ends)
            letter = self.letters.get(body)
            if letter is not None and letter.expires_ms == expires_ms:
                self.lapsed.update(letter.places)
                self.deleted(letter)
                self.seen["expired"] += 1
        for dead in self.redrives:
            for letter in self.letters.values():
                if dead in letter.places and letter.due_ms <= now_ms:
                    self._may_be_redriven(letter, self.redrives[dead].sources)

    # What must be

    def at(self, url: str) -> list[Letter]:
        """Letters that may be in a queue."""
        return [letter for letter in self.letters.values() if url in letter.places]

    def check_counts(self, shown: dict[str, tuple[int, int, int]], now_ms: int, crowded: bool) -> None:
        """The queues hold the letters that must be somewhere; `shown` has (visible, not visible, delayed) of each. `crowded`: memory is so
        small that standard queues leave what they touched to the store."""
        total = sum(map(sum, shown.values()))
        surely = sum(not letter.maybe for letter in self.letters.values())
        if not surely <= total <= len(self.letters) + crowded * self.lapsed.total():
            raise Broken(f"{total} messages for {surely} to {len(self.letters)} letters")
        for url, counts in shown.items():
            here = self.at(url)
            known = all(len(letter.places) == 1 and letter.count is not None and not letter.maybe for letter in here)
            if not known or (crowded and self.lapsed[url]):
                continue
            hidden = [letter for letter in here if letter.due_ms > now_ms]
            delayed = sum(letter.count == 0 for letter in hidden)
            expected = len(here) - len(hidden), len(hidden) - delayed, delayed
            shelf = self.shelves[url]
            if shelf.fifo and shelf.delay_ms:
                # Beyond the window a delayed message is not told from a visible one: AWS calls these counts approximate.
                expected, counts = (len(here), 0, 0), (sum(counts), 0, 0)
            if counts != expected:
                raise Broken(f"{url} shows {counts} instead of {expected}")

    def check_nothing_is_missing(self) -> None:
        """After everything was received and deleted, no letter is left."""
        missing = sorted(letter.body for letter in self.letters.values() if not letter.maybe)
        if missing:
            raise Broken(f"lost: {missing}")

    def _check_delivery(self, shelf: Shelf, letter: Letter, count: int, now_ms: int) -> None:
        if shelf.url not in letter.places:
            raise Broken(f"{letter.body} is not in this queue")
        if letter.due_ms > now_ms:
            raise Broken(f"{letter.body} is hidden until {letter.due_ms}")
        if letter.expires_ms <= now_ms:
            raise Broken(f"{letter.body} is past its retention")
        if letter.count is not None and count != letter.count + 1:
            raise Broken(f"{letter.body} has count {count}, not {letter.count + 1}")
        if count > shelf.max_receives:
            raise Broken(f"{letter.body} was received too often")

    def _check_front(self, url: str, letter: Letter, batch: set[str], now_ms: int) -> None:
        line = self._lines.get((url, letter.group), {})
        if letter.body not in line:
            return
        for other in line.values():
            if other is letter:
                return
            if other.body not in batch and other.expires_ms > now_ms:
                raise Broken(f"{letter.body} overtook {other.body}")

    def _count_delivery(self, shelf: Shelf, letter: Letter, count: int) -> None:
        seen = self.seen
        seen["FIFO delivery" if shelf.fifo else "standard delivery"] += 1
        if count > 1:
            seen["redelivery"] += 1
        if letter.delayed:
            seen["delivery after a delay"] += 1
        if letter.group is not None and not shelf.fifo:
            seen["fair delivery"] += 1
        if letter.received_from not in (None, shelf.url):
            seen["dead letter"] += 1

    def _may_be_redriven(self, letter: Letter, sources: set[str]) -> None:
        if not sources <= letter.places:
            letter.places |= sources
        letter.count = letter.received_from = None
        letter.expires_ms = FOREVER_MS
        self._leave_line(letter)

    def _leave_line(self, letter: Letter) -> None:
        if letter.home is not None:
            line = self._lines.get((letter.home, letter.group))
            if line is not None:
                line.pop(letter.body, None)
            letter.home = None
