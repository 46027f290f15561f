"""`crossdock broker`: run the SQS-compatible broker. Care of its data is in `broker_care`."""

from pathlib import Path
from typing import Annotated

import typer

from crossdock.broker import app as broker
from crossdock.broker.access import CredentialsError
from crossdock.broker.server import ListenError
from crossdock.broker.settings import BrokerSettings, Durability
from crossdock.broker.storage.store import StorageError
from crossdock.cli import broker_care
from crossdock.services import log_lines
from crossdock.services.log_lines import LogLevel

app = typer.Typer(add_completion=False)
app.command("backup")(broker_care.backup_data)
app.command("restore")(broker_care.restore_data)
app.command("check")(broker_care.check_data)
app.command("compact")(broker_care.compact_data)

DEFAULTS = BrokerSettings(durability=Durability.MEMORY)

Host = Annotated[str, typer.Option(envvar="CROSSDOCK_HOST", help="Address to listen on.")]
Port = Annotated[
    int, typer.Option(min=0, max=65_535, envvar="CROSSDOCK_PORT", help="Port to listen on; 0 for any free one.")
]
Data = Annotated[Path, typer.Option(envvar="CROSSDOCK_DATA", readable=False, help="Folder for the messages.")]
"""Whether it can be read is the storage's affair, whose sentences say what to do."""
Promise = Annotated[
    Durability,
    typer.Option(
        envvar="CROSSDOCK_DURABILITY",
        help="durable: on disk before the answer. relaxed: on disk within 100 ms. memory: gone with the process.",
    ),
]
PublicUrl = Annotated[
    str | None, typer.Option(help="What queue URLs begin with; else the host that the client called.")
]
Region = Annotated[str, typer.Option(envvar="AWS_REGION", help="Home region.")]
Account = Annotated[str, typer.Option(help="Account id of callers whose access key is not 12 digits.")]
Credentials = Annotated[
    Path | None, typer.Option(help="JSON file {access key: secret}; with it every request must be signed.")
]
Certificate = Annotated[Path | None, typer.Option(help="PEM certificate chain.")]
Key = Annotated[Path | None, typer.Option(help="PEM private key.")]
StandingClock = Annotated[bool, typer.Option(help="Time stands still until POST /clock moves it; for tests.")]
Connections = Annotated[
    int, typer.Option(min=1, envvar="CROSSDOCK_CONNECTIONS_MAX", help="Connections beyond so many are refused.")
]
FreeSpace = Annotated[
    int,
    typer.Option(min=0, envvar="CROSSDOCK_FREE_SPACE_MIN", help="Sends are refused below so many bytes of free disk."),
]
Level = Annotated[LogLevel, typer.Option(envvar="CROSSDOCK_LOG_LEVEL", help="From which level on events are logged.")]


@app.callback(invoke_without_command=True)
def run(
    context: typer.Context,
    host: Host = "127.0.0.1",
    port: Port = 9324,
    data: Data = Path("data/broker"),
    durability: Promise = Durability.DURABLE,
    public_url: PublicUrl = None,
    region: Region = "us-east-1",
    account: Account = "000000000000",
    credentials: Credentials = None,
    tls_cert: Certificate = None,
    tls_key: Key = None,
    manual_clock: StandingClock = False,
    connections_max: Connections = DEFAULTS.connections_max,
    free_space_min: FreeSpace = DEFAULTS.free_space_min,
    log_level: Level = LogLevel.INFO,
) -> None:
    """Run the broker until Ctrl-C or SIGTERM. Under systemd it serves the sockets that it is handed, and says when it is ready."""
    if context.invoked_subcommand is not None:
        return
    log_lines.configure(log_level)
    try:
        settings = BrokerSettings(
            host=host,
            port=port,
            data=None if durability is Durability.MEMORY else data,
            durability=durability,
            public_url=public_url,
            region=region,
            account=account,
            credentials=credentials,
            tls_cert=tls_cert,
            tls_key=tls_key,
            manual_clock=manual_clock,
            connections_max=connections_max,
            free_space_min=free_space_min,
        )
        code = broker.run(settings)
    except (StorageError, CredentialsError, ListenError, ValueError) as error:
        broker_care.refuse(str(error))
    raise typer.Exit(code)
