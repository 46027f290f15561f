"""The closed loop: a queue is deep, an alarm rings, a policy scales the group, workers start; later they drain, and no effect is lost or
doubled."""

import os
import signal
import subprocess
from typing import Any

import boto3
import pytest
from tests.journey.pipeline import CROSSDOCK, ORDERS, ROOT, Pipeline, until

from crossdock.ops.orders import read_orders

pytestmark = pytest.mark.journey

GROUP = "payment-service-asg"
ORDER_QUEUE = "ecommerce-order-queue"
LONG_S = 150


def client(pipeline: Pipeline, service: str) -> Any:
    """A boto3 client of the pipeline's broker."""
    environment = pipeline.run.environment
    return boto3.client(
        service,
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )


def workers(pipeline: Pipeline) -> list[str]:
    """The states of the workers beside the service itself."""
    return [process.state for process in pipeline.run.processes if process.name.startswith("payments-worker")]


def test_a_deep_queue_starts_workers(pipeline: Pipeline) -> None:
    """The real loop in real time: nobody works, orders pile up, and within two looks of the alarm a worker of the group has begun."""
    autoscaling, cloudwatch = client(pipeline, "autoscaling"), client(pipeline, "cloudwatch")
    policy = autoscaling.put_scaling_policy(
        AutoScalingGroupName=GROUP, PolicyName="scale-up", ScalingAdjustment=1, AdjustmentType="ChangeInCapacity"
    )
    pid = pipeline.pid_of("payments")
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        orders = len(read_orders(ORDERS))
        pipeline.asked("order", "place", str(ORDERS))
        cloudwatch.put_metric_alarm(
            AlarmName="scale-up-on-queue-depth",
            MetricName="ApproximateNumberOfMessagesVisible",
            Namespace="AWS/SQS",
            Dimensions=[{"Name": "QueueName", "Value": ORDER_QUEUE}],
            Statistic="Maximum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=orders // 4,
            ComparisonOperator="GreaterThanThreshold",
            AlarmActions=[policy["PolicyARN"]],
        )
        until(lambda: workers(pipeline) == ["ready"], LONG_S, "no worker was started")
    finally:
        os.kill(pid, signal.SIGCONT)
    [alarm] = cloudwatch.describe_alarms(AlarmNames=["scale-up-on-queue-depth"])["MetricAlarms"]
    assert alarm["StateReason"].startswith("Threshold Crossed: ")
    [activity] = autoscaling.describe_scaling_activities(AutoScalingGroupName=GROUP)["Activities"]
    assert "alarm scale-up-on-queue-depth in state ALARM triggered policy scale-up" in activity["Cause"]


def test_workers_share_the_queue_and_drain_without_a_trace(pipeline: Pipeline) -> None:
    """Three workers beside the service; then none, while orders flow. The audit finds nothing."""
    autoscaling = client(pipeline, "autoscaling")
    autoscaling.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=3)
    until(lambda: workers(pipeline) == ["ready"] * 3, 30, "the workers did not start")
    place = [*CROSSDOCK, "order", "place", str(ORDERS), "--again", "--wait", "--data", str(pipeline.data)]
    placing = subprocess.Popen(place, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, cwd=ROOT)
    autoscaling.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=0)
    until(lambda: workers(pipeline) == [], 30, "the workers did not drain")
    assert placing.wait(timeout=90) == 0
    pipeline.audited()
