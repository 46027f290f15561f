"""The command `crossdock`: where it begins, and the one edge where an error becomes a sentence and an exit code."""

import importlib
import os
import signal
import sys

from crossdock.ops import lifeline
from crossdock.ops.refusal import Refusal

SHOW_TRACEBACKS = "CROSSDOCK_TRACEBACK"
"""The environment variable with which developers get the traceback of an unforeseen error."""

INTERRUPTED = 130


def main() -> None:
    """Run the command line. Errors are sentences on stderr, with exit code 1 (the world) or 2 (the command).

    The traceback of an unforeseen error is for developers and for the log files of supervised processes. While modules are imported an
    interrupt ends the process at once; it comes as a KeyboardInterrupt to commands only.
    """
    signal.signal(signal.SIGINT, _interrupted)
    supervised = lifeline.hold()
    try:
        importlib.import_module("crossdock.cli.commands").app()
    except Refusal as refusal:
        _end(f"{refusal.wrong.rstrip('.')}. {refusal.remedy[:1].upper()}{refusal.remedy[1:]}.", refusal.exit_code)
    except Exception as error:
        if supervised or SHOW_TRACEBACKS in os.environ:
            sys.excepthook(type(error), error, error.__traceback__)
        _end(f"unforeseen {type(error).__name__}: {error}. Set {SHOW_TRACEBACKS}=1 to see where, and report it.", 1)


def _interrupted(*_: object) -> None:
    os._exit(INTERRUPTED)


def _end(sentence: str, code: int) -> None:
    sys.stdout.flush()
    print(f"crossdock: {sentence}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
