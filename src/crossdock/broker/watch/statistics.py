"""Metrics: samples in, statistics out."""

import math
import operator
from collections.abc import Iterator, Sequence
from itertools import islice

from crossdock.aws.api.cloudwatch import (
    Datapoint,
    Dimension,
    GetMetricData,
    GetMetricDataResult,
    GetMetricStatistics,
    GetMetricStatisticsResult,
    ListMetrics,
    ListMetricsResult,
    Metric,
    MetricDataQuery,
    MetricDataResult,
    MetricDatum,
    PutMetricData,
)
from crossdock.aws.errors import (
    InvalidNextToken,
    InvalidParameterCombination,
    InvalidParameterValue,
    MissingParameter,
    ValidationError,
)
from crossdock.aws.quotas import (
    DATAPOINTS_MAX,
    DIMENSION_FILTERS_MAX,
    METRIC_DATA_MAX,
    METRIC_DATA_QUERIES_MAX,
    METRIC_VALUE_MAX,
    METRIC_VALUES_MAX,
    METRICS_LISTED_MAX,
)
from crossdock.broker.outcome import Caller
from crossdock.broker.watch import expression
from crossdock.broker.watch.checks import (
    UNITS,
    at_most,
    check_period,
    check_queries,
    check_statistic,
    metric_name,
    one_of,
    refuse,
    within,
)
from crossdock.broker.watch.paging import Page, page_start
from crossdock.broker.watch.samples import STATISTICS, Point, Samples, Span, one, together
from crossdock.broker.watch.store import MetricsListed, WatchStore

PAST_S = 14 * 86_400
AHEAD_S = 2 * 3_600
"""Samples may be so old, or from so far ahead."""

RECENT_S = 3 * 3_600

AGES_S = ((63 * 86_400, 3_600), (15 * 86_400, 300))
"""Beyond so many seconds the past is only known by periods of so many."""

QUERY_POINTS_MAX = 100_800
"""Points that one GetMetricData returns; the rest is on the next page."""

READ_POINTS_MAX = 20_000
"""Points of a minute that one page reads, about: it holds up everybody else."""

MATH_MAX = 200_000
"""Values that the expressions of one request go through, about."""


def put_metric_data(store: WatchStore, command: PutMetricData, caller: Caller, now_ms: int) -> None:
    if command.namespace.startswith("AWS/"):
        raise InvalidParameterValue("The value AWS/ for parameter Namespace is invalid.")
    refuse(command.entity_metric_data, "EntityMetricData")
    data = command.metric_data or []
    if not data:
        raise MissingParameter.named("MetricData")
    at_most(data, "metricData", METRIC_DATA_MAX)
    checked = [
        (metric_name(caller, command.namespace, datum.metric_name, datum.dimensions), datum, _samples(datum))
        for datum in data
    ]
    moments = [_moment(datum, now_ms) for datum in data]
    for (metric, datum, samples), (at_s, resolution_s) in zip(checked, moments, strict=True):
        store.add(metric, Point(at_s, samples, datum.unit or "None"), resolution_s)


def _moment(datum: MetricDatum, now_ms: int) -> tuple[int, int]:
    """When a sample was taken, by its resolution, and that resolution. Seconds."""
    if datum.storage_resolution not in (None, 1, 60):
        raise InvalidParameterValue("The value for parameter StorageResolution must be 1 or 60.")
    now_s = now_ms / 1_000
    at_s = now_s if datum.timestamp is None else datum.timestamp
    if not now_s - PAST_S <= at_s <= now_s + AHEAD_S:
        raise InvalidParameterValue("The parameter Timestamp must be within two weeks before and two hours after now.")
    resolution_s = datum.storage_resolution or 60
    return int(at_s) // resolution_s * resolution_s, resolution_s


def _samples(datum: MetricDatum) -> Samples:
    one_of(datum.unit, "unit", UNITS)
    given = [datum.value is not None, bool(datum.values), datum.statistic_values is not None]
    if sum(given) != 1:
        raise InvalidParameterCombination(
            "At least one, and only one, of Value, Values and StatisticValues must be given."
        )
    if datum.value is not None:
        _check_values("Value", [datum.value])
        return one(datum.value)
    if (made := datum.statistic_values) is not None:
        _check_counts("StatisticValues.SampleCount", [made.sample_count])
        _check_values("StatisticValues", [made.sum, made.minimum, made.maximum])
        return Samples(made.sample_count, made.sum, made.minimum, made.maximum)
    values = datum.values or []
    counts = datum.counts or [1.0] * len(values)
    at_most(values, "values", METRIC_VALUES_MAX)
    if len(counts) != len(values):
        raise InvalidParameterValue("The parameters Values and Counts must have the same length.")
    _check_values("Values", values)
    _check_counts("Counts", counts)
    return Samples(sum(counts), sum(map(operator.mul, values, counts)), min(values), max(values))


def _check_values(parameter: str, values: Sequence[float]) -> None:
    """Within these bounds no sum of samples is ever infinite."""
    for value in values:
        if abs(value) > METRIC_VALUE_MAX:
            raise InvalidParameterValue(f"The value {value} for parameter {parameter} is invalid: it is out of range.")


def _check_counts(parameter: str, counts: Sequence[float]) -> None:
    for count in counts:
        if not 1 / METRIC_VALUE_MAX <= count <= METRIC_VALUE_MAX:
            raise InvalidParameterValue(f"The value {count} for parameter {parameter} is invalid: it is out of range.")


def get_metric_statistics(
    store: WatchStore, command: GetMetricStatistics, caller: Caller, now_ms: int
) -> GetMetricStatisticsResult:
    metric = metric_name(caller, command.namespace, command.metric_name, command.dimensions)
    wanted = command.statistics or []
    for statistic in [*wanted, *(command.extended_statistics or ())]:
        check_statistic(statistic, "Statistics")
    if not wanted:
        raise MissingParameter("Must specify either Statistics or ExtendedStatistics.")
    check_period(command.period)
    one_of(command.unit, "unit", UNITS)
    span = _span(command.start_time, command.end_time, command.period, now_ms)
    if (span.end_s - span.start_s) / command.period > DATAPOINTS_MAX:
        raise InvalidParameterCombination(
            f"You have requested up to {(span.end_s - span.start_s) // command.period:,} datapoints, which exceeds the limit of "
            f"{DATAPOINTS_MAX:,}. You may reduce the datapoints requested by increasing Period, or decreasing the time range."
        )
    points = store.periods(metric, span, command.unit)
    return GetMetricStatisticsResult(command.metric_name, [_datapoint(point, wanted) for point in points])


def _datapoint(point: Point, wanted: list[str]) -> Datapoint:
    datapoint = Datapoint(timestamp=float(point.start_s), unit=point.unit)
    for statistic in wanted:
        field = "sample_count" if statistic == "SampleCount" else statistic.lower()
        setattr(datapoint, field, point.samples.statistic(statistic))
    return datapoint


def _span(start: float, end: float, period_s: int, now_ms: int) -> Span:
    """Begins at a whole minute, or at a coarser grain where the past is only known by that."""
    if start >= end:
        raise ValidationError("The parameter StartTime must be less than the parameter EndTime.")
    grain_s = _grain_s(start, min(period_s, 60), now_ms)
    return Span(int(start) // grain_s * grain_s, math.ceil(end), period_s)


def _grain_s(start: float, finest_s: int, now_ms: int) -> int:
    """By periods of how many seconds the past is known from a moment on."""
    age_s = now_ms / 1_000 - start
    return next((coarse_s for old_s, coarse_s in AGES_S if age_s > old_s), finest_s)


def list_metrics(store: WatchStore, command: ListMetrics, caller: Caller, now_ms: int) -> ListMetricsResult:
    one_of(command.recently_active, "recentlyActive", ["PT3H"])
    recent_s = RECENT_S if command.recently_active else PAST_S
    at_most(command.dimensions, "dimensions", DIMENSION_FILTERS_MAX)
    page = Page(page_start(command.next_token), METRICS_LISTED_MAX)
    wanted = MetricsListed(
        account=caller.account,
        region=caller.region,
        namespace=command.namespace,
        name=command.metric_name,
        dimensions=[(asked.name, asked.value) for asked in command.dimensions or ()],
        since_s=now_ms // 1_000 - recent_s,
        first=page.first,
        most=page.size + 1,
    )
    found, token = page.read(store.metrics(wanted))
    return ListMetricsResult(
        [Metric(metric.namespace, metric.name, [Dimension(*pair) for pair in metric.dimensions]) for metric in found],
        token,
    )


# Several series at once


def get_metric_data(store: WatchStore, command: GetMetricData, caller: Caller, now_ms: int) -> GetMetricDataResult:
    queries = command.metric_data_queries
    if not queries:
        raise MissingParameter.named("MetricDataQueries")
    at_most(queries, "metricDataQueries", METRIC_DATA_QUERIES_MAX)
    one_of(command.scan_by, "scanBy", ["TimestampDescending", "TimestampAscending"])
    within(command.max_datapoints, "maxDatapoints", 1, QUERY_POINTS_MAX)
    check_queries(queries)
    part, first = _place(command.next_token)
    start, end, more = _part(command, part, now_ms)
    every = series(store, queries, start, end, caller, now_ms)
    most = command.max_datapoints or QUERY_POINTS_MAX
    results, left, seen = [], most, 0
    for query in queries:
        if query.return_data is False:
            continue
        ordered = sorted(every[query.id].items(), reverse=command.scan_by != "TimestampAscending")
        skipped = max(0, first - seen)
        shown = list(islice(ordered, skipped, skipped + left))
        seen += len(ordered)
        left -= len(shown)
        label = query.label or (query.metric_stat and query.metric_stat.metric.metric_name) or query.id
        complete = not more and skipped + len(shown) >= len(ordered)
        results.append(
            MetricDataResult(
                query.id,
                label,
                [float(at_s) for at_s, _ in shown],
                [value for _, value in shown],
                "Complete" if complete else "PartialData",
            )
        )
    if seen > first + most:
        return GetMetricDataResult(results, f"{part}-{first + most}")
    return GetMetricDataResult(results, f"{part + 1}-0" if more else None)


def _place(token: str | None) -> tuple[int, int]:
    """The part of the time where a page begins, and at which of its points."""
    part, dash, first = ("0", "-", "0") if token is None else token.partition("-")
    if not dash:
        raise InvalidNextToken
    return page_start(part), page_start(first)


def _part(command: GetMetricData, number: int, now_ms: int) -> tuple[float, float, bool]:
    """One of the parts of a long time, in the order in which they are shown: from when to when, and whether there are more."""
    start, end = command.start_time, command.end_time
    periods = [query.metric_stat.period for query in command.metric_data_queries if query.metric_stat is not None]
    read_a_minute = sum(max(1, 60 // period) for period in periods)
    length_s = READ_POINTS_MAX * 60 // max(1, read_a_minute)
    if end - start <= length_s:
        parts = 1
    else:
        grain_s = _grain_s(start, 60, now_ms)
        unit_s = math.lcm(grain_s, *periods)
        if unit_s > max(length_s, 86_400):  # periods that do not go together: some may be cut in two
            unit_s = math.lcm(grain_s, max(periods))
        length_s = max(1, length_s // unit_s) * unit_s
        start = float(start // grain_s * grain_s)
        parts = math.ceil((end - start) / length_s)
    if number >= parts:
        raise InvalidNextToken
    index = number if command.scan_by == "TimestampAscending" else parts - 1 - number
    begins = start + index * length_s
    return begins, min(end, begins + length_s), number + 1 < parts


def series(
    store: WatchStore, queries: list[MetricDataQuery], start: float, end: float, caller: Caller, now_ms: int
) -> dict[str, expression.Series]:
    """The values of every query by its id, each by the beginning of its period."""
    every: dict[str, expression.Series] = {}
    for query in queries:
        if (stat := query.metric_stat) is not None:
            metric = metric_name(
                caller, stat.metric.namespace or "", stat.metric.metric_name or "", stat.metric.dimensions
            )
            points = store.periods(metric, _span(start, end, stat.period, now_ms), stat.unit)
            every[query.id] = _values(points, stat.stat)
    add_expressions(every, queries)
    return every


def add_expressions(every: dict[str, expression.Series], queries: list[MetricDataQuery]) -> None:
    """Add the values of the expressions to those of the metrics. ValidationError where one cannot be read."""
    metrics = dict(every)
    work = 0
    for query in _in_order(queries):
        assert query.expression is not None
        work += expression.work(query.expression, every)
        if work > MATH_MAX:
            raise ValidationError(
                "The expressions go through too many values: ask for less of the time, or for fewer metrics."
            )
        every[query.id] = expression.evaluate(query.expression, every, metrics)


def _values(points: list[Point], stat: str) -> expression.Series:
    """One value a period, also where a metric has samples of several units: they are put together."""
    gathered: dict[int, Samples] = {}
    for begins_s, samples, _ in points:
        before = gathered.get(begins_s)
        gathered[begins_s] = samples if before is None else together((before, samples))
    statistic = STATISTICS[stat]
    return {begins_s: statistic(samples) for begins_s, samples in gathered.items()}


def _in_order(queries: list[MetricDataQuery]) -> Iterator[MetricDataQuery]:
    """The expressions, each after those that it names. ValidationError where that cannot be."""
    waiting = {query.id: expression.names(query.expression) for query in queries if query.expression is not None}
    known = {query.id for query in queries}
    by_id = {query.id: query for query in queries}
    for query_id, needs in waiting.items():
        if unknown := needs - known:
            raise ValidationError(f"The expression of {query_id} names {min(unknown)}, which is no query.")
    while waiting:
        ready = [query_id for query_id, needs in waiting.items() if not needs & waiting.keys()]
        if not ready:
            raise ValidationError(f"The expressions {', '.join(waiting)} need each other.")
        for query_id in ready:
            del waiting[query_id]
            yield by_id[query_id]
