"""Why an alarm is in its state: the sentence for people and the JSON for programs, as CloudWatch writes them."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from crossdock.aws.quotas import METRIC_VALUE_MAX
from crossdock.broker.watch.alarm import ALARM, INSUFFICIENT_DATA, OK, Alarm

SAID_MAX = 20
TOLD_MAX = 40
"""The latest data points that a sentence and its data name: they have at most 1,023 and 4,000 characters."""

WORDS = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}


def of(alarm: Alarm, state: str, seen: list[tuple[int, float]], now_ms: int) -> tuple[str, str]:
    """The reason for a new state, and its data. `seen`: (beginning of the period in seconds, value), the oldest first."""
    return _sentence(alarm, state, seen), _data(alarm, seen, now_ms)


def _sentence(alarm: Alarm, state: str, seen: list[tuple[int, float]]) -> str:
    watched = alarm.watched
    wanted = watched.evaluation_periods or 1
    if state == INSUFFICIENT_DATA:
        return f"Insufficient Data: {_many(wanted, 'datapoint')} {_were(wanted)} unknown."
    needed = watched.datapoints_to_alarm or wanted
    shown = ", ".join(f"{value} ({_short(begin_s)})" for begin_s, value in reversed(seen[-SAID_MAX:]))
    change = f"{OK} -> {ALARM}" if state == ALARM else f"{ALARM} -> {OK}"
    words = WORDS[watched.comparison_operator or ""]
    if not seen:
        return f"Threshold Crossed: {_many(wanted, 'missing datapoint')} decided by TreatMissingData ({watched.treat_missing_data})."
    negated = "" if state == ALARM else "not "
    return (
        f"Threshold Crossed: {len(seen)} out of the last {_many(wanted, 'datapoint')} [{shown}] {_were(len(seen))} {negated}{words} the "
        f"threshold ({watched.threshold}) (minimum {_many(needed, 'datapoint')} for {change} transition)."
    )


def _data(alarm: Alarm, seen: list[tuple[int, float]], now_ms: int) -> str:
    watched = alarm.watched
    seen = seen[-TOLD_MAX:]
    data: dict[str, Any] = {"version": "1.0", "queryDate": moment(now_ms)}
    if seen:
        data["startDate"] = moment(seen[0][0] * 1_000)
    if watched.statistic is not None:
        data["statistic"] = watched.statistic
    data["period"] = alarm.period_s
    data["recentDatapoints"] = [value for _, value in seen]
    data["threshold"] = watched.threshold
    data["evaluatedDatapoints"] = [
        {"timestamp": moment(begin_s * 1_000), "value": value} for begin_s, value in reversed(seen)
    ]
    return msgspec.json.encode(data).decode()


def latest_value(data: str | None) -> float | None:
    """The latest value that a reason's data tells; Auto Scaling picks a step by it."""
    told = msgspec.json.decode(data) if data is not None else None
    recent = told.get("recentDatapoints") if isinstance(told, dict) else None
    latest = recent[-1] if isinstance(recent, list) and recent else None
    if not isinstance(latest, int | float) or isinstance(latest, bool) or abs(latest) > METRIC_VALUE_MAX:
        return None
    return float(latest)


def moment(at_ms: int) -> str:
    """A moment as CloudWatch's JSON documents have it."""
    at = datetime.fromtimestamp(at_ms / 1_000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ms % 1_000:03}+0000"


def _short(at_s: int) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%d/%m/%y %H:%M:%S}"


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
