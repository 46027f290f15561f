"""Metrics over boto3: what queues tell by themselves, what programs put, and what is told of it. Facts: AWS's CloudWatch API reference."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.cloudwatch.conftest import at, queue_metric

from crossdock.testing import LocalBroker


def test_a_queue_tells_each_minute_what_happened_to_it(broker: LocalBroker, sqs: Any) -> None:
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    for size in (10, 20, 30):
        sqs.send_message(QueueUrl=url, MessageBody="x" * size)
    [message] = sqs.receive_message(QueueUrl=url, VisibilityTimeout=600)["Messages"]
    broker.clock.advance(60)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    sqs.send_message(QueueUrl=url, MessageBody="x" * 5, DelaySeconds=900)
    broker.clock.advance(60)
    assert queue_metric(broker, "NumberOfMessagesSent") == [3, 1]
    assert queue_metric(broker, "NumberOfMessagesReceived") == [1, 0]
    assert queue_metric(broker, "NumberOfMessagesDeleted") == [0, 1]
    assert queue_metric(broker, "ApproximateNumberOfMessagesVisible") == [2, 2]
    assert queue_metric(broker, "ApproximateNumberOfMessagesNotVisible") == [1, 0]
    assert queue_metric(broker, "ApproximateNumberOfMessagesDelayed") == [0, 1]
    assert queue_metric(broker, "ApproximateAgeOfOldestMessage", "Maximum") == [60, 120]
    assert queue_metric(broker, "SentMessageSize", "Minimum") == [10, 5]
    assert queue_metric(broker, "SentMessageSize", "Average") == [20, 5]
    assert queue_metric(broker, "SentMessageSize", "Maximum") == [30, 5]
    assert queue_metric(broker, "SentMessageSize", "SampleCount") == [3, 1]


def test_empty_receives_and_duplicates_are_counted(broker: LocalBroker, sqs: Any) -> None:
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    url = sqs.create_queue(QueueName="orders.fifo", Attributes=attributes)["QueueUrl"]
    sqs.receive_message(QueueUrl=url)
    for _ in range(3):
        sqs.send_message(QueueUrl=url, MessageBody="same", MessageGroupId="a")
    broker.clock.advance(60)
    assert queue_metric(broker, "NumberOfEmptyReceives", queue="orders.fifo") == [1]
    assert queue_metric(broker, "NumberOfMessagesSent", queue="orders.fifo") == [1]
    assert queue_metric(broker, "NumberOfDeduplicatedSentMessages", queue="orders.fifo") == [2]


def test_an_idle_queue_tells_for_six_hours(broker: LocalBroker, sqs: Any) -> None:
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="m")
    [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    broker.clock.advance(24 * 3_600)
    assert queue_metric(broker, "NumberOfMessagesSent", minutes=24 * 60) == [1] + [0] * 359


def test_fourteen_days_pass_quickly_beside_a_message(broker: LocalBroker, sqs: Any) -> None:
    url = sqs.create_queue(QueueName="orders", Attributes={"MessageRetentionPeriod": "1209600"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="m")
    broker.clock.advance(1_209_600)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_a_queue_made_anew_counts_anew(broker: LocalBroker, sqs: Any) -> None:
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    for _ in range(5):
        sqs.send_message(QueueUrl=url, MessageBody="m")
    broker.clock.advance(60)
    sqs.delete_queue(QueueUrl=url)
    broker.clock.advance(60)
    sqs.create_queue(QueueName="orders")
    sqs.send_message(QueueUrl=url, MessageBody="m")
    broker.clock.advance(60)
    assert queue_metric(broker, "NumberOfMessagesSent")[-1] == 1


# What programs put

PUT: dict[str, Any] = {"MetricName": "Latency", "Unit": "Milliseconds"}


def put(cloudwatch: Any, **datum: Any) -> None:
    cloudwatch.put_metric_data(Namespace="Shop", MetricData=[{**PUT, **datum}])


def latency(broker: LocalBroker, cloudwatch: Any, statistic: str, **more: Any) -> list[float]:
    asked = {"Period": 60, "StartTime": at(broker, -10), "EndTime": at(broker, 10), **more}
    answer = cloudwatch.get_metric_statistics(Namespace="Shop", MetricName="Latency", Statistics=[statistic], **asked)
    return [point[statistic] for point in sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])]


def test_samples_are_put_together_by_period(broker: LocalBroker, cloudwatch: Any) -> None:
    put(cloudwatch, Value=10.0)
    put(cloudwatch, Values=[1.0, 4.0], Counts=[2.0, 3.0])
    put(cloudwatch, StatisticValues={"SampleCount": 4.0, "Sum": 100.0, "Minimum": 20.0, "Maximum": 40.0})
    put(cloudwatch, Value=7.0, Timestamp=at(broker, -1))
    assert latency(broker, cloudwatch, "SampleCount") == [1, 10]
    assert latency(broker, cloudwatch, "Sum") == [7, 124]
    assert latency(broker, cloudwatch, "Average") == [7, 12.4]
    assert latency(broker, cloudwatch, "Minimum") == [7, 1]
    assert latency(broker, cloudwatch, "Maximum") == [7, 40]
    assert latency(broker, cloudwatch, "Sum", Period=1_200) == [131]


def test_dimensions_make_another_metric(broker: LocalBroker, cloudwatch: Any) -> None:
    put(cloudwatch, Value=1.0, Dimensions=[{"Name": "Host", "Value": "a"}])
    assert latency(broker, cloudwatch, "Sum") == []
    assert latency(broker, cloudwatch, "Sum", Dimensions=[{"Name": "Host", "Value": "a"}]) == [1]


def test_units_are_told_apart_when_asked_for(broker: LocalBroker, cloudwatch: Any) -> None:
    put(cloudwatch, Value=1.0)
    put(cloudwatch, Value=2.0, Unit="Seconds")
    assert latency(broker, cloudwatch, "Sum", Unit="Seconds") == [2]
    assert sorted(latency(broker, cloudwatch, "Sum")) == [1, 2]


def test_samples_of_a_second(broker: LocalBroker, cloudwatch: Any) -> None:
    for _ in range(2):
        put(cloudwatch, Value=1.0, StorageResolution=1)
        broker.clock.advance(1)
    assert latency(broker, cloudwatch, "Sum", Period=1) == [1, 1]
    assert latency(broker, cloudwatch, "Sum") == [2]


@pytest.mark.parametrize(
    ("datum", "code"),
    [
        ({}, "InvalidParameterCombination"),
        ({"Value": 1.0, "Values": [1.0]}, "InvalidParameterCombination"),
        ({"Values": [1.0, 2.0], "Counts": [1.0]}, "InvalidParameterValue"),
        ({"Value": 1.0, "Unit": "Furlongs"}, "ValidationError"),
        ({"Value": 1.0, "Timestamp": 1_000_000_000}, "InvalidParameterValue"),
        ({"Value": 1.0, "StorageResolution": 7}, "InvalidParameterValue"),
        ({"Value": 1e109}, "InvalidParameterValue"),
        ({"Value": -1e109}, "InvalidParameterValue"),
        ({"Values": [1.0, 1e308]}, "InvalidParameterValue"),
        ({"Values": [1.0], "Counts": [0.0]}, "InvalidParameterValue"),
        ({"Values": [1.0], "Counts": [1e-300]}, "InvalidParameterValue"),
        (
            {"StatisticValues": {"SampleCount": 0.0, "Sum": 0.0, "Minimum": 0.0, "Maximum": 0.0}},
            "InvalidParameterValue",
        ),
        (
            {"StatisticValues": {"SampleCount": 1.0, "Sum": 1e308, "Minimum": 0.0, "Maximum": 0.0}},
            "InvalidParameterValue",
        ),
    ],
)
def test_what_is_no_sample_is_refused_with_all_that_came_with_it(
    broker: LocalBroker, cloudwatch: Any, datum: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError) as refused:
        cloudwatch.put_metric_data(Namespace="Shop", MetricData=[{**PUT, "Value": 1.0}, {**PUT, **datum}])
    assert refused.value.response["Error"]["Code"] == code
    assert latency(broker, cloudwatch, "Sum") == []


def test_samples_of_entities_are_refused(cloudwatch: Any) -> None:
    with pytest.raises(ClientError) as refused:
        cloudwatch.put_metric_data(Namespace="Shop", EntityMetricData=[{"MetricData": [{**PUT, "Value": 1.0}]}])
    assert refused.value.response["Error"]["Code"] == "InvalidParameterCombination"


def test_the_namespaces_of_services_are_theirs(cloudwatch: Any) -> None:
    with pytest.raises(ClientError) as refused:
        cloudwatch.put_metric_data(Namespace="AWS/SQS", MetricData=[{**PUT, "Value": 1.0}])
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"Statistics": ["p99"]}, "InvalidParameterValue"),
        ({"Period": 61}, "ValidationError"),
        ({"StartTime": 1_700_000_000, "EndTime": 1_600_000_000}, "ValidationError"),
        ({"StartTime": 1_600_000_000}, "InvalidParameterCombination"),
        ({"Unit": "Furlongs"}, "ValidationError"),
    ],
)
def test_questions_without_an_answer(broker: LocalBroker, cloudwatch: Any, asked: dict[str, Any], code: str) -> None:
    good = {"Period": 60, "StartTime": at(broker, -10), "EndTime": at(broker), "Statistics": ["Sum"]}
    with pytest.raises(ClientError) as refused:
        cloudwatch.get_metric_statistics(Namespace="Shop", MetricName="Latency", **{**good, **asked})
    assert refused.value.response["Error"]["Code"] == code


# Several series


def _query(number: int, metric: str, stat: str = "Sum", **more: Any) -> dict[str, Any]:
    found = {"Namespace": "Shop", "MetricName": metric}
    return {"Id": f"m{number}", "MetricStat": {"Metric": found, "Period": 60, "Stat": stat}, **more}


def test_the_backlog_of_an_instance(broker: LocalBroker, cloudwatch: Any) -> None:
    """AWS's own recipe for scaling on a queue: messages by instances."""
    for messages, instances in ((1_500, 10), (300, 0), (90, 3)):
        data = [{"MetricName": "Messages", "Value": messages}, {"MetricName": "Instances", "Value": instances}]
        cloudwatch.put_metric_data(Namespace="Shop", MetricData=data)
        broker.clock.advance(60)
    queries = [
        {"Id": "e1", "Expression": "m1 / m2", "Label": "backlog"},
        _query(1, "Messages", ReturnData=False),
        _query(2, "Instances", "Average", ReturnData=False),
    ]
    span = {"StartTime": at(broker, -10), "EndTime": at(broker), "ScanBy": "TimestampAscending"}
    [result] = cloudwatch.get_metric_data(MetricDataQueries=queries, **span)["MetricDataResults"]
    assert (result["Label"], result["Values"], result["StatusCode"]) == ("backlog", [150, 30], "Complete")


def test_series_come_in_pages_the_newest_first(broker: LocalBroker, cloudwatch: Any) -> None:
    for value in range(5):
        cloudwatch.put_metric_data(Namespace="Shop", MetricData=[{"MetricName": "Messages", "Value": value}])
        broker.clock.advance(60)
    asked = {
        "MetricDataQueries": [_query(1, "Messages")],
        "StartTime": at(broker, -10),
        "EndTime": at(broker),
        "MaxDatapoints": 2,
    }
    pages = [page["MetricDataResults"][0]["Values"] for page in _pages(cloudwatch, asked)]
    assert pages == [[4, 3], [2, 1], [0]]


def test_a_long_time_comes_in_parts(broker: LocalBroker, cloudwatch: Any) -> None:
    """No request reads more than so many points, of however many queries; the parts have every point once."""
    for day in range(12):
        put(cloudwatch, Value=day, Timestamp=at(broker, -day * 1_440 - 7))
    metric = {"Namespace": "Shop", "MetricName": "Latency"}
    queries = [
        {"Id": f"m{number}", "MetricStat": {"Metric": metric, "Period": period, "Stat": "Sum"}}
        for number, period in enumerate([60, 300, 86_400, 420] * 20)
    ]
    for order, expected in (("TimestampDescending", range(12)), ("TimestampAscending", range(11, -1, -1))):
        asked = {"MetricDataQueries": queries, "StartTime": at(broker, -13 * 1_440 + 3), "EndTime": at(broker)}
        pages = list(_pages(cloudwatch, {**asked, "ScanBy": order}))
        assert len(pages) > 5
        for number in range(80):
            values = [value for page in pages for value in page["MetricDataResults"][number]["Values"]]
            assert values == [*expected], number
        codes = [page["MetricDataResults"][0]["StatusCode"] for page in pages]
        assert codes == ["PartialData"] * (len(pages) - 1) + ["Complete"]


def test_seconds_come_in_shorter_parts(broker: LocalBroker, cloudwatch: Any) -> None:
    for second in range(0, 3_600, 50):
        put(cloudwatch, Value=second, StorageResolution=1, Timestamp=at(broker, -second / 60))
    stat = {"Metric": {"Namespace": "Shop", "MetricName": "Latency"}, "Period": 1, "Stat": "Sum"}
    queries = [{"Id": f"m{number}", "MetricStat": stat} for number in range(20)]
    asked = {"MetricDataQueries": queries, "StartTime": at(broker, -60), "EndTime": at(broker, 1)}
    pages = list(_pages(cloudwatch, asked))
    assert len(pages) > 3
    for number in range(20):
        values = [value for page in pages for value in page["MetricDataResults"][number]["Values"]]
        assert values == [*range(0, 3_600, 50)]


def test_metric_math_has_an_end(broker: LocalBroker, cloudwatch: Any) -> None:
    for _ in range(10):
        cloudwatch.put_metric_data(Namespace="Shop", MetricData=[{"MetricName": "Messages", "Value": 1}])
        broker.clock.advance(60)
    sums = [{"Id": f"e{number}", "Expression": "+".join(["SUM(METRICS())"] * 130)} for number in range(200)]
    metrics = [_query(number, "Messages") for number in range(100)]
    with pytest.raises(ClientError) as refused:
        cloudwatch.get_metric_data(MetricDataQueries=[*sums, *metrics], StartTime=at(broker, -10), EndTime=at(broker))
    assert refused.value.response["Error"]["Code"] == "ValidationError"


@pytest.mark.parametrize("token", ["", "x", "1", "-", "1-", "0-0-0", "99999-0", "0-9999999999"])
def test_tokens_of_nobody(broker: LocalBroker, cloudwatch: Any, token: str) -> None:
    asked = {"MetricDataQueries": [_query(1, "Messages")], "StartTime": at(broker, -10), "EndTime": at(broker)}
    with pytest.raises(ClientError) as refused:
        cloudwatch.get_metric_data(**asked, NextToken=token)
    assert refused.value.response["Error"]["Code"] == "InvalidNextToken"


def _pages(cloudwatch: Any, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    page = cloudwatch.get_metric_data(**asked)
    yield page
    while token := page.get("NextToken"):
        page = cloudwatch.get_metric_data(**asked, NextToken=token)
        yield page


@pytest.mark.parametrize(
    "queries",
    [
        [{"Id": "M1", "Expression": "1"}],
        [_query(1, "Messages"), _query(1, "Messages")],
        [{"Id": "e1", "Expression": "e2"}, {"Id": "e2", "Expression": "e1"}],
        [{"Id": "e1", "Expression": "m9 * 2"}],
        [{"Id": "e1"}],
    ],
)
def test_queries_that_make_no_sense(broker: LocalBroker, cloudwatch: Any, queries: list[dict[str, Any]]) -> None:
    with pytest.raises(ClientError) as refused:
        cloudwatch.get_metric_data(MetricDataQueries=queries, StartTime=at(broker, -10), EndTime=at(broker))
    assert refused.value.response["Error"]["Code"] == "ValidationError"


# What there is


def test_metrics_are_listed(broker: LocalBroker, cloudwatch: Any, sqs: Any) -> None:
    sqs.create_queue(QueueName="orders")
    put(cloudwatch, Value=1.0, Dimensions=[{"Name": "Host", "Value": "a"}])
    put(cloudwatch, Value=1.0, Dimensions=[{"Name": "Host", "Value": "b"}])
    sqs.receive_message(QueueUrl=f"{broker.url}/000000000000/orders")
    broker.clock.advance(60)
    of_queues = cloudwatch.list_metrics(Namespace="AWS/SQS")["Metrics"]
    assert {metric["MetricName"] for metric in of_queues} >= {"NumberOfEmptyReceives", "NumberOfMessagesSent"}
    assert all(metric["Dimensions"] == [{"Name": "QueueName", "Value": "orders"}] for metric in of_queues)
    assert len(cloudwatch.list_metrics(Namespace="Shop", Dimensions=[{"Name": "Host"}])["Metrics"]) == 2
    [metric] = cloudwatch.list_metrics(Dimensions=[{"Name": "Host", "Value": "b"}])["Metrics"]
    assert metric["MetricName"] == "Latency"
    broker.clock.advance(4 * 3_600)
    assert cloudwatch.list_metrics(Namespace="Shop", RecentlyActive="PT3H")["Metrics"] == []


def test_metrics_outlive_the_broker_and_grow_coarse(tmp_path: Path) -> None:
    with LocalBroker(tmp_path) as broker:
        cloudwatch = broker.client("cloudwatch")
        put(cloudwatch, Value=1.0)
        broker.clock.advance(60)
        put(cloudwatch, Value=2.0)
        now_ms = broker.clock.now_ms()
    with LocalBroker(tmp_path) as broker:
        broker.clock.advance((now_ms - broker.clock.now_ms()) / 1_000)
        cloudwatch = broker.client("cloudwatch")
        assert latency(broker, cloudwatch, "Sum") == [1, 2]
        broker.clock.advance(16 * 86_400)
        cloudwatch.list_metrics()
        old = {"StartTime": at(broker, -16 * 1_440 - 30), "EndTime": at(broker, -16 * 1_440 + 30)}
        assert latency(broker, cloudwatch, "Sum", Period=300, **old) == [3]
        assert latency(broker, cloudwatch, "SampleCount", Period=300, **old) == [2]
