"""What the notification service does with commands and payment events.

Commands (`NOTIFICATION`, from any service) are the only thing that sends; the service's own subscription to payment events only records
receipts. So nothing is told twice by two streams. Plain functions; service.py registers them with the workers, tests call them directly.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from crossdock.clock import Clock
from crossdock.messaging import Fatal, Retry, Transaction
from crossdock.services.contracts import Channel, Notification, PaymentProcessed, PaymentRefunded, data_of
from crossdock.services.notifications import store
from crossdock.services.notifications.channels import Delivered, MessageChannel, NotSent, Refused, Result, Unsure
from crossdock.services.notifications.model import (
    OPEN,
    TRANSITIONS,
    Content,
    NotificationKey,
    NotificationState,
    Outgoing,
    Trigger,
)
from crossdock.services.notifications.rendering import Renderer, RenderingError


@dataclass(frozen=True, slots=True)
class Postroom:
    """What the handlers work with."""

    channels: Mapping[Channel, MessageChannel]
    renderer: Renderer
    clock: Clock


async def on_notification(event: Notification, tx: Transaction, postroom: Postroom) -> None:
    """Tell somebody something, once: the intent is on disk before the channel is used, the result after."""
    content, variables = _render(event, postroom.renderer)
    key = NotificationKey(_event_id(tx), event.template, event.type, event.recipient)
    channel = postroom.channels[event.type]
    if not await _begin(tx, postroom.clock, key, _entry(event, key, variables, postroom.clock), channel):
        return
    await tx.checkpoint()
    at_ms = postroom.clock.now_ms()
    result = await channel.send(
        Outgoing(message_id=key.message_id, recipient=event.recipient, content=content, at_ms=at_ms)
    )
    await _finish(tx, postroom.clock, key, result, channel)


async def on_payment_processed(event: PaymentProcessed, tx: Transaction, postroom: Postroom) -> None:
    """Keep the receipt."""
    await store.keep_receipt(
        tx.session,
        store.Receipt(
            payment_id=event.payment_id,
            order_id=event.order_id,
            version=_version(tx, 1),
            status=event.status,
            amount=str(event.amount),
            currency=event.currency,
            reference=event.transaction_id,
            at=event.timestamp,
        ),
    )


async def on_payment_refunded(event: PaymentRefunded, tx: Transaction, postroom: Postroom) -> None:
    """Keep the receipt of the refund in place of that of the payment."""
    await store.keep_receipt(
        tx.session,
        store.Receipt(
            payment_id=event.payment_id,
            order_id=event.order_id,
            version=_version(tx, 2),
            status="refunded",
            amount=str(event.amount),
            currency=event.currency,
            reference=event.refund_id,
            at=event.timestamp,
        ),
    )


def _render(event: Notification, renderer: Renderer) -> tuple[Content, dict[str, Any]]:
    """The message and the variables it was made from. Raises Fatal: what cannot be rendered today cannot be tomorrow."""
    try:
        variables = data_of(event)
        return renderer.render(event.template, event.type, event.subject, variables), variables
    except (msgspec.DecodeError, RenderingError) as error:
        raise Fatal(str(error)) from None


def _entry(event: Notification, key: NotificationKey, variables: dict[str, Any], clock: Clock) -> store.Entry:
    order_id = variables.get("orderId")
    now_ms = clock.now_ms()
    return store.Entry(
        **msgspec.structs.asdict(key),
        order_id=order_id if isinstance(order_id, str) else None,
        subject=event.subject,
        state=NotificationState.SENDING,
        message_id=key.message_id,
        detail="",
        created_ms=now_ms,
        updated_ms=now_ms,
    )


async def _begin(
    tx: Transaction, clock: Clock, key: NotificationKey, fresh: store.Entry, channel: MessageChannel
) -> bool:
    """Write the intent to send. False when there is nothing (more) to send."""
    known = await store.find(tx.session, key)
    if known is None:
        suppressed = await store.is_suppressed(tx.session, key.recipient)
        state = NotificationState.SUPPRESSED if suppressed else NotificationState.SENDING
        await store.add(tx.session, msgspec.structs.replace(fresh, state=state))
        return not suppressed
    if known.state not in OPEN:
        return False
    if known.state is NotificationState.PENDING:
        await _mark(tx, clock, key, Trigger.BEGIN, "")
        return True
    if not channel.idempotent:
        await _mark(tx, clock, key, Trigger.UNSURE, "the sender died while it was sending")
    return channel.idempotent


async def _finish(tx: Transaction, clock: Clock, key: NotificationKey, result: Result, channel: MessageChannel) -> None:
    """Write the result down. Raises Retry or Fatal where the message's own fate must follow."""
    match result:
        case Delivered():
            await _mark(tx, clock, key, Trigger.DELIVERED, "")
        case NotSent(why):
            await _mark(tx, clock, key, Trigger.NOT_SENT, why)
            await tx.checkpoint()
            raise Retry(why)
        case Refused(why):
            await _mark(tx, clock, key, Trigger.REFUSED, why)
            await tx.checkpoint()
            raise Fatal(why)
        case Unsure(why) if channel.idempotent:
            raise Retry(why)
        case Unsure(why):
            await _mark(tx, clock, key, Trigger.UNSURE, why)


async def _mark(tx: Transaction, clock: Clock, key: NotificationKey, trigger: Trigger, detail: str) -> None:
    before = NotificationState.PENDING if trigger is Trigger.BEGIN else NotificationState.SENDING
    await store.mark(tx.session, key, TRANSITIONS[before, trigger], detail, clock.now_ms())


def _event_id(tx: Transaction) -> str:
    if tx.envelope is None:
        raise LookupError("a notification is handled only as a delivered message")
    return tx.envelope.event_id


def _version(tx: Transaction, otherwise: int) -> int:
    version = tx.envelope.event_version if tx.envelope else None
    return otherwise if version is None else version
