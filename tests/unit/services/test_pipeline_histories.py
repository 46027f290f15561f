"""The three services together under random histories: duplicates, reordering, silent providers, crashes, cancellations.

Messages are carried from outbox to handlers by hand, without any inbox: the services alone must keep each effect single.
"""

import random
from collections import Counter
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from crossdock.messaging import Attribute, Fatal, ReceivedMessage, Retry
from crossdock.services.contracts import CONTRACTS, Channel
from crossdock.services.foundation import Foundation
from crossdock.services.notifications import service as notifications_service
from crossdock.services.notifications.channels import Delivered, NotSent
from crossdock.services.notifications.handlers import Postroom
from crossdock.services.notifications.model import Outgoing
from crossdock.services.notifications.rendering import Renderer
from crossdock.services.orders import service as orders_service
from crossdock.services.orders import store as orders_store
from crossdock.services.orders.actions import Happening, move, place
from crossdock.services.orders.model import OrderState, Step, Trigger, step
from crossdock.services.orders.requests import Line, PlaceOrder, new_order
from crossdock.services.payments import service as payments_service
from crossdock.services.payments.gateway import Charged, ChargeOrder, Declined, Refunded, Unknown
from crossdock.services.payments.handlers import Cashier
from crossdock.services.payments.reconciler import Reconciler
from crossdock.services.topology import (
    NOTIFICATION_QUEUE,
    ORDER_QUEUE,
    PAYMENT_NOTIFICATION_QUEUE,
    PAYMENT_QUEUE,
)

RENDERER = Renderer()
HANDLERS = {
    ORDER_QUEUE: payments_service.ORDER_EVENTS,
    PAYMENT_QUEUE: orders_service.PAYMENT_EVENTS,
    PAYMENT_NOTIFICATION_QUEUE: notifications_service.PAYMENT_EVENTS,
    NOTIFICATION_QUEUE: notifications_service.COMMANDS,
}


class Died(BaseException):
    """A process dies here."""


class World:
    """A provider and a mail server with a will of their own: they keep their promises of idempotency, and nothing else."""

    idempotent = True

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.charged: Counter[str] = Counter()
        self.refunded: Counter[str] = Counter()
        self.mails: dict[str, Outgoing] = {}
        self._keys: dict[str, str] = {}

    def _mischief(self) -> str:
        return self._chance.choices(["", "before", "after", "dies before", "dies after"], [6, 1, 1, 1, 1])[0]

    async def charge(self, order: ChargeOrder) -> Any:
        """See PaymentGateway."""
        what = self._mischief()
        if what == "dies before":
            raise Died
        if what == "before":
            return Unknown("no connection")
        if order.card == "tok_declined":
            return Declined("card_declined")
        if order.key not in self._keys:
            self._keys[order.key] = order.order_id
            self.charged[order.order_id] += 1
        if what == "dies after":
            raise Died
        return Unknown("no answer") if what == "after" else Charged(f"txn_{order.order_id}")

    async def refund(self, key: str, transaction_id: str) -> Any:
        """See PaymentGateway."""
        what = self._mischief()
        if what in {"before", "dies before"}:
            return Unknown("no connection")
        if key not in self._keys:
            self._keys[key] = transaction_id
            self.refunded[transaction_id.removeprefix("txn_")] += 1
        return Unknown("no answer") if what == "after" else Refunded(f"ref_{key}")

    async def send(self, message: Outgoing) -> Any:
        """See MessageChannel."""
        what = self._mischief()
        if what == "dies before":
            raise Died
        if what == "before":
            return NotSent("no connection")
        self.mails[message.message_id] = message
        if what == "dies after":
            raise Died
        return Delivered()


class Street:
    """The services, their queues, and the world."""

    def __init__(self, grounds: dict[str, Foundation], clock: Any, chance: random.Random) -> None:
        self.grounds = grounds
        self.world = World(chance)
        self._clock = clock
        self._chance = chance
        self._queues: dict[str, list[ReceivedMessage]] = {queue: [] for queue in HANDLERS}
        self._seen = Counter[str]()
        self.reconciler = Reconciler(grounds["payments"], self.world, 4_000)
        cashier = Cashier(self.world, clock, 4_000, lambda: None)
        postroom = Postroom({Channel.EMAIL: self.world}, RENDERER, clock)
        self._contexts: dict[str, tuple[str, Any]] = {
            ORDER_QUEUE: ("payments", cashier),
            PAYMENT_QUEUE: ("orders", clock),
            PAYMENT_NOTIFICATION_QUEUE: ("notifications", postroom),
            NOTIFICATION_QUEUE: ("notifications", postroom),
        }

    async def place(self, card: str) -> str:
        """A customer orders."""
        wanted = PlaceOrder(
            user_id="u",
            items=[Line(product_id="p", quantity=2, price=Decimal("29.99"))],
            card=card,
            email="ada@example.com",
        )
        order, items = new_order(wanted, self._clock, "")
        async with self.grounds["orders"].transaction() as tx:
            await place(tx, order, items)
        return order.id

    async def cancel(self, order_id: str) -> None:
        """A customer changes their mind."""
        async with self.grounds["orders"].transaction() as tx:
            order = await orders_store.find(tx.session, order_id)
            todo = step(order.state, Trigger.CANCEL)
            if isinstance(todo, Step):
                await move(tx, self._clock, order, todo, Happening(event="cancel"))

    async def carry(self) -> None:
        """Move what the outboxes hold into the queues, some of it twice, standard queues in any order."""
        for name, ground in self.grounds.items():
            query = sa.text("SELECT id, event_id, queue, group_id, attributes, body FROM outbox WHERE id > :seen")
            async with ground.readers.connect() as connection:
                rows = (await connection.execute(query, {"seen": self._seen[name]})).all()
            for row in rows:
                self._seen[name] = row.id
                attributes = {n: Attribute(*pair) for n, pair in msgspec.json.decode(row.attributes).items()}
                message = ReceivedMessage(
                    message_id=row.event_id,
                    receipt_handle="",
                    body=row.body,
                    attributes=attributes,
                    group_id=row.group_id,
                )
                self._queues[row.queue] += [message] * self._chance.choice([1, 1, 2])
        for queue in (ORDER_QUEUE, NOTIFICATION_QUEUE):
            self._chance.shuffle(self._queues[queue])

    async def handle(self) -> int:
        """Hand every message to its handler once; what is not done stays, a FIFO group behind its head."""
        waiting = 0
        for queue, messages in self._queues.items():
            left: list[ReceivedMessage] = []
            held: set[str | None] = set()
            for message in messages:
                if (message.group_id and message.group_id in held) or not await self._done(queue, message):
                    held.add(message.group_id)
                    left.append(message)
            self._queues[queue] = left
            waiting += len(left)
        return waiting

    async def _done(self, queue: str, message: ReceivedMessage) -> bool:
        name, context = self._contexts[queue]
        event, envelope = CONTRACTS.decode(message)
        try:
            async with self.grounds[name].transaction() as tx:
                tx.envelope = envelope
                await HANDLERS[queue][type(event)](event, tx, context)
        except (Retry, Died):
            return False
        except Fatal as error:
            pytest.fail(f"{envelope.event_type} was given up: {error}")
        return True

    async def settle(self) -> None:
        """Let everything come to rest."""
        quiet = 0
        for _ in range(200):
            self._clock.advance(40_000)
            await self.carry()
            waiting = await self.handle()
            try:
                work = await self.reconciler.run_once()
            except (Died, BaseExceptionGroup):
                work = 1
            quiet = 0 if waiting or work else quiet + 1
            if quiet == 2:
                return
        pytest.fail("the pipeline does not come to rest")


@pytest.mark.parametrize("seed", range(12))
async def test_promise_five(seed: int, workbench: Any) -> None:
    """Each order ends; it is charged at most once; money stays only for paid orders; every change is told once."""
    print(f"seed {seed}")
    chance = random.Random(seed)
    grounds = {name: await workbench.open(name) for name in ("orders", "payments", "notifications")}
    street = Street(grounds, workbench.clock, chance)
    placed = [await street.place(chance.choice(["tok_visa", "tok_visa", "tok_declined"])) for _ in range(6)]
    for order_id in placed:
        for _ in range(chance.randrange(3)):
            workbench.clock.advance(5_000)
            await street.carry()
            await street.handle()
        if chance.random() < 0.5:
            await street.cancel(order_id)
    await street.settle()
    mails = Counter(
        (m.recipient, m.content.text.split("ord_")[1][:32], m.content.subject) for m in street.world.mails.values()
    )
    assert max(mails.values()) == 1
    told = {(order_id, subject) for _, order_id, subject in mails}
    for order_id in placed:
        async with grounds["orders"].reading() as session:
            order = await orders_store.find(session, order_id)
            moments = await orders_store.timeline_of(session, order_id)
        charged, refunded = street.world.charged[order_id], street.world.refunded[order_id]
        assert charged <= 1
        assert charged - refunded == (order.state is OrderState.PAID)
        assert order.state not in {OrderState.PENDING, OrderState.REFUND_PENDING}
        confirmed = any(moment.state is OrderState.PAID for moment in moments)
        assert ((order_id.removeprefix("ord_"), "Order Confirmation") in told) == confirmed
