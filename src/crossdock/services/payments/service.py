"""The payment service as a program: API, consumer of the order queue, reconciler and outbox relay brought together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from crossdock.clock import Clock, SystemClock
from crossdock.messaging import RetryPolicy
from crossdock.services import process
from crossdock.services.contracts import OrderCancelled, OrderCreated
from crossdock.services.foundation import Handlers, foundation, running
from crossdock.services.payments import store
from crossdock.services.payments.api import KINDS, PaymentsApi
from crossdock.services.payments.gateway import SimulatedProvider
from crossdock.services.payments.handlers import Cashier, on_order_cancelled, on_order_created
from crossdock.services.payments.reconciler import Reconciler
from crossdock.services.retention import Retention
from crossdock.services.settings import PaymentsSettings, Role
from crossdock.services.topology import ORDER_QUEUE
from crossdock.services.web import ServiceApi, serving

REVISIONS = Path(__file__).parent / "revisions"

ORDER_EVENTS: Handlers = {OrderCreated: on_order_created, OrderCancelled: on_order_cancelled}
POLICY = RetryPolicy(attempts=3, first_s=0.5, longest_s=10.0)

TAKEOVER_MARGIN_MS = 1_000
"""What a handler may take besides its call to the gateway before the reconciler takes its intent for abandoned."""


@asynccontextmanager
async def payments(settings: PaymentsSettings, clock: Clock) -> AsyncIterator[str]:
    """Serve while entered; yields the base URL."""
    timeout = aiohttp.ClientTimeout(total=settings.gateway_timeout_s)
    takeover_ms = int(settings.gateway_timeout_s * 1000) + TAKEOVER_MARGIN_MS
    async with (
        foundation("payments", settings, REVISIONS, clock) as ground,
        aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as http,
    ):
        gateway = SimulatedProvider(http, settings.provider_url)
        reconciler = Reconciler(ground, gateway, takeover_ms)
        cashier = Cashier(gateway, clock, takeover_ms, reconciler.wake)
        api = ServiceApi("crossdock payments", KINDS, ground.check)
        if settings.role is not Role.WORKER:
            api.include_router(PaymentsApi(ground, settings.webhook_secret, reconciler.wake).router())
        workers = [] if settings.role is Role.API else [ground.consumer(ORDER_QUEUE, ORDER_EVENTS, cashier, POLICY)]
        async with (
            running(reconciler, Retention(ground, store.prune)),
            running(*workers),
            serving(api, ground.listener) as url,
        ):
            yield url


def serve(settings: PaymentsSettings) -> None:
    """Run the payment service as this process until SIGTERM."""
    process.run("payments", settings, lambda: payments(settings, SystemClock()))
