"""The life of a payment, pure: its states and what moves it between them.

    authorizing ──charged──▶ succeeded ──cancel──▶ refunding ──refunded──▶ refunded
      │   │                      ▲
      │   └──no answer──▶ unknown┴──declined──┐
      └──declined──▶ declined ◀───────────────┘          cancelled

A payment begins in `authorizing`, the intent to charge, or in `cancelled` when the cancellation of its order came before the order.
A payment that is cancelled while the provider's answer is awaited stays where it is and remembers it: when the charge turns out to have
succeeded, it is given back at once.
"""

from enum import StrEnum
from typing import Final

import msgspec

from crossdock.services.money import Money


class PaymentState(StrEnum):
    """Where a payment stands."""

    AUTHORIZING = "authorizing"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    UNKNOWN = "unknown"
    """The provider was asked and has not answered; the same question is asked again until it does."""
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"


class Trigger(StrEnum):
    """What can happen to a payment."""

    CHARGED = "charged"
    DECLINED = "declined"
    NO_ANSWER = "no_answer"
    CANCEL = "cancel"
    REFUNDED = "refunded"


_S, _T = PaymentState, Trigger

TRANSITIONS: Final[dict[tuple[PaymentState, Trigger], PaymentState]] = {
    (_S.AUTHORIZING, _T.CHARGED): _S.SUCCEEDED,
    (_S.AUTHORIZING, _T.DECLINED): _S.DECLINED,
    (_S.AUTHORIZING, _T.NO_ANSWER): _S.UNKNOWN,
    (_S.UNKNOWN, _T.CHARGED): _S.SUCCEEDED,
    (_S.UNKNOWN, _T.DECLINED): _S.DECLINED,
    (_S.SUCCEEDED, _T.CANCEL): _S.REFUNDING,
    (_S.REFUNDING, _T.REFUNDED): _S.REFUNDED,
}
"""Whatever is not listed changes nothing: it repeats what is known, or comes too late."""

AWAITING: Final = frozenset({_S.AUTHORIZING, _S.UNKNOWN})
"""The provider's answer about a charge is awaited."""


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as it is stored. `version` counts its changes, `event_version` the events that were published about it."""

    id: str
    order_id: str
    state: PaymentState
    version: int
    event_version: int
    cancel_requested: bool
    currency: str
    amount_minor: int
    card: str
    transaction_id: str | None
    refund_id: str | None
    failure_reason: str | None
    created_ms: int
    updated_ms: int

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class AttemptKind(StrEnum):
    """What the provider is asked for."""

    CHARGE = "charge"
    REFUND = "refund"


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A question to the provider that was decided on: the intent that is written before the call.

    `key` is the idempotency key and stays the same until the provider has answered. `due_ms` is when the reconciler asks (again);
    None when the answer is known.
    """

    key: str
    payment_id: str
    kind: AttemptKind
    tries: int
    due_ms: int | None


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the append-only ledger of gateway calls."""

    payment_id: str
    key: str
    kind: AttemptKind
    via: str
    """`call` or `webhook`."""
    outcome: str
    detail: str
    at_ms: int


def attempt_of(payment_id: str, kind: AttemptKind, due_ms: int) -> Attempt:
    """The one attempt of its kind that a payment ever has: a charge or a refund that is not answered is asked for again, not anew."""
    return Attempt(key=f"{payment_id}:{kind}", payment_id=payment_id, kind=kind, tries=0, due_ms=due_ms)


FIRST_PAUSE_MS: Final = 200
LONGEST_PAUSE_MS: Final = 30_000


def pause_ms(tries: int, chance: float) -> int:
    """How long to wait before the provider is asked again after `tries` unanswered times: doubling, with up to a quarter of jitter."""
    full = min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS << min(tries, 10))
    return int(full * (1 - chance / 4))
