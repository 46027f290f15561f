"""kill -9 while orders flow: of each process in turn, and of all at once; afterwards the audit finds nothing."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.journey.pipeline import CROSSDOCK, ORDERS, ROOT, START_S, Pipeline, until

from crossdock.ops.orders import END_STATES

pytestmark = [pytest.mark.journey, pytest.mark.timeout(600)]

FLOWING = 5
"""So many charges of the orders that are placed are made before anybody is killed."""

VICTIMS = ("broker", "payments", "orders", "provider", "notifications", "inbox")


@contextmanager
def orders_flowing(pipeline: Pipeline) -> Iterator[None]:
    """`order place --wait` goes on while the block kills; afterwards every order was placed and has come to rest."""
    command = [*CROSSDOCK, "order", "place", str(ORDERS), "--again", "--wait", "--json", "--data", str(pipeline.data)]
    charged = pipeline.charges()
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    placing = subprocess.Popen([*command, "--timeout", "200", "--concurrency", "4"], cwd=ROOT, text=True, **pipes)
    try:
        until(lambda: pipeline.charges() >= charged + FLOWING, START_S, "no orders flow")
        yield
        output, errors = placing.communicate(timeout=240)
    finally:
        placing.kill()
        placing.wait()
    assert [one for one in json.loads(output or "[]") if one["status"] not in END_STATES] == [], errors
    assert placing.returncode == 0, errors


def test_each_process_may_be_killed_while_orders_flow(pipeline: Pipeline) -> None:
    """Each process dies once by kill -9 and comes back; every order comes to rest, none is charged twice or lost."""
    with orders_flowing(pipeline):
        for victim in VICTIMS:
            pipeline.kill(victim)
    pipeline.audited()


def test_all_may_be_killed_at_once(pipeline: Pipeline) -> None:
    """The supervisor and everything else die in the middle of the orders; after `up` on the same folder the work goes on."""
    with orders_flowing(pipeline):
        pipeline.kill_all()
        pipeline.up()
    pipeline.audited()
