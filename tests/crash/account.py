"""An account of what a broker promised over all its lives, kept outside of it: what each answer means, and what must hold.

A letter is a message with a body of its own. What was asked and not answered when the broker died may have happened or not: such a
letter may be there, or may be gone, until it is seen again. What was answered is certain:

- a send: the letter is there exactly once, until it is deleted; its delay holds
- a delete: the letter never comes back, from a standard queue either
- a receive from a FIFO queue: the letter stays hidden and its count never goes back, over any crash; on a standard queue both may lag by
  what was received since the last commit that a client waited for
- order within a group, the memory of deduplication, and sequence numbers that go on
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

CLOCKS_S = 0.01
"""The broker counts in whole milliseconds."""


class Broken(AssertionError):
    """A promise was broken."""


class Gone(Enum):
    """Whether a letter was deleted."""

    NO = "no"
    ASKED = "asked"
    """A delete was sent, and not (or never) answered."""
    YES = "yes"


@dataclass(slots=True)
class Shelf:
    """A queue, as far as its promises go."""

    name: str
    fifo: bool = False
    dead: str | None = None
    max_receives: int = 1_000
    last_sequence: int = 0
    """The highest sequence number that was shown to anybody."""
    groups: dict[str, "deque[Letter]"] = field(default_factory=dict)
    """The letters that were sent to each group and may still be there, in order."""


@dataclass(slots=True, eq=False)
class Letter:
    """One message, as its sender and its receivers know it. Times in seconds since 1970."""

    name: str
    home: str
    size: int
    group: str | None
    places: set[str]
    """The queues it may be in."""
    delayed_until: float = 0
    there: bool = False
    """Its send was answered, or it was seen."""
    gone: Gone = Gone.NO
    deletes: int = 0
    """How many deletes of it are under way."""
    deletes_ended: float = 0
    """When the last of them was answered, or can no more be."""
    acknowledged: float = 0
    message_id: str | None = None
    sequence: int | None = None
    redriven: bool = False
    """A move task may have taken it: its id, its place in the order and its count are new then."""
    floor: int = 0
    """The count that it cannot fall below."""
    count: int | None = 0
    """The last known count; None where a move task may have begun it anew."""
    unheard: int = 0
    """How many receives had been lost in its queues when `count` was learned."""
    counts: list[tuple[float, int]] = field(default_factory=list)
    """Standard queues: the receives that a crash may still take back."""
    hidden_until: float = 0
    seen: float = 0
    """When the last receive of it was answered."""


@dataclass(slots=True, eq=False)
class Receive:
    """A receive that is under way."""

    queue: str
    began: float
    visibility_s: int


@dataclass(slots=True)
class Held:
    """A letter in the hands of a receiver."""

    letter: Letter
    queue: str
    handle: str
    received: float
    """When the receive was answered."""


class Account:
    """All letters and queues, and the checks."""

    def __init__(self, shelves: Iterable[Shelf]) -> None:
        self.shelves = {shelf.name: shelf for shelf in shelves}
        self.letters: dict[str, Letter] = {}
        """Those that may be there."""
        self.gone: dict[str, float] = {}
        """Names of those whose delete was answered, and when."""
        self.redriving: dict[str, float] = {}
        """Dead-letter queues whose move task may be running, and when it was asked for."""
        self.checked = 0
        self._committed: float = 0
        """When the last send that was answered was asked for: every receive that was answered before is on disk."""
        self._sources = {shelf.dead: shelf.name for shelf in self.shelves.values() if shelf.dead}
        self._family = {shelf.name: shelf.dead or shelf.name for shelf in self.shelves.values()}
        self._lost = dict.fromkeys(self._family.values(), 0)
        self._under_way: list[Receive] = []
        self._named = 0

    # Sends

    def letter(self, queue: str, size: int, group: str | None = None) -> Letter:
        """A letter that is about to be sent, for the first time."""
        self._named += 1
        name = f"letter-{self._named}"
        letter = Letter(name, queue, max(size, len(name) + 1), group, {queue})
        self.letters[name] = letter
        if group is not None:
            self.shelves[queue].groups.setdefault(group, deque()).append(letter)
        return letter

    def committed(self, began: float) -> None:
        """What was asked for then waited for a commit, and was answered."""
        self._committed = max(self._committed, began)

    def sent(self, letter: Letter, answer: dict[str, str], last_sequence: int | None, now: float) -> None:
        """A send was answered. `last_sequence` is the highest sequence number from before it was asked for, None for a repeated send."""
        message_id, sequence = answer["MessageId"], int(answer.get("SequenceNumber", 0)) or None
        self._check(letter.message_id in (None, message_id), f"{letter.name} was {letter.message_id}, is {message_id}")
        self._check(letter.sequence in (None, sequence), f"{letter.name} had {letter.sequence}, has {sequence}")
        if last_sequence is not None and sequence is not None:
            self._check(sequence > last_sequence, f"{letter.name} has number {sequence} after {last_sequence}")
        letter.message_id, letter.sequence = message_id, sequence
        letter.there = True
        letter.acknowledged = letter.acknowledged or now
        shelf = self.shelves[letter.home]
        shelf.last_sequence = max(shelf.last_sequence, sequence or 0)

    def unsure(self, queue: str, group: str) -> list[Letter]:
        """Letters of a group whose send was never answered, in order: to be sent again before any other."""
        return [letter for letter in self.shelves[queue].groups.get(group, ()) if not letter.acknowledged]

    # Receives

    def receiving(self, queue: str, visibility_s: int, now: float) -> Receive:
        """A receive is asked for."""
        receive = Receive(queue, now, visibility_s)
        self._under_way.append(receive)
        return receive

    def received(self, receive: Receive, messages: list[dict[str, object]], now: float) -> list[Held]:
        """A receive was answered; what is held by it now, without those that were deleted meanwhile."""
        self._under_way.remove(receive)
        held: list[Held] = []
        batch: list[Letter] = []
        for message in messages:
            letter = self._recognised(receive, str(message["Body"]))
            if letter is None:
                continue
            attributes = message["Attributes"]
            assert isinstance(attributes, dict)
            self._check(letter not in batch, f"{letter.name} comes twice in one answer")
            count = int(attributes["ApproximateReceiveCount"])
            if receive.began >= letter.seen or count > (letter.count or 0):
                self._look_at(receive, letter, str(message["MessageId"]), attributes, batch, now)
            batch.append(letter)
            held.append(Held(letter, receive.queue, str(message["ReceiptHandle"]), now))
        return held

    def _recognised(self, receive: Receive, body: str) -> Letter | None:
        """The letter with a body; None if it was deleted while it was received."""
        name, _, rest = body.partition(" ")
        if name in self.gone:
            self._check(self.gone[name] > receive.began, f"{name} came back after its delete was answered")
            return None
        self._check(name in self.letters, f"{name} was never sent")
        letter = self.letters[name]
        self._check(len(body) == letter.size and not rest.strip("x"), f"{name} is not what was sent")
        self._check(receive.queue in letter.places, f"{name} is in {receive.queue}, should be in {letter.places}")
        return letter

    def _look_at(
        self,
        receive: Receive,
        letter: Letter,
        message_id: str,
        attributes: dict[str, str],
        batch: list[Letter],
        now: float,
    ) -> None:
        shelf = self.shelves[receive.queue]
        self.checked += 1
        if not letter.redriven:
            self._check(letter.message_id in (None, message_id), f"{letter.name} is there twice: {message_id}")
            letter.message_id = message_id
        hidden_until = max(letter.hidden_until, letter.delayed_until) - CLOCKS_S
        self._check(now >= hidden_until, f"{letter.name} is hidden for {hidden_until - now:.3f} s more")
        count = int(attributes["ApproximateReceiveCount"])
        self._check_count(letter, count)
        if shelf.fifo and not letter.redriven and letter.home == shelf.name:
            sequence = int(attributes["SequenceNumber"])
            self._check(letter.sequence in (None, sequence), f"{letter.name} had {letter.sequence}, has {sequence}")
            letter.sequence = sequence
            shelf.last_sequence = max(shelf.last_sequence, sequence)
            self._check_front(shelf, letter, batch)
        letter.there = True
        if letter.gone is Gone.ASKED and not letter.deletes and receive.began >= letter.deletes_ended:
            letter.gone = Gone.NO
        letter.count = letter.floor = count
        letter.unheard = self._lost[self._family[shelf.name]]
        letter.counts.append((now, count))
        letter.seen = now
        letter.hidden_until = receive.began + receive.visibility_s
        letter.places = {shelf.name}
        self._may_move(letter)

    def _check_count(self, letter: Letter, count: int) -> None:
        self._check(count > letter.floor, f"{letter.name} has count {count}, had {letter.floor}")
        if letter.count is not None:
            family = self._family[letter.home]
            under_way = sum(self._family[receive.queue] == family for receive in self._under_way)
            most = letter.count + 1 + self._lost[family] - letter.unheard + under_way
            self._check(count <= most, f"{letter.name} has count {count}, at most {most} receives were asked for")

    def _check_front(self, shelf: Shelf, letter: Letter, batch: list[Letter]) -> None:
        assert letter.group is not None
        for other in shelf.groups[letter.group]:
            if other is letter:
                return
            certain = other.there and other.gone is Gone.NO and not other.redriven and other.places == {shelf.name}
            self._check(not certain or other in batch, f"{letter.name} overtook {other.name}")

    # Visibility and deletes

    def hiding(self, letter: Letter, until: float) -> None:
        """A change of visibility is asked for: from now on it may be in force."""
        letter.hidden_until = min(letter.hidden_until, until)

    def hidden(self, letter: Letter, began: float, until: float) -> None:
        """A change of visibility was answered."""
        if letter.seen < began:
            letter.hidden_until = until

    def deleting(self, held: Held) -> None:
        """A delete is asked for."""
        held.letter.gone = Gone.ASKED
        held.letter.deletes += 1

    def deleted(self, held: Held, now: float) -> None:
        """A delete was answered. The handle of a letter that has left the queue meanwhile deletes nothing, and is no error either."""
        letter = held.letter
        self._delete_ended(letter, now)
        if letter.name not in self.letters or not self._was_in(held, now):
            return
        letter.gone = Gone.YES
        del self.letters[letter.name]
        self.gone[letter.name] = now
        if letter.group is not None:
            self.shelves[letter.home].groups[letter.group].remove(letter)

    def kept(self, held: Held, now: float) -> None:
        """A delete was refused because the handle had expired: the letter was there then."""
        self._delete_ended(held.letter, now)
        if not held.letter.deletes and held.letter.name in self.letters:
            held.letter.gone = Gone.NO

    @staticmethod
    def _delete_ended(letter: Letter, now: float) -> None:
        letter.deletes -= 1
        letter.deletes_ended = now

    def _was_in(self, held: Held, now: float) -> bool:
        """Whether a letter must still have been in the queue that its handle is of."""
        letter, shelf = held.letter, self.shelves[held.queue]
        stayed = letter.places == {held.queue} and (not letter.redriven or held.received == letter.seen)
        return stayed and (shelf.dead is None or now <= letter.hidden_until)

    # Move tasks

    def redrive(self, dead: str, now: float) -> None:
        """A move task of a dead-letter queue is asked for."""
        self.redriving[dead] = now
        for letter in self.letters.values():
            self._may_be_redriven(letter)

    def redriven(self, dead: str, asked: float) -> None:
        """The move task that was asked for then is not running, or never came to be."""
        if self.redriving.get(dead) == asked:
            del self.redriving[dead]

    def _may_move(self, letter: Letter) -> None:
        """Whether it may go, or have gone, to the dead-letter queue of where it is."""
        for name in tuple(letter.places):
            shelf = self.shelves[name]
            if shelf.dead is None:
                continue
            lost = self._lost[self._family[name]] - letter.unheard
            if letter.count is None or letter.count + lost >= shelf.max_receives:
                letter.places.add(shelf.dead)
        self._may_be_redriven(letter)

    def _may_be_redriven(self, letter: Letter) -> None:
        for dead in self.redriving:
            if dead in letter.places:
                letter.places.add(self._sources[dead])
                letter.redriven = True
                letter.count, letter.floor = None, 0
                letter.counts.clear()

    # Lives

    def crashed(self, now: float) -> None:
        """The broker died without warning. Whatever was asked and not answered may have happened."""
        for receive in self._under_way:
            self._lost[self._family[receive.queue]] += 1
        self._under_way.clear()
        for letter in self.letters.values():
            if letter.deletes:
                letter.deletes, letter.deletes_ended = 0, now
            if letter.group is None:
                letter.hidden_until = 0
                letter.counts = [(at, count) for at, count in letter.counts if at < self._committed]
                letter.floor = letter.counts[-1][1] if letter.counts else 0
            self._may_move(letter)

    def census(self, queue: str) -> tuple[int, int]:
        """How many letters a queue and its dead-letter queue must hold together, and how many they may hold."""
        family = self._family[queue]
        letters = [letter for letter in self.letters.values() if self._family[letter.home] == family]
        sure = sum(letter.there and letter.gone is Gone.NO for letter in letters)
        return sure, len(letters)

    def families(self) -> dict[str, list[str]]:
        """The queues that share letters, by the name of one of them."""
        families: dict[str, list[str]] = {}
        for name, family in self._family.items():
            families.setdefault(family, []).append(name)
        return families

    def check_nothing_is_missing(self) -> None:
        """After everything was received and deleted, no letter is left that must be there."""
        lost = [letter for letter in self.letters.values() if letter.there and letter.gone is Gone.NO]
        self._check(not lost, f"lost: {lost[:5]}")

    @staticmethod
    def _check(holds: bool, sentence: str) -> None:
        if not holds:
            raise Broken(sentence)
