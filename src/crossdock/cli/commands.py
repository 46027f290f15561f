"""The table of subcommands. The module of a subcommand is imported when that is called, and not before.

So `crossdock order place` does not pay for the web framework of `crossdock serve`. Help texts of the top level come from the table.
"""

import importlib
import signal
from importlib import metadata
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

COMMANDS = {
    "up": "Start the whole pipeline: broker, queues, provider, mail inbox, services.",
    "status": "What runs where, and how deep the queues are.",
    "order": "Place orders and follow them.",
    "mail": "Read the mails of the local inbox.",
    "queues": "List the queues, or create what the topology declares.",
    "provider": "Turn the knobs of the simulated payment provider.",
    "audit": "Prove that no order was lost, charged twice or confirmed twice.",
    "broker": "Run the SQS-compatible broker alone.",
    "serve": "Run one process of the pipeline.",
}


class LazyGroup(TyperGroup):
    """The top level: lists placeholders, runs the modules behind them."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the subcommand that `args` begins with, and import it. From here on an interrupt can be caught and cleaned up after."""
        name, placeholder, rest = super().resolve_command(ctx, args)
        if name is None or placeholder is None:
            return name, placeholder, rest
        command = command_of(name)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return name, command, rest


def command_of(name: str) -> Any:
    """The subcommand itself, imported."""
    return get_command(importlib.import_module(f"crossdock.cli.{name}").app)


app = typer.Typer(cls=LazyGroup, no_args_is_help=True, add_completion=False)
for _name, _summary in COMMANDS.items():
    app.add_typer(typer.Typer(), name=_name, help=_summary)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"crossdock {metadata.version('crossdock')}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
]


@app.callback()
def describe(version: Version = False) -> None:
    """The order pipeline of an e-commerce platform on Amazon SQS, and a durable SQS-compatible broker."""
