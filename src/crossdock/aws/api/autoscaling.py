"""Amazon EC2 Auto Scaling, API version 2011-01-01: groups and their scaling policies, as declarations.

Source: the service model inside botocore; a test holds this file against it. What concerns machines of EC2 alone (images, zones, load
balancers) is left out. A member is described where it first appears and where it means something else.
"""

from typing import Annotated

from msgspec import field

from crossdock.aws.api.cloudwatch import Metric
from crossdock.aws.shapes import Operation, QueryList, Service, Shape, Timestamp


def _nested(name: str) -> QueryList:
    return QueryList(name, flattened=False)


# Groups


class LaunchTemplateSpecification(Shape):
    """What an instance is made of, by the name or the id of a template."""

    launch_template_id: str | None = None
    launch_template_name: str | None = None
    version: str | None = None


class Tag(Shape):
    key: str
    value: str | None = None
    resource_id: str | None = None
    resource_type: str | None = None
    propagate_at_launch: bool | None = None


class CreateAutoScalingGroup(Shape):
    """Make a group, which starts as many instances as it is to have."""

    auto_scaling_group_name: str
    min_size: int
    max_size: int
    desired_capacity: int | None = None
    """`min_size` if absent."""
    launch_configuration_name: str | None = None
    """What is started: here the name of a program. One of this and `launch_template` is needed."""
    launch_template: LaunchTemplateSpecification | None = None
    default_cooldown: int | None = None
    """Seconds in which simple policies do nothing after they did something; 300 if absent."""
    default_instance_warmup: int | None = None
    """Seconds until a new instance counts as one that works."""
    availability_zones: Annotated[list[str] | None, _nested("AvailabilityZones")] = None
    health_check_type: str | None = None
    health_check_grace_period: int | None = None
    tags: Annotated[list[Tag] | None, _nested("Tags")] = None


class UpdateAutoScalingGroup(Shape):
    """Change what is given."""

    auto_scaling_group_name: str
    min_size: int | None = None
    max_size: int | None = None
    desired_capacity: int | None = None
    launch_configuration_name: str | None = None
    launch_template: LaunchTemplateSpecification | None = None
    default_cooldown: int | None = None
    default_instance_warmup: int | None = None
    availability_zones: Annotated[list[str] | None, _nested("AvailabilityZones")] = None
    health_check_type: str | None = None
    health_check_grace_period: int | None = None


class DeleteAutoScalingGroup(Shape):
    """Delete a group and its policies."""

    auto_scaling_group_name: str
    force_delete: bool | None = None
    """With its instances."""


class SetDesiredCapacity(Shape):
    """Set how many instances a group has."""

    auto_scaling_group_name: str
    desired_capacity: int
    honor_cooldown: bool | None = None
    """Refuse during a cooldown."""


class DescribeAutoScalingGroups(Shape):
    auto_scaling_group_names: Annotated[list[str] | None, _nested("AutoScalingGroupNames")] = None
    next_token: str | None = None
    max_records: int | None = None


class Instance(Shape):
    instance_id: str
    availability_zone: str
    lifecycle_state: str
    health_status: str
    protected_from_scale_in: bool
    launch_configuration_name: str | None = None
    launch_template: LaunchTemplateSpecification | None = None


class EnabledMetric(Shape):
    metric: str
    granularity: str


class TagDescription(Shape):
    resource_id: str
    resource_type: str
    key: str
    value: str
    propagate_at_launch: bool


class AutoScalingGroup(Shape):
    """A group as it stands."""

    auto_scaling_group_name: str
    auto_scaling_group_arn: str = field(name="AutoScalingGroupARN")
    min_size: int
    max_size: int
    desired_capacity: int
    default_cooldown: int
    availability_zones: Annotated[list[str], _nested("AvailabilityZones")]
    health_check_type: str
    health_check_grace_period: int
    instances: Annotated[list[Instance], _nested("Instances")]
    created_time: Timestamp
    enabled_metrics: Annotated[list[EnabledMetric], _nested("EnabledMetrics")]
    tags: Annotated[list[TagDescription], _nested("Tags")]
    launch_configuration_name: str | None = None
    launch_template: LaunchTemplateSpecification | None = None
    default_instance_warmup: int | None = None


class DescribeAutoScalingGroupsResult(Shape):
    auto_scaling_groups: Annotated[list[AutoScalingGroup], _nested("AutoScalingGroups")]
    next_token: str | None = None


class DescribeAutoScalingInstances(Shape):
    instance_ids: Annotated[list[str] | None, _nested("InstanceIds")] = None
    max_records: int | None = None
    next_token: str | None = None


class AutoScalingInstanceDetails(Shape):
    instance_id: str
    auto_scaling_group_name: str
    availability_zone: str
    lifecycle_state: str
    health_status: str
    protected_from_scale_in: bool
    launch_configuration_name: str | None = None
    launch_template: LaunchTemplateSpecification | None = None


class DescribeAutoScalingInstancesResult(Shape):
    auto_scaling_instances: Annotated[list[AutoScalingInstanceDetails], _nested("AutoScalingInstances")]
    next_token: str | None = None


class EnableMetricsCollection(Shape):
    """Have a group tell CloudWatch each minute how many instances it has."""

    auto_scaling_group_name: str
    granularity: str
    """1Minute."""
    metrics: Annotated[list[str] | None, _nested("Metrics")] = None
    """All if absent."""


class DisableMetricsCollection(Shape):
    auto_scaling_group_name: str
    metrics: Annotated[list[str] | None, _nested("Metrics")] = None


# Policies


class StepAdjustment(Shape):
    """What to do when the metric is so far from the alarm's threshold."""

    scaling_adjustment: int
    metric_interval_lower_bound: float | None = None
    """Relative to the threshold; absent: without end."""
    metric_interval_upper_bound: float | None = None


class MetricDimension(Shape):
    name: str
    value: str


class TargetTrackingMetricStat(Shape):
    metric: Metric
    stat: str
    unit: str | None = None
    period: int | None = None


class TargetTrackingMetricDataQuery(Shape):
    id: str
    expression: str | None = None
    metric_stat: TargetTrackingMetricStat | None = None
    label: str | None = None
    period: int | None = None
    return_data: bool | None = None


class CustomizedMetricSpecification(Shape):
    """The metric that is kept at its target: one metric, or metric math."""

    metric_name: str | None = None
    namespace: str | None = None
    dimensions: Annotated[list[MetricDimension] | None, _nested("Dimensions")] = None
    statistic: str | None = None
    unit: str | None = None
    period: int | None = None
    metrics: Annotated[list[TargetTrackingMetricDataQuery] | None, _nested("Metrics")] = None


class PredefinedMetricSpecification(Shape):
    """Metrics of machines; refused here, where instances are processes."""

    predefined_metric_type: str
    resource_label: str | None = None


class TargetTrackingConfiguration(Shape):
    target_value: float
    customized_metric_specification: CustomizedMetricSpecification | None = None
    predefined_metric_specification: PredefinedMetricSpecification | None = None
    disable_scale_in: bool | None = None


StepAdjustments = Annotated[list[StepAdjustment] | None, _nested("StepAdjustments")]


class PutScalingPolicy(Shape):
    """Make or replace a policy of a group; its ARN is for the actions of an alarm."""

    auto_scaling_group_name: str
    policy_name: str
    policy_type: str | None = None
    """SimpleScaling if absent; StepScaling or TargetTrackingScaling."""
    adjustment_type: str | None = None
    """ChangeInCapacity, ExactCapacity or PercentChangeInCapacity; not for target tracking."""
    scaling_adjustment: int | None = None
    """Simple policies: by how much, or to what."""
    min_adjustment_magnitude: int | None = None
    """With PercentChangeInCapacity: by so many at least."""
    cooldown: int | None = None
    """Simple policies: seconds; the group's if absent."""
    metric_aggregation_type: str | None = None
    """Step policies: Average (if absent), Minimum or Maximum."""
    step_adjustments: StepAdjustments = None
    estimated_instance_warmup: int | None = None
    target_tracking_configuration: TargetTrackingConfiguration | None = None
    enabled: bool | None = None
    """True if absent."""


class Alarm(Shape):
    alarm_name: str
    alarm_arn: str = field(name="AlarmARN")


class PutScalingPolicyResult(Shape):
    policy_arn: str = field(name="PolicyARN")
    alarms: Annotated[list[Alarm], _nested("Alarms")]
    """Those that target tracking made for itself."""


class DescribePolicies(Shape):
    auto_scaling_group_name: str | None = None
    policy_names: Annotated[list[str] | None, _nested("PolicyNames")] = None
    policy_types: Annotated[list[str] | None, _nested("PolicyTypes")] = None
    next_token: str | None = None
    max_records: int | None = None


class ScalingPolicy(Shape):
    """A policy as it stands."""

    auto_scaling_group_name: str
    policy_name: str
    policy_arn: str = field(name="PolicyARN")
    policy_type: str
    alarms: Annotated[list[Alarm], _nested("Alarms")]
    """Alarms that have it among their actions."""
    enabled: bool
    adjustment_type: str | None = None
    scaling_adjustment: int | None = None
    min_adjustment_magnitude: int | None = None
    cooldown: int | None = None
    metric_aggregation_type: str | None = None
    step_adjustments: StepAdjustments = None
    estimated_instance_warmup: int | None = None
    target_tracking_configuration: TargetTrackingConfiguration | None = None


class DescribePoliciesResult(Shape):
    scaling_policies: Annotated[list[ScalingPolicy], _nested("ScalingPolicies")]
    next_token: str | None = None


class DeletePolicy(Shape):
    """Delete a policy, and the alarms that target tracking made for it."""

    policy_name: str
    """Or its ARN."""
    auto_scaling_group_name: str | None = None


class ExecutePolicy(Shape):
    """Do at once what a policy says."""

    policy_name: str
    auto_scaling_group_name: str | None = None
    honor_cooldown: bool | None = None
    metric_value: float | None = None
    """Step policies: as if the metric had this value,"""
    breach_threshold: float | None = None
    """and the alarm this threshold."""


# What happened


class DescribeScalingActivities(Shape):
    """What a group did, the newest first."""

    activity_ids: Annotated[list[str] | None, _nested("ActivityIds")] = None
    auto_scaling_group_name: str | None = None
    max_records: int | None = None
    next_token: str | None = None


class Activity(Shape):
    activity_id: str
    auto_scaling_group_name: str
    description: str
    cause: str
    start_time: Timestamp
    end_time: Timestamp
    status_code: str
    progress: int
    details: str
    """JSON."""


class DescribeScalingActivitiesResult(Shape):
    activities: Annotated[list[Activity], _nested("Activities")]
    next_token: str | None = None


OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("CreateAutoScalingGroup", CreateAutoScalingGroup),
        Operation("DeleteAutoScalingGroup", DeleteAutoScalingGroup),
        Operation("DeletePolicy", DeletePolicy),
        Operation("DescribeAutoScalingGroups", DescribeAutoScalingGroups, DescribeAutoScalingGroupsResult),
        Operation("DescribeAutoScalingInstances", DescribeAutoScalingInstances, DescribeAutoScalingInstancesResult),
        Operation("DescribePolicies", DescribePolicies, DescribePoliciesResult),
        Operation("DescribeScalingActivities", DescribeScalingActivities, DescribeScalingActivitiesResult),
        Operation("DisableMetricsCollection", DisableMetricsCollection),
        Operation("EnableMetricsCollection", EnableMetricsCollection),
        Operation("ExecutePolicy", ExecutePolicy),
        Operation("PutScalingPolicy", PutScalingPolicy, PutScalingPolicyResult),
        Operation("SetDesiredCapacity", SetDesiredCapacity),
        Operation("UpdateAutoScalingGroup", UpdateAutoScalingGroup),
    )
}

SERVICE = Service(
    name="autoscaling",
    json_target="AutoScaling_2011_01_01",
    version="2011-01-01",
    xml_namespace="http://autoscaling.amazonaws.com/doc/2011-01-01/",
    operations=OPERATIONS,
    error_namespace="com.amazonaws.autoscaling",
)
