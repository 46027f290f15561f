"""kill -9 while orders flow: of each process in turn, and of all at once; afterwards the audit finds nothing."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.journey.pipeline import ORDERS, ROOT, Pipeline

from crossdock.ops.orders import END_STATES

pytestmark = pytest.mark.journey

VICTIMS = ("broker", "payments", "orders", "provider", "notifications", "inbox")


def place_in_the_background(pipeline: Pipeline, file: Path) -> "subprocess.Popen[str]":
    """`order place --wait`, as a process that goes on while others are killed."""
    command = [sys.executable, "-m", "crossdock.cli.main", "order", "place", str(file), "--again", "--wait", "--json"]
    arguments = ["--data", str(pipeline.data), "--timeout", "90", "--concurrency", "4"]
    return subprocess.Popen([*command, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(placing: "subprocess.Popen[str]") -> None:
    """Every order was placed and has come to rest."""
    output, errors = placing.communicate(timeout=110)
    restless = [one for one in json.loads(output or "[]") if one["status"] not in END_STATES]
    assert not restless, errors
    assert placing.returncode == 0, errors


def test_each_process_may_be_killed_while_orders_flow(pipeline: Pipeline) -> None:
    """Each process dies once by kill -9 and comes back; every order comes to rest, none is charged twice or lost."""
    placing = place_in_the_background(pipeline, ORDERS)
    for victim in VICTIMS:
        pipeline.kill(victim)
    finished(placing)
    pipeline.audited()


def test_all_may_be_killed_at_once(pipeline: Pipeline) -> None:
    """The supervisor and everything else die in the middle of the orders; after `up` on the same folder the work goes on."""
    placing = place_in_the_background(pipeline, ORDERS)
    threading.Event().wait(1.5)
    pipeline.kill_all()
    pipeline.up()
    finished(placing)
    pipeline.audited()
