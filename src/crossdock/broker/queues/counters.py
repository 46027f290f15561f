"""What is counted of a queue for its operator."""


class Counters:
    """What happened to a queue since the process began."""

    __slots__ = ("dead_lettered", "deduplicated", "deleted", "empty_receives", "received", "sent", "sent_bytes")

    def __init__(self) -> None:
        self.sent = 0
        self.sent_bytes = 0
        self.deduplicated = 0
        self.received = 0
        self.empty_receives = 0
        self.deleted = 0
        self.dead_lettered = 0
