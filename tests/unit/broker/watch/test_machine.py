"""The watch machine and time: clocks that jump, minutes that nobody saw, more alarms than can be looked at in one go."""

from typing import Any, cast

import pytest

from crossdock.aws.api import autoscaling, cloudwatch
from crossdock.aws.errors import LimitExceeded
from crossdock.aws.quotas import ALARMS_MAX
from crossdock.aws.shapes import Shape
from crossdock.broker.outcome import Caller
from crossdock.broker.queues.machine import QueueMachine
from crossdock.broker.storage.watch_database import WatchDatabase
from crossdock.broker.watch.machine import MINUTE_MS, WatchMachine
from crossdock.clock import ManualClock

BEGIN_MS = 1_700_000_040_000
HOUR_MS = 60 * MINUTE_MS
CALLER = Caller("000000000000", "us-east-1", "test", "")


class NoQueues:
    """Stands for queues of which there are none."""

    def census(self, now_ms: int) -> list[Any]:
        return []

    def forget_sizes(self) -> None:
        pass


class Scene:
    """A machine that is awake, in memory."""

    def __init__(self) -> None:
        queues = cast(QueueMachine, NoQueues())
        self.rung: list[str] = []
        clock = ManualClock(BEGIN_MS)
        self.machine = WatchMachine(
            WatchDatabase(None), queues, lambda before, after: self.rung.append(after.name.name), clock, awake=True
        )

    def ask(self, command: Shape, now_ms: int = BEGIN_MS) -> Any:
        [(_, result)] = self.machine.handle(object(), command, CALLER, now_ms).replies
        return result

    def put_alarm(self, name: str, periods: int = 1) -> Any:
        return self.ask(
            cloudwatch.PutMetricAlarm(
                name,
                namespace="Shop",
                metric_name="Errors",
                statistic="Sum",
                period=60,
                evaluation_periods=periods,
                threshold=5.0,
                comparison_operator="GreaterThanThreshold",
            )
        )

    def put_error(self, now_ms: int = BEGIN_MS) -> None:
        self.ask(cloudwatch.PutMetricData("Shop", [cloudwatch.MetricDatum("Errors", value=9.0)]), now_ms)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_clock_that_is_set_back_puts_off_no_alarm(scene: Scene) -> None:
    scene.put_alarm("custom")
    scene.machine.pass_time(BEGIN_MS + 10 * HOUR_MS)
    assert scene.machine.wants_time(BEGIN_MS)
    scene.machine.pass_time(BEGIN_MS)
    scene.put_error()
    assert scene.machine.next_deadline_ms() == BEGIN_MS + MINUTE_MS
    scene.machine.pass_time(BEGIN_MS + MINUTE_MS)
    assert scene.rung == ["custom"]


def test_a_clock_that_trembles_counts_no_minute_twice(scene: Scene) -> None:
    scene.machine.pass_time(BEGIN_MS + MINUTE_MS + 5)
    assert not scene.machine.wants_time(BEGIN_MS + MINUTE_MS - 1)


def test_hours_that_the_computer_slept_are_not_made_up(scene: Scene) -> None:
    scene.ask(autoscaling.CreateAutoScalingGroup("group", min_size=0, max_size=4, launch_configuration_name="worker"))
    scene.ask(autoscaling.EnableMetricsCollection("group", "1Minute", ["GroupMaxSize"]))
    now_ms = BEGIN_MS + 10 * HOUR_MS
    scene.machine.pass_time(now_ms)
    asked = cloudwatch.GetMetricStatistics(
        "AWS/AutoScaling",
        "GroupMaxSize",
        BEGIN_MS / 1_000,
        now_ms / 1_000,
        60,
        dimensions=[cloudwatch.Dimension("AutoScalingGroupName", "group")],
        statistics=["Sum"],
    )
    moments = [point.timestamp for point in scene.ask(asked, now_ms).datapoints]
    assert 1 <= len(moments) < 10
    assert max(moments) == now_ms / 1_000 - 60


def test_many_alarms_are_looked_at_some_at_a_time(scene: Scene) -> None:
    names = {f"alarm-{number}" for number in range(300)}
    for name in names:
        scene.put_alarm(name)
    scene.put_error()
    now_ms = BEGIN_MS + MINUTE_MS
    steps = 0
    while scene.machine.next_deadline_ms() != now_ms + MINUTE_MS:
        scene.machine.pass_time(now_ms)
        steps += 1
    assert steps > 1
    assert len(scene.rung) == 300
    assert set(scene.rung) == names


def test_alarms_that_wait_are_not_put_off_by_the_next_minute(scene: Scene) -> None:
    names = [f"alarm-{number:03}" for number in range(300)]
    for name in names:
        scene.put_alarm(name, periods=2)
    for minute in range(10):
        scene.put_error(BEGIN_MS + minute * MINUTE_MS)
        scene.machine.pass_time(BEGIN_MS + (minute + 1) * MINUTE_MS)
    assert {*scene.rung} == {*names}


def test_there_are_so_many_alarms(scene: Scene) -> None:
    for number in range(ALARMS_MAX):
        assert scene.put_alarm(str(number)) is None
    assert isinstance(scene.put_alarm("more"), LimitExceeded)
    assert scene.put_alarm("0") is None, "one that is there can be changed"
