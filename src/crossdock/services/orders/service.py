"""The order service as a program: API, consumer of payment events and outbox relay brought together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from crossdock.clock import Clock, SystemClock
from crossdock.messaging import RetryPolicy
from crossdock.services import process
from crossdock.services.contracts import PaymentProcessed, PaymentRefunded
from crossdock.services.foundation import Foundation, Handlers, foundation, running
from crossdock.services.orders import store
from crossdock.services.orders.api import KINDS, OrdersApi
from crossdock.services.orders.handlers import on_payment_processed, on_payment_refunded
from crossdock.services.retention import Retention
from crossdock.services.settings import OrdersSettings, Role
from crossdock.services.topology import PAYMENT_QUEUE
from crossdock.services.web import ServiceApi, serving

REVISIONS = Path(__file__).parent / "revisions"

PAYMENT_EVENTS: Handlers = {PaymentProcessed: on_payment_processed, PaymentRefunded: on_payment_refunded}
POLICY = RetryPolicy(attempts=3, first_s=0.5, longest_s=5.0, park_group=True)


@asynccontextmanager
async def orders(settings: OrdersSettings, clock: Clock) -> AsyncIterator[str]:
    """Serve while entered; yields the base URL."""
    async with foundation("orders", settings, REVISIONS, clock) as ground:
        workers = [] if settings.role is Role.API else [ground.consumer(PAYMENT_QUEUE, PAYMENT_EVENTS, clock, POLICY)]
        async with (
            running(Retention(ground, store.prune), *workers),
            serving(_api(ground, settings), ground.listener) as url,
        ):
            yield url


def serve(settings: OrdersSettings) -> None:
    """Run the order service as this process until SIGTERM."""
    process.run("orders", settings, lambda: orders(settings, SystemClock()))


def _api(ground: Foundation, settings: OrdersSettings) -> ServiceApi:
    api = ServiceApi("crossdock orders", KINDS, ground.check)
    if settings.role is not Role.WORKER:
        api.include_router(OrdersApi(ground, settings.customer_mail_domain).router())
    return api
