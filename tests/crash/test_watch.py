"""Metrics, alarms and scaling groups in a real broker process: what was acknowledged outlives a kill, and an alarm rings though nobody asks."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from broker_process import start_broker

pytestmark = pytest.mark.journey

GROUP = "workers"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def running(data: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process, url = start_broker(data)
    yield process, url
    process.kill()
    process.wait()


def client(service: str, url: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def shown(url: str) -> dict[str, Any]:
    """What a broker knows of alarms and groups; of alarms what does not change when a minute is over."""
    cloudwatch, autoscaling = client("cloudwatch", url), client("autoscaling", url)
    return {
        "alarms": [
            (alarm["AlarmArn"], alarm["Threshold"], alarm.get("AlarmActions"))
            for alarm in cloudwatch.describe_alarms()["MetricAlarms"]
        ],
        "history": cloudwatch.describe_alarm_history()["AlarmHistoryItems"],
        "metrics": cloudwatch.list_metrics(Namespace="Shop")["Metrics"],
        "groups": autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"],
        "policies": autoscaling.describe_policies()["ScalingPolicies"],
        "activities": autoscaling.describe_scaling_activities()["Activities"],
    }


def test_what_was_acknowledged_outlives_a_kill(data: Path, running: tuple[subprocess.Popen[str], str]) -> None:
    process, url = running
    cloudwatch, autoscaling = client("cloudwatch", url), client("autoscaling", url)
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=GROUP, MinSize=0, MaxSize=4, LaunchConfigurationName="worker"
    )
    metric = {"Namespace": "Shop", "MetricName": "Depth", "Statistic": "Average"}
    autoscaling.put_scaling_policy(
        AutoScalingGroupName=GROUP,
        PolicyName="track",
        PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration={"CustomizedMetricSpecification": metric, "TargetValue": 100.0},
    )
    cloudwatch.put_metric_data(Namespace="Shop", MetricData=[{"MetricName": "Depth", "Value": 7.0}])
    autoscaling.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=2)
    before = shown(url)
    assert [len(before[part]) for part in ("alarms", "groups", "policies", "activities")] == [2, 1, 1, 2]
    cloudwatch.put_metric_alarm(
        AlarmName="last",
        **metric,
        Period=60,
        EvaluationPeriods=1,
        Threshold=5,
        ComparisonOperator="GreaterThanThreshold",
    )
    process.kill()
    process.wait()
    process, url = start_broker(data)
    try:
        after = shown(url)
    finally:
        process.kill()
        process.wait()
    last = ("arn:aws:cloudwatch:us-east-1:000000000000:alarm:last", 5.0, None)
    assert after.pop("alarms") == [*before.pop("alarms"), last]
    assert all(event in after["history"] for event in before.pop("history"))
    del after["history"]
    assert after == before


def test_an_alarm_rings_in_the_log_though_nobody_asks(running: tuple[subprocess.Popen[str], str]) -> None:
    process, url = running
    cloudwatch = client("cloudwatch", url)
    cloudwatch.put_metric_alarm(
        AlarmName="quiet",
        Namespace="Shop",
        MetricName="Depth",
        Statistic="Sum",
        Period=10,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="LessThanThreshold",
        TreatMissingData="breaching",
    )
    assert process.stderr is not None
    events = (json.loads(line) for line in process.stderr if line.startswith("{"))
    rung = next(event for event in events if event["event"] == "alarm changed its state")
    assert (rung["alarm"], rung["now"]) == ("quiet", "ALARM")
