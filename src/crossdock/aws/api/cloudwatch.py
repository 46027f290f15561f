"""Amazon CloudWatch, API version 2010-08-01: metrics and metric alarms, as declarations.

Source: the service model inside botocore; a test holds this file against it. A member is described where it first appears and where it
means something else; capitals name limits of `aws.quotas`.
"""

from typing import Annotated

from msgspec import field

from crossdock.aws.shapes import Operation, QueryList, Service, Shape, Timestamp


def _nested(name: str) -> QueryList:
    return QueryList(name, flattened=False)


class Unsupported(Shape):
    """A structure that is refused where it is given."""


# Metrics


class Dimension(Shape):
    """One pair of those that, with namespace and name, make a metric: another value is another metric."""

    name: str
    value: str


Dimensions = Annotated[list[Dimension] | None, _nested("Dimensions")]


class Metric(Shape):
    """What a metric is called."""

    namespace: str | None = None
    metric_name: str | None = None
    dimensions: Dimensions = None


class StatisticSet(Shape):
    """Samples that were put together before they were sent."""

    sample_count: float
    sum: float
    minimum: float
    maximum: float


class MetricDatum(Shape):
    """Samples of one metric at one moment: one of `value`, `values` with `counts`, and `statistic_values`."""

    metric_name: str
    dimensions: Dimensions = None
    timestamp: Timestamp | None = None
    """Now if absent; two weeks back to two hours ahead."""
    value: float | None = None
    statistic_values: StatisticSet | None = None
    values: Annotated[list[float] | None, _nested("Values")] = None
    """Up to METRIC_VALUES_MAX."""
    counts: Annotated[list[float] | None, _nested("Counts")] = None
    """How often each of `values` came; 1 if absent."""
    unit: str | None = None
    storage_resolution: int | None = None
    """Seconds: 1 or 60."""


class PutMetricData(Shape):
    """Add samples to metrics, which are made by their first sample."""

    namespace: str
    """Not `AWS/…`, which is the services' own."""
    metric_data: Annotated[list[MetricDatum] | None, _nested("MetricData")] = None
    """Up to METRIC_DATA_MAX."""
    entity_metric_data: Annotated[list[Unsupported] | None, _nested("EntityMetricData")] = None


class GetMetricStatistics(Shape):
    """Statistics of one metric by period."""

    namespace: str
    metric_name: str
    start_time: Timestamp
    """Inclusive."""
    end_time: Timestamp
    """Exclusive."""
    period: int
    """Seconds: 1, 5, 10, 20, 30 or a multiple of 60."""
    dimensions: Dimensions = None
    """Exactly those of the metric."""
    statistics: Annotated[list[str] | None, _nested("Statistics")] = None
    """Of SampleCount, Average, Sum, Minimum and Maximum."""
    extended_statistics: Annotated[list[str] | None, _nested("ExtendedStatistics")] = None
    unit: str | None = None
    """Only samples of this unit."""


class Datapoint(Shape):
    """The samples of one period."""

    timestamp: Timestamp | None = None
    """The beginning of the period."""
    sample_count: float | None = None
    average: float | None = None
    sum: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    unit: str | None = None


class GetMetricStatisticsResult(Shape):
    label: str
    """The metric's name."""
    datapoints: Annotated[list[Datapoint], _nested("Datapoints")]
    """At most DATAPOINTS_MAX, in no order that is promised."""


class MetricStat(Shape):
    """One statistic of one metric."""

    metric: Metric
    period: int
    stat: str
    unit: str | None = None


class MetricDataQuery(Shape):
    """A series: a statistic, or an expression over others."""

    id: str
    """A lower-case letter, then letters, digits and underscores."""
    metric_stat: MetricStat | None = None
    expression: str | None = None
    """Metric math over the ids of other queries."""
    label: str | None = None
    return_data: bool | None = None
    """False for a series that only serves an expression."""
    period: int | None = None
    """Of an expression that names no metric."""
    account_id: str | None = None


MetricDataQueries = Annotated[list[MetricDataQuery] | None, _nested("MetricDataQueries")]


class GetMetricData(Shape):
    """Several series at once, with metric math."""

    metric_data_queries: Annotated[list[MetricDataQuery], _nested("MetricDataQueries")]
    """1 to METRIC_DATA_QUERIES_MAX."""
    start_time: Timestamp
    end_time: Timestamp
    next_token: str | None = None
    scan_by: str | None = None
    """TimestampDescending, or TimestampAscending."""
    max_datapoints: int | None = None


class MetricDataResult(Shape):
    id: str
    label: str
    timestamps: Annotated[list[Timestamp], _nested("Timestamps")]
    values: Annotated[list[float], _nested("Values")]
    status_code: str
    """Complete or PartialData."""


class GetMetricDataResult(Shape):
    metric_data_results: Annotated[list[MetricDataResult], _nested("MetricDataResults")]
    next_token: str | None = None


class DimensionFilter(Shape):
    name: str
    value: str | None = None
    """Any value if absent."""


class ListMetrics(Shape):
    """Metrics that had samples in the last two weeks, METRICS_LISTED_MAX a page."""

    namespace: str | None = None
    metric_name: str | None = None
    dimensions: Annotated[list[DimensionFilter] | None, _nested("Dimensions")] = None
    next_token: str | None = None
    recently_active: str | None = None
    """PT3H: only those with samples in the last three hours."""


class ListMetricsResult(Shape):
    metrics: Annotated[list[Metric], _nested("Metrics")]
    next_token: str | None = None


# Alarms

AlarmNames = Annotated[list[str], _nested("AlarmNames")]


class Tag(Shape):
    key: str
    value: str


Tags = Annotated[list[Tag] | None, _nested("Tags")]


class PutMetricAlarm(Shape):
    """Make an alarm, which begins as INSUFFICIENT_DATA, or replace what an existing one watches; its state stays."""

    alarm_name: str
    alarm_description: str | None = None
    actions_enabled: bool | None = None
    """True if absent."""
    ok_actions: Annotated[list[str] | None, _nested("OKActions")] = field(name="OKActions", default=None)
    """ARNs of what happens when the state becomes OK, up to ALARM_ACTIONS_MAX; so for the other states."""
    alarm_actions: Annotated[list[str] | None, _nested("AlarmActions")] = None
    insufficient_data_actions: Annotated[list[str] | None, _nested("InsufficientDataActions")] = None
    metric_name: str | None = None
    namespace: str | None = None
    statistic: str | None = None
    extended_statistic: str | None = None
    dimensions: Dimensions = None
    period: int | None = None
    """Seconds: 10, 20, 30 or a multiple of 60."""
    unit: str | None = None
    evaluation_periods: int | None = None
    """N: how many of the latest periods are looked at."""
    datapoints_to_alarm: int | None = None
    """M: how many of them must breach; N if absent."""
    threshold: float | None = None
    comparison_operator: str | None = None
    treat_missing_data: str | None = None
    """missing (if absent), ignore, breaching or notBreaching."""
    evaluate_low_sample_count_percentile: str | None = None
    metrics: Annotated[list[MetricDataQuery] | None, _nested("Metrics")] = None
    """Metric math instead of one metric; the one query that returns data is watched."""
    tags: Tags = None
    threshold_metric_id: str | None = None
    evaluation_window: Unsupported | None = None
    warm_up_configuration: Unsupported | None = None
    evaluation_criteria: Unsupported | None = None
    evaluation_interval: int | None = None
    """Refused: alarms are looked at each minute, those of short periods each ten seconds."""
    action_configuration: Unsupported | None = None


class MetricAlarm(Shape):
    """An alarm as it stands."""

    alarm_name: str
    alarm_arn: str
    alarm_description: str | None = None
    alarm_configuration_updated_timestamp: Timestamp | None = None
    actions_enabled: bool | None = None
    ok_actions: Annotated[list[str] | None, _nested("OKActions")] = field(name="OKActions", default=None)
    alarm_actions: Annotated[list[str] | None, _nested("AlarmActions")] = None
    insufficient_data_actions: Annotated[list[str] | None, _nested("InsufficientDataActions")] = None
    state_value: str | None = None
    """OK, ALARM or INSUFFICIENT_DATA."""
    state_reason: str | None = None
    state_reason_data: str | None = None
    """JSON."""
    state_updated_timestamp: Timestamp | None = None
    metric_name: str | None = None
    namespace: str | None = None
    statistic: str | None = None
    extended_statistic: str | None = None
    dimensions: Dimensions = None
    period: int | None = None
    unit: str | None = None
    evaluation_periods: int | None = None
    datapoints_to_alarm: int | None = None
    threshold: float | None = None
    comparison_operator: str | None = None
    treat_missing_data: str | None = None
    evaluate_low_sample_count_percentile: str | None = None
    metrics: Annotated[list[MetricDataQuery] | None, _nested("Metrics")] = None
    threshold_metric_id: str | None = None
    state_transitioned_timestamp: Timestamp | None = None
    """When the value of the state changed last; `state_updated_timestamp` moves with its reason too."""


class DescribeAlarms(Shape):
    """Alarms by name, prefix, state or action, in the order of their names."""

    alarm_names: Annotated[list[str] | None, _nested("AlarmNames")] = None
    alarm_name_prefix: str | None = None
    alarm_types: Annotated[list[str] | None, _nested("AlarmTypes")] = None
    """MetricAlarm if absent."""
    children_of_alarm_name: str | None = None
    parents_of_alarm_name: str | None = None
    state_value: str | None = None
    action_prefix: str | None = None
    max_records: int | None = None
    """1 to 100, which it is if absent."""
    next_token: str | None = None


class DescribeAlarmsResult(Shape):
    metric_alarms: Annotated[list[MetricAlarm], _nested("MetricAlarms")]
    composite_alarms: Annotated[list[MetricAlarm], _nested("CompositeAlarms")]
    """Always empty: there are none here."""
    next_token: str | None = None


class DescribeAlarmsForMetric(Shape):
    """The alarms that watch one metric."""

    metric_name: str
    namespace: str
    statistic: str | None = None
    extended_statistic: str | None = None
    dimensions: Dimensions = None
    period: int | None = None
    unit: str | None = None


class DescribeAlarmsForMetricResult(Shape):
    metric_alarms: Annotated[list[MetricAlarm], _nested("MetricAlarms")]


class DeleteAlarms(Shape):
    """Delete alarms, all or none."""

    alarm_names: AlarmNames


class SetAlarmState(Shape):
    """Set the state of an alarm, and do what it does then. The next evaluation may set it back."""

    alarm_name: str
    state_value: str
    state_reason: str
    state_reason_data: str | None = None


class EnableAlarmActions(Shape):
    alarm_names: AlarmNames


class DisableAlarmActions(Shape):
    alarm_names: AlarmNames


class DescribeAlarmHistory(Shape):
    """What happened to alarms, the newest first."""

    alarm_name: str | None = None
    alarm_types: Annotated[list[str] | None, _nested("AlarmTypes")] = None
    history_item_type: str | None = None
    """ConfigurationUpdate, StateUpdate or Action."""
    start_date: Timestamp | None = None
    end_date: Timestamp | None = None
    max_records: int | None = None
    next_token: str | None = None
    scan_by: str | None = None
    """TimestampDescending, or TimestampAscending."""


class AlarmHistoryItem(Shape):
    alarm_name: str
    alarm_type: str
    timestamp: Timestamp
    history_item_type: str
    history_summary: str
    history_data: str
    """JSON."""


class DescribeAlarmHistoryResult(Shape):
    alarm_history_items: Annotated[list[AlarmHistoryItem], _nested("AlarmHistoryItems")]
    next_token: str | None = None


# Tags


class TagResource(Shape):
    resource_arn: str = field(name="ResourceARN")
    """Of an alarm."""
    tags: Annotated[list[Tag], _nested("Tags")]


class UntagResource(Shape):
    resource_arn: str = field(name="ResourceARN")
    tag_keys: Annotated[list[str], _nested("TagKeys")]


class ListTagsForResource(Shape):
    resource_arn: str = field(name="ResourceARN")


class ListTagsForResourceResult(Shape):
    tags: Annotated[list[Tag], _nested("Tags")]


class Nothing(Shape):
    """A result without members, for actions that have one all the same."""


OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("DeleteAlarms", DeleteAlarms),
        Operation("DescribeAlarmHistory", DescribeAlarmHistory, DescribeAlarmHistoryResult),
        Operation("DescribeAlarms", DescribeAlarms, DescribeAlarmsResult),
        Operation("DescribeAlarmsForMetric", DescribeAlarmsForMetric, DescribeAlarmsForMetricResult),
        Operation("DisableAlarmActions", DisableAlarmActions),
        Operation("EnableAlarmActions", EnableAlarmActions),
        Operation("GetMetricData", GetMetricData, GetMetricDataResult),
        Operation("GetMetricStatistics", GetMetricStatistics, GetMetricStatisticsResult),
        Operation("ListMetrics", ListMetrics, ListMetricsResult),
        Operation("ListTagsForResource", ListTagsForResource, ListTagsForResourceResult),
        Operation("PutMetricAlarm", PutMetricAlarm),
        Operation("PutMetricData", PutMetricData),
        Operation("SetAlarmState", SetAlarmState),
        Operation("TagResource", TagResource, Nothing),
        Operation("UntagResource", UntagResource, Nothing),
    )
}

SERVICE = Service(
    name="monitoring",
    json_target="GraniteServiceVersion20100801",
    version="2010-08-01",
    xml_namespace="http://monitoring.amazonaws.com/doc/2010-08-01/",
    operations=OPERATIONS,
    error_namespace="com.amazonaws.cloudwatch",
)
