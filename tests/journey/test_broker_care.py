"""Backup while a broker serves, restore, check and compact of real data folders, and a broker whose disk is nearly full."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from broker_process import BrokerProcess, start_broker

pytestmark = pytest.mark.journey

GROUPS = 4
ALL = {"MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["All"], "VisibilityTimeout": 600}


@contextmanager
def serving(data: Path, *flags: str) -> Iterator[Any]:
    """A boto3 client of a broker that serves a data folder; in the end it stops as it should."""
    process, url = start_broker(data, *flags)
    try:
        yield BrokerProcess(url, process.pid).client(config=Config(retries={"total_max_attempts": 1}))
    finally:
        process.terminate()
        assert process.wait(timeout=60) == 0


def care(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `crossdock broker …`."""
    command = [sys.executable, "-m", "crossdock.cli.main", "broker", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


class Senders:
    """Threads that send until they are told to stop: one to a standard queue, one to each group of a FIFO queue."""

    def __init__(self, sqs: Any) -> None:
        self._sqs = sqs
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(GROUPS + 1)
        self.plain = sqs.create_queue(QueueName="plain")["QueueUrl"]
        self.fifo = sqs.create_queue(QueueName="ordered.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        self.acknowledged: list[str] = []
        self.in_groups: list[list[str]] = [[] for _ in range(GROUPS)]
        self._running = [
            self._pool.submit(self._send_plain),
            *(self._pool.submit(self._send_group, n) for n in range(GROUPS)),
        ]

    def counts(self) -> tuple[int, list[int]]:
        """How many were acknowledged so far."""
        return len(self.acknowledged), [len(group) for group in self.in_groups]

    def wait_for(self, number: int) -> None:
        """Return when so many more are acknowledged."""
        target = len(self.acknowledged) + number
        while len(self.acknowledged) < target:
            assert not any(running.done() for running in self._running)
            self._stopping.wait(0.005)

    def stop(self) -> None:
        """End, and raise what went wrong."""
        self._stopping.set()
        for running in self._running:
            running.result(60)

    def _send_plain(self) -> None:
        for number in count():
            if self._stopping.is_set():
                return
            self._sqs.send_message(QueueUrl=self.plain, MessageBody=f"{number} " + "x" * 2_000)
            self.acknowledged.append(str(number))

    def _send_group(self, group: int) -> None:
        for number in count():
            if self._stopping.is_set():
                return
            self._sqs.send_message(
                QueueUrl=self.fifo,
                MessageBody=str(number),
                MessageGroupId=str(group),
                MessageDeduplicationId=f"{group}-{number}",
            )
            self.in_groups[group].append(str(number))


def drained(sqs: Any) -> tuple[list[str], list[list[str]]]:
    """Every body of both queues, those of the FIFO queue by group, in the order in which they came."""
    plain, fifo = (sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in ("plain", "ordered.fifo"))
    bodies: list[str] = []
    while messages := sqs.receive_message(QueueUrl=plain, **ALL).get("Messages"):
        bodies += [message["Body"].split()[0] for message in messages]
    groups: list[list[str]] = [[] for _ in range(GROUPS)]
    while messages := sqs.receive_message(QueueUrl=fifo, **ALL).get("Messages"):
        for message in messages:
            groups[int(message["Attributes"]["MessageGroupId"])].append(message["Body"])
        handles = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(messages)]
        assert not sqs.delete_message_batch(QueueUrl=fifo, Entries=handles).get("Failed")
    return bodies, groups


def test_a_backup_under_load_holds_what_was_acknowledged(tmp_path: Path) -> None:
    """Sends go on while it is made. Restored, it serves each message that was acknowledged before it began, once and in order, and knows
    duplicates; what was acknowledged meanwhile is there up to one moment. The broker itself has everything."""
    with serving(tmp_path / "data") as sqs:
        senders = Senders(sqs)
        senders.wait_for(100)
        before, groups_before = senders.counts()
        made = care("backup", tmp_path / "backup", "--data", tmp_path / "data", "--json")
        senders.wait_for(50)
        senders.stop()
        assert made.returncode == 0, made.stderr
        bodies, groups = drained(sqs)
        assert (sorted(bodies, key=int), groups) == (senders.acknowledged, senders.in_groups)
    assert care("check", tmp_path / "backup").returncode == 0
    assert care("restore", tmp_path / "backup", "--data", tmp_path / "restored").returncode == 0
    assert care("check", "--data", tmp_path / "restored").returncode == 0
    with serving(tmp_path / "restored") as sqs:
        fifo = sqs.get_queue_url(QueueName="ordered.fifo")["QueueUrl"]
        for group, number in enumerate(groups_before):
            sqs.send_message(
                QueueUrl=fifo,
                MessageBody="a duplicate",
                MessageGroupId=str(group),
                MessageDeduplicationId=f"{group}-{number - 1}",
            )
        bodies, groups = drained(sqs)
    kept = len(bodies) + sum(map(len, groups))
    assert json.loads(made.stdout)["messages"] == kept
    assert before <= len(bodies) <= len(senders.acknowledged)
    assert sorted(bodies, key=int) == senders.acknowledged[: len(bodies)]
    for group, number, sent in zip(groups, groups_before, senders.in_groups, strict=True):
        assert number <= len(group)
        assert group == sent[: len(group)]


def test_a_killed_broker_is_backed_up_checked_and_compacted(tmp_path: Path) -> None:
    """Without a broker the commands work on the folder itself: what was acknowledged is in the journal, and then in the backup."""
    data = tmp_path / "data"
    process, url = start_broker(data)
    sqs = BrokerProcess(url, process.pid).client()
    queue = sqs.create_queue(QueueName="plain")["QueueUrl"]
    for number in range(20):
        sqs.send_message(QueueUrl=queue, MessageBody=str(number))
    for name, words in (("check", "in use by process"), ("compact", "in use by process")):
        refused = care(name, "--data", data)
        assert (refused.returncode, words in refused.stderr) == (2, True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (data / "control.sock").exists()
    found = json.loads(care("check", "--data", data, "--json").stdout)
    assert found["sound"]
    assert found["report"]["messages"] + found["report"]["journal_facts"] >= 20
    assert json.loads(care("backup", tmp_path / "backup", "--data", data, "--json").stdout)["messages"] == 20
    assert care("compact", "--data", data).returncode == 0
    assert care("restore", tmp_path / "backup", "--data", tmp_path / "restored").returncode == 0
    for folder in (data, tmp_path / "restored"):
        with serving(folder) as sqs:
            queue = sqs.get_queue_url(QueueName="plain")["QueueUrl"]
            asked = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])
            assert asked["Attributes"]["ApproximateNumberOfMessages"] == "20"


def test_a_backup_that_is_told_to_stop_leaves_nothing(tmp_path: Path) -> None:
    """SIGTERM ends the command and removes what it wrote; the broker knows nothing of it."""
    with serving(tmp_path / "data") as sqs:
        queue = sqs.create_queue(QueueName="plain")["QueueUrl"]
        for _ in range(60):
            sqs.send_message(QueueUrl=queue, MessageBody="x" * 1_000_000)
        command = [sys.executable, "-m", "crossdock.cli.main", "broker", "backup", "backup", "--data", "data"]
        for _ in range(20):
            backup = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
            while not list(tmp_path.glob(".backup.*.partial")) and backup.poll() is None:
                threading.Event().wait(0.001)
            backup.terminate()
            _, said = backup.communicate(timeout=60)
            assert "Traceback" not in said
            if backup.returncode:
                break
            (tmp_path / "backup").unlink()  # it was quicker than we
        assert backup.returncode == 130
        assert [path.name for path in tmp_path.iterdir()] == ["data"]
        sqs.send_message(QueueUrl=queue, MessageBody="and on")


def test_messages_are_for_the_owner_alone(tmp_path: Path) -> None:
    """Nobody else may read any file of the broker, though the folder, made beforehand, is open to all."""
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o755)
    with serving(data) as sqs:
        sqs.send_message(QueueUrl=sqs.create_queue(QueueName="plain")["QueueUrl"], MessageBody="secret")
        open_to_others = [path.name for path in data.rglob("*") if path.stat().st_mode & 0o077]
        assert {path.name for path in data.iterdir()} >= {
            "broker.db",
            "broker.db-wal",
            "journal",
            "lock",
            "control.sock",
        }
    assert open_to_others == []


def test_a_nearly_full_disk_refuses_sends_only(tmp_path: Path) -> None:
    """Below `--free-space-min` sends get AWS's ServiceUnavailable and a reason; receives, deletes and everything else go on."""
    data = tmp_path / "data"
    with serving(data) as sqs:
        queue = sqs.create_queue(QueueName="plain")["QueueUrl"]
        for number in range(2):
            sqs.send_message(QueueUrl=queue, MessageBody=str(number))
    with serving(data, "--free-space-min", str(1 << 60)) as sqs:
        queue = sqs.get_queue_url(QueueName="plain")["QueueUrl"]
        sends = (
            lambda: sqs.send_message(QueueUrl=queue, MessageBody="x"),
            lambda: sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": "a", "MessageBody": "x"}]),
        )
        for send in sends:
            with pytest.raises(ClientError) as refused:
                send()
            answer = refused.value.response
            assert answer["ResponseMetadata"]["HTTPStatusCode"] == 503
            assert "low on disk space" in answer["Error"]["Message"]
        for _ in range(2):
            (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
            sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=60)
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        sqs.create_queue(QueueName="another")
        sqs.purge_queue(QueueUrl=queue)
    with serving(data) as sqs:
        sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="plain")["QueueUrl"], MessageBody="there is space")
