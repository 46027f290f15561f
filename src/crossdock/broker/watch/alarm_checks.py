"""What an alarm may watch."""

import msgspec

from crossdock.aws.api import cloudwatch as api
from crossdock.aws.errors import InvalidParameterCombination, InvalidParameterValue, MissingParameter, ValidationError
from crossdock.aws.quotas import (
    ALARM_ACTION_LENGTH_MAX,
    ALARM_ACTIONS_MAX,
    ALARM_METRICS_MAX,
    ALARM_NAME_LENGTH_MAX,
    ALARM_QUERIES_MAX,
    ALARM_RANGE_SECONDS_MAX,
    ALARM_RANGE_SECONDS_MAX_OF_HOURS,
    ALARM_TAG_VALUE_LENGTH_MAX,
    TAG_KEY_LENGTH_MAX,
    TAGS_MAX,
)
from crossdock.broker.outcome import Caller
from crossdock.broker.watch.alarm import period_of
from crossdock.broker.watch.checks import (
    UNITS,
    at_most,
    check_period,
    check_queries,
    check_statistic,
    long_enough,
    metric_name,
    one_of,
    refuse,
    within,
)
from crossdock.broker.watch.evaluation import COMPARISONS, TREATMENTS
from crossdock.broker.watch.statistics import add_expressions

ALARM_PERIODS_S = (10, 20, 30)


def checked(command: api.PutMetricAlarm, caller: Caller) -> api.PutMetricAlarm:
    """What an alarm is to watch, with defaults filled in and without tags. ValidationError and its kin where it cannot be."""
    long_enough(command.alarm_name, "alarmName", 1, ALARM_NAME_LENGTH_MAX)
    long_enough(command.alarm_description, "alarmDescription", 0, 1_024)
    for parameter in (
        "evaluation_window",
        "warm_up_configuration",
        "evaluation_criteria",
        "evaluation_interval",
        "action_configuration",
    ):
        refuse(getattr(command, parameter), "".join(map(str.capitalize, parameter.split("_"))))
    if command.threshold_metric_id is not None:
        raise InvalidParameterCombination("This server does not support alarms on anomaly detection.")
    for actions in ("ok_actions", "alarm_actions", "insufficient_data_actions"):
        at_most(getattr(command, actions), actions, ALARM_ACTIONS_MAX)
        for arn in getattr(command, actions) or ():
            long_enough(arn, f"{actions}.member", 1, ALARM_ACTION_LENGTH_MAX)
    if command.comparison_operator is None:
        raise MissingParameter.named("ComparisonOperator")
    one_of(command.comparison_operator, "comparisonOperator", list(COMPARISONS))
    if command.evaluation_periods is None:
        raise MissingParameter.named("EvaluationPeriods")
    within(command.evaluation_periods, "evaluationPeriods", 1, ALARM_RANGE_SECONDS_MAX)
    within(command.datapoints_to_alarm, "datapointsToAlarm", 1, command.evaluation_periods)
    if command.threshold is None:
        raise MissingParameter.named("Threshold")
    one_of(command.treat_missing_data, "treatMissingData", TREATMENTS)
    if command.metrics:
        _check_math(command)
    else:
        _check_metric(command, caller)
    enabled = command.actions_enabled is not False
    watched = msgspec.structs.replace(command, actions_enabled=enabled, tags=None)
    _check_range(watched)
    return watched


def _check_metric(command: api.PutMetricAlarm, caller: Caller) -> None:
    if command.metric_name is None:
        raise MissingParameter.named("MetricName")
    if command.namespace is None:
        raise MissingParameter.named("Namespace")
    metric_name(caller, command.namespace, command.metric_name, command.dimensions)
    if command.statistic is None and command.extended_statistic is None:
        raise MissingParameter("The request must contain either the parameter Statistic or ExtendedStatistic.")
    if command.statistic is not None and command.extended_statistic is not None:
        raise InvalidParameterCombination("The parameters Statistic and ExtendedStatistic cannot be used together.")
    check_statistic(command.statistic or command.extended_statistic or "", "Statistic")
    if command.period is None:
        raise MissingParameter.named("Period")
    check_period(command.period, ALARM_PERIODS_S)
    one_of(command.unit, "unit", UNITS)


def _check_math(command: api.PutMetricAlarm) -> None:
    if command.metric_name or command.namespace or command.statistic or command.period or command.dimensions:
        raise InvalidParameterCombination("The parameter Metrics cannot be used with those of a single metric.")
    queries = command.metrics or []
    at_most(queries, "metrics", ALARM_QUERIES_MAX)
    if sum(query.metric_stat is not None for query in queries) > ALARM_METRICS_MAX:
        raise ValidationError(f"Metrics list must contain no more than {ALARM_METRICS_MAX} metrics.")
    check_queries(queries)
    add_expressions({query.id: {} for query in queries if query.metric_stat is not None}, queries)
    if sum(query.return_data is not False for query in queries) != 1:
        raise ValidationError("Exactly one element of Metrics must return data.")


def _check_range(watched: api.PutMetricAlarm) -> None:
    period_s = period_of(watched)
    most_s = ALARM_RANGE_SECONDS_MAX_OF_HOURS if period_s >= 3_600 else ALARM_RANGE_SECONDS_MAX
    if period_s * (watched.evaluation_periods or 1) > most_s:
        raise ValidationError(
            "Metrics cannot be checked across more than "
            + ("seven days" if period_s >= 3_600 else "a day")
            + f" (EvaluationPeriods * Period must be <= {most_s})."
        )


def checked_tags(given: list[api.Tag] | None, before: dict[str, str] | None = None) -> dict[str, str]:
    tags = dict(before or {})
    for tag in given or ():
        long_enough(tag.key, "tags.member.key", 1, TAG_KEY_LENGTH_MAX)
        long_enough(tag.value, "tags.member.value", 0, ALARM_TAG_VALUE_LENGTH_MAX)
        tags[tag.key] = tag.value
    if len(tags) > TAGS_MAX:
        raise InvalidParameterValue(f"A resource has at most {TAGS_MAX} tags.")
    return tags
