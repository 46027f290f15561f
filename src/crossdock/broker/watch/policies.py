"""Scaling policies: put, shown, and what becomes of a group when an alarm rings.

    alarm ──► policy ──► how many instances there should be ──► the group

Simple policies wait for a cooldown after they did something. Step policies and target tracking do not: instances that do not work yet
count as wanted already, so that an alarm that goes on ringing does not start more than it asks for, and nothing shrinks meanwhile.
Source: EC2 Auto Scaling User Guide.
"""

from collections.abc import Callable

import msgspec

from crossdock.aws.api import autoscaling as api
from crossdock.aws.api import cloudwatch
from crossdock.aws.errors import LimitExceeded, ScalingActivityInProgress, ValidationError
from crossdock.aws.quotas import POLICIES_MAX
from crossdock.broker.outcome import Caller
from crossdock.broker.watch.adjustment import CHANGE, adjusted, on_target, step_for
from crossdock.broker.watch.alarm import ALARM, Alarm
from crossdock.broker.watch.alarms import Alarms
from crossdock.broker.watch.group import SIMPLE, STEP, TRACKING, Group, GroupName, Policy
from crossdock.broker.watch.groups import Groups, page_of
from crossdock.broker.watch.policy_checks import checked, watched_by
from crossdock.broker.watch.reasons import moment

HIGH_PERIODS, LOW_PERIODS = 3, 15
LOW_SHARE = 0.9
"""Target tracking looks at one minute a period: so many above the target, or so many below this share of it."""


class Policies:
    """The policies of all groups."""

    def __init__(self, groups: Groups, alarms: Alarms, new_id: Callable[[], str]) -> None:
        self._groups = groups
        self._alarms = alarms
        self._new_id = new_id

    def put(self, command: api.PutScalingPolicy, caller: Caller, now_ms: int) -> api.PutScalingPolicyResult:
        group = self._groups.find(command.auto_scaling_group_name, caller)
        if group is None:
            raise ValidationError(f"Group {command.auto_scaling_group_name} not found")
        put = checked(command)
        before = group.policies.get(command.policy_name)
        if before is None and len(group.policies) >= POLICIES_MAX:
            raise LimitExceeded(f"The group {group.name.name} has {POLICIES_MAX} policies already.")
        policy = Policy(before.uuid if before is not None else self._new_id(), put, [])
        alarms = self._alarms_for(policy, group.name) if put.policy_type == TRACKING else []
        self._alarms.check(alarms, caller)
        if before is not None:
            self._delete_alarms(before, caller, now_ms)
        for alarm in alarms:
            self._alarms.put(alarm, caller, now_ms)
        policy = msgspec.structs.replace(policy, own_alarms=[alarm.alarm_name for alarm in alarms])
        self._groups.keep(msgspec.structs.replace(group, policies={**group.policies, command.policy_name: policy}))
        return api.PutScalingPolicyResult(policy.arn(group.name), self._alarms_of(policy, group.name, caller))

    def delete(self, command: api.DeletePolicy, caller: Caller, now_ms: int) -> None:
        group, policy = self._policy(command.policy_name, command.auto_scaling_group_name, caller)
        self._delete_alarms(policy, caller, now_ms)
        left = {name: one for name, one in group.policies.items() if one is not policy}
        self._groups.keep(msgspec.structs.replace(group, policies=left))

    def describe(self, command: api.DescribePolicies, caller: Caller, now_ms: int) -> api.DescribePoliciesResult:
        policies = [
            (policy, group.name)
            for group in self._groups.of(caller)
            if command.auto_scaling_group_name in (None, group.name.name)
            for policy in group.policies.values()
            if (
                not command.policy_names or {policy.put.policy_name, policy.arn(group.name)} & set(command.policy_names)
            )
            and (not command.policy_types or policy.put.policy_type in command.policy_types)
        ]
        page, more = page_of(policies, command.next_token, command.max_records)
        return api.DescribePoliciesResult([self._shown(policy, group, caller) for policy, group in page], more)

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
        group_name, _, name = arn.partition(":autoScalingGroupName/")[2].partition(":policyName/")
        group = self._groups.find(group_name, Caller(alarm.name.account, alarm.name.region, "", ""))
        policy = group.policies.get(name) if group is not None else None
        if group is None or policy is None or policy.arn(group.name) != arn:
            return f"the scaling policy {arn} does not exist"
        return self._react(group, policy, alarm, value, now_ms)

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
        self._groups.resize(group, wanted, cause, now_ms, warmup_s)

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

    def _alarms_for(self, policy: Policy, group: GroupName) -> list[cloudwatch.PutMetricAlarm]:
        """The two alarms of target tracking."""
        tracked = policy.put.target_tracking_configuration
        assert tracked is not None
        assert tracked.customized_metric_specification is not None
        watched = watched_by(tracked.customized_metric_specification)
        return [
            msgspec.structs.replace(
                watched,
                alarm_name=f"TargetTracking-{group.name}-Alarm{side}-{self._new_id()}",
                alarm_description=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.arn(group)}.",
                alarm_actions=[policy.arn(group)],
                comparison_operator=comparison,
                threshold=threshold,
                evaluation_periods=periods,
            )
            for side, comparison, threshold, periods in (
                ("High", "GreaterThanThreshold", tracked.target_value, HIGH_PERIODS),
                ("Low", "LessThanThreshold", tracked.target_value * LOW_SHARE, LOW_PERIODS),
            )
        ]

    def _delete_alarms(self, policy: Policy, caller: Caller, now_ms: int) -> None:
        there = [alarm.name.name for alarm in self._alarms.named(policy.own_alarms, caller)]
        if there:
            self._alarms.delete(cloudwatch.DeleteAlarms(there), caller, now_ms)

    def delete_group(self, command: api.DeleteAutoScalingGroup, caller: Caller, now_ms: int) -> None:
        """Delete a group, with the alarms that were made for its policies."""
        group = self._groups.named(command.auto_scaling_group_name, caller)
        self._groups.delete(command, caller, now_ms)
        for policy in group.policies.values():
            self._delete_alarms(policy, caller, now_ms)

    def _policy(self, name: str, group_name: str | None, caller: Caller) -> tuple[Group, Policy]:
        """A policy by its name and its group's, or by its ARN."""
        for group in self._groups.of(caller):
            for policy in group.policies.values():
                if name == policy.arn(group.name) or (name == policy.put.policy_name and group.name.name == group_name):
                    return group, policy
        raise ValidationError(
            f"PolicyName={name} not found for group {group_name}" if group_name else f"Policy {name} not found"
        )


SHOWN_AS_PUT = {member.name for member in msgspec.structs.fields(api.ScalingPolicy)} & {
    member.name for member in msgspec.structs.fields(api.PutScalingPolicy)
}
