"""An Auto Scaling group: how many instances it has and wants, and its policies.

An instance is a name here: whoever runs the programs of a group starts one for each, and ends one whose name is gone.
"""

from typing import NamedTuple

import msgspec

from crossdock.aws.api import autoscaling as api
from crossdock.aws.arn import partition_of

SIMPLE = "SimpleScaling"
STEP = "StepScaling"
TRACKING = "TargetTrackingScaling"
POLICY_TYPES = (SIMPLE, STEP, TRACKING)

METRICS = (
    "GroupMinSize",
    "GroupMaxSize",
    "GroupDesiredCapacity",
    "GroupInServiceInstances",
    "GroupPendingInstances",
    "GroupStandbyInstances",
    "GroupTerminatingInstances",
    "GroupTotalInstances",
)

IN_SERVICE = "InService"


class GroupName(NamedTuple):
    """The full name of a group."""

    account: str
    region: str
    name: str

    def arn(self, kind: str, uuid: str, rest: str = "") -> str:
        """The ARN of the group (`autoScalingGroup`) or of a policy of it (`scalingPolicy`)."""
        place = f"arn:{partition_of(self.region)}:autoscaling:{self.region}:{self.account}"
        return f"{place}:{kind}:{uuid}:autoScalingGroupName/{self.name}{rest}"


class Running(msgspec.Struct, frozen=True):
    """An instance."""

    id: str
    since_ms: int
    warm_ms: int
    """From then on it counts as one that works."""


class Policy(msgspec.Struct, frozen=True):
    """A scaling policy."""

    uuid: str
    put: api.PutScalingPolicy
    """As it was put, defaults filled in."""
    own_alarms: list[str]
    """Names of the alarms that were made for it."""

    def arn(self, group: GroupName) -> str:
        return group.arn("scalingPolicy", self.uuid, f":policyName/{self.put.policy_name}")


class Group(msgspec.Struct, frozen=True):
    """A group; a change makes another value. Members are written to disk: a new one goes to the end, with a default."""

    name: GroupName
    uuid: str
    created_ms: int
    made: api.CreateAutoScalingGroup
    """As it was made and changed since, defaults filled in."""
    instances: list[Running]
    policies: dict[str, Policy]
    metrics: list[str]
    """What it tells CloudWatch."""
    cool_ms: int = 0
    """Until then simple policies do nothing."""

    @property
    def arn(self) -> str:
        return self.name.arn("autoScalingGroup", self.uuid)

    @property
    def capacity(self) -> int:
        """How many instances it has and wants."""
        return len(self.instances)

    def warm(self, now_ms: int) -> int:
        """How many of them work."""
        return sum(instance.warm_ms <= now_ms for instance in self.instances)

    def shown(self) -> api.AutoScalingGroup:
        """As clients are shown it."""
        made = self.made
        return api.AutoScalingGroup(
            auto_scaling_group_name=self.name.name,
            auto_scaling_group_arn=self.arn,
            min_size=made.min_size,
            max_size=made.max_size,
            desired_capacity=self.capacity,
            default_cooldown=made.default_cooldown or 0,
            availability_zones=made.availability_zones or [],
            health_check_type=made.health_check_type or "EC2",
            health_check_grace_period=made.health_check_grace_period or 0,
            instances=[
                api.Instance(
                    instance.id,
                    self.zone,
                    IN_SERVICE,
                    "Healthy",
                    False,
                    made.launch_configuration_name,
                    made.launch_template,
                )
                for instance in self.instances
            ],
            created_time=self.created_ms / 1_000,
            enabled_metrics=[api.EnabledMetric(metric, "1Minute") for metric in self.metrics],
            tags=[
                api.TagDescription(
                    self.name.name, "auto-scaling-group", tag.key, tag.value or "", bool(tag.propagate_at_launch)
                )
                for tag in made.tags or ()
            ],
            launch_configuration_name=made.launch_configuration_name,
            launch_template=made.launch_template,
            default_instance_warmup=made.default_instance_warmup,
        )

    @property
    def zone(self) -> str:
        """Where its instances are said to be."""
        return (self.made.availability_zones or [f"{self.name.region}a"])[0]


class Activity(msgspec.Struct, frozen=True):
    """An instance was started or ended."""

    id: str
    group: GroupName
    at_ms: int
    description: str
    cause: str

    def shown(self) -> api.Activity:
        """As clients are shown it."""
        at = self.at_ms / 1_000
        said = (self.id, self.group.name, self.description, self.cause)
        return api.Activity(*said, start_time=at, end_time=at, status_code="Successful", progress=100, details="{}")
