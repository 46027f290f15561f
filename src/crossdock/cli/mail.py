"""`crossdock mail`: read the local inbox."""

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote

import typer

from crossdock.cli.reach import asked
from crossdock.cli.screen import DATA, Data, Json, console, print_json, table

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Read the mails of the local inbox.")


@app.command("list")
def list_mails(
    to: Annotated[str | None, typer.Option(help="Only to this address.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The newest so many.")] = 20,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """The newest mails first."""
    only = f"&to={quote(to)}" if to else ""
    mails = asked(data, "inbox", "GET", f"/messages?limit={limit}{only}")["messages"]
    if as_json:
        print_json(mails)
        return
    rows = [(mail["id"], _moment(mail["receivedMs"]), ", ".join(mail["recipients"]), mail["subject"]) for mail in mails]
    table(("id", "received (UTC)", "to", "subject"), rows)


@app.command()
def show(
    mail_id: Annotated[int, typer.Argument(metavar="ID", help="As `mail list` shows it.")],
    html: Annotated[bool, typer.Option("--html", help="The HTML part.")] = False,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """One mail: its headers and its text."""
    mail = asked(data, "inbox", "GET", f"/messages/{mail_id}")
    if as_json:
        print_json(mail)
    elif html:
        typer.echo(mail["html"])
    else:
        for name in ("date", "from", "to", "subject", "message-id"):
            console.print(f"{name}: {mail['headers'].get(name, '-')}", markup=False, soft_wrap=True)
        console.print()
        console.print(mail["text"], markup=False, soft_wrap=True)


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
