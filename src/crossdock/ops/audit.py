"""Promise 5, checked: one order is charged at most once, ends paid or refunded when the provider accepted, and is told of once.

Pure rules over what the databases say; reading them is `books.py`. A pipeline that is still at work has open orders: those are
reported too, so audit one that has come to rest, or audit again.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

ORDER_ENDS = frozenset({"paid", "payment_failed", "cancelled", "refunded"})
PAYMENT_ENDS = frozenset({"succeeded", "declined", "cancelled", "refunded"})
NOTICE_ENDS = frozenset({"sent", "suppressed"})

NOTICE_OF_STEP = {
    ("payment_succeeded", "paid"): "order_confirmation",
    ("payment_failed", "payment_failed"): "payment_failed",
    ("cancel", "cancelled"): "order_cancelled",
    ("cancel", "refund_pending"): "order_cancelled",
    ("refunded", "refunded"): "refund_issued",
}
"""What a customer is told when an order takes a step (what happened, and the state after it)."""


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order of the order service."""

    id: str
    state: str
    currency: str
    total_minor: int
    email: str | None
    phone: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """A line of an order's timeline."""

    order_id: str
    event: str
    state: str


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """A payment of the payment service."""

    id: str
    order_id: str
    state: str


@dataclass(frozen=True, slots=True)
class ChargeRow:
    """A charge in the provider's own ledger."""

    id: str
    order_id: str
    amount: int
    currency: str
    succeeded: bool
    refunded: bool


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """A line of the notification service's ledger."""

    order_id: str
    template: str
    channel: str
    state: str
    message_id: str
    """The first part of the Message-ID of its mail."""


@dataclass(frozen=True, slots=True)
class Books:
    """Everything that the audit looks at."""

    orders: tuple[OrderRow, ...] = ()
    steps: tuple[Step, ...] = ()
    payments: tuple[PaymentRow, ...] = ()
    charges: tuple[ChargeRow, ...] = ()
    notices: tuple[NoticeRow, ...] = ()
    mails: Counter[str] = field(default_factory=Counter)
    """First part of the Message-ID → how many such mails are in the inbox."""
    unsent: Counter[str] = field(default_factory=Counter)
    """Service → messages in its outbox that nobody has sent."""


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """One thing that must not be."""

    rule: str
    subject: str
    """The order, or whatever else it is about."""
    what: str


def violations(books: Books) -> list[Violation]:
    """Everything in the books that breaks promise 5, in a fixed order; empty when all is well."""
    return sorted(found for rule in RULES for found in rule(books))


def _order_without_end(books: Books) -> Iterator[Violation]:
    for order in books.orders:
        if order.state not in ORDER_ENDS:
            yield Violation("order without end state", order.id, f"is {order.state}")


def _payment_without_end(books: Books) -> Iterator[Violation]:
    for payment in books.payments:
        if payment.state not in PAYMENT_ENDS:
            yield Violation("payment without end state", payment.order_id, f"{payment.id} is {payment.state}")


def _charged_twice(books: Books) -> Iterator[Violation]:
    for order_id, charges in _charges_by_order(books).items():
        if len(charges) > 1:
            ids = ", ".join(charge.id for charge in charges)
            yield Violation("charged twice", order_id, f"{len(charges)} charges: {ids}")


def _charge_without_order(books: Books) -> Iterator[Violation]:
    known = {order.id for order in books.orders}
    for order_id, charges in _charges_by_order(books).items():
        if order_id not in known:
            yield Violation(
                "charge without order", order_id, f"{charges[0].id} of {charges[0].amount} {charges[0].currency}"
            )


def _wrong_amount(books: Books) -> Iterator[Violation]:
    charges = _charges_by_order(books)
    for order in books.orders:
        for charge in charges[order.id]:
            if (charge.amount, charge.currency) != (order.total_minor, order.currency):
                wrong = f"charged {charge.amount} {charge.currency}, ordered {order.total_minor} {order.currency}"
                yield Violation("wrong amount", order.id, wrong)


def _money_and_state_disagree(books: Books) -> Iterator[Violation]:
    charges = _charges_by_order(books)
    for order in books.orders:
        taken = any(not charge.refunded for charge in charges[order.id])
        if order.state == "paid" and not taken:
            yield Violation("paid without charge", order.id, "the provider holds no money for it")
        if order.state in ("payment_failed", "cancelled", "refunded") and taken:
            yield Violation("refund owed", order.id, f"is {order.state}, the provider holds its money")


def _notices(books: Books) -> Iterator[Violation]:
    """Each step of an order is told of exactly once on each of its channels."""
    orders = {order.id: order for order in books.orders}
    wanted = Counter(
        (step.order_id, template, channel)
        for step in books.steps
        if (template := NOTICE_OF_STEP.get((step.event, step.state))) and step.order_id in orders
        for channel in _channels(orders[step.order_id])
    )
    sent = Counter(
        (one.order_id, one.template, one.channel)
        for one in books.notices
        if one.state in NOTICE_ENDS and one.order_id in orders
    )
    for key in wanted.keys() | sent.keys():
        order_id, template, channel = key
        if sent[key] < wanted[key]:
            yield Violation("notification missing", order_id, f"{template} by {channel}")
        elif sent[key] > wanted[key]:
            yield Violation("notification doubled", order_id, f"{template} by {channel}, {sent[key]} times")


def _notice_without_end(books: Books) -> Iterator[Violation]:
    for one in books.notices:
        if one.state not in NOTICE_ENDS:
            yield Violation("notification without end", one.order_id, f"{one.template} by {one.channel} is {one.state}")


def _mails(books: Books) -> Iterator[Violation]:
    """Each mail that the ledger calls sent lies in the inbox exactly once."""
    for one in books.notices:
        if one.channel == "email" and one.state == "sent" and (there := books.mails[one.message_id]) != 1:
            rule = "mail doubled" if there else "mail missing"
            yield Violation(rule, one.order_id, f"{one.template}, {there} in the inbox")


def _unsent(books: Books) -> Iterator[Violation]:
    for service, count in books.unsent.items():
        if count:
            yield Violation("message not sent", service, f"{count} in its outbox")


RULES: tuple[Callable[[Books], Iterator[Violation]], ...] = (
    _order_without_end,
    _payment_without_end,
    _charged_twice,
    _charge_without_order,
    _wrong_amount,
    _money_and_state_disagree,
    _notices,
    _notice_without_end,
    _mails,
    _unsent,
)


def _charges_by_order(books: Books) -> defaultdict[str, list[ChargeRow]]:
    """The charges that took money, by order."""
    found: defaultdict[str, list[ChargeRow]] = defaultdict(list)
    for charge in books.charges:
        if charge.succeeded:
            found[charge.order_id].append(charge)
    return found


def _channels(order: OrderRow) -> Iterator[str]:
    if order.email is not None:
        yield "email"
    if order.phone is not None:
        yield "sms"
