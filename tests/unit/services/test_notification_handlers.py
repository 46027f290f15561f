"""The notification service: everything is told once, whatever dies between the intent and the result."""

from decimal import Decimal
from typing import Any

import pytest

from crossdock.messaging import Fatal, Retry
from crossdock.services.contracts import (
    Channel,
    Notification,
    PaymentProcessed,
    PaymentRefunded,
    PaymentStatus,
    data_from,
)
from crossdock.services.foundation import Foundation
from crossdock.services.notifications import store
from crossdock.services.notifications.channels import Delivered, NotSent, Refused, Unsure
from crossdock.services.notifications.handlers import (
    Postroom,
    on_notification,
    on_payment_processed,
    on_payment_refunded,
)
from crossdock.services.notifications.model import Outgoing
from crossdock.services.notifications.rendering import EXAMPLES, Renderer

RENDERER = Renderer()


class Died(BaseException):
    """The process dies here."""


class FakeChannel:
    """A channel in memory; does what the script says, once per entry, and delivers otherwise."""

    def __init__(self, idempotent: bool) -> None:
        self.idempotent = idempotent
        self.script: list[Any] = []
        self.taken: list[Outgoing] = []

    async def send(self, message: Outgoing) -> Any:
        """See MessageChannel."""
        what = self.script.pop(0) if self.script else Delivered()
        if what == "dies before":
            raise Died
        if isinstance(what, NotSent | Refused):
            return what
        self.taken.append(message)
        if what == "dies after":
            raise Died
        return what

    def delivered(self) -> int:
        """How many messages the recipient sees."""
        return len({message.message_id for message in self.taken}) if self.idempotent else len(self.taken)


class Office:
    """The notification service with a fake channel."""

    def __init__(self, ground: Foundation, workbench: Any, channel: FakeChannel) -> None:
        self.ground = ground
        self.channel = channel
        self.postroom = Postroom(dict.fromkeys(Channel, channel), RENDERER, ground.clock)
        self._workbench = workbench

    async def tell(self, **change: Any) -> None:
        """A command comes."""
        fields = {
            "type": Channel.EMAIL,
            "recipient": "ada@example.com",
            "subject": "Order Confirmation",
            "template": "order_confirmation",
            "data": data_from(EXAMPLES["order_confirmation"]),
        }
        event = Notification(**fields | change)  # type: ignore[arg-type]
        await self._workbench.deliver(self.ground, on_notification, event, self.postroom)

    async def states(self) -> list[str]:
        """What the ledger says."""
        async with self.ground.reading() as session:
            return [entry.state for entry in await store.listed(session, "ord_123456", 10)]


@pytest.fixture(params=[True, False], ids=["idempotent", "not idempotent"])
async def office(request: Any, workbench: Any) -> Office:
    """The service with each kind of channel."""
    return Office(await workbench.open("notifications"), workbench, FakeChannel(request.param))


async def test_a_repeated_command_is_sent_once(office: Office) -> None:
    """However often a command comes, its recipient is told once."""
    for _ in range(3):
        await office.tell()
    assert len(office.channel.taken) == 1
    assert await office.states() == ["sent"]


@pytest.mark.parametrize("failure", [NotSent("no connection")])
async def test_what_was_not_sent_is_sent_later(failure: Any, office: Office) -> None:
    """A channel that certainly did not send is used again."""
    office.channel.script = [failure]
    with pytest.raises(Retry):
        await office.tell()
    assert await office.states() == ["pending"]
    await office.tell()
    assert office.channel.delivered() == 1
    assert await office.states() == ["sent"]


async def test_a_refusal_is_final(office: Office) -> None:
    """A recipient that the channel refuses is not tried again; the message goes to the dead letters with the reason."""
    office.channel.script = [Refused("550 no such user")]
    with pytest.raises(Fatal, match="no such user"):
        await office.tell()
    await office.tell()
    assert office.channel.taken == []
    assert await office.states() == ["refused"]


@pytest.mark.parametrize("moment", ["dies before", "dies after"])
async def test_a_crash_around_sending(moment: str, office: Office) -> None:
    """After a crash an idempotent channel is used again and its recipient sees one message; another is not: maybe sent."""
    office.channel.script = [moment]
    with pytest.raises(Died):
        await office.tell()
    assert await office.states() == ["sending"]
    for _ in range(2):
        await office.tell()
    if office.channel.idempotent:
        assert office.channel.delivered() == 1
        assert await office.states() == ["sent"]
    else:
        assert office.channel.delivered() == (moment == "dies after")
        assert await office.states() == ["maybe_sent"]


async def test_an_unsure_channel(office: Office) -> None:
    """When the channel does not know, only an idempotent one is asked again."""
    office.channel.script = [Unsure("connection lost")]
    if office.channel.idempotent:
        with pytest.raises(Retry):
            await office.tell()
    await office.tell()
    assert office.channel.delivered() == 1
    assert await office.states() == ["sent" if office.channel.idempotent else "maybe_sent"]


async def test_suppressed_recipients_are_left_alone(office: Office) -> None:
    """A recipient on the list, in whatever case, gets nothing, and the ledger says why."""
    async with office.ground.transaction() as tx:
        await store.suppress(tx.session, store.Suppression("Ada@Example.com", "asked us to", 0))
    await office.tell(recipient="ADA@example.com")
    assert office.channel.taken == []
    assert await office.states() == ["suppressed"]


@pytest.mark.parametrize(
    "change",
    [
        {"template": "nothing"},
        {"data": data_from({})},
        {"data": data_from({"orderId": "ord_1"})},
        {"data": b"[]"},
        {"data": data_from(EXAMPLES["order_confirmation"] | {"items": 1})},
    ],
)
async def test_what_cannot_be_rendered_is_fatal(change: dict[str, Any], office: Office) -> None:
    """An unknown template or a missing variable goes to the dead letters with its reason, and nothing is sent or stored."""
    with pytest.raises(Fatal):
        await office.tell(**change)
    assert office.channel.taken == []
    assert await office.states() == []


async def test_payment_events_are_receipts_and_nothing_is_sent(office: Office, workbench: Any) -> None:
    """The subscription to payments records; an older event does not overwrite a newer one."""
    paid = PaymentProcessed(
        payment_id="pay_1",
        order_id="ord_1",
        status=PaymentStatus.SUCCESS,
        amount=Decimal("59.98"),
        transaction_id="txn_1",
        timestamp="2024-01-02T10:31:00Z",
    )
    refunded = PaymentRefunded(
        payment_id="pay_1",
        order_id="ord_1",
        amount=Decimal("59.98"),
        refund_id="ref_1",
        timestamp="2024-01-02T10:32:00Z",
    )
    for handler, event, version in (
        (on_payment_processed, paid, 1),
        (on_payment_refunded, refunded, 2),
        (on_payment_processed, paid, 1),
    ):
        await workbench.deliver(office.ground, handler, event, office.postroom, version)
    async with office.ground.reading() as session:
        (receipt,) = await store.receipts_of(session, "ord_1")
    assert (receipt.status, receipt.amount, receipt.reference) == ("refunded", "59.98", "ref_1")
    assert office.channel.taken == []
