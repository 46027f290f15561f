"""What becomes of a message after its handler: decided here as a value, done by the consumer.

A handler says what it wants by returning (done) or by raising `Retry`, `Fatal` or `Discard`; any other exception is a retry until the
attempts run out. Attempts are counted in the database, never by the receive count, which also rises for messages that were only handed back.
"""

from typing import NamedTuple

import msgspec


class Retry(Exception):
    """Raised by a handler: not now; try again, `after` seconds from now or by the policy's backoff."""

    def __init__(self, reason: str = "", *, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Fatal(Exception):
    """Raised by a handler: this message can never be handled; it goes to the dead letter queue with the reason."""


class Discard(Exception):
    """Raised by a handler: this message is to be deleted without an effect."""


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How often and how long. The pause doubles from `first_s` to `longest_s`, each time shortened by up to `jitter` of itself."""

    attempts: int = 3
    first_s: float = 1.0
    longest_s: float = 60.0
    jitter: float = 0.5
    park_group: bool = False
    """FIFO only: after a message of a group was given up, its successors follow it to the dead letter queue (True), or go on without it."""


class Ack(NamedTuple):
    """Done: delete the message."""


class TryAgain(NamedTuple):
    """Make the message visible again after so many seconds, or as long as SQS hides it at the most."""

    after_s: int
    reason: str


class DeadLetter(NamedTuple):
    """Move the message to the dead letter queue; `error` is the name of the exception type."""

    reason: str
    error: str


class Drop(NamedTuple):
    """Delete the message although nothing was done."""

    reason: str


Decision = Ack | TryAgain | DeadLetter | Drop


def decide(error: BaseException | None, attempt: int, policy: RetryPolicy, chance: float) -> Decision:
    """What becomes of a message whose `attempt`-th attempt (from 1) ended with `error` (None: it returned).

    `chance` in [0, 1) is the jitter's draw (`Clock.random`). An asked-for `Retry` counts as an attempt too.
    """
    match error:
        case None:
            return Ack()
        case Discard():
            return Drop(str(error))
        case Fatal():
            return DeadLetter(str(error), "Fatal")
    reason = str(error) or type(error).__name__
    if attempt >= policy.attempts:
        return DeadLetter(f"gave up after {attempt} attempts: {reason}", type(error).__name__)
    after = error.after if isinstance(error, Retry) else None
    return TryAgain(round(max(0, after) if after is not None else backoff_s(attempt, policy, chance)), reason)


def backoff_s(attempt: int, policy: RetryPolicy, chance: float) -> float:
    """The pause after the `attempt`-th failure: exponential, at most `longest_s`, jittered downwards."""
    full = min(policy.longest_s, policy.first_s * 2.0 ** min(attempt - 1, 32))
    return full * (1 - policy.jitter * chance)
