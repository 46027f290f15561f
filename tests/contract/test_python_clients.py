"""Python clients in environments of their own: a Query-era botocore, Celery, Dramatiq, taskiq; and read-back as Terraform does it."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from broker_process import BrokerProcess

pytestmark = pytest.mark.contract

HERE = Path(__file__).parent


def test_query_era_botocore(broker: BrokerProcess, client_bin: Any) -> None:
    """The last botocore that speaks the Query protocol to SQS lives through a message and sees AWS's legacy errors."""
    python = client_bin("query-era") / "python"
    result = subprocess.run(
        [python, HERE / "query_era.py"], env=broker.environment(), capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {
        "protocol": "query",
        "version": "1.31.80",
        "same_id": True,
        "same_body": True,
        "bytes": [0, 255],
        "count": "1",
        "batch": [1, "InvalidMessageContents"],
        "deleted": ["d"],
        "empty": False,
        "tags": {"team": "orders"},
        "attributes": {"VisibilityTimeout": "30"},
        "missing": [
            "AWS.SimpleQueueService.NonExistentQueue",
            "The specified queue does not exist for this wsdl version.",
            400,
        ],
    }


def paid_orders(process: subprocess.Popen[str], stream: Any) -> set[str]:
    """Read a worker's output until five orders are paid, then stop the worker and what it started."""
    paid: set[str] = set()
    seen = []
    try:
        while len(paid) < 5:
            line = stream.readline()
            assert line, "the worker ended early:\n" + "".join(seen)
            seen.append(line)
            paid |= set(re.findall(r"PAID (\d+)", line))  # threads of a worker may print into one line
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return paid


def test_celery(broker: BrokerProcess, client_bin: Any) -> None:
    """Tasks sent by Celery are run by a Celery worker."""
    url = broker.client().create_queue(QueueName="celery-orders")["QueueUrl"]
    environment = broker.environment(QUEUE_URL=url)
    python = client_bin("workers") / "python"
    sent = subprocess.run(
        [python, "workers_celery.py"], cwd=HERE, env=environment, capture_output=True, text=True, timeout=120
    )
    assert sent.returncode == 0, sent.stderr
    command = [
        python,
        "-m",
        "celery",
        "-A",
        "workers_celery",
        "worker",
        "--pool",
        "solo",
        "--without-gossip",
        "--without-mingle",
    ]
    worker = subprocess.Popen(
        command, cwd=HERE, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert paid_orders(worker, worker.stderr) == {"0", "1", "2", "3", "4"}


def test_dramatiq(broker: BrokerProcess, client_bin: Any) -> None:
    """Messages sent by Dramatiq are run by its worker, on queues that it makes itself."""
    command = [client_bin("workers") / "python", "workers_dramatiq.py"]
    worker = subprocess.Popen(
        command,
        cwd=HERE,
        env=broker.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert paid_orders(worker, worker.stdout) == {"0", "1", "2", "3", "4"}


def test_taskiq(broker: BrokerProcess, client_bin: Any) -> None:
    """Tasks sent by taskiq come to its listener."""
    broker.client().create_queue(QueueName="taskiq-orders")
    command = [client_bin("workers") / "python", "workers_taskiq.py"]
    worker = subprocess.Popen(
        command, cwd=HERE, env=broker.environment(), stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert paid_orders(worker, worker.stdout) == {"1", "2", "3", "4", "5"}


def test_what_terraform_reads_back(broker: BrokerProcess) -> None:
    """Create with every attribute and tags, read all back, compare: nothing is lost, normalised away or invented."""
    sqs = broker.client()
    dead = sqs.create_queue(QueueName="terraform-dead")["QueueUrl"]
    dead_arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": "*",
                "Action": "sqs:SendMessage",
                "Resource": "arn:aws:sqs:ap-southeast-1:000000000000:terraform",
            }
        ],
    }
    asked = {
        "DelaySeconds": "5",
        "MaximumMessageSize": "2048",
        "MessageRetentionPeriod": "86400",
        "ReceiveMessageWaitTimeSeconds": "10",
        "VisibilityTimeout": "45",
        "Policy": json.dumps(policy),
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 4}),
        "KmsMasterKeyId": "alias/aws/sqs",
        "KmsDataKeyReusePeriodSeconds": "600",
    }
    tags = {"team": "orders", "empty": ""}
    url = sqs.create_queue(QueueName="terraform", Attributes=asked, tags=tags)["QueueUrl"]
    read = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    for name in ("Policy", "RedrivePolicy"):
        assert json.loads(read[name]) == json.loads(asked[name])
    for name in asked.keys() - {"Policy", "RedrivePolicy"}:
        assert read[name] == asked[name]
    assert read["SqsManagedSseEnabled"] == "false"
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == tags
    assert sqs.create_queue(QueueName="terraform", Attributes=asked)["QueueUrl"] == url
