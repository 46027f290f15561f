"""Auto Scaling over boto3: groups, their policies, and alarms that change how many instances there are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from crossdock.aws.quotas import GROUPS_MAX, POLICIES_MAX
from crossdock.testing import LocalBroker

GROUP = "payment-service-asg"

MADE: dict[str, Any] = {
    "AutoScalingGroupName": GROUP,
    "LaunchConfigurationName": "payments-worker",
    "MinSize": 0,
    "MaxSize": 4,
    "DesiredCapacity": 1,
}

SCALE_UP: dict[str, Any] = {
    "AutoScalingGroupName": GROUP,
    "PolicyName": "scale-up",
    "ScalingAdjustment": 1,
    "AdjustmentType": "ChangeInCapacity",
}
"""The policy of the guide."""

STEPS = [
    {"MetricIntervalLowerBound": 20.0, "ScalingAdjustment": 1},
    *(
        {"MetricIntervalLowerBound": float(number), "MetricIntervalUpperBound": number + 1.0, "ScalingAdjustment": 1}
        for number in range(20)
    ),
]

TRACK: dict[str, Any] = {
    "AutoScalingGroupName": GROUP,
    "PolicyName": "track",
    "PolicyType": "TargetTrackingScaling",
}

DEPTH: dict[str, Any] = {"Namespace": "Shop", "MetricName": "Depth", "Statistic": "Average"}

DEEP: dict[str, Any] = {
    "AlarmName": "deep",
    "Namespace": "Shop",
    "MetricName": "Depth",
    "Statistic": "Average",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 50,
    "ComparisonOperator": "GreaterThanThreshold",
}


@pytest.fixture
def broker() -> Iterator[LocalBroker]:
    """A fresh broker in memory, with a clock that the test moves, at the beginning of a minute."""
    with LocalBroker() as broker:
        broker.clock.advance(40)
        yield broker


@pytest.fixture
def autoscaling(broker: LocalBroker) -> Any:
    """A client that leaves every check to the broker; the group of the guide is there."""
    client = broker.client("autoscaling", config=Config(parameter_validation=False))
    client.create_auto_scaling_group(**MADE)
    return client


@pytest.fixture
def cloudwatch(broker: LocalBroker) -> Any:
    return broker.client("cloudwatch")


def group(autoscaling: Any) -> dict[str, Any]:
    [found] = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])["AutoScalingGroups"]
    return dict(found)


def capacity(autoscaling: Any) -> int:
    found = group(autoscaling)
    assert len(found["Instances"]) == found["DesiredCapacity"]
    return int(found["DesiredCapacity"])


def depth(broker: LocalBroker, *values: float) -> None:
    """One value a minute of the metric that the alarms look at."""
    cloudwatch = broker.client("cloudwatch")
    for value in values:
        cloudwatch.put_metric_data(Namespace="Shop", MetricData=[{"MetricName": "Depth", "Value": value}])
        broker.clock.advance(60)


def refusal(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_group_has_instances(autoscaling: Any) -> None:
    made = group(autoscaling)
    assert made["AutoScalingGroupARN"].startswith("arn:aws:autoscaling:us-east-1:000000000000:autoScalingGroup:")
    assert made["AutoScalingGroupARN"].endswith(f":autoScalingGroupName/{GROUP}")
    assert (made["MinSize"], made["MaxSize"], made["DesiredCapacity"], made["DefaultCooldown"]) == (0, 4, 1, 300)
    [instance] = made["Instances"]
    assert (instance["LifecycleState"], instance["HealthStatus"]) == ("InService", "Healthy")
    assert instance["LaunchConfigurationName"] == "payments-worker"
    [detail] = autoscaling.describe_auto_scaling_instances()["AutoScalingInstances"]
    assert (detail["InstanceId"], detail["AutoScalingGroupName"]) == (instance["InstanceId"], GROUP)


def test_the_policy_of_the_guide_scales_up_when_the_alarm_rings(
    broker: LocalBroker, autoscaling: Any, cloudwatch: Any
) -> None:
    arn = autoscaling.put_scaling_policy(**SCALE_UP)["PolicyARN"]
    assert arn.startswith("arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:")
    assert arn.endswith(f":autoScalingGroupName/{GROUP}:policyName/scale-up")
    cloudwatch.put_metric_alarm(**DEEP, AlarmActions=[arn])
    depth(broker, 10, 60)
    assert capacity(autoscaling) == 2
    [newest, *_] = autoscaling.describe_scaling_activities(AutoScalingGroupName=GROUP)["Activities"]
    assert newest["StatusCode"] == "Successful"
    assert (
        "a monitor alarm deep in state ALARM triggered policy scale-up changing the desired capacity from 1 to 2."
        in newest["Cause"]
    )
    [policy] = autoscaling.describe_policies(AutoScalingGroupName=GROUP)["ScalingPolicies"]
    assert (policy["PolicyType"], policy["ScalingAdjustment"], policy["PolicyARN"]) == ("SimpleScaling", 1, arn)
    assert [alarm["AlarmName"] for alarm in policy["Alarms"]] == ["deep"]


def test_a_simple_policy_waits_for_its_cooldown_and_goes_on_while_the_alarm_rings(
    broker: LocalBroker, autoscaling: Any, cloudwatch: Any
) -> None:
    arn = autoscaling.put_scaling_policy(**SCALE_UP, Cooldown=120)["PolicyARN"]
    cloudwatch.put_metric_alarm(**DEEP, AlarmActions=[arn])
    seen = []
    for _ in range(10):
        depth(broker, 60)
        seen.append(capacity(autoscaling))
    assert seen == [2, 2, 3, 3, 4, 4, 4, 4, 4, 4]


def test_steps_are_picked_by_the_breach_and_wait_for_nobody(
    broker: LocalBroker, autoscaling: Any, cloudwatch: Any
) -> None:
    policy = {
        "AutoScalingGroupName": GROUP,
        "PolicyName": "steps",
        "PolicyType": "StepScaling",
        "AdjustmentType": "ChangeInCapacity",
        "EstimatedInstanceWarmup": 180,
        "StepAdjustments": [
            {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 100.0, "ScalingAdjustment": 1},
            {"MetricIntervalLowerBound": 100.0, "ScalingAdjustment": 2},
        ],
    }
    cloudwatch.put_metric_alarm(**DEEP, AlarmActions=[autoscaling.put_scaling_policy(**policy)["PolicyARN"]])
    seen = []
    for value in (60, 60, 160, 160, 160):
        depth(broker, value)
        seen.append(capacity(autoscaling))
    assert seen == [2, 2, 3, 4, 4], (
        "what is asked for is added to the instances that work, three minutes after their start"
    )


def test_a_target_is_tracked(broker: LocalBroker, autoscaling: Any, cloudwatch: Any) -> None:
    tracked = {"CustomizedMetricSpecification": DEPTH, "TargetValue": 100.0}
    answer = autoscaling.put_scaling_policy(**TRACK, TargetTrackingConfiguration=tracked)
    names = [alarm["AlarmName"] for alarm in answer["Alarms"]]
    assert [name.partition(f"{GROUP}-")[2][:9] for name in names] == ["AlarmHigh", "AlarmLow-"]
    depth(broker, 250, 250, 250)
    assert capacity(autoscaling) == 3
    depth(broker, *[40] * 16)
    assert capacity(autoscaling) == 1
    autoscaling.delete_policy(AutoScalingGroupName=GROUP, PolicyName="track")
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []


def test_policies_are_executed_by_hand(autoscaling: Any) -> None:
    autoscaling.put_scaling_policy(**SCALE_UP)
    autoscaling.execute_policy(AutoScalingGroupName=GROUP, PolicyName="scale-up")
    assert capacity(autoscaling) == 2
    asked = {"AutoScalingGroupName": GROUP, "PolicyName": "scale-up", "HonorCooldown": True}
    assert refusal(autoscaling.execute_policy, **asked)[0] == "ScalingActivityInProgress"


def test_capacity_is_set_within_bounds(autoscaling: Any) -> None:
    autoscaling.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=4)
    assert capacity(autoscaling) == 4
    asked = {"AutoScalingGroupName": GROUP, "DesiredCapacity": 5}
    above = "New SetDesiredCapacity value 5 is above max value 4 for the AutoScalingGroup."
    assert refusal(autoscaling.set_desired_capacity, **asked) == ("ValidationError", above)
    before = {instance["InstanceId"] for instance in group(autoscaling)["Instances"]}
    autoscaling.update_auto_scaling_group(AutoScalingGroupName=GROUP, MaxSize=2)
    after = {instance["InstanceId"] for instance in group(autoscaling)["Instances"]}
    assert len(after) == 2
    assert after < before


def test_groups_tell_of_themselves(broker: LocalBroker, autoscaling: Any, cloudwatch: Any) -> None:
    metrics = ["GroupInServiceInstances", "GroupDesiredCapacity"]
    autoscaling.enable_metrics_collection(AutoScalingGroupName=GROUP, Granularity="1Minute", Metrics=metrics)
    broker.clock.advance(60)
    autoscaling.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=3)
    broker.clock.advance(60)
    now_s = broker.clock.now_ms() / 1_000
    answer = cloudwatch.get_metric_statistics(
        Namespace="AWS/AutoScaling",
        MetricName="GroupInServiceInstances",
        Dimensions=[{"Name": "AutoScalingGroupName", "Value": GROUP}],
        StartTime=now_s - 600,
        EndTime=now_s,
        Period=60,
        Statistics=["Average"],
    )
    points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
    assert [point["Average"] for point in points] == [1, 3]
    assert [metric["Metric"] for metric in group(autoscaling)["EnabledMetrics"]] == metrics
    autoscaling.disable_metrics_collection(AutoScalingGroupName=GROUP)
    assert group(autoscaling)["EnabledMetrics"] == []


def test_a_group_with_instances_is_deleted_by_force_only(autoscaling: Any) -> None:
    assert refusal(autoscaling.delete_auto_scaling_group, AutoScalingGroupName=GROUP)[0] == "ResourceInUse"
    autoscaling.delete_auto_scaling_group(AutoScalingGroupName=GROUP, ForceDelete=True)
    assert autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"] == []
    assert refusal(autoscaling.put_scaling_policy, **SCALE_UP) == ("ValidationError", f"Group {GROUP} not found")


def test_groups_outlive_the_broker(tmp_path: Path) -> None:
    with LocalBroker(tmp_path) as broker:
        autoscaling = broker.client("autoscaling")
        autoscaling.create_auto_scaling_group(**MADE)
        autoscaling.put_scaling_policy(**SCALE_UP)
        before = group(autoscaling), autoscaling.describe_policies()["ScalingPolicies"]
    with LocalBroker(tmp_path) as broker:
        autoscaling = broker.client("autoscaling")
        assert (group(autoscaling), autoscaling.describe_policies()["ScalingPolicies"]) == before
        assert len(autoscaling.describe_scaling_activities()["Activities"]) == 1


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"AutoScalingGroupName": GROUP}, "AlreadyExists"),
        ({"LaunchConfigurationName": None}, "ValidationError"),
        ({"MinSize": 5}, "ValidationError"),
        ({"DesiredCapacity": 5}, "ValidationError"),
        ({"MinSize": -1, "DesiredCapacity": -1}, "ValidationError"),
        ({"MaxSize": 1_001}, "ValidationError"),
        ({"AutoScalingGroupName": "a:b"}, "ValidationError"),
        ({"AutoScalingGroupName": "a b"}, "ValidationError"),
        ({"AutoScalingGroupName": "\u00fc"}, "ValidationError"),
        ({"DefaultCooldown": -1}, "ValidationError"),
        ({"DefaultCooldown": 10**17}, "ValidationError"),
        ({"DefaultInstanceWarmup": 10**17}, "ValidationError"),
        ({"HealthCheckGracePeriod": -1}, "ValidationError"),
        ({"Tags": [{"Key": str(number)} for number in range(51)]}, "ValidationError"),
    ],
)
def test_what_is_no_group_is_refused(autoscaling: Any, changed: dict[str, Any], code: str) -> None:
    asked = {**MADE, "AutoScalingGroupName": "other", **changed}
    asked = {key: value for key, value in asked.items() if value is not None}
    assert refusal(autoscaling.create_auto_scaling_group, **asked)[0] == code
    assert len(autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"AdjustmentType": None},
        {"AdjustmentType": "Doubling"},
        {"ScalingAdjustment": None},
        {"PolicyType": "Magic"},
        {"PolicyType": "StepScaling", "ScalingAdjustment": None},
        {"PolicyType": "StepScaling"},
        {"PolicyType": "TargetTrackingScaling"},
        {"MinAdjustmentMagnitude": 2},
        {"Cooldown": 10**17},
        {"EstimatedInstanceWarmup": 10**17},
        {"PolicyType": "StepScaling", "ScalingAdjustment": None, "StepAdjustments": STEPS},
    ],
)
def test_what_is_no_policy_is_refused(autoscaling: Any, changed: dict[str, Any]) -> None:
    asked = {key: value for key, value in {**SCALE_UP, **changed}.items() if value is not None}
    assert refusal(autoscaling.put_scaling_policy, **asked)[0] == "ValidationError"
    assert autoscaling.describe_policies()["ScalingPolicies"] == []


def test_a_policy_that_is_refused_leaves_the_one_before_as_it_is(autoscaling: Any, cloudwatch: Any) -> None:
    tracked = {"CustomizedMetricSpecification": DEPTH, "TargetValue": 100.0}
    autoscaling.put_scaling_policy(**TRACK, TargetTrackingConfiguration=tracked)
    before = autoscaling.describe_policies()["ScalingPolicies"], cloudwatch.describe_alarms()["MetricAlarms"]
    for wrong in ({"Period": 45}, {"Statistic": "Median"}):
        tracked = {"CustomizedMetricSpecification": {**DEPTH, **wrong}, "TargetValue": 100.0}
        assert refusal(autoscaling.put_scaling_policy, **TRACK, TargetTrackingConfiguration=tracked)
    after = autoscaling.describe_policies()["ScalingPolicies"], cloudwatch.describe_alarms()["MetricAlarms"]
    assert after == before


@pytest.mark.parametrize("target", [-1.0, 0.0, 1e-300, 1e300])
def test_a_target_is_in_range(autoscaling: Any, target: float) -> None:
    tracked = {"CustomizedMetricSpecification": DEPTH, "TargetValue": target}
    assert refusal(autoscaling.put_scaling_policy, **TRACK, TargetTrackingConfiguration=tracked)[0] == "ValidationError"


@pytest.mark.parametrize("recent", ["1e300", "9" * 400, '"x"', "null", "true"])
def test_a_reason_that_tells_no_value_scales_nothing(autoscaling: Any, cloudwatch: Any, recent: str) -> None:
    tracked = {"CustomizedMetricSpecification": DEPTH, "TargetValue": 0.001}
    answer = autoscaling.put_scaling_policy(**TRACK, TargetTrackingConfiguration=tracked)
    cloudwatch.set_alarm_state(
        AlarmName=answer["Alarms"][0]["AlarmName"],
        StateValue="ALARM",
        StateReason="a drill",
        StateReasonData=f'{{"recentDatapoints": [{recent}]}}',
    )
    assert capacity(autoscaling) == 1


def test_an_alarm_scales_groups_of_its_own_account_alone(broker: LocalBroker, autoscaling: Any) -> None:
    arn = autoscaling.put_scaling_policy(**SCALE_UP)["PolicyARN"]
    others = broker.client("cloudwatch", region_name="eu-west-1")
    others.put_metric_alarm(**DEEP, AlarmActions=[arn])
    others.set_alarm_state(AlarmName="deep", StateValue="ALARM", StateReason="a drill")
    assert capacity(autoscaling) == 1


def test_there_are_so_many_groups_and_policies(autoscaling: Any) -> None:
    for number in range(POLICIES_MAX):
        autoscaling.put_scaling_policy(**{**SCALE_UP, "PolicyName": str(number)})
    autoscaling.put_scaling_policy(**{**SCALE_UP, "PolicyName": "0"})
    assert refusal(autoscaling.put_scaling_policy, **SCALE_UP)[0] == "LimitExceeded"
    for number in range(GROUPS_MAX - 1):
        autoscaling.create_auto_scaling_group(**{**MADE, "AutoScalingGroupName": str(number), "DesiredCapacity": 0})
    one_more = {**MADE, "AutoScalingGroupName": "more"}
    assert refusal(autoscaling.create_auto_scaling_group, **one_more)[0] == "LimitExceeded"


def test_activities_are_found_by_group_and_id_and_come_in_pages(autoscaling: Any) -> None:
    autoscaling.create_auto_scaling_group(**{**MADE, "AutoScalingGroupName": "other", "DesiredCapacity": 2})
    pages = autoscaling.get_paginator("describe_scaling_activities").paginate(PaginationConfig={"PageSize": 2})
    every = [activity for page in pages for activity in page["Activities"]]
    assert [activity["AutoScalingGroupName"] for activity in every] == ["other", "other", GROUP]
    [own] = autoscaling.describe_scaling_activities(AutoScalingGroupName=GROUP)["Activities"]
    assert own == every[2]
    wanted = [every[0]["ActivityId"], "no such id"]
    assert autoscaling.describe_scaling_activities(ActivityIds=wanted)["Activities"] == [every[0]]
    asked = {"ActivityIds": wanted, "AutoScalingGroupName": GROUP}
    assert autoscaling.describe_scaling_activities(**asked)["Activities"] == []
