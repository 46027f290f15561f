"""What a scaling policy may be, and what the alarms of target tracking watch."""

import msgspec

from crossdock.aws.api import autoscaling as api
from crossdock.aws.api import cloudwatch
from crossdock.aws.errors import ValidationError
from crossdock.aws.quotas import METRIC_VALUE_MAX, SCALING_SECONDS_MAX, STEPS_MAX
from crossdock.broker.watch.adjustment import ADJUSTMENTS, PERCENT, check_steps
from crossdock.broker.watch.checks import at_most, long_enough, one_of, within
from crossdock.broker.watch.group import POLICY_TYPES, SIMPLE, STEP, TRACKING
from crossdock.broker.watch.groups import SIZE_MAX


def checked(command: api.PutScalingPolicy) -> api.PutScalingPolicy:
    """A policy with its defaults. ValidationError where its parts do not go together."""
    long_enough(command.policy_name, "policyName", 1, 255)
    one_of(command.policy_type, "policyType", POLICY_TYPES)
    one_of(command.adjustment_type, "adjustmentType", ADJUSTMENTS)
    one_of(command.metric_aggregation_type, "metricAggregationType", ["Average", "Minimum", "Maximum"])
    within(command.min_adjustment_magnitude, "minAdjustmentMagnitude", 1, SIZE_MAX)
    within(command.cooldown, "cooldown", 0, SCALING_SECONDS_MAX)
    within(command.estimated_instance_warmup, "estimatedInstanceWarmup", 0, SCALING_SECONDS_MAX)
    at_most(command.step_adjustments, "stepAdjustments", STEPS_MAX)
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
    if not 1 / METRIC_VALUE_MAX <= tracked.target_value <= METRIC_VALUE_MAX:
        raise ValidationError("TargetValue must be greater than 0, and in range")


def watched_by(specification: api.CustomizedMetricSpecification) -> cloudwatch.PutMetricAlarm:
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
