"""reference/settings.md: everything that can be set, and what is fixed."""

import dataclasses
from pathlib import Path
from typing import Any

from docs.generators.cli import commands, option_row, options_of
from docs.generators.markdown import NOTICE, code, table
from docs.generators.source import described, sentence, with_limits

from crossdock.broker.queues.settings import MachineSettings
from crossdock.broker.server_settings import ServerSettings as FrontSettings
from crossdock.broker.settings import BrokerSettings, Durability
from crossdock.broker.storage.settings import StorageSettings
from crossdock.services import settings as services

HEAD = """# Settings

A flag wins over the environment, the environment over the default. How to reach queues is never a setting of crossdock: every program
goes by the standard AWS environment, `AWS_ENDPOINT_URL` (left out: AWS itself), `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`
or whatever else the SDK finds.

## The broker

`crossdock broker`. Source: `src/crossdock/broker/settings.py`.

"""

DURABILITY = "\n`--durability` says what an acknowledgement promises:\n\n"

FIXED = """
Limits of the broker beyond AWS's, which no flag changes (bytes, milliseconds):

"""

FRONT = """
Limits of its HTTP side (bytes, seconds; source: `src/crossdock/broker/server_settings.py`):

"""

MACHINE = """
How much of the queues it holds in memory; the rest stays in the store (messages; source: `src/crossdock/broker/queues/settings.py`):

"""

STORE = """
Of its store (bytes; source: `src/crossdock/broker/storage/settings.py`, and [the storage format](../storage-format.md)):

"""

SERVICES = """
## The services

`crossdock serve SERVICE --data FOLDER`, and through the environment also those that `crossdock up` starts: a setting is the variable
`CROSSDOCK_` and its name in capitals. Some have a flag, too ([the command line](cli.md#crossdock-serve)). Source: `src/crossdock/services/settings.py`.
"""

KINDS = (
    services.ServerSettings,
    services.ServiceSettings,
    services.OrdersSettings,
    services.PaymentsSettings,
    services.NotificationsSettings,
    services.ProviderSettings,
    services.MailboxSettings,
)

OTHER = """
## The command line itself

| variable | what |
|---|---|
| `CROSSDOCK_PIPELINE` | The data folder of the pipeline, for every command that has `--data`, `serve` and `broker` excepted. |
| `CROSSDOCK_TRACEBACK` | Set to anything: the traceback of an unforeseen error is shown. |
"""


def page() -> str:
    """The whole page."""
    broker = dict(commands())["crossdock broker"]
    flags = {one.name: option_row(one) for one in options_of(broker)}
    text = NOTICE + HEAD + table(("flag", "default", "environment", "what"), flags.values())
    text += DURABILITY + table(("mode", "promise"), _described(Durability))
    text += FIXED + _fields(BrokerSettings, but=flags.keys(), text_of_class=False)
    text += FRONT + _fields(FrontSettings, but=_chosen(), text_of_class=False)
    text += MACHINE + _fields(MachineSettings, but=_chosen(), text_of_class=False)
    text += STORE + _fields(StorageSettings, but=_chosen(), text_of_class=False) + SERVICES
    return text + "".join(_kind(kind) for kind in KINDS) + OTHER


def _chosen() -> set[str]:
    """What the broker's settings decide for its parts, and what is no setting: how TLS and the file layer are made."""
    return {field.name for field in dataclasses.fields(BrokerSettings)} | {"home_region", "tls", "files"}


def _described(enumeration: type[Durability]) -> list[tuple[str, str]]:
    texts = described(enumeration)
    return [(code(one.value), texts[one.name]) for one in enumeration]


def _kind(kind: type[Any]) -> str:
    inherited = {field.name for parent in kind.__mro__[1:-1] for field in dataclasses.fields(parent)} | {"data"}
    return f"\n### {kind.__name__}\n\n{sentence(kind)}\n\n{_fields(kind, but=inherited, text_of_class=True)}"


def _fields(kind: type[Any], but: Any, text_of_class: bool) -> str:
    texts = described(kind)
    rows = [
        (
            code(f"CROSSDOCK_{field.name.upper()}" if text_of_class else field.name),
            _default(field),
            with_limits(texts.get(field.name, "")),
        )
        for field in dataclasses.fields(kind)
        if field.name not in but
    ]
    return table(("variable" if text_of_class else "name", "default", "what"), rows)


def _default(field: "dataclasses.Field[Any]") -> str:
    if field.default is dataclasses.MISSING:
        return "required"
    value = getattr(field.default, "value", field.default)
    number = isinstance(value, int) and not isinstance(value, bool) and value > 9_999
    return code(f"{value:,}" if number else Path(value) if isinstance(value, Path) else value)
