"""`crossdock provider`: turn the knobs of the simulated payment provider, read its ledger."""

from typing import Annotated, Any
from urllib.parse import quote

import msgspec
import typer

from crossdock.cli.reach import asked
from crossdock.cli.screen import DATA, Data, Json, print_json, table
from crossdock.ops.refusal import Refusal

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Turn the knobs of the simulated payment provider.")


@app.command()
def knobs(
    settings: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="Knobs to turn, such as declineRate=0.1.")
    ] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Show the knobs, after turning those that are named."""
    wanted = dict(_knob(setting) for setting in settings or [])
    turned = asked(data, "provider", "PUT", "/knobs", wanted) if wanted else asked(data, "provider", "GET", "/knobs")
    if as_json:
        print_json(turned)
    else:
        table(("knob", "value"), turned.items())


@app.command()
def ledger(
    order: Annotated[str | None, typer.Option(help="Only of this order.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The newest so many.")] = 20,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """The provider's own books: what it charged and what it gave back."""
    only = f"&reference={quote(order)}" if order else ""
    books = asked(data, "provider", "GET", f"/ledger?limit={limit}{only}")
    if as_json:
        print_json(books)
        return
    charges = [
        (row["id"], row["reference"], row["amount"], row["currency"], row["status"], row["code"])
        for row in books["charges"]
    ]
    table(("charge", "order", "minor units", "currency", "status", "code"), charges)
    if books["refunds"]:
        table(("refund", "charge", "order"), [(row["id"], row["charge"], row["reference"]) for row in books["refunds"]])


def _knob(setting: str) -> tuple[str, Any]:
    name, equals, value = setting.partition("=")
    try:
        if not equals:
            raise ValueError
        return name, msgspec.json.decode(value.encode())
    except (ValueError, msgspec.MsgspecError):
        raise Refusal(f"{setting!r} is not a knob setting", "write NAME=NUMBER, such as declineRate=0.1", 2) from None
