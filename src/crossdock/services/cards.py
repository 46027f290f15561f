"""The test cards of the simulated payment provider, as tokens: what an order may name and what the provider does with each.

The order service refuses a token that is not listed; the provider acts on it. Card numbers never enter the system.
"""

from enum import StrEnum
from typing import Final

import msgspec


class Behaviour(StrEnum):
    """What the provider does with a charge."""

    ACCEPT = "accept"
    DECLINE = "decline"
    TIMEOUT_AFTER_CHARGING = "timeout_after_charging"
    """The charge is made and written down, the answer never comes; a repeated request gets the result."""
    ERROR_BEFORE_CHARGING = "error_before_charging"
    """The first request is answered 500 and nothing is charged; a repeated request succeeds."""
    SLOW = "slow"


class Card(msgspec.Struct, frozen=True):
    """One test card: what the provider does with it, and the code of a decline."""

    behaviour: Behaviour
    decline_code: str = ""


DEFAULT_CARD: Final = "tok_visa"

CARDS: Final[dict[str, Card]] = {
    DEFAULT_CARD: Card(Behaviour.ACCEPT),
    "tok_mastercard": Card(Behaviour.ACCEPT),
    "tok_amex": Card(Behaviour.ACCEPT),
    "tok_jcb": Card(Behaviour.ACCEPT),
    "tok_declined": Card(Behaviour.DECLINE, "card_declined"),
    "tok_insufficient_funds": Card(Behaviour.DECLINE, "insufficient_funds"),
    "tok_expired_card": Card(Behaviour.DECLINE, "expired_card"),
    "tok_incorrect_cvc": Card(Behaviour.DECLINE, "incorrect_cvc"),
    "tok_lost_card": Card(Behaviour.DECLINE, "lost_card"),
    "tok_timeout": Card(Behaviour.TIMEOUT_AFTER_CHARGING),
    "tok_error": Card(Behaviour.ERROR_BEFORE_CHARGING),
    "tok_slow": Card(Behaviour.SLOW),
}
