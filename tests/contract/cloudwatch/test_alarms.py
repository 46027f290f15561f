"""Alarms over boto3: made, shown, changed, and evaluated as CloudWatch does it."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.cloudwatch.conftest import at

from crossdock.broker.storage.backup import backup, restore
from crossdock.broker.storage.check import check
from crossdock.broker.storage.errors import StorageError
from crossdock.testing import LocalBroker

GUIDE: dict[str, Any] = {
    "AlarmName": "high-queue-depth",
    "AlarmDescription": "Queue depth is too high",
    "MetricName": "ApproximateNumberOfMessagesVisible",
    "Namespace": "AWS/SQS",
    "Statistic": "Average",
    "Period": 300,
    "Threshold": 100,
    "ComparisonOperator": "GreaterThanThreshold",
    "Dimensions": [{"Name": "QueueName", "Value": "ecommerce-order-queue"}],
    "EvaluationPeriods": 2,
}
"""The alarm of the guide."""

CUSTOM: dict[str, Any] = {
    "AlarmName": "custom",
    "MetricName": "Errors",
    "Namespace": "Shop",
    "Statistic": "Sum",
    "Period": 60,
    "Threshold": 5,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "EvaluationPeriods": 1,
}


def alarm(cloudwatch: Any, name: str) -> dict[str, Any]:
    [found] = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return dict(found)


def error_of(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refused.value.response["Error"]["Code"])


def errors(broker: LocalBroker, cloudwatch: Any, *values: float | None) -> None:
    """One value a minute; None is a minute without."""
    for value in values:
        if value is not None:
            cloudwatch.put_metric_data(Namespace="Shop", MetricData=[{"MetricName": "Errors", "Value": value}])
        broker.clock.advance(60)


def test_the_alarm_of_the_guide_rings_when_the_queue_is_deep(broker: LocalBroker, cloudwatch: Any, sqs: Any) -> None:
    url = sqs.create_queue(QueueName="ecommerce-order-queue")["QueueUrl"]
    cloudwatch.put_metric_alarm(**GUIDE)
    made = alarm(cloudwatch, "high-queue-depth")
    assert (made["StateValue"], made["StateReason"]) == ("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation")
    assert made["AlarmArn"] == "arn:aws:cloudwatch:us-east-1:000000000000:alarm:high-queue-depth"
    for _ in range(11):
        entries = [{"Id": str(number), "MessageBody": "m"} for number in range(10)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    broker.clock.advance(120)
    assert alarm(cloudwatch, "high-queue-depth")["StateValue"] == "INSUFFICIENT_DATA"
    broker.clock.advance(600)
    rung = alarm(cloudwatch, "high-queue-depth")
    assert rung["StateValue"] == "ALARM"
    assert rung["StateReason"].startswith("Threshold Crossed: 2 out of the last 2 datapoints [110.0 (")
    assert rung["StateReason"].endswith(
        ")] were greater than the threshold (100.0) (minimum 2 datapoints for OK -> ALARM transition)."
    )
    data = json.loads(rung["StateReasonData"])
    assert (data["statistic"], data["period"], data["recentDatapoints"]) == ("Average", 300, [110.0, 110.0])
    sqs.purge_queue(QueueUrl=url)
    broker.clock.advance(600)
    assert alarm(cloudwatch, "high-queue-depth")["StateValue"] == "OK"


def test_the_guides_alarm_without_dimensions_never_has_data(broker: LocalBroker, cloudwatch: Any, sqs: Any) -> None:
    sqs.create_queue(QueueName="ecommerce-order-queue")
    without = {key: value for key, value in GUIDE.items() if key != "Dimensions"}
    cloudwatch.put_metric_alarm(**without)
    broker.clock.advance(3_600)
    assert alarm(cloudwatch, "high-queue-depth")["StateValue"] == "INSUFFICIENT_DATA"


def test_an_alarm_rings_though_nobody_asks(broker: LocalBroker, cloudwatch: Any) -> None:
    cloudwatch.put_metric_alarm(**CUSTOM)
    errors(broker, cloudwatch, 1, 9, None, None, None, None)
    [*_, rung, made] = cloudwatch.describe_alarm_history(AlarmName="custom")["AlarmHistoryItems"]
    assert made["HistorySummary"] == 'Alarm "custom" created'
    assert rung["HistorySummary"] == "Alarm updated from INSUFFICIENT_DATA to OK"


@pytest.mark.parametrize(
    ("treatment", "states"),
    [
        ("missing", ["ALARM", "ALARM", "ALARM", "INSUFFICIENT_DATA"]),
        ("ignore", ["ALARM", "ALARM", "ALARM", "ALARM"]),
        ("breaching", ["ALARM", "ALARM", "ALARM", "ALARM"]),
        ("notBreaching", ["ALARM", "ALARM", "ALARM", "OK"]),
    ],
)
def test_missing_data_is_treated_as_asked(
    broker: LocalBroker, cloudwatch: Any, treatment: str, states: list[str]
) -> None:
    cloudwatch.put_metric_alarm(**CUSTOM, TreatMissingData=treatment)
    seen = []
    for value in (9, None, None, None):
        errors(broker, cloudwatch, value)
        seen.append(alarm(cloudwatch, "custom")["StateValue"])
    assert seen == states


@pytest.mark.parametrize("data", ["", "{", "[" * 3_999, '{"recentDatapoints": [1e999]}'])
def test_data_of_a_reason_are_json(cloudwatch: Any, data: str) -> None:
    cloudwatch.put_metric_alarm(**CUSTOM)
    asked = {"AlarmName": "custom", "StateValue": "ALARM", "StateReason": "a drill"}
    with pytest.raises(ClientError) as refused:
        cloudwatch.set_alarm_state(**asked, StateReasonData=data)
    assert error_of(refused) == "InvalidFormat"
    assert alarm(cloudwatch, "custom")["StateValue"] == "INSUFFICIENT_DATA"


def test_m_of_n(broker: LocalBroker, cloudwatch: Any) -> None:
    cloudwatch.put_metric_alarm(**{**CUSTOM, "EvaluationPeriods": 3}, DatapointsToAlarm=2)
    states = []
    for value in (0, 9, 0, 0, 9, 9):
        errors(broker, cloudwatch, value)
        states.append(alarm(cloudwatch, "custom")["StateValue"])
    assert states[3:] == ["OK", "OK", "ALARM"]


def test_short_periods_are_looked_at_each_ten_seconds(broker: LocalBroker, cloudwatch: Any) -> None:
    cloudwatch.put_metric_alarm(**{**CUSTOM, "Period": 10})
    datum = {"MetricName": "Errors", "Value": 9, "StorageResolution": 1}
    cloudwatch.put_metric_data(Namespace="Shop", MetricData=[datum])
    broker.clock.advance(10)
    assert alarm(cloudwatch, "custom")["StateValue"] == "ALARM"


def test_metric_math_is_watched(broker: LocalBroker, cloudwatch: Any) -> None:
    watched = {
        "AlarmName": "ratio",
        "Threshold": 0.5,
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "Metrics": [
            {"Id": "e1", "Expression": "errors / requests"},
            *(
                {
                    "Id": metric.lower(),
                    "MetricStat": {"Metric": {"Namespace": "Shop", "MetricName": metric}, "Period": 60, "Stat": "Sum"},
                    "ReturnData": False,
                }
                for metric in ("Errors", "Requests")
            ),
        ],
    }
    cloudwatch.put_metric_alarm(**watched)
    data = [{"MetricName": "Errors", "Value": 6}, {"MetricName": "Requests", "Value": 10}]
    cloudwatch.put_metric_data(Namespace="Shop", MetricData=data)
    broker.clock.advance(60)
    assert alarm(cloudwatch, "ratio")["StateValue"] == "ALARM"
    assert alarm(cloudwatch, "ratio")["Metrics"] == watched["Metrics"]


@pytest.mark.parametrize("math", ["((", "m9 * 2", "e1 + 1", "1", "FILL(errors)", "9" * 400])
def test_an_expression_that_has_no_value_is_no_alarm(broker: LocalBroker, cloudwatch: Any, math: str) -> None:
    """It would be looked at each minute, and whatever else was due would wait in vain."""
    metric = {"Namespace": "Shop", "MetricName": "Errors"}
    metrics = [
        {"Id": "e1", "Expression": math},
        {"Id": "errors", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}, "ReturnData": False},
    ]
    with pytest.raises(ClientError) as refused:
        cloudwatch.put_metric_alarm(
            AlarmName="ratio",
            Threshold=0.5,
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            Metrics=metrics,
        )
    assert error_of(refused) == "ValidationError"
    broker.clock.advance(60)


def test_math_has_so_many_metrics(cloudwatch: Any) -> None:
    metric = {"Metric": {"Namespace": "Shop", "MetricName": "Errors"}, "Period": 60, "Stat": "Sum"}
    metrics = [{"Id": f"m{number}", "MetricStat": metric, "ReturnData": not number} for number in range(11)]
    with pytest.raises(ClientError) as refused:
        cloudwatch.put_metric_alarm(
            AlarmName="many",
            Threshold=0.5,
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            Metrics=metrics,
        )
    assert error_of(refused) == "ValidationError"


def test_a_state_that_is_set_lasts_until_it_is_looked_at(broker: LocalBroker, cloudwatch: Any) -> None:
    cloudwatch.put_metric_alarm(**CUSTOM)
    errors(broker, cloudwatch, 1)
    cloudwatch.set_alarm_state(AlarmName="custom", StateValue="ALARM", StateReason="a drill")
    assert alarm(cloudwatch, "custom")["StateReason"] == "a drill"
    errors(broker, cloudwatch, 1)
    assert alarm(cloudwatch, "custom")["StateValue"] == "OK"


def test_actions_are_noted_with_what_became_of_them(broker: LocalBroker, cloudwatch: Any) -> None:
    topic = "arn:aws:sns:us-east-1:000000000000:pager"
    cloudwatch.put_metric_alarm(**CUSTOM, AlarmActions=[topic], OKActions=[topic])
    cloudwatch.set_alarm_state(AlarmName="custom", StateValue="ALARM", StateReason="a drill")
    items = cloudwatch.describe_alarm_history(AlarmName="custom", HistoryItemType="Action")["AlarmHistoryItems"]
    assert [item["HistorySummary"].partition(". ")[0] for item in items] == [f"Failed to execute action {topic}"]
    cloudwatch.disable_alarm_actions(AlarmNames=["custom", "no such alarm"])
    cloudwatch.set_alarm_state(AlarmName="custom", StateValue="OK", StateReason="a drill")
    after = cloudwatch.describe_alarm_history(AlarmName="custom", HistoryItemType="Action")["AlarmHistoryItems"]
    assert after == items
    assert alarm(cloudwatch, "custom")["ActionsEnabled"] is False
    cloudwatch.enable_alarm_actions(AlarmNames=["custom"])
    assert alarm(cloudwatch, "custom")["ActionsEnabled"] is True


def test_an_alarm_put_again_keeps_its_state(broker: LocalBroker, cloudwatch: Any) -> None:
    cloudwatch.put_metric_alarm(**CUSTOM)
    errors(broker, cloudwatch, 9)
    cloudwatch.put_metric_alarm(**{**CUSTOM, "Threshold": 50})
    again = alarm(cloudwatch, "custom")
    assert (again["StateValue"], again["Threshold"]) == ("ALARM", 50)
    errors(broker, cloudwatch, 9)
    assert alarm(cloudwatch, "custom")["StateValue"] == "OK"


def test_alarms_are_found(broker: LocalBroker, cloudwatch: Any) -> None:
    for name in ("a-1", "a-2", "b-1"):
        cloudwatch.put_metric_alarm(**{**CUSTOM, "AlarmName": name}, AlarmActions=[f"arn:aws:sns:::{name}"])
    cloudwatch.set_alarm_state(AlarmName="a-2", StateValue="ALARM", StateReason="a drill")

    def names(**asked: Any) -> list[str]:
        return [found["AlarmName"] for found in cloudwatch.describe_alarms(**asked)["MetricAlarms"]]

    assert names() == ["a-1", "a-2", "b-1"]
    assert names(AlarmNamePrefix="a-") == ["a-1", "a-2"]
    assert names(AlarmNames=["b-1", "c-1"]) == ["b-1"]
    assert names(StateValue="ALARM") == ["a-2"]
    assert names(ActionPrefix="arn:aws:sns:::b") == ["b-1"]
    assert names(AlarmTypes=["CompositeAlarm"]) == []
    page = cloudwatch.describe_alarms(MaxRecords=2)
    assert names(MaxRecords=2, NextToken=page["NextToken"]) == ["b-1"]
    metric = {"Namespace": "Shop", "MetricName": "Errors"}
    assert len(cloudwatch.describe_alarms_for_metric(**metric)["MetricAlarms"]) == 3
    assert cloudwatch.describe_alarms_for_metric(**metric, Statistic="Average")["MetricAlarms"] == []
    assert broker.client("cloudwatch", region_name="eu-west-1").describe_alarms()["MetricAlarms"] == []


def test_alarms_are_deleted_all_or_none(cloudwatch: Any) -> None:
    cloudwatch.put_metric_alarm(**CUSTOM)
    with pytest.raises(ClientError) as refused:
        cloudwatch.delete_alarms(AlarmNames=["custom", "no such alarm"])
    assert error_of(refused) == "ResourceNotFound"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert alarm(cloudwatch, "custom")
    cloudwatch.delete_alarms(AlarmNames=["custom"])
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []


def test_tags(cloudwatch: Any) -> None:
    cloudwatch.put_metric_alarm(**CUSTOM, Tags=[{"Key": "team", "Value": "orders"}])
    arn = alarm(cloudwatch, "custom")["AlarmArn"]
    cloudwatch.tag_resource(ResourceARN=arn, Tags=[{"Key": "stage", "Value": "prod"}])
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["team"])
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "stage", "Value": "prod"}]
    with pytest.raises(ClientError) as refused:
        cloudwatch.list_tags_for_resource(ResourceARN=f"{arn}-2")
    assert error_of(refused) == "ResourceNotFound"


def test_alarms_outlive_the_broker(tmp_path: Path) -> None:
    with LocalBroker(tmp_path) as broker:
        cloudwatch = broker.client("cloudwatch")
        cloudwatch.put_metric_alarm(**CUSTOM, Tags=[{"Key": "team", "Value": "orders"}])
        cloudwatch.set_alarm_state(AlarmName="custom", StateValue="ALARM", StateReason="a drill")
        before = alarm(cloudwatch, "custom")
        history = cloudwatch.describe_alarm_history()["AlarmHistoryItems"]
    with LocalBroker(tmp_path) as broker:
        cloudwatch = broker.client("cloudwatch")
        assert alarm(cloudwatch, "custom") == before
        assert cloudwatch.describe_alarm_history()["AlarmHistoryItems"] == history
        tags = cloudwatch.list_tags_for_resource(ResourceARN=before["AlarmArn"])["Tags"]
        assert tags == [{"Key": "team", "Value": "orders"}]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Statistic": None}, "MissingParameter"),
        ({"Period": None}, "MissingParameter"),
        ({"Threshold": None}, "MissingParameter"),
        ({"Namespace": None}, "MissingParameter"),
        ({"EvaluationPeriods": None}, "MissingParameter"),
        ({"ComparisonOperator": None}, "MissingParameter"),
        ({"ComparisonOperator": "Equals"}, "ValidationError"),
        ({"EvaluationPeriods": 0}, "ValidationError"),
        ({"DatapointsToAlarm": 2}, "ValidationError"),
        ({"Period": 45}, "ValidationError"),
        ({"Period": 300, "EvaluationPeriods": 289}, "ValidationError"),
        ({"Period": 3_600, "EvaluationPeriods": 169}, "ValidationError"),
        ({"TreatMissingData": "perhaps"}, "ValidationError"),
        ({"Statistic": "Median"}, "InvalidParameterValue"),
        ({"ExtendedStatistic": "p99"}, "InvalidParameterCombination"),
        ({"Metrics": [{"Id": "e1", "Expression": "1"}]}, "InvalidParameterCombination"),
        ({"Unit": "Furlongs"}, "ValidationError"),
        ({"AlarmActions": ["arn:aws:sns:::a"] * 6}, "ValidationError"),
        ({"AlarmActions": ["a" * 1_025]}, "ValidationError"),
        ({"EvaluationInterval": 60}, "InvalidParameterCombination"),
        ({"WarmUpConfiguration": {"WarmUpPeriodDurationInMinutes": 5}}, "InvalidParameterCombination"),
    ],
)
def test_what_is_no_alarm_is_refused(cloudwatch: Any, changed: dict[str, Any], code: str) -> None:
    asked = {key: value for key, value in {**CUSTOM, **changed}.items() if value is not None}
    with pytest.raises(ClientError) as refused:
        cloudwatch.put_metric_alarm(**asked)
    assert error_of(refused) == code
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []


def test_states_must_be_states(cloudwatch: Any) -> None:
    cloudwatch.put_metric_alarm(**CUSTOM)
    with pytest.raises(ClientError) as refused:
        cloudwatch.set_alarm_state(AlarmName="custom", StateValue="PANIC", StateReason="a drill")
    assert refused.value.response["Error"]["Message"] == (
        "1 validation error detected: Value 'PANIC' at 'stateValue' failed to satisfy constraint: "
        "Member must satisfy enum value set: [INSUFFICIENT_DATA, ALARM, OK]"
    )
    with pytest.raises(ClientError) as refused:
        cloudwatch.set_alarm_state(
            AlarmName="custom", StateValue="OK", StateReason="a drill", StateReasonData="no document"
        )
    assert error_of(refused) == "InvalidFormat"
    with pytest.raises(ClientError) as refused:
        cloudwatch.set_alarm_state(AlarmName="other", StateValue="OK", StateReason="a drill")
    assert error_of(refused) == "ResourceNotFound"


def test_history_by_time_and_page(broker: LocalBroker, cloudwatch: Any) -> None:
    cloudwatch.put_metric_alarm(**CUSTOM)
    broker.clock.advance(1)
    for state in ("ALARM", "OK"):
        cloudwatch.set_alarm_state(AlarmName="custom", StateValue=state, StateReason="a drill")
        broker.clock.advance(1)

    def summaries(**asked: Any) -> list[str]:
        items = cloudwatch.describe_alarm_history(AlarmName="custom", **asked)["AlarmHistoryItems"]
        return [item["HistorySummary"] for item in items]

    newest_first = [
        "Alarm updated from ALARM to OK",
        "Alarm updated from INSUFFICIENT_DATA to ALARM",
        'Alarm "custom" created',
    ]
    assert summaries() == newest_first
    assert summaries(ScanBy="TimestampAscending") == newest_first[::-1]
    assert summaries(HistoryItemType="ConfigurationUpdate") == newest_first[2:]
    assert summaries(StartDate=at(broker, -1.5 / 60)) == newest_first[:1]
    page = cloudwatch.describe_alarm_history(MaxRecords=2)
    assert summaries(MaxRecords=2, NextToken=page["NextToken"]) == newest_first[2:]


def test_a_backup_has_alarms_and_metrics(tmp_path: Path) -> None:
    """Made while the broker serves."""
    data, file, restored = tmp_path / "data", tmp_path / "backup", tmp_path / "restored"
    with LocalBroker(data) as broker:
        cloudwatch = broker.client("cloudwatch")
        cloudwatch.put_metric_alarm(**CUSTOM)
        errors(broker, cloudwatch, 9)
        before = alarm(cloudwatch, "custom")
        backup(data, file, lambda *progress: None)
    restore(file, restored, lambda *progress: None)
    assert check(restored, lambda *progress: None).problems == []
    with LocalBroker(restored) as broker:
        cloudwatch = broker.client("cloudwatch")
        assert alarm(cloudwatch, "custom") == before
        assert [metric["MetricName"] for metric in cloudwatch.list_metrics()["Metrics"]] == ["Errors"]
        backup(restored, tmp_path / "second", lambda *progress: None)


def test_a_damaged_file_of_alarms_is_found(tmp_path: Path) -> None:
    with LocalBroker(tmp_path) as broker:
        cloudwatch = broker.client("cloudwatch")
        for number in range(200):
            cloudwatch.put_metric_alarm(**{**CUSTOM, "AlarmName": f"alarm-{number}"})
    watch = tmp_path / "watch.db"
    content = bytearray(watch.read_bytes())
    content[4_096:8_192] = bytes(4_096)
    watch.write_bytes(content)
    assert any(problem.startswith("watch.db: ") for problem in check(tmp_path, lambda *progress: None).problems)


def _overwrite(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:4_096] + b"\xff" * (len(content) - 4_096))


def _change(statement: str) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute(statement)
            connection.commit()

    return change


@pytest.mark.parametrize(
    "damage",
    [
        _overwrite,
        _change("UPDATE alarms SET document = '{}'"),
        _change("UPDATE alarms SET document = '{'"),
        _change("DROP TABLE groups"),
        _change("PRAGMA user_version = 99"),
    ],
)
def test_a_damaged_file_of_alarms_is_refused_in_a_sentence(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    with LocalBroker(tmp_path) as broker:
        broker.client("cloudwatch").put_metric_alarm(**CUSTOM)
    damage(tmp_path / "watch.db")
    with pytest.raises(StorageError, match=r"watch\.db "), LocalBroker(tmp_path):
        pass


def test_the_history_comes_in_pages_and_parts(broker: LocalBroker, cloudwatch: Any) -> None:
    for name in ("custom", "other"):
        cloudwatch.put_metric_alarm(**{**CUSTOM, "AlarmName": name})
    for state in ("ALARM", "OK"):
        broker.clock.advance(1)
        cloudwatch.set_alarm_state(AlarmName="custom", StateValue=state, StateReason="a drill")

    def summaries(**asked: Any) -> list[str]:
        found = []
        page = cloudwatch.describe_alarm_history(**asked, MaxRecords=2)
        while True:
            found += [item["HistorySummary"] for item in page["AlarmHistoryItems"]]
            if "NextToken" not in page:
                return found
            page = cloudwatch.describe_alarm_history(**asked, MaxRecords=2, NextToken=page["NextToken"])

    made = ['Alarm "custom" created', 'Alarm "other" created']
    rung = ["Alarm updated from INSUFFICIENT_DATA to ALARM", "Alarm updated from ALARM to OK"]
    assert summaries(ScanBy="TimestampAscending") == [*made, *rung]
    assert summaries() == [*reversed(rung), *reversed(made)]
    assert summaries(AlarmName="custom") == [*reversed(rung), made[0]]
    assert summaries(AlarmName="nobody") == []
    assert summaries(HistoryItemType="StateUpdate") == [*reversed(rung)]
    assert summaries(StartDate=at(broker)) == [rung[1]]
    assert summaries(EndDate=at(broker, -1 / 60)) == [rung[0], *reversed(made)]


def test_a_reason_of_many_data_points_stays_within_its_bounds(broker: LocalBroker, cloudwatch: Any) -> None:
    for minute in range(200):
        datum = {"MetricName": "Errors", "Value": 1_234_567.125, "Timestamp": at(broker, -minute)}
        cloudwatch.put_metric_data(Namespace="Shop", MetricData=[datum])
    cloudwatch.put_metric_alarm(**{**CUSTOM, "EvaluationPeriods": 150})
    broker.clock.advance(60)
    rung = alarm(cloudwatch, "custom")
    assert rung["StateValue"] == "ALARM"
    assert rung["StateReason"].startswith("Threshold Crossed: 150 out of the last 150 datapoints [1234567.125 (")
    assert len(rung["StateReason"]) <= 1_023
    assert len(rung["StateReasonData"]) <= 4_000
