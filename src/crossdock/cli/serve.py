"""`crossdock serve`: run one process of the pipeline. What is not given comes from CROSSDOCK_… variables, then from the defaults."""

import importlib
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from crossdock.ops.refusal import Refusal
from crossdock.services.settings import (
    MailboxSettings,
    NotificationsSettings,
    OrdersSettings,
    PaymentsSettings,
    ProviderSettings,
    Role,
    ServerSettings,
    SettingsError,
    read,
)

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Run one process of the pipeline.")

Folder = Annotated[Path, typer.Option("--data", envvar="CROSSDOCK_DATA", help="Folder for its files.")]
Host = Annotated[str | None, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(help="Port of its HTTP side; 0 for any free one.")]
Part = Annotated[Role | None, typer.Option("--role", help="Which part of the service this process runs.")]
Database = Annotated[
    str | None, typer.Option("--database-url", help="SQLAlchemy URL; an SQLite file in --data by default.")
]


@app.command()
def orders(
    data: Folder, host: Host = None, port: Port = None, role: Part = None, database_url: Database = None
) -> None:
    """The order service."""
    _serve("orders", OrdersSettings, data=data, host=host, port=port, role=role, database_url=database_url)


@app.command()
def payments(
    data: Folder,
    host: Host = None,
    port: Port = None,
    role: Part = None,
    database_url: Database = None,
    provider_url: Annotated[str | None, typer.Option(help="The payment provider.")] = None,
) -> None:
    """The payment service."""
    given = {"data": data, "host": host, "port": port, "role": role, "database_url": database_url}
    _serve("payments", PaymentsSettings, **given, provider_url=provider_url)


@app.command()
def notifications(
    data: Folder,
    host: Host = None,
    port: Port = None,
    role: Part = None,
    database_url: Database = None,
    smtp_host: Annotated[str | None, typer.Option(help="The mail server.")] = None,
    smtp_port: Annotated[int | None, typer.Option(help="Its port.")] = None,
) -> None:
    """The notification service."""
    given = {"data": data, "host": host, "port": port, "role": role, "database_url": database_url}
    _serve("notifications", NotificationsSettings, **given, smtp_host=smtp_host, smtp_port=smtp_port)


@app.command()
def provider(
    data: Folder,
    host: Host = None,
    port: Port = None,
    webhook_url: Annotated[str | None, typer.Option(help="Where it posts its events.")] = None,
) -> None:
    """The simulated payment provider."""
    _serve("provider", ProviderSettings, data=data, host=host, port=port, webhook_url=webhook_url)


@app.command()
def inbox(
    data: Folder,
    host: Host = None,
    port: Port = None,
    smtp_port: Annotated[int | None, typer.Option(help="Port of its SMTP side; 0 for any free one.")] = None,
) -> None:
    """The local mailbox: a real SMTP server, read over HTTP."""
    _serve("mailbox", MailboxSettings, data=data, host=host, port=port, smtp_port=smtp_port)


def _serve(package: str, kind: type[ServerSettings], **given: Any) -> None:
    """Run `serve` of the package's service module, the only one that is imported."""
    try:
        settings = read(kind, os.environ, **given)
    except SettingsError as error:
        raise Refusal(
            f"a setting cannot be understood: {error}", "correct the flag or the CROSSDOCK_ variable", 2
        ) from None
    importlib.import_module(f"crossdock.services.{package}.service").serve(settings)
