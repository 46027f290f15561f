"""Real broker processes and the environments of foreign clients."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

ROOT = Path(__file__).parent.parent.parent
REGION = "ap-southeast-1"


@dataclass(frozen=True)
class BrokerProcess:
    """A broker in a process of its own."""

    url: str
    pid: int

    def client(self, region: str = REGION, **options: Any) -> Any:
        """A boto3 SQS client for it."""
        return boto3.client(
            "sqs",
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            **options,
        )

    def environment(self, **more: str) -> dict[str, str]:
        """The standard AWS variables that point a child process at it."""
        return {
            **os.environ,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_PAGER": "",
            "AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE": "1",
            **more,
        }


def start_broker(data: Path, *flags: str) -> tuple[subprocess.Popen[str], str]:
    """Start `crossdock broker` on a free port and wait until it says that it is ready; the process and its URL."""
    command = [sys.executable, "-m", "crossdock.cli.main", "broker", "--port", "0", "--data", str(data), "--region", REGION, *flags]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith("{") and "url" in (event := json.loads(line)):
            return process, event["url"]
    raise AssertionError("the broker did not start:\n" + "".join(lines))


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    """One durable broker process for the whole session; tests take queues of their own names."""
    process, url = start_broker(tmp_path_factory.mktemp("broker"))
    try:
        yield BrokerProcess(url, process.pid)
    finally:
        process.terminate()
        assert process.wait(timeout=15) == 0


@pytest.fixture
def fresh_broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    """A durable broker process that no other test uses."""
    process, url = start_broker(tmp_path / "broker")
    try:
        yield BrokerProcess(url, process.pid)
    finally:
        process.terminate()
        assert process.wait(timeout=15) == 0


def missing(what: str, how: str) -> None:
    """A client is not installed: skip on a developer's machine, fail in CI, where nothing may go untested unseen."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing in CI: {how}")
    pytest.skip(f"{what} is missing: {how}")


@pytest.fixture(scope="session")
def client_bin() -> Any:
    """The `bin` folder of a client environment by name."""

    def find(name: str) -> Path:
        folder = ROOT / ".venv-clients" / name / "bin"
        if not folder.is_dir():
            missing(f".venv-clients/{name}", "run `make test`, which builds it")
        return folder

    return find


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """Where the JavaScript clients are."""
    folder = ROOT / "tests" / "contract" / "node" / "node_modules"
    if not (folder / "aws-sdk").is_dir():
        missing("the JavaScript clients", "install Node.js with npm and run `make test`")
    return folder
