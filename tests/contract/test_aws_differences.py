"""Every known difference from AWS, as docs/aws-differences.md tells them: each bold sentence there begins the docstring of a test here."""

import ast
import http.client
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from broker_process import metric, start_broker

from crossdock.clock import ManualClock
from crossdock.testing import LocalBroker

PAGE = Path(__file__).parents[2] / "docs" / "aws-differences.md"

ELSEWHERE = {
    "At most 20,000 long polls wait at one time, over all queues.": "tests/unit/broker/queues/test_machine_receive.py",
    "A FIFO queue looks for free groups among its first 120,000 messages.": "tests/unit/broker/queues/test_machine_window.py",
    "A tenant of a fair queue is not noisy by its processing time below 30 s of it.": "tests/unit/broker/queues/test_machine_fair.py",
    "A long time comes in more pages.": "tests/contract/cloudwatch/test_metrics.py",
    "Of a standard queue the receives of the last 50 ms before a kill may be forgotten.": "tests/crash/test_kill_cycles.py",
    "Some error messages are not on record from AWS and are ours.": "tests/contract/sqs/test_sqs_errors.py",
}
"""What is tested elsewhere, or cannot be tested because it says what is not known, and the file that comes closest."""

DENY_ALL = '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}]}'


@pytest.fixture
def broker() -> Iterator[LocalBroker]:
    """A broker in memory with a clock that the test moves."""
    with LocalBroker() as running:
        yield running


@pytest.fixture
def sqs(broker: LocalBroker) -> Any:
    """A client of it."""
    return broker.client()


def code(call: Any, **parameters: Any) -> str:
    """The code of the error that a call ends with."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def claims() -> list[str]:
    """The bold sentences of the page."""
    return [" ".join(claim.split()) for claim in re.findall(r"\*\*(.+?)\*\*", PAGE.read_text(), re.DOTALL)]


def test_every_claim_has_a_test() -> None:
    """Each bold sentence of the page begins a docstring here, or is tested elsewhere; nothing is tested that the page does not say."""
    tree = ast.parse(Path(__file__).read_text())
    texts = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    named = {claim for claim in claims() for text in texts if " ".join(text.split()).startswith(claim)}
    assert [claim for claim in claims() if claim not in named and claim not in ELSEWHERE] == []
    assert ELSEWHERE.keys() - set(claims()) == set()
    assert [path for path in ELSEWHERE.values() if not (PAGE.parents[1] / path).exists()] == []


# Not there


def test_policies(sqs: Any) -> None:
    """Policies are stored and shown, not enforced. A policy that denies everything denies nothing; one that is none is refused."""
    url = sqs.create_queue(QueueName="q", Attributes={"Policy": DENY_ALL})["QueueUrl"]
    assert sqs.send_message(QueueUrl=url, MessageBody="x")["MessageId"]
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"] == DENY_ALL
    nonsense = {"Policy": DENY_ALL.replace('"*"', "7", 1).replace("sqs:*", "Sleep")}
    sqs.set_queue_attributes(QueueUrl=url, Attributes=nonsense)
    assert code(sqs.set_queue_attributes, QueueUrl=url, Attributes={"Policy": "no"}) == "InvalidAttributeValue"


def test_accounts(broker: LocalBroker, sqs: Any) -> None:
    """Accounts do not keep each other out."""
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    other = broker.client(aws_access_key_id="111122223333")
    assert code(other.get_queue_url, QueueName="q") == "AWS.SimpleQueueService.NonExistentQueue"
    assert other.get_queue_url(QueueName="q", QueueOwnerAWSAccountId="000000000000")["QueueUrl"] == url
    other.delete_queue(QueueUrl=url)
    assert "QueueUrls" not in sqs.list_queues()


def test_encryption(tmp_path: Path) -> None:
    """Nothing is encrypted. The body can be read in the data folder, whatever the attributes say."""
    with LocalBroker(data=tmp_path) as broker:
        sqs = broker.client()
        url = sqs.create_queue(QueueName="q", Attributes={"KmsMasterKeyId": "alias/aws/sqs"})["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="a secret that anybody can read")
        managed = sqs.create_queue(QueueName="m")["QueueUrl"]
        shown = sqs.get_queue_attributes(QueueUrl=managed, AttributeNames=["SqsManagedSseEnabled"])["Attributes"]
        assert shown == {"SqsManagedSseEnabled": "true"}
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"a secret that anybody can read" in stored


def test_signatures(tmp_path: Path, broker: LocalBroker) -> None:
    """A request needs no signature unless the broker was started with `--credentials`. Then any key may do everything, with any scope
    and any session token."""
    status, _ = bare(broker.url, "/?Action=ListQueues")
    assert status == 200
    (tmp_path / "keys.json").write_text('{"AKIDONE": "one", "AKIDTWO": "two"}')
    process, url = start_broker(tmp_path / "data", "--credentials", str(tmp_path / "keys.json"))
    try:
        assert bare(url, "/?Action=ListQueues")[0] == 403
        one, two = (
            boto3.client(
                "sqs",
                endpoint_url=url,
                region_name="eu-mars-9",
                aws_access_key_id=key,
                aws_secret_access_key=secret,
                aws_session_token="made up",
            )
            for key, secret in (("AKIDONE", "one"), ("AKIDTWO", "two"))
        )
        two.delete_queue(QueueUrl=one.create_queue(QueueName="q")["QueueUrl"])
    finally:
        process.terminate()
        process.wait(timeout=60)


@pytest.mark.parametrize(
    ("service", "method", "refusal"),
    [
        ("iam", "list_users", "InvalidAction"),
        ("sts", "get_caller_identity", "InvalidAction"),
    ],
)
def test_other_services(broker: LocalBroker, service: str, method: str, refusal: str) -> None:
    """IAM and STS have no server."""
    client = broker.client(service, config=Config(retries={"total_max_attempts": 1}))
    assert code(getattr(client, method)) == refusal


def test_throttling(sqs: Any) -> None:
    """Nothing is throttled. 400 sends to a FIFO queue within one second of the broker's clock, which stands still."""
    fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    url = sqs.create_queue(QueueName="q.fifo", Attributes=fifo)["QueueUrl"]
    for number in range(400):
        sqs.send_message(QueueUrl=url, MessageBody=str(number), MessageGroupId="g")
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    assert attributes == {"ApproximateNumberOfMessages": "400"}


def test_browsers(broker: LocalBroker) -> None:
    """Browsers get no CORS headers. Neither a preflight nor an answer has any."""
    connection = http.client.HTTPConnection(urlsplit(broker.url).netloc, timeout=60)
    for method in ("OPTIONS", "GET"):
        connection.request(method, "/?Action=ListQueues", headers={"Origin": "https://shop.example"})
        response = connection.getresponse()
        response.read()
        assert [name for name, _ in response.getheaders() if name.lower().startswith("access-control")] == []


def test_versions(broker: LocalBroker) -> None:
    """The `Version` of a Query request only tells services apart."""
    assert bare(broker.url, "/?Action=ListQueues&Version=1999-01-01")[0] == 200


# CloudWatch and Auto Scaling

ALARM = {
    "AlarmName": "errors",
    "Namespace": "Shop",
    "MetricName": "Errors",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 5,
    "ComparisonOperator": "GreaterThanThreshold",
}

GROUP = {"AutoScalingGroupName": "asg", "MinSize": 0, "MaxSize": 50, "LaunchConfigurationName": "worker"}


def test_statistics(broker: LocalBroker) -> None:
    """Statistics are SampleCount, Average, Sum, Minimum and Maximum."""
    cloudwatch = broker.client("cloudwatch")
    percentile = {**ALARM, "ExtendedStatistic": "p99"}
    del percentile["Statistic"]
    assert code(cloudwatch.put_metric_alarm, **percentile) == "InvalidParameterValue"


def test_alarms(broker: LocalBroker) -> None:
    """There are metric alarms only."""
    cloudwatch = broker.client("cloudwatch", config=Config(retries={"total_max_attempts": 1}))
    composite = {"AlarmName": "both", "AlarmRule": "ALARM(errors)"}
    assert code(cloudwatch.put_composite_alarm, **composite) == "InvalidAction"
    band = {**ALARM, "ThresholdMetricId": "ad1"}
    assert code(cloudwatch.put_metric_alarm, **band) == "InvalidParameterCombination"


def test_actions(broker: LocalBroker) -> None:
    """Of the actions of an alarm only scaling policies are done."""
    cloudwatch = broker.client("cloudwatch")
    cloudwatch.put_metric_alarm(**ALARM, AlarmActions=["arn:aws:sns:us-east-1:000000000000:pager"])
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a drill")
    [item] = cloudwatch.describe_alarm_history(HistoryItemType="Action")["AlarmHistoryItems"]
    assert item["HistorySummary"].startswith("Failed to execute action ")


def test_metrics_of_groups(broker: LocalBroker, sqs: Any) -> None:
    """Quiet groups of fair queues have no metrics, nor have FIFO groups in flight."""
    fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    for name, attributes in (("fair", {}), ("q.fifo", fifo)):
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g")
    broker.clock.advance(60)
    names = {metric["MetricName"] for metric in broker.client("cloudwatch").list_metrics()["Metrics"]}
    assert not {name for name in names if "Quiet" in name or "GroupsWithInflight" in name}
    assert {"ApproximateNumberOfNoisyGroups", "NumberOfDeduplicatedSentMessages"} <= names


def test_instances(broker: LocalBroker) -> None:
    """An instance of a group is in service at once, and stands for a process."""
    autoscaling = broker.client("autoscaling")
    autoscaling.create_auto_scaling_group(**GROUP, DesiredCapacity=2)
    [group] = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    assert [one["LifecycleState"] for one in group["Instances"]] == ["InService"] * 2


def test_target_tracking(broker: LocalBroker) -> None:
    """Target tracking takes away one instance in ten at a time, at least one."""
    autoscaling, cloudwatch = broker.client("autoscaling"), broker.client("cloudwatch")
    autoscaling.create_auto_scaling_group(**GROUP, DesiredCapacity=40)
    metric = {"MetricName": "Load", "Namespace": "Shop", "Statistic": "Average"}
    tracking = {"CustomizedMetricSpecification": metric, "TargetValue": 100.0}
    policy = {"AutoScalingGroupName": "asg", "PolicyName": "track", "PolicyType": "TargetTrackingScaling"}
    autoscaling.put_scaling_policy(**policy, TargetTrackingConfiguration=tracking)
    for _ in range(15):
        cloudwatch.put_metric_data(Namespace="Shop", MetricData=[{"MetricName": "Load", "Value": 1.0}])
        broker.clock.advance(60)
    [group] = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    assert group["DesiredCapacity"] == 36


# Names


def test_queue_urls(broker: LocalBroker) -> None:
    """A queue URL outside the home region begins its path with the region."""
    assert broker.client().create_queue(QueueName="q")["QueueUrl"] == f"{broker.url}/000000000000/q"
    far = broker.client(region_name="eu-mars-9").create_queue(QueueName="q")["QueueUrl"]
    assert far == f"{broker.url}/eu-mars-9/000000000000/q"


def test_account_names(broker: LocalBroker) -> None:
    """The account is the access key where that is 12 digits, and otherwise that of `--account`. The sender is the access key."""
    sqs = broker.client(aws_access_key_id="111122223333")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    assert url == f"{broker.url}/111122223333/q"
    broker.client(aws_access_key_id="AKIDEXAMPLE").send_message(QueueUrl=url, MessageBody="x")
    (message,) = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["SenderId"])["Messages"]
    assert message["Attributes"] == {"SenderId": "AKIDEXAMPLE"}


# Kinder than AWS


def test_order(broker: LocalBroker, sqs: Any) -> None:
    """A standard queue delivers in order, and once while nothing expires. What came back three times goes behind the others."""
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    for number in range(20):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    assert [receive(sqs, url) for _ in range(21)] == [*map(str, range(20)), None]
    for _ in range(2):
        broker.clock.advance(30)
        assert [receive(sqs, url) for _ in range(21)] == [*map(str, range(20)), None]
    sqs.send_message(QueueUrl=url, MessageBody="new")
    broker.clock.advance(30)
    assert receive(sqs, url) == "new"


def test_counts(sqs: Any) -> None:
    """A short poll sees every message, and counts are exact."""
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    for number in range(30):
        sqs.send_message(QueueUrl=url, MessageBody=str(number), DelaySeconds=number % 2)
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0)["Messages"]
    assert len(got) == 10
    names = [f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed")]
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    assert [counts[name] for name in names] == ["5", "10", "15"]


def test_changes(broker: LocalBroker, sqs: Any) -> None:
    """Changes hold at once. But that of a DeduplicationScope only after 60 seconds."""
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="old")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MessageRetentionPeriod": "60", "VisibilityTimeout": "5"})
    assert receive(sqs, url) == "old"
    broker.clock.advance(5)
    assert receive(sqs, url) == "old"
    sqs.purge_queue(QueueUrl=url)
    assert count(sqs, url) == 0
    sqs.delete_queue(QueueUrl=url)
    assert code(sqs.send_message, QueueUrl=url, MessageBody="x") == "AWS.SimpleQueueService.NonExistentQueue"
    fifo = sqs.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=fifo, Attributes={"DeduplicationScope": "messageGroup"})
    assert [send_in_two_groups(sqs, fifo, "a")] == [1]
    broker.clock.advance(60)
    assert [send_in_two_groups(sqs, fifo, "b")] == [2]


# After a restart


def test_what_survives(tmp_path: Path) -> None:
    """Deduplication, locked groups, order, and what was acknowledged survive. So do timeouts, delays and the 60 seconds of a purge."""
    with LocalBroker(data=tmp_path) as broker:
        sqs = broker.client()
        fifo = sqs.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        for number in range(3):
            sqs.send_message(
                QueueUrl=fifo, MessageBody=str(number), MessageGroupId="g", MessageDeduplicationId=str(number)
            )
        assert receive(sqs, fifo) == "0"
        plain = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "500"})["QueueUrl"]
        sqs.purge_queue(QueueUrl=plain)
        sqs.send_message(QueueUrl=plain, MessageBody="hidden")
        sqs.send_message(QueueUrl=plain, MessageBody="delayed", DelaySeconds=100)
        assert sqs.receive_message(QueueUrl=plain, VisibilityTimeout=50)["Messages"]
    with LocalBroker(data=tmp_path) as broker:
        sqs = broker.client()
        assert receive(sqs, "q.fifo") is None, "its group is locked"
        sqs.send_message(QueueUrl="q.fifo", MessageBody="2", MessageGroupId="h", MessageDeduplicationId="2")
        assert count(sqs, "q.fifo") == 2, "a duplicate is still one"
        assert code(sqs.purge_queue, QueueUrl="q") == "AWS.SimpleQueueService.PurgeQueueInProgress"
        assert receive(sqs, "q") is None
        for wait_s, expected in ((30, ("q.fifo", "0")), (20, ("q", "hidden")), (50, ("q", "delayed"))):
            broker.clock.advance(wait_s)
            assert receive(sqs, expected[0]) == expected[1]


def test_what_is_forgotten(tmp_path: Path) -> None:
    """ReceiveRequestAttemptId, what fair queues know of processing times, and a change of the DeduplicationScope in its first 60 s are
    forgotten. The second of these is not seen from outside at once and not tested here."""
    with LocalBroker(data=tmp_path) as broker:
        sqs = broker.client()
        url = sqs.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g", MessageDeduplicationId="d")
        for _ in range(2):
            assert "Messages" in sqs.receive_message(QueueUrl=url, ReceiveRequestAttemptId="again")
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"DeduplicationScope": "messageGroup"})
    with LocalBroker(data=tmp_path) as broker:
        sqs = broker.client()
        assert "Messages" not in sqs.receive_message(QueueUrl="q.fifo", ReceiveRequestAttemptId="again")
        assert send_in_two_groups(sqs, "q.fifo", "new") == 2, "the new scope holds at once"


def test_long_polls_at_the_end() -> None:
    """Long polls are answered empty when the broker stops."""
    with LocalBroker() as broker:
        broker.client().create_queue(QueueName="q")
        address = urlsplit(broker.url).netloc
        connection = http.client.HTTPConnection(address, timeout=60)
        connection.request("GET", "/000000000000/q?Action=ReceiveMessage&WaitTimeSeconds=20")
        deadline = time.monotonic() + 60
        while metric(broker.url, "crossdock_waiters") != 1:
            assert time.monotonic() < deadline, "nobody waits"
    response = connection.getresponse()
    assert response.status == 200
    assert b"<ReceiveMessageResult/>" in response.read()


# Time


def test_manual_clock(broker: LocalBroker, sqs: Any) -> None:
    """With `--manual-clock` time stands still until it is moved."""
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sent = sqs.send_message(QueueUrl=url, MessageBody="x")["ResponseMetadata"]["HTTPHeaders"]["date"]
    again = sqs.send_message(QueueUrl=url, MessageBody="x")["ResponseMetadata"]["HTTPHeaders"]["date"]
    broker.clock.advance(3_600)
    later = sqs.send_message(QueueUrl=url, MessageBody="x")["ResponseMetadata"]["HTTPHeaders"]["date"]
    assert broker.clock.now_ms() == ManualClock().now_ms() + 3_600_000
    assert sent == again != later


# How it is seen


def bare(url: str, target: str) -> tuple[int, str]:
    """The status and the body of a request without a signature."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request("GET", target)
    response = connection.getresponse()
    return response.status, response.read().decode()


def receive(sqs: Any, url: str) -> str | None:
    """The body of the next message."""
    messages = sqs.receive_message(QueueUrl=url).get("Messages")
    return messages[0]["Body"] if messages else None


def count(sqs: Any, url: str) -> int:
    """How many messages are visible."""
    name = "ApproximateNumberOfMessages"
    return int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


def send_in_two_groups(sqs: Any, url: str, name: str) -> int:
    """Send one deduplication id to two groups; how many messages that makes."""
    sent = [
        sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId=f"{name}{group}", MessageDeduplicationId=name)
        for group in range(2)
    ]
    return len({one["MessageId"] for one in sent})
