"""What can be set about the services: one frozen value per program, filled from flags and from the environment.

`read(OrdersSettings, os.environ, data=..., port=...)` takes what is given by name first, then `CROSSDOCK_<FIELD>` of the
environment, then the default. How to reach the queues is not set here: the standard AWS environment says it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

BODY_BYTES_MAX = 1024 * 1024
"""The largest body of an HTTP request to a service."""


Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]


class Role(StrEnum):
    """Which part of a service a process runs."""

    ALL = "all"
    API = "api"
    """HTTP and the outbox relay."""
    WORKER = "worker"
    """The consumers, background tasks and the outbox relay; HTTP for health and metrics only."""


class SettingsError(ValueError):
    """A setting that cannot be understood; its text names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """What every program has: a folder for its files and an address for its HTTP side."""

    data: Path
    """The folder for its files."""
    host: str = "127.0.0.1"
    """The address to listen on."""
    port: Port = 0
    """0 takes a free port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings(ServerSettings):
    """What the three services have beyond that."""

    role: Role = Role.ALL
    """Which part of the service a process runs: all, api (HTTP and outbox), or worker (consumers and outbox)."""
    database_url: str = ""
    """An SQLAlchemy URL; empty for an SQLite file of the service's name in `data`."""
    concurrency: int = 16
    """Messages in work at a time, per queue."""
    drain_s: float = 5.0
    """How long handlers may finish after SIGTERM; a call to the payment provider ends within it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersSettings(ServiceSettings):
    """The order service."""

    customer_mail_domain: str = "customers.example"
    """Orders without an address are confirmed to `<userId>@` this domain; empty to confirm those to nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentsSettings(ServiceSettings):
    """The payment service."""

    provider_url: str = "http://127.0.0.1:8010"
    """The payment provider."""
    webhook_secret: str = "local-simulation"
    """Signs the provider's webhooks; the provider must have the same."""
    gateway_timeout_s: float = 3.0
    """After this a call to the provider is unknown, and the reconciler asks again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationsSettings(ServiceSettings):
    """The notification service."""

    smtp_host: str = "127.0.0.1"
    """The mail server."""
    smtp_port: Port = 2525
    """Its port."""
    smtp_username: str = ""
    """Empty to send without a login."""
    smtp_password: str = ""
    """The password of `smtp_username`."""
    smtp_starttls: bool = False
    """Whether to encrypt the connection."""
    smtp_deduplicates: bool = True
    """Whether the mail server drops a second mail with the same Message-ID, as the local mailbox does: only then is a mail
    whose fate is unknown sent again."""
    sender: str = "Crossdock Shop <orders@shop.example>"
    """Whom mails come from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings(ServerSettings):
    """The simulated payment provider."""

    webhook_url: str = ""
    """Where events are posted to; empty for nowhere."""
    webhook_secret: str = "local-simulation"
    """Signs them; the payment service must have the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxSettings(ServerSettings):
    """The local mailbox: SMTP in, HTTP out."""

    smtp_port: Port = 0
    """Where it takes mails; 0 takes a free port."""


S = TypeVar("S", bound=ServerSettings)


def read(kind: type[S], environment: Mapping[str, str], **given: Any) -> S:
    """The settings of one program. A value that is given as None counts as not given. Raises SettingsError."""
    values: dict[str, Any] = {}
    for field in fields(kind):
        if given.get(field.name) is not None:
            values[field.name] = given[field.name]
        elif (text := environment.get(f"CROSSDOCK_{field.name.upper()}")) is not None:
            values[field.name] = text
    if unknown := given.keys() - {field.name for field in fields(kind)}:
        raise SettingsError(f"{kind.__name__} has no setting {', '.join(sorted(unknown))}")
    try:
        return msgspec.convert(values, kind, strict=False, dec_hook=_convert)
    except msgspec.ValidationError as error:
        raise SettingsError(str(error)) from None


def _convert(kind: type, value: Any) -> Any:
    return kind(value)
