"""`crossdock broker`: run the SQS-compatible broker. Care of its data is in `broker_care`."""

from pathlib import Path
from typing import Annotated

import typer

from crossdock.broker import app as broker
from crossdock.broker.access import CredentialsError
from crossdock.broker.settings import BrokerSettings, Durability
from crossdock.broker.storage.store import StorageError
from crossdock.cli import broker_care
from crossdock.services import log_lines

app = typer.Typer()
app.command("restore")(broker_care.restore)
app.command("check")(broker_care.check_data)
app.command("compact")(broker_care.compact)

EXIT_REFUSED = 2


@app.callback(invoke_without_command=True)
def run(
    context: typer.Context,
    host: Annotated[str, typer.Option(envvar="CROSSDOCK_HOST", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="CROSSDOCK_PORT", help="Port to listen on; 0 for any free one.")] = 9324,
    data: Annotated[Path, typer.Option(envvar="CROSSDOCK_DATA", help="Folder for the messages.")] = Path("data/broker"),
    durability: Annotated[
        Durability,
        typer.Option(
            envvar="CROSSDOCK_DURABILITY",
            help="durable: on disk before the answer. relaxed: on disk within 100 ms. memory: gone with the process.",
        ),
    ] = Durability.DURABLE,
    public_url: Annotated[
        str | None, typer.Option(help="What queue URLs begin with; else the host that the client called.")
    ] = None,
    region: Annotated[str, typer.Option(envvar="AWS_REGION", help="Home region.")] = "us-east-1",
    account: Annotated[
        str, typer.Option(help="Account id of callers whose access key is not 12 digits.")
    ] = "000000000000",
    credentials: Annotated[
        Path | None, typer.Option(help="JSON file {access key: secret}; with it every request must be signed.")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="PEM certificate chain.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM private key.")] = None,
    manual_clock: Annotated[
        bool, typer.Option(help="Time stands still until POST /clock moves it; for tests.")
    ] = False,
) -> None:
    """Run the broker until Ctrl-C or SIGTERM."""
    if context.invoked_subcommand is not None:
        return
    log_lines.configure()
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
        )
        code = broker.run(settings)
    except (StorageError, CredentialsError, ValueError) as error:
        typer.echo(f"crossdock broker: {error}", err=True)
        raise typer.Exit(EXIT_REFUSED) from error
    except OSError as error:
        typer.echo(
            f"crossdock broker: cannot listen on {host}:{port}: {error.strerror or error}. Choose another --port.",
            err=True,
        )
        raise typer.Exit(EXIT_REFUSED) from error
    raise typer.Exit(code)
