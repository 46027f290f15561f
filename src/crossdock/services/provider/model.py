"""What the provider takes, keeps and answers, and its decision about a charge. Pure: no I/O, chance is handed in."""

from enum import StrEnum
from typing import Annotated

import msgspec

from crossdock.services.cards import CARDS, Behaviour
from crossdock.services.money import MINOR_MAX

Rate = Annotated[float, msgspec.Meta(ge=0, le=1)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=600_000)]
Amount = Annotated[int, msgspec.Meta(ge=0, le=MINOR_MAX)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class Knobs(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What may be turned while the provider runs. Rates are chances per new request."""

    latency_ms: Milliseconds = 0
    """Before every answer."""
    slow_ms: Milliseconds = 1_500
    """Before the answer about a slow card."""
    hang_ms: Milliseconds = 30_000
    """How long an answer that is not to come is withheld before the connection is given up."""
    decline_rate: Rate = 0.0
    timeout_rate: Rate = 0.0
    """Charges that are made and not answered."""
    error_rate: Rate = 0.0
    """Requests that are answered 500 with nothing charged."""
    webhook_copies: Annotated[int, msgspec.Meta(ge=0, le=10)] = 1
    webhook_delay_ms: Milliseconds = 0
    webhook_spread_ms: Milliseconds = 0
    """A chance delay up to this, drawn for each copy: events arrive out of order."""


class ChargeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /charges. Amounts are in minor units."""

    amount: Amount
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
    card: Name
    reference: Name
    """The merchant's own name of what is paid: the order id."""


class RefundRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /refunds: give the whole charge back."""

    charge: Name


class ChargeStatus(StrEnum):
    """How a charge ended; there is no other state."""

    SUCCEEDED = "succeeded"
    DECLINED = "declined"


class Charge(msgspec.Struct, frozen=True, rename="camel"):
    """A charge as the ledger keeps it and as it is answered."""

    id: str
    idempotency_key: str
    reference: str
    amount: int
    currency: str
    card: str
    status: ChargeStatus
    code: str
    """Why it was declined; empty otherwise."""
    created_ms: int


class Refund(msgspec.Struct, frozen=True, rename="camel"):
    """A refund of a whole charge."""

    id: str
    idempotency_key: str
    charge: str
    reference: str
    amount: int
    currency: str
    created_ms: int


class Plan(msgspec.Struct, frozen=True):
    """What is to happen with one new charge."""

    fail_first: bool = False
    """Answer 500 and charge nothing."""
    decline_code: str = ""
    hang: bool = False
    slow: bool = False


def plan(card: str, knobs: Knobs, *, failed_before: bool, chance: float) -> Plan:
    """Decide about a new charge.

    `chance` in [0, 1) is compared with the rates, which share it: error first, then decline, then timeout. A card that fails
    before charging does so once per idempotency key (`failed_before`). A card that is not known is declined.
    """
    known = CARDS.get(card)
    if known is None:
        return Plan(decline_code="invalid_card")
    if chance < knobs.error_rate or (known.behaviour is Behaviour.ERROR_BEFORE_CHARGING and not failed_before):
        return Plan(fail_first=True)
    chance -= knobs.error_rate
    if known.behaviour is Behaviour.DECLINE or chance < knobs.decline_rate:
        return Plan(decline_code=known.decline_code or "card_declined")
    chance -= knobs.decline_rate
    hang = known.behaviour is Behaviour.TIMEOUT_AFTER_CHARGING or chance < knobs.timeout_rate
    return Plan(hang=hang, slow=known.behaviour is Behaviour.SLOW)
