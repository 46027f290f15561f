"""The notification service as a program: API and the consumers of its two queues brought together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import stamina

from crossdock.clock import Clock, SystemClock
from crossdock.messaging import RetryPolicy
from crossdock.services import process
from crossdock.services.contracts import Channel, Notification, PaymentProcessed, PaymentRefunded
from crossdock.services.foundation import Handlers, foundation, running
from crossdock.services.notifications.api import KINDS, NotificationsApi
from crossdock.services.notifications.channels import FileSmsChannel, MessageChannel, SmtpChannel
from crossdock.services.notifications.handlers import (
    Postroom,
    on_notification,
    on_payment_processed,
    on_payment_refunded,
)
from crossdock.services.notifications.rendering import Renderer
from crossdock.services.settings import NotificationsSettings, Role
from crossdock.services.topology import NOTIFICATION_QUEUE, PAYMENT_NOTIFICATION_QUEUE
from crossdock.services.web import ServiceApi, serving

REVISIONS = Path(__file__).parent / "revisions"

COMMANDS: Handlers = {Notification: on_notification}
PAYMENT_EVENTS: Handlers = {PaymentProcessed: on_payment_processed, PaymentRefunded: on_payment_refunded}
POLICY = RetryPolicy(attempts=3, first_s=5.0, longest_s=30.0)


@asynccontextmanager
async def notifications(settings: NotificationsSettings, clock: Clock) -> AsyncIterator[str]:
    """Serve while entered; yields the base URL."""
    stamina.instrumentation.set_on_retry_hooks(())  # a mail server that is away is told once, by its result
    renderer = Renderer()
    channels: dict[Channel, MessageChannel] = {
        Channel.EMAIL: SmtpChannel(settings),
        Channel.SMS: FileSmsChannel(settings.data / "sms"),
    }
    postroom = Postroom(channels, renderer, clock)
    async with foundation("notifications", settings, REVISIONS, clock) as ground:
        api = ServiceApi("crossdock notifications", KINDS, ground.check)
        if settings.role is not Role.WORKER:
            api.include_router(NotificationsApi(ground, renderer).router())
        workers = (
            ground.consumer(NOTIFICATION_QUEUE, COMMANDS, postroom, POLICY),
            ground.consumer(PAYMENT_NOTIFICATION_QUEUE, PAYMENT_EVENTS, postroom, POLICY),
        )
        async with running(*(() if settings.role is Role.API else workers)), serving(api, ground.listener) as url:
            yield url


def serve(settings: NotificationsSettings) -> None:
    """Run the notification service as this process until SIGTERM."""
    process.run("notifications", settings, lambda: notifications(settings, SystemClock()))
