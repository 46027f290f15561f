"""The life of an order, as a table and as histories of chance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.services.orders.model import (
    END_STATES,
    TRANSITIONS,
    OrderState,
    Step,
    Trigger,
    Verdict,
    step,
)


@pytest.mark.parametrize(
    ("triggers", "end", "notices"),
    [
        (["payment_succeeded"], "paid", ["order_confirmation"]),
        (["payment_failed"], "payment_failed", ["payment_failed"]),
        (["cancel"], "cancelled", ["order_cancelled"]),
        (["cancel", "payment_failed"], "cancelled", ["order_cancelled"]),
        (["cancel", "payment_succeeded", "refunded"], "refunded", ["order_cancelled", "refund_issued"]),
        (
            ["payment_succeeded", "cancel", "refunded"],
            "refunded",
            ["order_confirmation", "order_cancelled", "refund_issued"],
        ),
        (["payment_succeeded", "refunded"], "refunded", ["order_confirmation", "refund_issued"]),
        (["payment_succeeded", "payment_succeeded", "cancel", "cancel"], "refund_pending", None),
    ],
)
def test_histories(triggers: list[str], end: str, notices: list[str] | None) -> None:
    """Each history ends where the picture says, and tells the customer each change once."""
    state, told = OrderState.PENDING, []
    for trigger in triggers:
        match step(state, Trigger(trigger)):
            case Step() as taken:
                state = taken.to
                told += [taken.notice] if taken.notice else []
            case verdict:
                assert verdict is Verdict.REPEATED
    assert state == end
    assert notices is None or told == notices


@given(st.lists(st.sampled_from(Trigger), max_size=12))
def test_money_is_never_kept_for_a_cancelled_order(triggers: list[Trigger]) -> None:
    """However triggers come: an order that was cancelled and paid ends refunded or waits for it, and is confirmed at most once."""
    state, paid, cancelled, confirmations = OrderState.PENDING, False, False, 0
    for trigger in triggers:
        taken = step(state, trigger)
        if isinstance(taken, Step):
            state = taken.to
            paid |= trigger is Trigger.PAYMENT_SUCCEEDED
            cancelled |= trigger is Trigger.CANCEL
            confirmations += taken.notice == "order_confirmation"
    assert confirmations <= 1
    if paid and cancelled:
        assert state in {OrderState.REFUND_PENDING, OrderState.REFUNDED}
    if state is OrderState.PAID:
        assert confirmations == 1


def test_payments_hear_of_every_cancellation() -> None:
    """Every step by a cancellation tells the payment service, and no other does."""
    assert {key for key, taken in TRANSITIONS.items() if taken.cancels} == {
        key for key in TRANSITIONS if key[1] is Trigger.CANCEL
    }


def test_end_states() -> None:
    """Only waiting for money, in either direction, is not an end."""
    assert set(OrderState) - END_STATES == {OrderState.PENDING, OrderState.REFUND_PENDING}
