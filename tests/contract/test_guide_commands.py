"""Every `aws` command of the guide, as it stands there, through the AWS CLI."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import guide
import pytest
from broker_process import BrokerProcess

pytestmark = pytest.mark.contract

REFUSED = {
    "ecommerce-payment-queue.fifo": "InvalidParameterValue",  # a FIFO queue with a standard dead-letter queue
    "ApproximateNumberOfMessagesVisible": "InvalidAttributeName",  # the name of a metric, not of an attribute
}
"""What real SQS refuses of the guide, with its error code."""


# `bash +B`: without it the shell itself takes the unquoted {DataType=String,StringValue=TEST} of the guide apart.

HEED_THE_ENDPOINT = 'aws() { command aws "$@" --endpoint-url "$AWS_ENDPOINT_URL"; }\n'
"""AWS CLI v1 goes to an old host name for SQS, whatever AWS_ENDPOINT_URL says, unless the flag names the endpoint."""


@pytest.fixture
def aws(fresh_broker: BrokerProcess, client_bin: Any) -> Any:
    """Run a piece of shell with the AWS CLI on the PATH, pointed at a fresh broker."""

    def run(script: str) -> subprocess.CompletedProcess[str]:
        environment = fresh_broker.environment(AWS_MAX_ATTEMPTS="1")
        environment["PATH"] = f"{client_bin('awscli')}{os.pathsep}{environment['PATH']}"
        return subprocess.run(
            ["bash", "+B", "-e", "-c", HEED_THE_ENDPOINT + script],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def filled_in(command: str, values: dict[str, str]) -> str:
    """A command with the guide's <placeholders> and its shell variable replaced by what they stand for."""
    for placeholder, value in values.items():
        command = command.replace(placeholder, value)
    return command


def test_every_command_does_what_aws_does(aws: Any, fresh_broker: BrokerProcess) -> None:
    """The guide's commands succeed in the guide's order, but for the two that real SQS refuses, which are refused with its errors."""
    values: dict[str, str] = {}
    commands = guide.aws_commands("sqs")
    assert len(commands) == 13
    for command in commands:
        expected = next((code for marker, code in REFUSED.items() if marker in command), None)
        script = filled_in(command, values)
        variable = script.partition("=$(")[0] if "=$(" in script.splitlines()[0] else ""
        result = aws(f"{script}\necho ${variable}" if variable else script)
        if expected:
            assert result.returncode != 0
            assert f"({expected})" in result.stderr, script
            continue
        assert result.returncode == 0, f"{script}\n{result.stderr}"
        remember(values, script, variable, result.stdout)
    sqs = fresh_broker.client()
    everything = sqs.get_queue_attributes(QueueUrl=values["<queue-url>"], AttributeNames=["All"])["Attributes"]
    assert everything["VisibilityTimeout"] == "300"
    assert everything["KmsMasterKeyId"] == "alias/aws/sqs"
    assert everything["ApproximateNumberOfMessages"] == "0", "the test message was deleted"
    assert json.loads(everything["RedrivePolicy"])["maxReceiveCount"] == 3


def test_alarms_and_policies_are_put(aws: Any, fresh_broker: BrokerProcess) -> None:
    """The guide's commands for CloudWatch and Auto Scaling, but for the alarm that lacks what CloudWatch wants of it."""
    autoscaling = fresh_broker.client("autoscaling")
    group = {"AutoScalingGroupName": "payment-service-asg", "MinSize": 1, "MaxSize": 4}
    autoscaling.create_auto_scaling_group(**group, LaunchConfigurationName="payments-worker")
    whole, lacking = guide.aws_commands("cloudwatch")
    assert aws(whole).returncode == 0
    [alarm] = fresh_broker.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert (alarm["AlarmName"], alarm["Threshold"], alarm["EvaluationPeriods"]) == ("high-queue-depth", 100, 2)
    assert "the parameter EvaluationPeriods" in aws(lacking).stderr
    mended = f"{lacking} --evaluation-periods 1 --dimensions Name=QueueName,Value=ecommerce-order-queue"
    assert aws(mended).returncode == 0
    [command] = guide.aws_commands("autoscaling")
    answer = aws(command)
    assert answer.returncode == 0, answer.stderr
    [policy] = autoscaling.describe_policies()["ScalingPolicies"]
    assert json.loads(answer.stdout)["PolicyARN"] == policy["PolicyARN"]
    assert (policy["PolicyName"], policy["ScalingAdjustment"]) == ("scale-up", 1)


def remember(values: dict[str, str], script: str, variable: str, output: str) -> None:
    """Keep from a command's output what later commands refer to."""
    if variable:
        values[f"'${variable}'"] = f"'{output.strip()}'"
        return
    answer = json.loads(output) if output.strip() else {}
    if "--queue-name ecommerce-dlq" in script:
        values["<dlq-url>"] = answer["QueueUrl"]
    elif "--queue-name ecommerce-order-queue" in script:
        values["<queue-url>"] = answer["QueueUrl"]
    elif "receive-message" in script and "--max-number-of-messages 1\n" in f"{script}\n":
        message = answer["Messages"][0]
        assert message["Body"] == '{"test": "message"}'
        values["<receipt-handle>"] = message["ReceiptHandle"]


def test_the_script_creates_the_guides_queues_twice(aws: Any, fresh_broker: BrokerProcess) -> None:
    """deployment-scripts/create-sqs-queues.sh makes the queues with the guide's attributes, and running it again changes nothing."""
    script = Path(__file__).parent.parent.parent / "deployment-scripts" / "create-sqs-queues.sh"
    first = aws(f"bash {script}")
    assert first.returncode == 0, first.stderr
    sqs = fresh_broker.client()
    urls = sqs.list_queues()["QueueUrls"]
    before = {url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"] for url in urls}
    second = aws(f"bash {script}")
    assert second.returncode == 0, second.stderr
    after = {
        url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        for url in sqs.list_queues()["QueueUrls"]
    }
    for attributes in (*before.values(), *after.values()):
        del attributes["LastModifiedTimestamp"]
    assert before == after
    names = {url.rsplit("/", 1)[1] for url in urls}
    assert names >= {
        "ecommerce-dlq",
        "ecommerce-dlq.fifo",
        "ecommerce-order-queue",
        "ecommerce-payment-queue.fifo",
        "ecommerce-payment-notification-queue.fifo",
        "ecommerce-notification-queue",
    }
    order_queue = before[next(url for url in urls if url.endswith("/ecommerce-order-queue"))]
    assert order_queue["VisibilityTimeout"] == "300"
    assert order_queue["ReceiveMessageWaitTimeSeconds"] == "20"
