"""The mailbox as a program: the file, the SMTP port and the HTTP port brought together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

from crossdock.clock import Clock, SystemClock
from crossdock.services import lean_http, process
from crossdock.services.mailbox.server import application, smtp_session
from crossdock.services.mailbox.store import MailStore
from crossdock.services.settings import MailboxSettings

MAIL_FILE = "mailbox.db"
"""In the data folder; `crossdock audit` reads it."""


@asynccontextmanager
async def mailbox(settings: MailboxSettings, clock: Clock) -> AsyncIterator[str]:
    """Serve while entered; yields the base URL of the HTTP side and, after a blank, that of the SMTP side."""
    with closing(MailStore(settings.data / MAIL_FILE)) as store:
        async with lean_http.serving(application(store), settings.host, settings.port) as url:
            smtp = await asyncio.get_running_loop().create_server(
                lambda: smtp_session(store, clock), settings.host, settings.smtp_port
            )
            async with smtp:
                yield f"{url} smtp://{settings.host}:{smtp.sockets[0].getsockname()[1]}"


def serve(settings: MailboxSettings) -> None:
    """Run the mailbox as this process until SIGTERM."""
    process.run("mailbox", settings, lambda: mailbox(settings, SystemClock()))
