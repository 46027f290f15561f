"""Auto Scaling groups: made, changed, shown, and as large as somebody wants them to be.

who wants it ──► so many instances ──► activities ──► whoever runs the programs sees it
"""

import re
from collections.abc import Callable, Iterator

import msgspec

from crossdock.aws.api import autoscaling as api
from crossdock.aws.errors import AlreadyExists, LimitExceeded, ResourceInUse, ScalingActivityInProgress, ValidationError
from crossdock.aws.quotas import GROUPS_MAX, SCALING_SECONDS_MAX, TAGS_MAX
from crossdock.broker.outcome import Caller
from crossdock.broker.watch.checks import at_most, long_enough, one_of, within
from crossdock.broker.watch.group import METRICS, Activity, Group, GroupName, Running
from crossdock.broker.watch.paging import Item, Page, page_start
from crossdock.broker.watch.reasons import moment
from crossdock.broker.watch.samples import MetricName, Point, one
from crossdock.broker.watch.store import ActivitiesListed, WatchStore

NAMESPACE = "AWS/AutoScaling"

COOLDOWN_S = 300

SIZE_MAX = 1_000

_NAME = re.compile(r"[!-9;-~]+")

RECORDS_MAX = 100


class Groups:
    """All groups of a server."""

    def __init__(self, store: WatchStore, new_id: Callable[[], str]) -> None:
        self._store = store
        self._new_id = new_id
        self._groups = {group.name: group for group in store.groups()}

    @property
    def any_watched(self) -> bool:
        """Whether there are groups that tell CloudWatch of themselves."""
        return any(group.metrics for group in self._groups.values())

    # For clients

    def create(self, command: api.CreateAutoScalingGroup, caller: Caller, now_ms: int) -> None:
        name = GroupName(caller.account, caller.region, command.auto_scaling_group_name)
        long_enough(name.name, "autoScalingGroupName", 1, 255)
        if not _NAME.fullmatch(name.name):
            raise ValidationError(
                f"Group name cannot contain a colon, nor what is no visible ASCII character: {name.name}"
            )
        if len(self.of(caller)) >= GROUPS_MAX:
            raise LimitExceeded(f"There are {GROUPS_MAX} Auto Scaling groups already.")
        at_most(command.tags, "tags", TAGS_MAX)
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
        self.resize(group, made.desired_capacity or 0, cause, now_ms)

    def update(self, command: api.UpdateAutoScalingGroup, caller: Caller, now_ms: int) -> None:
        group = self.named(command.auto_scaling_group_name, caller)
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
        self.resize(changed, wanted, cause, now_ms)

    def delete(self, command: api.DeleteAutoScalingGroup, caller: Caller, now_ms: int) -> None:
        group = self.named(command.auto_scaling_group_name, caller)
        if group.instances and not command.force_delete:
            raise ResourceInUse(
                "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group."
            )
        self.resize(group, 0, f"At {moment(now_ms)} a user request deleted the group.", now_ms)
        del self._groups[group.name]
        self._store.delete_group(group.name)

    def set_capacity(self, command: api.SetDesiredCapacity, caller: Caller, now_ms: int) -> None:
        group = self.named(command.auto_scaling_group_name, caller)
        wanted = command.desired_capacity
        said = f"New SetDesiredCapacity value {wanted} is"
        if wanted > group.made.max_size:
            raise ValidationError(f"{said} above max value {group.made.max_size} for the AutoScalingGroup.")
        if wanted < group.made.min_size:
            raise ValidationError(f"{said} below min value {group.made.min_size} for the AutoScalingGroup.")
        if command.honor_cooldown and now_ms < group.cool_ms:
            raise ScalingActivityInProgress
        cause = f"At {moment(now_ms)} a user request explicitly set group desired capacity changing the desired capacity from {group.capacity} to {wanted}."
        self.resize(group, wanted, cause, now_ms)

    def describe(
        self, command: api.DescribeAutoScalingGroups, caller: Caller, now_ms: int
    ) -> api.DescribeAutoScalingGroupsResult:
        wanted = command.auto_scaling_group_names
        groups = [group.shown() for group in self.of(caller) if not wanted or group.name.name in wanted]
        return api.DescribeAutoScalingGroupsResult(*page_of(groups, command.next_token, command.max_records))

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
            for group in self.of(caller)
            for shown in group.shown().instances
            if not command.instance_ids or shown.instance_id in command.instance_ids
        ]
        return api.DescribeAutoScalingInstancesResult(*page_of(instances, command.next_token, command.max_records))

    def describe_activities(
        self, command: api.DescribeScalingActivities, caller: Caller, now_ms: int
    ) -> api.DescribeScalingActivitiesResult:
        page = _page(command.next_token, command.max_records)
        wanted = ActivitiesListed(
            account=caller.account,
            region=caller.region,
            of=command.auto_scaling_group_name,
            ids=command.activity_ids or None,
            first=page.first,
            most=page.size + 1,
        )
        activities, token = page.read(self._store.activities(wanted))
        return api.DescribeScalingActivitiesResult([activity.shown() for activity in activities], token)

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
        group = self.named(command.auto_scaling_group_name, caller)
        given = command.metrics or list(METRICS)
        for metric in given:
            one_of(metric, "metrics", METRICS)
        self.keep(msgspec.structs.replace(group, metrics=change(group.metrics, given)))

    # For policies

    def resize(self, group: Group, wanted: int, cause: str, now_ms: int, warmup_s: int | None = None) -> None:
        """Start or end instances until a group has as many as it should, the youngest ending first."""
        if warmup_s is None:
            warmup_s = max(0, group.made.default_instance_warmup or 0)
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
        self.keep(msgspec.structs.replace(group, instances=instances, made=made))

    def _note(self, group: Group, description: str, difference: str, cause: str, capacity: int, now_ms: int) -> None:
        why = f"{cause} At {moment(now_ms)} an instance was {difference} the capacity to {capacity}."
        self._store.note_activity(Activity(self._new_id(), group.name, now_ms, description, why))

    def keep(self, group: Group) -> None:
        """A group stands so now."""
        self._groups[group.name] = group
        self._store.put_group(group)

    def of(self, caller: Caller) -> list[Group]:
        """Those of a caller, in the order of their names."""
        return [group for name, group in sorted(self._groups.items()) if name[:2] == (caller.account, caller.region)]

    def find(self, name: str, caller: Caller) -> Group | None:
        """The group of a name; None if there is none."""
        return self._groups.get(GroupName(caller.account, caller.region, name))

    def named(self, name: str, caller: Caller) -> Group:
        """The group of a name. ValidationError if there is none."""
        group = self.find(name, caller)
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


def page_of(items: list[Item], token: str | None, most: int | None) -> tuple[list[Item], str | None]:
    """The items of one page, and the token of the next."""
    return _page(token, most).of(items)


def _page(token: str | None, most: int | None) -> Page:
    within(most, "maxRecords", 1, RECORDS_MAX)
    return Page(page_start(token), most or RECORDS_MAX)


def _check_sizes(made: api.CreateAutoScalingGroup) -> None:
    within(made.default_cooldown, "defaultCooldown", 0, SCALING_SECONDS_MAX)
    within(made.default_instance_warmup, "defaultInstanceWarmup", -1, SCALING_SECONDS_MAX)
    within(made.health_check_grace_period, "healthCheckGracePeriod", 0, SCALING_SECONDS_MAX)
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
