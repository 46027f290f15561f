"""`crossdock queues`: list the queues, create what the topology declares; on the local pipeline or on AWS.

With AWS_ENDPOINT_URL in the environment, or with --aws, the environment says where, as for every AWS tool. Without either it is the
pipeline that runs on the data folder, so that a command typed at home never reaches an account by accident.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from crossdock.cli.screen import DATA, Data, Json, console, print_json, table
from crossdock.clock import SystemClock
from crossdock.messaging import Change, Sqs, SqsError, apply, diff
from crossdock.ops import runfile
from crossdock.ops.backoff import Backoff
from crossdock.ops.depths import depths
from crossdock.ops.folder import DataFolder
from crossdock.ops.refusal import Refusal
from crossdock.services.topology import TOPOLOGY

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="List the queues, or create what the topology declares."
)

Aws = Annotated[bool, typer.Option("--aws", help="Use the AWS settings of the environment as they are.")]

PATIENCE_MS = 30_000
_ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS")
_RETRIES = Backoff(first_ms=50, most_ms=400)

T = TypeVar("T")


@app.command("list")
def list_queues(
    prefix: Annotated[str, typer.Option(help="Only queues whose names begin so.")] = "",
    data: Data = DATA,
    aws: Aws = False,
    as_json: Json = False,
) -> None:
    """Every queue with the messages that are visible, in flight, and delayed."""
    found = _on_queues(data, aws, lambda sqs: depths(sqs, prefix))
    if as_json:
        print_json(found)
    else:
        table(
            ("queue", "visible", "in flight", "delayed"),
            [(one.name, one.visible, one.in_flight, one.delayed) for one in found],
        )


@app.command("apply")
def apply_topology(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    patient: Annotated[bool, typer.Option("--patient", help="Wait up to 30 s for SQS to answer.")] = False,
    data: Data = DATA,
    aws: Aws = False,
    as_json: Json = False,
) -> None:
    """Make the queues exist as the topology declares them: dead letter queues first, nothing twice, nothing deleted."""
    change = diff if dry_run else apply

    async def work(sqs: Sqs) -> list[Change]:
        return await (_patiently(lambda: change(sqs, TOPOLOGY)) if patient else change(sqs, TOPOLOGY))

    changes = _on_queues(data, aws, work)
    if as_json:
        print_json([step._asdict() for step in changes])
    elif changes:
        table(("queue", "action", "attributes"), [(step.queue, step.action, _attributes(step)) for step in changes])
    else:
        console.print("nothing to do: the queues are as declared")


def _on_queues(data: Path, aws: bool, work: Callable[[Sqs], Awaitable[T]]) -> T:
    """Do something with SQS, and turn what it says against it into a sentence."""
    if not aws and not any(os.environ.get(name) for name in _ENDPOINTS):
        try:
            os.environ.update(runfile.running(DataFolder(data)).environment)
        except Refusal as refusal:
            raise Refusal(refusal.wrong, f"{refusal.remedy}; --aws uses the AWS account of your environment") from None

    async def run() -> T:
        async with Sqs(SystemClock()) as sqs:
            return await work(sqs)

    try:
        return asyncio.run(run())
    except SqsError as error:
        where = os.environ.get("AWS_ENDPOINT_URL_SQS") or os.environ.get("AWS_ENDPOINT_URL") or "AWS"
        raise Refusal(f"SQS at {where} says {error}", "check the endpoint, the region and the credentials") from None


async def _patiently(work: Callable[[], Awaitable[T]]) -> T:
    """Try again while SQS is not there yet: at a start everything starts at once."""
    clock = SystemClock()
    deadline_ms = clock.monotonic_ms() + PATIENCE_MS
    failures = 0
    while True:
        try:
            return await work()
        except SqsError as error:
            if not error.retryable or clock.monotonic_ms() > deadline_ms:
                raise
        failures += 1
        await asyncio.sleep(_RETRIES.delay_ms(failures, clock.random()) / 1_000)


def _attributes(step: Change) -> str:
    if step.action == "create":
        return ", ".join(f"{name}={new}" for name, (_, new) in step.attributes.items())
    return ", ".join(f"{name}: {old} → {new}" for name, (old, new) in step.attributes.items())
