"""Real broker processes and the environments of foreign clients."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from broker_process import BrokerProcess, start_broker

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    """One durable broker process for the whole session; tests take queues of their own names."""
    process, url = start_broker(tmp_path_factory.mktemp("broker"))
    try:
        yield BrokerProcess(url, process.pid)
    finally:
        process.terminate()
        assert process.wait(timeout=60) == 0


@pytest.fixture
def fresh_broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    """A durable broker process that no other test uses."""
    process, url = start_broker(tmp_path / "broker")
    try:
        yield BrokerProcess(url, process.pid)
    finally:
        process.terminate()
        assert process.wait(timeout=60) == 0


@pytest.fixture(scope="module")
def signed_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a broker that knows one key, AKIDEXAMPLE, whose secret is `secret`."""
    folder = tmp_path_factory.mktemp("signed")
    (folder / "keys.json").write_text(json.dumps({"AKIDEXAMPLE": "secret"}))
    process, url = start_broker(folder / "data", "--credentials", str(folder / "keys.json"))
    try:
        yield url
    finally:
        process.terminate()
        assert process.wait(timeout=60) == 0


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
