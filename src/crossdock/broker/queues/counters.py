"""What is counted of a queue for its operator."""


class Counters:
    """What happened to a queue since the process began."""

    __slots__ = (
        "dead_lettered",
        "deduplicated",
        "deleted",
        "empty_receives",
        "largest",
        "received",
        "sent",
        "sent_bytes",
        "smallest",
    )

    def __init__(self) -> None:
        self.sent = 0
        self.sent_bytes = 0
        self.deduplicated = 0
        self.received = 0
        self.empty_receives = 0
        self.deleted = 0
        self.dead_lettered = 0
        self.smallest = self.largest = 0
        """Bytes of the smallest and of the largest message sent since `forget_sizes`."""

    def note_sent(self, size: int) -> None:
        """A message of `size` bytes was sent."""
        self.sent += 1
        self.sent_bytes += size
        if size > self.largest:
            self.largest = size
        if size < self.smallest or not self.smallest:
            self.smallest = size

    def forget_sizes(self) -> None:
        """The next sends are the first."""
        self.smallest = self.largest = 0
