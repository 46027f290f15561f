"""A small model of what a queue promises, kept apart from how the machine keeps it.

Each letter is a message with a body of its own. Where the machine has a choice that a client cannot see (whether a letter that was
received too often has moved yet), the letter may be in several queues until it is seen again; where a crash may have lost a receive,
its count and its hiding are unknown until then.
"""

from dataclasses import dataclass, field


@dataclass
class Letter:
    """One message, as its sender and its receivers know it."""

    body: str
    group: str | None
    number: int
    expires_ms: int
    places: set[str]
    due_ms: int
    """Not to be seen before: end of delay or of visibility."""
    count: int | None = 0
    home: str | None = None
    """The queue in which `number` is its place among others; None once it may have moved."""
    handle: str | None = None
    received_from: str | None = None

    def certain(self) -> str | None:
        """The queue that it must be in, if that is known."""
        return next(iter(self.places)) if len(self.places) == 1 else None


@dataclass
class Shelf:
    """A queue, as far as its promises go."""

    url: str
    fifo: bool
    retention_ms: int
    dead: str | None = None
    max_receives: int = 1_000
    remembered: dict[str, int] = field(default_factory=dict)
    """FIFO: when each deduplication id was first sent."""


class Broken(AssertionError):
    """A promise was broken."""


class Promises:
    """All letters that must still be somewhere, and the checks."""

    def __init__(self) -> None:
        self.shelves: dict[str, Shelf] = {}
        self.letters: dict[str, Letter] = {}
        self.redrives: dict[str, set[str]] = {}
        """Dead-letter queues that a move task was started on, and where it takes letters."""

    # What happened

    def sent(self, url: str, letter: Letter) -> None:
        """A send was acknowledged."""
        self.letters[letter.body] = letter

    def duplicate(self, url: str, key: str, now_ms: int) -> bool:
        """Whether a send with this deduplication id must deliver nothing; if not, it is remembered."""
        remembered = self.shelves[url].remembered
        if key in remembered and now_ms - remembered[key] < 300_000:
            return True
        remembered[key] = now_ms
        return False

    def received(self, url: str, messages: list[tuple[str, str, int]], now_ms: int, visibility_ms: int) -> None:
        """A receive was answered with (body, handle, receive count) each."""
        shelf = self.shelves[url]
        batch: list[str] = []
        for body, handle, count in messages:
            letter = self.letters.get(body)
            self._check(letter is not None, f"{body} was deleted, or never sent, or given after its retention")
            assert letter is not None
            self._may_be_redriven(letter, now_ms)
            self._check(url in letter.places, f"{body} is not in this queue")
            self._check(body not in batch, f"{body} comes twice in one answer")
            self._check(letter.due_ms <= now_ms, f"{body} is hidden until {letter.due_ms}")
            self._check(letter.expires_ms > now_ms, f"{body} is past its retention")
            self._check(letter.count is None or count == letter.count + 1, f"{body} has count {count}")
            if letter.certain() == url and letter.received_from in (None, url):
                self._check(count <= shelf.max_receives, f"{body} was received too often")
            if shelf.fifo:
                self._check_front(url, letter, batch)
            batch.append(body)
            letter.places, letter.count, letter.handle, letter.received_from = {url}, count, handle, url
        for body in batch:
            self.letters[body].due_ms = now_ms + visibility_ms
            self._may_move(self.letters[body])

    def hidden(self, letter: Letter, until_ms: int) -> None:
        """A change of visibility was acknowledged."""
        letter.due_ms = until_ms

    def deleted(self, letter: Letter) -> None:
        """A delete was acknowledged."""
        del self.letters[letter.body]

    def purged(self, url: str) -> None:
        """A purge was acknowledged: what may be there is gone, or was elsewhere; call it only where that is certain."""
        for letter in self.at(url):
            del self.letters[letter.body]
        self.shelves[url].remembered.clear()

    def crashed(self) -> None:
        """The process ended without warning: receives from standard queues may be lost."""
        for letter in self.letters.values():
            if not any(self.shelves[url].fifo for url in letter.places) and letter.received_from is not None:
                letter.count = None
                letter.due_ms = 0

    def redriven(self, dead: str, sources: set[str], now_ms: int) -> None:
        """A move task was started: from now on what is visible in the dead-letter queue may go, and begins anew where it comes to."""
        self.redrives[dead] = sources
        self.time(now_ms)

    def time(self, now_ms: int) -> None:
        """Retention ends; move tasks move."""
        for letter in [letter for letter in self.letters.values() if letter.expires_ms <= now_ms]:
            del self.letters[letter.body]
        for letter in self.letters.values():
            self._may_be_redriven(letter, now_ms)

    # What must be

    def at(self, url: str) -> list[Letter]:
        """Letters that may be in a queue."""
        return [letter for letter in self.letters.values() if url in letter.places]

    def check_counts(self, total: int) -> None:
        """All queues together hold just the letters that must be somewhere."""
        self._check(total == len(self.letters), f"{total} messages for {len(self.letters)} letters")

    def check_nothing_is_missing(self) -> None:
        """After everything was received and deleted, no letter is left."""
        self._check(not self.letters, f"lost: {sorted(self.letters)}")

    def _may_move(self, letter: Letter) -> None:
        url = letter.certain()
        shelf = self.shelves[url or ""]
        if shelf.dead is not None and (letter.count or 0) >= shelf.max_receives:
            letter.places, letter.home = {shelf.url, shelf.dead}, None

    def _may_be_redriven(self, letter: Letter, now_ms: int) -> None:
        for dead, sources in self.redrives.items():
            if dead in letter.places and letter.due_ms <= now_ms:
                letter.places |= sources
                letter.home = None
                letter.count = letter.received_from = None
                letter.expires_ms = 1 << 60

    def _check_front(self, url: str, letter: Letter, batch: list[str]) -> None:
        for other in self.letters.values():
            ahead = other.group == letter.group and other.number < letter.number and other.home == letter.home == url
            self._check(not ahead or other.body in batch, f"{letter.body} overtook {other.body}")

    @staticmethod
    def _check(holds: bool, sentence: str) -> None:
        if not holds:
            raise Broken(sentence)
