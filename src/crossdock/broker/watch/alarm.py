"""An alarm: what it watches, and in which state it is."""

from typing import NamedTuple

import msgspec

from crossdock.aws.api.cloudwatch import MetricAlarm, PutMetricAlarm
from crossdock.aws.arn import partition_of

OK = "OK"
ALARM = "ALARM"
INSUFFICIENT_DATA = "INSUFFICIENT_DATA"
STATES = (INSUFFICIENT_DATA, ALARM, OK)


class AlarmName(NamedTuple):
    """The full name of an alarm."""

    account: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        return f"arn:{partition_of(self.region)}:cloudwatch:{self.region}:{self.account}:alarm:{self.name}"


class State(msgspec.Struct, frozen=True):
    """The state of an alarm, and why. Times in milliseconds."""

    value: str
    reason: str
    reason_data: str | None
    """JSON."""
    updated_ms: int
    transitioned_ms: int
    """When `value` changed last."""


class Alarm(msgspec.Struct, frozen=True):
    """An alarm; a change makes another value. Members are written to disk: a new one goes to the end, with a default."""

    name: AlarmName
    watched: PutMetricAlarm
    """As it was put, defaults filled in."""
    updated_ms: int
    state: State
    tags: dict[str, str]

    @property
    def period_s(self) -> int:
        """How long a data point is."""
        return period_of(self.watched)

    def actions(self, state: str) -> list[str]:
        """The ARNs of what is to be done in a state."""
        watched = self.watched
        by_state = {OK: watched.ok_actions, ALARM: watched.alarm_actions}
        return by_state.get(state, watched.insufficient_data_actions) or []

    def shown(self) -> MetricAlarm:
        """As clients are shown it."""
        watched, state = self.watched, self.state
        same = {name: getattr(watched, name) for name in SHOWN_AS_PUT}
        return MetricAlarm(
            **same,
            alarm_arn=self.name.arn,
            alarm_configuration_updated_timestamp=self.updated_ms / 1_000,
            state_value=state.value,
            state_reason=state.reason,
            state_reason_data=state.reason_data,
            state_updated_timestamp=state.updated_ms / 1_000,
            state_transitioned_timestamp=state.transitioned_ms / 1_000,
        )


def period_of(watched: PutMetricAlarm) -> int:
    """How long a data point of what is watched is, in seconds."""
    periods = [query.metric_stat.period for query in watched.metrics or [] if query.metric_stat is not None]
    periods += [query.period for query in watched.metrics or [] if query.period is not None]
    return watched.period or max(periods, default=60)


SHOWN_AS_PUT = {member.name for member in msgspec.structs.fields(MetricAlarm)} & {
    member.name for member in msgspec.structs.fields(PutMetricAlarm)
}
