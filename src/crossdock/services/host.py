"""The composition root of the services: one function for each program, which runs it as the present process until SIGTERM.

    host.serve_orders(settings.read(OrdersSettings, os.environ, data=..., port=...))

Only the program that is served is imported, so that each starts fast and stays small. A program that cannot start exits with status
1 and one sentence. What each consists of is in its own service.py.
"""

from importlib import import_module
from typing import Any

from crossdock.services.settings import (
    MailboxSettings,
    NotificationsSettings,
    OrdersSettings,
    PaymentsSettings,
    ProviderSettings,
)


def serve_orders(settings: OrdersSettings) -> None:
    """The order service."""
    _serve("orders", settings)


def serve_payments(settings: PaymentsSettings) -> None:
    """The payment service."""
    _serve("payments", settings)


def serve_notifications(settings: NotificationsSettings) -> None:
    """The notification service."""
    _serve("notifications", settings)


def serve_provider(settings: ProviderSettings) -> None:
    """The simulated payment provider."""
    _serve("provider", settings)


def serve_inbox(settings: MailboxSettings) -> None:
    """The local mailbox."""
    _serve("mailbox", settings)


def _serve(package: str, settings: Any) -> None:
    import_module(f"crossdock.services.{package}.service").serve(settings)
