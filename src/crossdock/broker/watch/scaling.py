"""Auto Scaling: groups, their policies, and what becomes of them when an alarm rings.

    alarm ──► policy ──► how many instances there should be ──► activities ──► whoever runs the programs sees it

Simple policies wait for a cooldown after they did something. Step policies and target tracking do not: instances that do not work yet
count as wanted already, so that an alarm that goes on ringing does not start more than it asks for, and nothing shrinks meanwhile.
Source: EC2 Auto Scaling User Guide.
"""

from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from crossdock.aws.api import autoscaling as api
from crossdock.aws.api import cloudwatch
from crossdock.aws.errors import AlreadyExists, ResourceInUse, ScalingActivityInProgress, ValidationError
from crossdock.broker.outcome import Caller
from crossdock.broker.watch.adjustment import ADJUSTMENTS, CHANGE, PERCENT, adjusted, check_steps, on_target, step_for
from crossdock.broker.watch.alarm import ALARM, Alarm
from crossdock.broker.watch.alarms import Alarms
from crossdock.broker.watch.checks import long_enough, one_of, within
from crossdock.broker.watch.group import (
    METRICS,
    POLICY_TYPES,
    SIMPLE,
    STEP,
    TRACKING,
    Activity,
    Group,
    GroupName,
    Policy,
    Running,
)
from crossdock.broker.watch.reasons import moment
from crossdock.broker.watch.samples import MetricName, Point, one
from crossdock.broker.watch.statistics import page_start
from crossdock.broker.watch.store import WatchStore

Item = TypeVar("Item")

NAMESPACE = "AWS/AutoScaling"

COOLDOWN_S = 300

SIZE_MAX = 1_000

RECORDS_MAX = 100

HIGH_PERIODS, LOW_PERIODS = 3, 15
LOW_SHARE = 0.9
"""Target tracking looks at one minute a period: so many above the target, or so many below this share of it."""


class Scaling:
    """All groups of a server."""

    def __init__(self, store: WatchStore, alarms: Alarms, new_id: Callable[[], str]) -> None:
        self._store = store
        self._alarms = alarms
        self._new_id = new_id
        self._groups = {group.name: group for group in store.groups()}

    @property
    def any(self) -> bool:
        """Whether there are groups that tell CloudWatch of themselves."""
        return any(group.metrics for group in self._groups.values())

    # Groups

    def create(self, command: api.CreateAutoScalingGroup, caller: Caller, now_ms: int) -> None:
        name = GroupName(caller.account, caller.region, command.auto_scaling_group_name)
        long_enough(name.name, "autoScalingGroupName", 1, 255)
        if name in self._groups:
            raise AlreadyExists(
                f"AutoScalingGroup by this name already exists - A group with the name {name.name} already exists"
            )
        if command.launch_configuration_name is None and command.launch_template is None:
            raise ValidationError(
                "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter."
            )
        made = msgspec.structs.replace(
            command,
            desired_capacity=command.min_size if command.desired_capacity is None else command.desired_capacity,
            default_cooldown=COOLDOWN_S if command.default_cooldown is None else command.default_cooldown,
        )
        _check_sizes(made)
        group = Group(name, self._new_id(), now_ms, made, [], {}, [])
        cause = f"At {moment(now_ms)} a user request created an AutoScalingGroup changing the desired capacity from 0 to {made.desired_capacity}."
        self._resize(group, made.desired_capacity or 0, cause, now_ms)

    def update(self, command: api.UpdateAutoScalingGroup, caller: Caller, now_ms: int) -> None:
        group = self._named(command.auto_scaling_group_name, caller)
        given = {key: value for key, value in msgspec.structs.asdict(command).items() if value is not None}
        made = msgspec.structs.replace(group.made, **given)
        wanted = group.capacity if command.desired_capacity is None else command.desired_capacity
        if command.desired_capacity is None:
            wanted = min(max(wanted, made.min_size), made.max_size)
        made = msgspec.structs.replace(made, desired_capacity=wanted)
        _check_sizes(made)
        changed = msgspec.structs.replace(group, made=made)
        cause = (
            f"At {moment(now_ms)} a user request update of AutoScalingGroup constraints to min: {made.min_size}, max: {made.max_size}, "
            f"desired: {wanted} changing the desired capacity from {group.capacity} to {wanted}."
        )
        self._resize(changed, wanted, cause, now_ms)

    def delete(self, command: api.DeleteAutoScalingGroup, caller: Caller, now_ms: int) -> None:
        group = self._named(command.auto_scaling_group_name, caller)
        if group.instances and not command.force_delete:
            raise ResourceInUse(
                "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group."
            )
        for policy in group.policies.values():
            self._delete_alarms(policy, caller, now_ms)
        self._resize(group, 0, f"At {moment(now_ms)} a user request deleted the group.", now_ms)
        del self._groups[group.name]
        self._store.delete_group(group.name)

    def set_capacity(self, command: api.SetDesiredCapacity, caller: Caller, now_ms: int) -> None:
        group = self._named(command.auto_scaling_group_name, caller)
        wanted = command.desired_capacity
        said = f"New SetDesiredCapacity value {wanted} is"
        if wanted > group.made.max_size:
            raise ValidationError(f"{said} above max value {group.made.max_size} for the AutoScalingGroup.")
        if wanted < group.made.min_size:
            raise ValidationError(f"{said} below min value {group.made.min_size} for the AutoScalingGroup.")
        if command.honor_cooldown and now_ms < group.cool_ms:
            raise ScalingActivityInProgress
        cause = f"At {moment(now_ms)} a user request explicitly set group desired capacity changing the desired capacity from {group.capacity} to {wanted}."
        self._resize(group, wanted, cause, now_ms)

    def describe(
        self, command: api.DescribeAutoScalingGroups, caller: Caller, now_ms: int
    ) -> api.DescribeAutoScalingGroupsResult:
        wanted = command.auto_scaling_group_names
        groups = [group.shown() for group in self._of(caller) if not wanted or group.name.name in wanted]
        return api.DescribeAutoScalingGroupsResult(*_page(groups, command.next_token, command.max_records))

    def describe_instances(
        self, command: api.DescribeAutoScalingInstances, caller: Caller, now_ms: int
    ) -> api.DescribeAutoScalingInstancesResult:
        instances = [
            api.AutoScalingInstanceDetails(
                shown.instance_id,
                group.name.name,
                shown.availability_zone,
                shown.lifecycle_state,
                shown.health_status.upper(),
                shown.protected_from_scale_in,
                shown.launch_configuration_name,
                shown.launch_template,
            )
            for group in self._of(caller)
            for shown in group.shown().instances
            if not command.instance_ids or shown.instance_id in command.instance_ids
        ]
        return api.DescribeAutoScalingInstancesResult(*_page(instances, command.next_token, command.max_records))

    def describe_activities(
        self, command: api.DescribeScalingActivities, caller: Caller, now_ms: int
    ) -> api.DescribeScalingActivitiesResult:
        activities = [
            activity.shown()
            for activity in self._store.activities(caller.account, caller.region, command.auto_scaling_group_name)
            if not command.activity_ids or activity.id in command.activity_ids
        ]
        return api.DescribeScalingActivitiesResult(*_page(activities, command.next_token, command.max_records))

    def enable_metrics(self, command: api.EnableMetricsCollection, caller: Caller, now_ms: int) -> None:
        if command.granularity != "1Minute":
            raise ValidationError("Granularity must be 1Minute")
        self._set_metrics(
            command, caller, lambda before, given: [*before, *(one for one in given if one not in before)]
        )

    def disable_metrics(self, command: api.DisableMetricsCollection, caller: Caller, now_ms: int) -> None:
        self._set_metrics(command, caller, lambda before, given: [one for one in before if one not in given])

    def _set_metrics(
        self,
        command: api.EnableMetricsCollection | api.DisableMetricsCollection,
        caller: Caller,
        change: Callable[[list[str], list[str]], list[str]],
    ) -> None:
        group = self._named(command.auto_scaling_group_name, caller)
        given = command.metrics or list(METRICS)
        for metric in given:
            one_of(metric, "metrics", METRICS)
        self._keep(msgspec.structs.replace(group, metrics=change(group.metrics, given)))

    # Policies

    def put_policy(self, command: api.PutScalingPolicy, caller: Caller, now_ms: int) -> api.PutScalingPolicyResult:
        group = self._group(command.auto_scaling_group_name, caller)
        if group is None:
            raise ValidationError(f"Group {command.auto_scaling_group_name} not found")
        put = _checked(command)
        before = group.policies.get(command.policy_name)
        uuid = before.uuid if before is not None else self._new_id()
        if before is not None:
            self._delete_alarms(before, caller, now_ms)
        policy = Policy(uuid, put, [])
        if put.policy_type == TRACKING:
            policy = msgspec.structs.replace(policy, own_alarms=self._make_alarms(group, policy, caller, now_ms))
        self._keep(msgspec.structs.replace(group, policies={**group.policies, command.policy_name: policy}))
        return api.PutScalingPolicyResult(policy.arn(group.name), self._alarms_of(policy, group.name, caller))

    def delete_policy(self, command: api.DeletePolicy, caller: Caller, now_ms: int) -> None:
        group, policy = self._policy(command.policy_name, command.auto_scaling_group_name, caller)
        self._delete_alarms(policy, caller, now_ms)
        left = {name: one for name, one in group.policies.items() if one is not policy}
        self._keep(msgspec.structs.replace(group, policies=left))

    def describe_policies(
        self, command: api.DescribePolicies, caller: Caller, now_ms: int
    ) -> api.DescribePoliciesResult:
        policies = [
            self._shown(policy, group.name, caller)
            for group in self._of(caller)
            if command.auto_scaling_group_name in (None, group.name.name)
            for policy in group.policies.values()
            if (
                not command.policy_names or {policy.put.policy_name, policy.arn(group.name)} & set(command.policy_names)
            )
            and (not command.policy_types or policy.put.policy_type in command.policy_types)
        ]
        return api.DescribePoliciesResult(*_page(policies, command.next_token, command.max_records))

    def execute(self, command: api.ExecutePolicy, caller: Caller, now_ms: int) -> None:
        group, policy = self._policy(command.policy_name, command.auto_scaling_group_name, caller)
        if policy.put.policy_type == TRACKING:
            raise ValidationError("A target tracking policy cannot be executed")
        if policy.put.policy_type == STEP and (command.metric_value is None or command.breach_threshold is None):
            raise ValidationError("MetricValue and BreachThreshold are required to execute a step scaling policy")
        if command.honor_cooldown and now_ms < group.cool_ms:
            raise ScalingActivityInProgress
        why = f"At {moment(now_ms)} a user request executed policy {policy.put.policy_name}"
        self._apply(group, policy, command.metric_value, command.breach_threshold or 0.0, why, now_ms)

    def act(self, alarm: Alarm, arn: str, value: float | None, now_ms: int) -> str | None:
        """An alarm is in a state that has a policy among its actions; `value` is that of its metric. Why nothing could be done, or None."""
        for group in self._groups.values():
            for policy in group.policies.values():
                if policy.arn(group.name) == arn:
                    return self._react(group, policy, alarm, value, now_ms)
        return f"the scaling policy {arn} does not exist"

    def _react(self, group: Group, policy: Policy, alarm: Alarm, value: float | None, now_ms: int) -> str | None:
        if policy.put.enabled is False:
            return "the scaling policy is disabled"
        if policy.put.policy_type == SIMPLE and now_ms < group.cool_ms:
            return "the group is in its cooldown"
        if policy.put.policy_type != SIMPLE and value is None:
            return "the metric has no value"
        why = (
            f"At {moment(now_ms)} a monitor alarm {alarm.name.name} in state {alarm.state.value} triggered policy "
            f"{policy.put.policy_name}"
        )
        self._apply(group, policy, value, alarm.watched.threshold or 0.0, why, now_ms)
        return None

    def _apply(
        self, group: Group, policy: Policy, value: float | None, threshold: float, why: str, now_ms: int
    ) -> None:
        put, capacity = policy.put, group.capacity
        wanted = self._wanted(group, policy, value, threshold, now_ms)
        wanted = min(max(wanted, group.made.min_size), group.made.max_size)
        if wanted == capacity:
            return
        if put.policy_type == SIMPLE:
            cooldown_s = group.made.default_cooldown if put.cooldown is None else put.cooldown
            group = msgspec.structs.replace(group, cool_ms=now_ms + (cooldown_s or 0) * 1_000)
        warmup_s = put.estimated_instance_warmup if put.policy_type != SIMPLE else 0
        cause = f"{why} changing the desired capacity from {capacity} to {wanted}."
        self._resize(group, wanted, cause, now_ms, warmup_s)

    def _wanted(self, group: Group, policy: Policy, value: float | None, threshold: float, now_ms: int) -> int:
        """How many instances a policy asks for. While some do not work yet: never fewer than there are."""
        put, capacity = policy.put, group.capacity
        if put.policy_type == SIMPLE:
            return adjusted(
                capacity, put.adjustment_type or CHANGE, put.scaling_adjustment or 0, put.min_adjustment_magnitude
            )
        assert value is not None
        warm = group.warm(now_ms)
        if put.policy_type == STEP:
            step = step_for(put.step_adjustments or [], value - threshold)
            by = 0 if step is None else step.scaling_adjustment
            how = CHANGE if step is None else put.adjustment_type or CHANGE
            wanted = adjusted(warm, how, by, put.min_adjustment_magnitude)
        else:
            tracked = put.target_tracking_configuration
            assert tracked is not None
            may_shrink = not tracked.disable_scale_in and self._all_low(group, policy)
            wanted = on_target(warm, value, tracked.target_value, may_shrink)
        return wanted if warm == capacity else max(wanted, capacity)

    def _all_low(self, group: Group, asking: Policy) -> bool:
        """Several target tracking policies shrink a group only when all of them would."""
        others = [policy for policy in group.policies.values() if policy.own_alarms and policy.uuid != asking.uuid]
        caller = Caller(group.name.account, group.name.region, "", "")
        lows = self._alarms.named([policy.own_alarms[1] for policy in others], caller)
        return all(alarm.state.value == ALARM for alarm in lows)

    def _shown(self, policy: Policy, group: GroupName, caller: Caller) -> api.ScalingPolicy:
        put = policy.put
        same = {name: getattr(put, name) for name in SHOWN_AS_PUT}
        return api.ScalingPolicy(**same, policy_arn=policy.arn(group), alarms=self._alarms_of(policy, group, caller))

    def _alarms_of(self, policy: Policy, group: GroupName, caller: Caller) -> list[api.Alarm]:
        return [
            api.Alarm(alarm.name.name, alarm.name.arn) for alarm in self._alarms.with_action(policy.arn(group), caller)
        ]

    def _make_alarms(self, group: Group, policy: Policy, caller: Caller, now_ms: int) -> list[str]:
        """The two alarms of target tracking."""
        tracked = policy.put.target_tracking_configuration
        assert tracked is not None
        specification = tracked.customized_metric_specification
        assert specification is not None
        watched = _watched(specification)
        names = []
        for side, comparison, threshold, periods in (
            ("High", "GreaterThanThreshold", tracked.target_value, HIGH_PERIODS),
            ("Low", "LessThanThreshold", tracked.target_value * LOW_SHARE, LOW_PERIODS),
        ):
            name = f"TargetTracking-{group.name.name}-Alarm{side}-{self._new_id()}"
            alarm = msgspec.structs.replace(
                watched,
                alarm_name=name,
                alarm_description=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.arn(group.name)}.",
                alarm_actions=[policy.arn(group.name)],
                comparison_operator=comparison,
                threshold=threshold,
                evaluation_periods=periods,
            )
            self._alarms.put(alarm, caller, now_ms)
            names.append(name)
        return names

    def _delete_alarms(self, policy: Policy, caller: Caller, now_ms: int) -> None:
        there = [alarm.name.name for alarm in self._alarms.named(policy.own_alarms, caller)]
        if there:
            self._alarms.delete(cloudwatch.DeleteAlarms(there), caller, now_ms)

    def _policy(self, name: str, group_name: str | None, caller: Caller) -> tuple[Group, Policy]:
        """A policy by its name and its group's, or by its ARN."""
        for group in self._of(caller):
            for policy in group.policies.values():
                if name == policy.arn(group.name) or (name == policy.put.policy_name and group.name.name == group_name):
                    return group, policy
        raise ValidationError(
            f"PolicyName={name} not found for group {group_name}" if group_name else f"Policy {name} not found"
        )

    # What all of it comes down to

    def _resize(self, group: Group, wanted: int, cause: str, now_ms: int, warmup_s: int | None = None) -> None:
        """Start or end instances until a group has as many as it should, the youngest ending first."""
        if warmup_s is None:
            warmup_s = group.made.default_instance_warmup or 0
        instances = list(group.instances)
        while len(instances) < wanted:
            instance = Running(f"i-{self._new_id().replace('-', '')[:17]}", now_ms, now_ms + warmup_s * 1_000)
            instances.append(instance)
            difference = "started in response to a difference between desired and actual capacity, increasing"
            self._note(group, f"Launching a new EC2 instance: {instance.id}", difference, cause, len(instances), now_ms)
        while len(instances) > wanted:
            instance = instances.pop()
            difference = (
                "taken out of service in response to a difference between desired and actual capacity, shrinking"
            )
            self._note(group, f"Terminating EC2 instance: {instance.id}", difference, cause, len(instances), now_ms)
        made = msgspec.structs.replace(group.made, desired_capacity=wanted)
        self._keep(msgspec.structs.replace(group, instances=instances, made=made))

    def _note(self, group: Group, description: str, difference: str, cause: str, capacity: int, now_ms: int) -> None:
        why = f"{cause} At {moment(now_ms)} an instance was {difference} the capacity to {capacity}."
        self._store.note_activity(Activity(self._new_id(), group.name, now_ms, description, why))

    def _keep(self, group: Group) -> None:
        self._groups[group.name] = group
        self._store.put_group(group)

    def _of(self, caller: Caller) -> list[Group]:
        return [group for name, group in sorted(self._groups.items()) if name[:2] == (caller.account, caller.region)]

    def _group(self, name: str, caller: Caller) -> Group | None:
        return self._groups.get(GroupName(caller.account, caller.region, name))

    def _named(self, name: str, caller: Caller) -> Group:
        group = self._group(name, caller)
        if group is None:
            raise ValidationError(f"AutoScalingGroup name not found - no such group: {name}")
        return group

    # What groups tell CloudWatch

    def samples(self, first: int, last: int) -> Iterator[tuple[MetricName, Point]]:
        """The samples of the minutes `first` to `last` (since 1970)."""
        for group in self._groups.values():
            running = group.capacity
            values = dict.fromkeys(METRICS, 0) | {
                "GroupMinSize": group.made.min_size,
                "GroupMaxSize": group.made.max_size,
                "GroupDesiredCapacity": running,
                "GroupInServiceInstances": running,
                "GroupTotalInstances": running,
            }
            dimensions = (("AutoScalingGroupName", group.name.name),)
            for metric in group.metrics:
                name = MetricName(group.name.account, group.name.region, NAMESPACE, metric, dimensions)
                for minute in range(first, last + 1):
                    yield name, Point(minute * 60, one(values[metric]), "None")


SHOWN_AS_PUT = {member.name for member in msgspec.structs.fields(api.ScalingPolicy)} & {
    member.name for member in msgspec.structs.fields(api.PutScalingPolicy)
}


def _page(items: list[Item], token: str | None, most: int | None) -> tuple[list[Item], str | None]:
    """The items of one page, and the token of the next."""
    within(most, "maxRecords", 1, RECORDS_MAX)
    first, size = page_start(token), most or RECORDS_MAX
    return items[first : first + size], str(first + size) if first + size < len(items) else None


def _check_sizes(made: api.CreateAutoScalingGroup) -> None:
    within(made.max_size, "maxSize", 0, SIZE_MAX)
    if made.min_size < 0:
        raise ValidationError("Min bound must be greater than or equal to 0")
    if made.min_size > made.max_size:
        raise ValidationError(
            f"Max bound, {made.max_size}, must be greater than or equal to min bound, {made.min_size}"
        )
    if not made.min_size <= (made.desired_capacity or 0) <= made.max_size:
        raise ValidationError(
            f"Desired capacity:{made.desired_capacity} must be between the specified min size:{made.min_size} and max size:{made.max_size}"
        )


def _checked(command: api.PutScalingPolicy) -> api.PutScalingPolicy:
    """A policy with its defaults. ValidationError where its parts do not go together."""
    long_enough(command.policy_name, "policyName", 1, 255)
    one_of(command.policy_type, "policyType", POLICY_TYPES)
    one_of(command.adjustment_type, "adjustmentType", ADJUSTMENTS)
    one_of(command.metric_aggregation_type, "metricAggregationType", ["Average", "Minimum", "Maximum"])
    within(command.min_adjustment_magnitude, "minAdjustmentMagnitude", 1, SIZE_MAX)
    kind = command.policy_type or SIMPLE
    if kind == TRACKING:
        _check_tracking(command)
    elif command.adjustment_type is None:
        raise ValidationError("You must specify an AdjustmentType for policy type: " + kind)
    if command.min_adjustment_magnitude is not None and command.adjustment_type != PERCENT:
        raise ValidationError(
            f"MinAdjustmentMagnitude is not supported by the specified adjustment type: {command.adjustment_type}"
        )
    if kind == SIMPLE and command.scaling_adjustment is None:
        raise ValidationError("You must specify a ScalingAdjustment value for policy type: SimpleScaling")
    if kind != SIMPLE and command.scaling_adjustment is not None:
        raise ValidationError(f"ScalingAdjustment is not supported for policy type: {kind}")
    if kind != SIMPLE and command.cooldown is not None:
        raise ValidationError(f"Cooldown is not supported for policy type: {kind}")
    if kind == STEP and (wrong := check_steps(command.step_adjustments or [])) is not None:
        raise ValidationError(f"{wrong[0].upper()}{wrong[1:]}")
    if kind != STEP and command.step_adjustments:
        raise ValidationError(f"StepAdjustments are not supported for policy type: {kind}")
    return msgspec.structs.replace(
        command,
        policy_type=kind,
        enabled=command.enabled is not False,
        metric_aggregation_type=(command.metric_aggregation_type or "Average") if kind == STEP else None,
    )


def _check_tracking(command: api.PutScalingPolicy) -> None:
    tracked = command.target_tracking_configuration
    if tracked is None:
        raise ValidationError("You must specify a TargetTrackingConfiguration for policy type: TargetTrackingScaling")
    if tracked.customized_metric_specification is None:
        raise ValidationError(
            "You must specify a CustomizedMetricSpecification: predefined metrics are those of machines, which this server has none of"
        )
    if tracked.target_value <= 0:
        raise ValidationError("TargetValue must be greater than 0")


def _watched(specification: api.CustomizedMetricSpecification) -> cloudwatch.PutMetricAlarm:
    """What the alarms of target tracking watch, each minute."""
    dimensions = [cloudwatch.Dimension(one.name, one.value) for one in specification.dimensions or ()]
    period_s = specification.period or 60
    if specification.metrics:
        queries = [
            cloudwatch.MetricDataQuery(
                query.id,
                None
                if query.metric_stat is None
                else cloudwatch.MetricStat(
                    query.metric_stat.metric,
                    query.metric_stat.period or 60,
                    query.metric_stat.stat,
                    query.metric_stat.unit,
                ),
                query.expression,
                query.label,
                query.return_data,
                query.period,
            )
            for query in specification.metrics
        ]
        return cloudwatch.PutMetricAlarm("", metrics=queries)
    return cloudwatch.PutMetricAlarm(
        "",
        metric_name=specification.metric_name,
        namespace=specification.namespace,
        statistic=specification.statistic,
        dimensions=dimensions or None,
        unit=specification.unit,
        period=period_s,
    )
