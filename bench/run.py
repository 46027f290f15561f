"""The bench: crossdock beside its peers in one run, in alternating rounds; a Markdown table per question.

    python -m bench.run [--quick] [--only send,wake] [--servers crossdock,fauxqs] [--report FILE] [--json]

Questions: send, cycle (send, receive, delete), batch, fifo, wake (long polls), backlog (with restart), idle. Every message is accounted
for: a server that loses one, or cannot do a mode, or is not installed, is in its table with the reason. Progress goes to stderr.
The exit code is 1 if crossdock itself fails at something.
"""

import argparse
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from bench import backlog, idle, wake
from bench.machine import Neighbours, describe
from bench.rates import COMPARISONS
from bench.report import Table, head, write
from bench.rounds import Backlog, Bench, Settings
from bench.servers import Server, every_server

QUICK = Settings(seconds=0.8, rounds=1, backlogs=(Backlog(20_000),), fill_s=5, idle_s=3)
QUESTIONS: dict[str, Callable[[Bench], list[Table]]] = {
    **{comparison.question: comparison.ask for comparison in COMPARISONS},
    "wake": wake.ask,
    "backlog": backlog.ask,
    "idle": idle.ask,
}


def main() -> None:
    """Read the command line, ask, print each table as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="one short round and a small backlog: minutes, not a quarter of an hour"
    )
    parser.add_argument(
        "--only", type=chosen_questions, default=list(QUESTIONS), help="questions, with commas between them"
    )
    parser.add_argument(
        "--servers", type=chosen_servers, default=every_server(), help="how their names begin, with commas"
    )
    parser.add_argument("--seconds", type=float, help="how long each load is measured")
    parser.add_argument("--rounds", type=int)
    parser.add_argument(
        "--backlogs", type=chosen_backlogs, help="messages, with commas; with the bytes of a body: 10000x1048576"
    )
    parser.add_argument("--idle-seconds", type=float, dest="idle_s")
    parser.add_argument(
        "--data", type=Path, help="folder for the data of the servers; the system's for temporary files if not given"
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the tables into a Markdown file too")
    parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    given = parser.parse_args()
    changed = {name: value for name in Settings._fields if (value := getattr(given, name, None)) is not None}
    settings = (QUICK if given.quick else Settings())._replace(**changed)
    command = shlex.join(["python", "-m", "bench.run", *sys.argv[1:]])
    tables: list[Table] = []
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(dir=given.data) as name:
        bench = Bench(settings, given.servers, Path(name))
        machine, neighbours = describe(given.servers, bench.folder), Neighbours()
        if not given.json:
            print(head(machine, command), flush=True)
        for question in given.only:
            for table in QUESTIONS[question](bench):
                tables.append(table)
                if not given.json:
                    print(table.markdown(), flush=True)
            if given.report:
                write(given.report, machine, command, tables, str(neighbours))
    if given.json:
        whole = {"machine": machine._asdict(), "command": command, "tables": tables, "end": str(neighbours)}
        print(msgspec.json.encode(whole).decode())
    else:
        print(neighbours)
    raise SystemExit(any(table.broken for table in tables))


def chosen_questions(text: str) -> list[str]:
    """The questions that a person named."""
    names = text.split(",")
    if unknown := [name for name in names if name not in QUESTIONS]:
        raise argparse.ArgumentTypeError(
            f"no question is called {', '.join(unknown)}; there are {', '.join(QUESTIONS)}"
        )
    return names


def chosen_servers(text: str) -> Sequence[Server]:
    """The servers whose names begin as a person wrote."""
    known = every_server()
    begin = [name.lower() for name in text.split(",")]
    if unknown := [name for name in begin if not any(server.name.lower().startswith(name) for server in known)]:
        names = ", ".join(server.name for server in known)
        raise argparse.ArgumentTypeError(f"no server's name begins with {', '.join(unknown)}; there are {names}")
    return [server for server in known if server.name.lower().startswith(tuple(begin))]


def chosen_backlogs(text: str) -> tuple[Backlog, ...]:
    """Backlogs as a person wrote them: messages, and bytes of a body where it is not 512."""
    parts = [part.split("x") for part in text.split(",")]
    if not all(len(part) <= 2 and all(number.isdecimal() and int(number) for number in part) for part in parts):
        raise argparse.ArgumentTypeError(f"{text} is not a list of numbers of messages, as in 100000,10000x1048576")
    return tuple(Backlog(*map(int, part)) for part in parts)


if __name__ == "__main__":
    main()
