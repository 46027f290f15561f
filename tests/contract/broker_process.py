"""A broker in a process of its own, and how to point clients at it."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

REGION = "ap-southeast-1"


@dataclass(frozen=True)
class BrokerProcess:
    """A broker in a process of its own."""

    url: str
    pid: int

    def client(self, service: str = "sqs", region: str = REGION, **options: Any) -> Any:
        """A boto3 client for it."""
        return boto3.client(
            service,
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


def metric(url: str, name: str) -> float:
    """The value of a metric without labels of the broker at a URL."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=60) as page:
        return value(page.read(), name)


def value(page: bytes, name: str) -> float:
    """The value of a metric without labels on a page."""
    return float(next(line.split(" ")[1] for line in page.decode().splitlines() if line.startswith(f"{name} ")))


def broker_command(data: Path, *flags: str, program: Sequence[str] = ("-m", "crossdock.cli.main")) -> list[str]:
    """The command line of a broker on a free port; `program`: what Python runs."""
    return [sys.executable, *program, "broker", "--port", "0", "--data", str(data), "--region", REGION, *flags]


def start_broker(
    data: Path, *flags: str, launcher: Sequence[str] = (), **options: Any
) -> tuple[subprocess.Popen[str], str]:
    """Start `broker_command` and wait until it says that it is ready; the process and its URL.

    `launcher`: a command that runs the command given to it.
    """
    command = [*launcher, *broker_command(data, *flags, **options)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith("{") and "url" in (event := json.loads(line)):
            return process, event["url"]
    raise AssertionError("the broker did not start:\n" + "".join(lines))
