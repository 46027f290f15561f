"""The audit finds each breach of promise 5, and nothing where all is well."""

from collections import Counter
from dataclasses import replace

import pytest

from crossdock.ops.audit import Books, ChargeRow, NoticeRow, OrderRow, PaymentRow, Step, violations

PAID = OrderRow("ord_1", "paid", "USD", 5998, "a@example.com", None)
CHARGE = ChargeRow("txn_1", "ord_1", 5998, "USD", succeeded=True, refunded=False)
CONFIRMED = NoticeRow("ord_1", "order_confirmation", "email", "sent", "mail-1")
STEPS = (Step("ord_1", "placed", "pending"), Step("ord_1", "payment_succeeded", "paid"))

WELL = Books(
    orders=(PAID,),
    steps=STEPS,
    payments=(PaymentRow("pay_1", "ord_1", "succeeded"),),
    charges=(CHARGE, replace(CHARGE, id="txn_0", succeeded=False)),
    notices=(CONFIRMED,),
    mails=Counter({"mail-1": 1}),
)

REFUNDED = replace(
    WELL,
    orders=(replace(PAID, state="refunded"),),
    steps=(*STEPS, Step("ord_1", "cancel", "refund_pending"), Step("ord_1", "refunded", "refunded")),
    payments=(PaymentRow("pay_1", "ord_1", "refunded"),),
    charges=(replace(CHARGE, refunded=True),),
    notices=(
        CONFIRMED,
        replace(CONFIRMED, template="order_cancelled", message_id="mail-2"),
        replace(CONFIRMED, template="refund_issued", message_id="mail-3"),
    ),
    mails=Counter(["mail-1", "mail-2", "mail-3"]),
)


@pytest.mark.parametrize("books", [Books(), WELL, REFUNDED])
def test_where_all_is_well_nothing_is_found(books: Books) -> None:
    """No orders, a paid one, and one that was paid, cancelled and refunded."""
    assert violations(books) == []


@pytest.mark.parametrize(
    ("books", "rules"),
    [
        (replace(WELL, orders=(replace(PAID, state="refund_pending"),)), ["order without end state"]),
        (replace(WELL, payments=(PaymentRow("pay_1", "ord_1", "unknown"),)), ["payment without end state"]),
        (replace(WELL, charges=(CHARGE, replace(CHARGE, id="txn_2"))), ["charged twice"]),
        (replace(WELL, charges=(CHARGE, replace(CHARGE, id="txn_2", order_id="ord_9"))), ["charge without order"]),
        (replace(WELL, charges=(replace(CHARGE, amount=1),)), ["wrong amount"]),
        (replace(WELL, charges=(replace(CHARGE, currency="EUR"),)), ["wrong amount"]),
        (replace(WELL, charges=()), ["paid without charge"]),
        (replace(WELL, charges=(replace(CHARGE, refunded=True),)), ["paid without charge"]),
        (replace(REFUNDED, charges=(CHARGE,)), ["refund owed"]),
        (replace(WELL, notices=()), ["notification missing"]),
        (replace(WELL, notices=(CONFIRMED, CONFIRMED)), ["notification doubled"]),
        (replace(WELL, orders=(replace(PAID, phone="+12025550143"),)), ["notification missing"]),
        (
            replace(WELL, notices=(replace(CONFIRMED, state="sending"),)),
            ["notification missing", "notification without end"],
        ),
        (replace(WELL, mails=Counter()), ["mail missing"]),
        (replace(WELL, mails=Counter({"mail-1": 2})), ["mail doubled"]),
        (replace(WELL, unsent=Counter({"orders": 3})), ["message not sent"]),
    ],
)
def test_each_breach_is_found_and_nothing_else(books: Books, rules: list[str]) -> None:
    """One thing is wrong in books that are otherwise well; it is named."""
    assert [found.rule for found in violations(books)] == rules
