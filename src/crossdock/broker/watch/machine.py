"""The watch machine: metrics, alarms and scaling groups, without I/O; its clock gives ids, the time comes with each call.

    the queues' census, each minute ──► samples ──► statistics
    PutMetricData ────────────────────►    │
                                           └──► alarms, looked at when time comes ──► scaling policies ──► groups

Time passes here before anything else is done: what a queue counts belongs to the minute in which it happened.
"""

from collections.abc import Callable
from typing import Any

from crossdock.aws.api import autoscaling, cloudwatch
from crossdock.aws.errors import ApiError
from crossdock.aws.shapes import Shape
from crossdock.broker.outcome import Caller, Outcome, Ticket
from crossdock.broker.queues.machine import QueueMachine
from crossdock.broker.watch import statistics
from crossdock.broker.watch.alarms import Alarms, Announce
from crossdock.broker.watch.collect import ACTIVE_MINUTES, Collector
from crossdock.broker.watch.groups import Groups
from crossdock.broker.watch.policies import Policies
from crossdock.broker.watch.store import WatchStore
from crossdock.clock import Clock

MINUTE_MS = 60_000
UNSEEN_MINUTES = 5
"""So many minutes are made up for when the whole computer slept: it measured nothing meanwhile."""
SHORT_MS = 10_000
"""How often alarms of periods below a minute are looked at."""


class WatchMachine:
    """The state of all metrics and alarms."""

    def __init__(self, store: WatchStore, queues: QueueMachine, announce: Announce, clock: Clock, awake: bool) -> None:
        """`awake`: it wants to be called each minute for as long as a queue is active;
        otherwise only for alarms, and minutes that passed unseen are made up for."""
        self._store = store
        self._queues = queues
        self._awake = awake
        self._alarms = alarms = Alarms(store, announce)
        self._groups = groups = Groups(store, clock.new_id)
        policies = Policies(groups, alarms, clock.new_id)
        alarms.scale = policies.act
        self._collector = Collector()
        self._seen_ms = clock.now_ms()
        """Up to here time has passed."""
        self._next_ms = 0
        self.stirred = False
        """Whether anything happened to any queue since time passed last."""
        self._set_next()
        self._metric_actions: dict[type[Shape], Callable[..., Any]] = {
            cloudwatch.PutMetricData: statistics.put_metric_data,
            cloudwatch.GetMetricStatistics: statistics.get_metric_statistics,
            cloudwatch.GetMetricData: statistics.get_metric_data,
            cloudwatch.ListMetrics: statistics.list_metrics,
        }
        self._actions: dict[type[Shape], Callable[..., Any]] = {
            cloudwatch.PutMetricAlarm: alarms.put,
            cloudwatch.DescribeAlarms: alarms.describe,
            cloudwatch.DescribeAlarmsForMetric: alarms.describe_for_metric,
            cloudwatch.DescribeAlarmHistory: alarms.describe_history,
            cloudwatch.DeleteAlarms: alarms.delete,
            cloudwatch.SetAlarmState: alarms.set_state,
            cloudwatch.EnableAlarmActions: alarms.enable,
            cloudwatch.DisableAlarmActions: alarms.disable,
            cloudwatch.TagResource: alarms.tag,
            cloudwatch.UntagResource: alarms.untag,
            cloudwatch.ListTagsForResource: alarms.list_tags,
            autoscaling.CreateAutoScalingGroup: groups.create,
            autoscaling.UpdateAutoScalingGroup: groups.update,
            autoscaling.DeleteAutoScalingGroup: policies.delete_group,
            autoscaling.DescribeAutoScalingGroups: groups.describe,
            autoscaling.DescribeAutoScalingInstances: groups.describe_instances,
            autoscaling.SetDesiredCapacity: groups.set_capacity,
            autoscaling.EnableMetricsCollection: groups.enable_metrics,
            autoscaling.DisableMetricsCollection: groups.disable_metrics,
            autoscaling.PutScalingPolicy: policies.put,
            autoscaling.DescribePolicies: policies.describe,
            autoscaling.DeletePolicy: policies.delete,
            autoscaling.ExecutePolicy: policies.execute,
            autoscaling.DescribeScalingActivities: groups.describe_activities,
        }

    def wants_time(self, now_ms: int) -> bool:
        """Whether `pass_time` comes before any other step: a minute is over, or the clock was set back."""
        return not self._seen_ms - MINUTE_MS <= now_ms < self._next_ms

    def handle(self, ticket: Ticket, command: Shape, caller: Caller, now_ms: int) -> Outcome:
        """Run one command. An error of the API is a reply; nothing of the command is stored then."""
        result: Shape | ApiError | None
        try:
            if (action := self._metric_actions.get(type(command))) is not None:
                result = action(self._store, command, caller, now_ms)
            else:
                result = self._actions[type(command)](command, caller, now_ms)
        except ApiError as error:
            result = error.with_traceback(None)
        self._store.commit()
        self._set_next()
        return Outcome([(ticket, result)], [])

    def pass_time(self, now_ms: int) -> None:
        """Collect what the minutes that are over have to tell, and look at the alarms that are due."""
        seen_ms, self._seen_ms = self._seen_ms, now_ms
        minute_ms, short_ms = now_ms // MINUTE_MS * MINUTE_MS, now_ms // SHORT_MS * SHORT_MS
        if seen_ms < minute_ms:
            self.stirred = False
            self._collect(seen_ms // MINUTE_MS, minute_ms // MINUTE_MS - 1, minute_ms)
            self._alarms.due(whole_minute=True)
        elif seen_ms < short_ms:
            self._alarms.due(whole_minute=False)
        self._alarms.look(now_ms)
        self._store.commit()
        self._set_next()

    def next_deadline_ms(self) -> int | None:
        """When it wants `pass_time`; None: never, as things are."""
        active = self.stirred or self._collector.any_active or self._groups.any_watched
        if self._alarms.waiting:
            return self._seen_ms
        wanted = self._alarms.any or (self._awake and active)
        return self._next_ms if wanted else None

    def _set_next(self) -> None:
        step_ms = SHORT_MS if self._alarms.any_short else MINUTE_MS
        self._next_ms = self._seen_ms // step_ms * step_ms + step_ms

    def _collect(self, first_minute: int, last_minute: int, now_ms: int) -> None:
        if self._awake:
            first_minute = max(first_minute, last_minute - UNSEEN_MINUTES)
        for metric, point in self._collector.collect(self._queues.census(now_ms), first_minute, last_minute):
            self._store.add(metric, point, 60)
        self._queues.forget_sizes()
        for metric, point in self._groups.samples(max(first_minute, last_minute - ACTIVE_MINUTES + 1), last_minute):
            self._store.add(metric, point, 60)
        self._store.grow_coarse(now_ms // 1_000)
