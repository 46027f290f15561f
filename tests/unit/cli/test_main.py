"""The command line: light to start, and every error a sentence."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

HEAVY = ("fastapi", "sqlalchemy", "aiobotocore", "botocore", "aiohttp", "uvicorn", "alembic", "prometheus_client")
LIGHT = ("commands", "order", "mail", "provider", "audit", "up", "serve", "broker")


def crossdock(*arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "crossdock.cli.main", *arguments]
    env = {**os.environ, **environment}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, cwd=cwd, stdin=subprocess.DEVNULL, env=env
    )


@pytest.mark.parametrize("module", LIGHT)
def test_a_light_command_imports_nothing_heavy(module: str) -> None:
    """Web framework, database layer and AWS SDK are loaded by the commands that need them only."""
    script = f"import sys, crossdock.cli.{module}; print(*sorted(sys.modules.keys() & set({HEAVY!r})))"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    assert loaded.split() == []


def test_help_lists_every_command() -> None:
    """The top level tells what there is without importing it."""
    shown = crossdock("--help").stdout
    for name in ("up", "status", "order", "mail", "queues", "provider", "audit", "broker", "serve"):
        assert name in shown


def test_the_version_is_told() -> None:
    """That of the package that is installed."""
    assert crossdock("--version").stdout == f"crossdock {metadata.version('crossdock')}\n"


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (("order", "show", "ord_1"), "no pipeline runs on data. Start one with `crossdock up`", 1),
        (("status",), "no pipeline runs on data", 1),
        (("mail", "list"), "no pipeline runs on data", 1),
        (("provider", "knobs", "latencyMs"), "'latencyMs' is not a knob setting", 2),
        (("queues", "list"), "--aws uses the AWS account of your environment", 1),
        (("order", "place", "nothing.json"), "cannot read nothing.json", 2),
        (("up", "--port-base", "70000"), "there is no port 7000", 2),
        (("up", "--durability", "fast"), "'fast' is not one of", 2),
        (("serve", "orders", "--data", "d", "--port", "65536"), "<= 65535", 2),
        (("serve", "orders", "--data", "d", "--database-url", "x"), "--database-url cannot be used", 1),
        (("up", "--data", "file"), "file is a file, not a folder", 1),
        (("audit",), "there is no pipeline's data in data", 1),
        (("serve", "orders", "--data", "d", "--port", "x"), "Invalid value for '--port'", 2),
        (("broker", "--port", "65536"), "than or equal to 65535", 2),
        (("broker", "--account", "1234"), "an account has 12 digits, unlike '1234'", 2),
        (("broker", "--region", ""), "the home region needs a name", 2),
        (("broker", "--public-url", "sqs.example.com"), "a public URL begins with http:// or https://", 2),
        (("frobnicate",), "No such command", 2),
    ],
)
def test_an_error_is_a_sentence_with_a_remedy(
    tmp_path: Path, arguments: tuple[str, ...], words: str, code: int
) -> None:
    """On stderr, with exit code 1 for the world and 2 for the command; never a traceback."""
    (tmp_path / "file").write_text("I am a file")
    ended = crossdock(*arguments, cwd=tmp_path)
    assert words in " ".join(ended.stderr.split()).replace("│ ", "")
    assert "Traceback" not in ended.stderr + ended.stdout
    assert ended.returncode == code


def test_serve_takes_its_folder_from_the_environment(tmp_path: Path) -> None:
    """`serve` goes by CROSSDOCK_DATA as `broker` does; without it and without --data it names both."""
    (tmp_path / "file").write_text("I am a file")
    assert crossdock("serve", "inbox", cwd=tmp_path, CROSSDOCK_DATA="file").stderr.startswith(
        "mailbox cannot start: file is not a folder"
    )
    refused = crossdock("serve", "inbox", cwd=tmp_path)
    assert (refused.returncode, "--data" in refused.stderr, "CROSSDOCK_DATA" in refused.stderr) == (2, True, True)


INTERRUPTED_AT = """
import os, signal, sys
from crossdock.cli.main import main

module = sys.argv.pop(1)

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
main()
"""


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("typer", ("status",)),
        ("crossdock.cli.status", ("status",)),
        ("crossdock.broker.app", ("broker", "--data", "d")),
        ("crossdock.services.orders.service", ("serve", "orders", "--data", "d")),
    ],
)
def test_an_interrupt_while_a_command_starts_ends_it_quietly(
    tmp_path: Path, module: str, arguments: tuple[str, ...]
) -> None:
    """Ctrl-C ends with exit code 130 and says nothing, also while the modules of the command are being imported."""
    command = [sys.executable, "-c", INTERRUPTED_AT, module, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path, stdin=subprocess.DEVNULL)
    assert (ended.returncode, ended.stderr) == (130, "")
