"""What several actions check alike, with CloudWatch's errors."""

import re
from collections.abc import Collection, Sequence

from crossdock.aws.api.cloudwatch import Dimension, MetricDataQuery
from crossdock.aws.errors import InvalidParameterCombination, InvalidParameterValue, MissingParameter, ValidationError
from crossdock.aws.quotas import DIMENSIONS_MAX
from crossdock.broker.outcome import Caller
from crossdock.broker.watch.samples import STATISTICS, MetricName

UNITS = [
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
]

SHORT_PERIODS_S = (1, 5, 10, 20, 30)

_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")


def one_of(value: str | None, member: str, values: Sequence[str]) -> None:
    """ValidationError unless a value is absent or one of `values`."""
    if value is not None and value not in values:
        raise ValidationError.because(value, member, f"Member must satisfy enum value set: [{', '.join(values)}]")


def within(value: int | None, member: str, lowest: int, highest: int) -> None:
    """ValidationError unless a number is absent or in range."""
    if value is not None and value < lowest:
        raise ValidationError.because(value, member, f"Member must have value greater than or equal to {lowest}")
    if value is not None and value > highest:
        raise ValidationError.because(value, member, f"Member must have value less than or equal to {highest}")


def at_most(values: Sequence[object] | None, member: str, most: int) -> None:
    """ValidationError for a list that is too long."""
    if values is not None and len(values) > most:
        said = f"[{len(values)} items]"
        raise ValidationError.because(said, member, f"Member must have length less than or equal to {most}")


def long_enough(value: str | None, member: str, lowest: int, highest: int) -> None:
    """ValidationError for a text that is too short or too long."""
    if value is not None and len(value) < lowest:
        raise ValidationError.because(value, member, f"Member must have length greater than or equal to {lowest}")
    if value is not None and len(value) > highest:
        raise ValidationError.because(value, member, f"Member must have length less than or equal to {highest}")


def check_period(period_s: int, allowed: Collection[int] = SHORT_PERIODS_S) -> None:
    """A period is one of some short ones, or of whole minutes."""
    if period_s not in allowed and (period_s < 60 or period_s % 60):
        short = ", ".join(map(str, allowed))
        raise ValidationError(f"The parameter Period must be a multiple of 60, or one of {short}.")


def metric_name(caller: Caller, namespace: str, name: str, dimensions: Sequence[Dimension] | None) -> MetricName:
    """The full name of a metric, checked."""
    long_enough(namespace, "namespace", 1, 255)
    long_enough(name, "metricName", 1, 255)
    if namespace.startswith(":"):
        raise InvalidParameterValue("The value : for parameter Namespace is invalid: it must not begin with a colon.")
    at_most(dimensions, "dimensions", DIMENSIONS_MAX)
    pairs = []
    for dimension in dimensions or ():
        long_enough(dimension.name, "dimensions.member.name", 1, 255)
        long_enough(dimension.value, "dimensions.member.value", 1, 1_024)
        pairs.append((dimension.name, dimension.value))
    return MetricName(caller.account, caller.region, namespace, name, tuple(sorted(pairs)))


def check_statistic(name: str, parameter: str) -> None:
    """A statistic that is kept here. Percentiles and trimmed means need every single sample."""
    if name not in STATISTICS:
        raise InvalidParameterValue(
            f"The value {name} for parameter {parameter} is not supported: this server keeps {', '.join(STATISTICS)}."
        )


def check_queries(queries: Sequence[MetricDataQuery]) -> None:
    """Queries of GetMetricData or of an alarm: each has an id of its own, and is a metric or an expression."""
    ids = [query.id for query in queries]
    for query in queries:
        if not _ID.fullmatch(query.id):
            raise ValidationError(
                f"The value {query.id} for parameter Id is invalid: it must begin with a lower-case letter."
            )
        if ids.count(query.id) > 1:
            raise ValidationError(f"The id {query.id} is given to more than one query.")
        if (query.metric_stat is None) == (query.expression is None):
            raise ValidationError(f"The query {query.id} must have one of MetricStat and Expression.")
        if (stat := query.metric_stat) is not None:
            check_period(stat.period)
            check_statistic(stat.stat, "Stat")
            one_of(stat.unit, "unit", UNITS)
            if stat.metric.metric_name is None or stat.metric.namespace is None:
                raise MissingParameter.named(
                    "MetricStat.Metric.MetricName" if stat.metric.namespace else "MetricStat.Metric.Namespace"
                )


def refuse(given: object, parameter: str) -> None:
    """What this server does not do is not taken and forgotten."""
    if given is not None:
        raise InvalidParameterCombination(f"This server does not support {parameter}.")
