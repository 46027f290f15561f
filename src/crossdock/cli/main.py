"""The command `crossdock`: the table of its subcommands, and the one edge where an error becomes a sentence and an exit code."""

import os
import sys
import traceback

import typer

from crossdock.cli import lazy
from crossdock.ops import lifeline
from crossdock.ops.refusal import Refusal

SHOW_TRACEBACKS = "CROSSDOCK_TRACEBACK"
"""The environment variable with which developers get the traceback of an unforeseen error."""

app = typer.Typer(
    cls=lazy.LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    help="The order pipeline of an e-commerce platform on Amazon SQS, and a durable SQS-compatible broker.",
)

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

for _name, _summary in COMMANDS.items():
    lazy.add(app, _name, f"crossdock.cli.{_name}", _summary)


def main() -> None:
    """Run the command line. Errors are sentences on stderr, with exit code 1 (the world) or 2 (the command).

    The traceback of an unforeseen error is for developers and for the log files of supervised processes.
    """
    supervised = lifeline.hold()
    try:
        app()
    except Refusal as refusal:
        _end(f"{refusal.wrong.rstrip('.')}. {refusal.remedy[:1].upper()}{refusal.remedy[1:]}.", refusal.exit_code)
    except KeyboardInterrupt:
        _end("interrupted", 130)
    except Exception as error:
        if supervised or SHOW_TRACEBACKS in os.environ:
            traceback.print_exc()
        _end(f"unforeseen {type(error).__name__}: {error}. Set {SHOW_TRACEBACKS}=1 to see where, and report it.", 1)


def _end(sentence: str, code: int) -> None:
    sys.stdout.flush()
    print(f"crossdock: {sentence}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
