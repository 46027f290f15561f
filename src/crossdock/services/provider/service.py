"""The provider as a program: ledger, HTTP side and webhook sender brought together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

from crossdock.clock import Clock, SystemClock
from crossdock.services import lean_http, process
from crossdock.services.provider.ledger import Ledger
from crossdock.services.provider.server import Provider, application
from crossdock.services.provider.webhooks import WebhookSender
from crossdock.services.settings import ProviderSettings

LEDGER_FILE = "provider.db"
"""In the data folder; `crossdock audit` reads it."""


@asynccontextmanager
async def provider(settings: ProviderSettings, clock: Clock) -> AsyncIterator[str]:
    """Serve while entered; yields the base URL."""
    with closing(Ledger(settings.data / LEDGER_FILE)) as ledger:
        sender = WebhookSender(ledger, settings, clock) if settings.webhook_url else None
        async with lean_http.serving(application(Provider(ledger, sender, clock)), settings.host, settings.port) as url:
            sending = asyncio.create_task(sender.run()) if sender else None
            yield url
            if sending:
                sending.cancel()
                await process.ended(sending)


def serve(settings: ProviderSettings) -> None:
    """Run the provider as this process until SIGTERM."""
    process.run("provider", settings, lambda: provider(settings, SystemClock()))
