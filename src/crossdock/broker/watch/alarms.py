"""Alarms: made, changed, shown, deleted; and looked at when time comes.

look ──► values of the latest periods ──► evaluation ──► the same state: nothing
                                                     └──► another one: history, then its actions
"""

import math
from collections.abc import Callable, Iterable, Sequence

import msgspec

from crossdock.aws.api import cloudwatch as api
from crossdock.aws.errors import (
    AlarmNotFound,
    InvalidFormat,
    InvalidParameterCombination,
    LimitExceeded,
    ValidationError,
)
from crossdock.aws.quotas import ALARM_RECORDS_MAX, ALARMS_MAX
from crossdock.aws.shapes import MOMENTS
from crossdock.broker.outcome import Caller
from crossdock.broker.watch import history, reasons
from crossdock.broker.watch.alarm import INSUFFICIENT_DATA, STATES, Alarm, AlarmName, State
from crossdock.broker.watch.alarm_checks import checked, checked_tags
from crossdock.broker.watch.checks import (
    at_most,
    long_enough,
    metric_name,
    one_of,
    within,
)
from crossdock.broker.watch.evaluation import COMPARISONS, MISSING, REACH, evaluate
from crossdock.broker.watch.paging import Page, page_start
from crossdock.broker.watch.statistics import series
from crossdock.broker.watch.store import EventsListed, WatchStore

ALARM_TYPES = ("CompositeAlarm", "MetricAlarm")

Announce = Callable[[Alarm, Alarm], None]
"""Is told of an alarm, before and after it changed its state."""

Scale = Callable[[Alarm, str, float | None, int], str | None]
"""Do what the scaling policy with an ARN says, given the value of the metric and the time. Why it could not be done, or None."""

SCALING_POLICY = ":scalingPolicy:"

LOOK_MAX, LOOK_COST = 2_000, 40
"""Minutes that are gone through at a time, and to how many of them it amounts to look at an alarm at all: 50 of them take some 10 ms."""

NOT_DONE = "this server executes no such actions"


class Alarms:
    """All alarms of a server."""

    def __init__(self, store: WatchStore, announce: Announce) -> None:
        self._store = store
        self._announce = announce
        self.scale: Scale
        """Set by whoever has the groups."""
        self._alarms: dict[AlarmName, Alarm] = {}
        self._short: set[AlarmName] = set()
        """Those with periods below a minute."""
        self._waiting: dict[AlarmName, bool] = {}
        """Those that are to be looked at, in turn; whether because a minute is over."""
        for alarm in store.alarms():
            self._know(alarm)

    # Made and changed

    def put(self, command: api.PutMetricAlarm, caller: Caller, now_ms: int) -> None:
        watched = checked(command, caller)
        name = AlarmName(caller.account, caller.region, command.alarm_name)
        tags = checked_tags(command.tags)
        before = self._alarms.get(name)
        if before is None:
            self._check_room(1, caller)
            state = State(INSUFFICIENT_DATA, "Unchecked: Initial alarm creation", None, now_ms, now_ms)
            alarm = Alarm(name, watched, now_ms, state, tags)
            self._store.note(history.created(alarm))
        else:
            alarm = self._updated(before, watched, now_ms)
        self._keep(alarm)

    def _check_room(self, more: int, caller: Caller) -> None:
        if len(self._alarms) + more > ALARMS_MAX and len(self._of(caller)) + more > ALARMS_MAX:
            raise LimitExceeded

    def delete(self, command: api.DeleteAlarms, caller: Caller, now_ms: int) -> None:
        at_most(command.alarm_names, "alarmNames", ALARM_RECORDS_MAX)
        for alarm in [self._named(name, caller) for name in command.alarm_names]:
            self._short.discard(alarm.name)
            if self._alarms.pop(alarm.name, None) is not None:
                self._store.delete_alarm(alarm.name)
                self._store.note(history.deleted(alarm, now_ms))

    def set_state(self, command: api.SetAlarmState, caller: Caller, now_ms: int) -> None:
        one_of(command.state_value, "stateValue", STATES)
        long_enough(command.state_reason, "stateReason", 0, 1_023)
        long_enough(command.state_reason_data, "stateReasonData", 0, 4_000)
        if command.state_reason_data is not None:
            try:
                msgspec.json.decode(command.state_reason_data)
            except (msgspec.DecodeError, RecursionError) as error:
                raise InvalidFormat("The parameter StateReasonData must be a JSON document.") from error
        alarm = self._named(command.alarm_name, caller)
        value = reasons.latest_value(command.state_reason_data)
        self._change(alarm, command.state_value, command.state_reason, command.state_reason_data, value, now_ms)

    def enable(self, command: api.EnableAlarmActions, caller: Caller, now_ms: int) -> None:
        self._set_enabled(command.alarm_names, True, caller, now_ms)

    def disable(self, command: api.DisableAlarmActions, caller: Caller, now_ms: int) -> None:
        self._set_enabled(command.alarm_names, False, caller, now_ms)

    def _set_enabled(self, names: list[str], enabled: bool, caller: Caller, now_ms: int) -> None:
        """Names that no alarm has are passed over, as AWS does."""
        at_most(names, "alarmNames", ALARM_RECORDS_MAX)
        for name in names:
            before = self._alarms.get(AlarmName(caller.account, caller.region, name))
            if before is not None and before.watched.actions_enabled != enabled:
                watched = msgspec.structs.replace(before.watched, actions_enabled=enabled)
                self._keep(self._updated(before, watched, now_ms))

    def _updated(self, before: Alarm, watched: api.PutMetricAlarm, now_ms: int) -> Alarm:
        """The alarm with another configuration, which is in its history from now on."""
        alarm = msgspec.structs.replace(before, watched=watched, updated_ms=now_ms)
        self._store.note(history.updated(before, alarm))
        return alarm

    def _keep(self, alarm: Alarm) -> None:
        self._know(alarm)
        self._store.put_alarm(alarm)

    def _know(self, alarm: Alarm) -> None:
        self._alarms[alarm.name] = alarm
        if alarm.period_s < 60:
            self._short.add(alarm.name)
        else:
            self._short.discard(alarm.name)

    def _named(self, name: str, caller: Caller) -> Alarm:
        alarm = self._alarms.get(AlarmName(caller.account, caller.region, name))
        if alarm is None:
            raise AlarmNotFound(f"The alarm {name} does not exist.")
        return alarm

    # Shown

    def describe(self, command: api.DescribeAlarms, caller: Caller, now_ms: int) -> api.DescribeAlarmsResult:
        for alarm_type in command.alarm_types or ():
            one_of(alarm_type, "alarmTypes", ALARM_TYPES)
        one_of(command.state_value, "stateValue", STATES)
        within(command.max_records, "maxRecords", 1, ALARM_RECORDS_MAX)
        at_most(command.alarm_names, "alarmNames", ALARM_RECORDS_MAX)
        if command.alarm_names and command.alarm_name_prefix:
            raise ValidationError("AlarmNamePrefix and AlarmNames cannot be used together.")
        if command.children_of_alarm_name or command.parents_of_alarm_name:
            raise InvalidParameterCombination("This server has no composite alarms.")
        wanted = [
            alarm
            for alarm in self._of(caller)
            if (not command.alarm_names or alarm.name.name in command.alarm_names)
            and alarm.name.name.startswith(command.alarm_name_prefix or "")
            and command.state_value in (None, alarm.state.value)
            and (command.action_prefix is None or _has_action(alarm, command.action_prefix))
            and "MetricAlarm" in (command.alarm_types or ["MetricAlarm"])
        ]
        found, token = _page(command).of(wanted)
        return api.DescribeAlarmsResult([alarm.shown() for alarm in found], [], token)

    def describe_for_metric(
        self, command: api.DescribeAlarmsForMetric, caller: Caller, now_ms: int
    ) -> api.DescribeAlarmsForMetricResult:
        metric = metric_name(caller, command.namespace, command.metric_name, command.dimensions)
        return api.DescribeAlarmsForMetricResult(
            [
                alarm.shown()
                for alarm in self._of(caller)
                if (watched := alarm.watched).metric_name is not None
                and metric_name(caller, watched.namespace or "", watched.metric_name, watched.dimensions) == metric
                and command.statistic in (None, watched.statistic)
                and command.period in (None, watched.period)
                and command.unit in (None, watched.unit)
            ]
        )

    def describe_history(
        self, command: api.DescribeAlarmHistory, caller: Caller, now_ms: int
    ) -> api.DescribeAlarmHistoryResult:
        one_of(command.history_item_type, "historyItemType", history.TYPES)
        one_of(command.scan_by, "scanBy", ["TimestampDescending", "TimestampAscending"])
        within(command.max_records, "maxRecords", 1, ALARM_RECORDS_MAX)
        page = _page(command)
        wanted = EventsListed(
            account=caller.account,
            region=caller.region,
            of=command.alarm_name,
            type=command.history_item_type,
            start_ms=math.ceil((MOMENTS[0] if command.start_date is None else command.start_date) * 1_000),
            end_ms=math.floor((MOMENTS[1] if command.end_date is None else command.end_date) * 1_000),
            newest_first=command.scan_by != "TimestampAscending",
            first=page.first,
            most=page.size + 1,
        )
        events, token = page.read(self._store.history(wanted))
        return api.DescribeAlarmHistoryResult([history.shown(event) for event in events], token)

    def _of(self, caller: Caller) -> list[Alarm]:
        mine = [alarm for alarm in self._alarms.values() if alarm.name[:2] == (caller.account, caller.region)]
        return sorted(mine, key=lambda alarm: alarm.name)

    # Tags

    def tag(self, command: api.TagResource, caller: Caller, now_ms: int) -> api.Nothing:
        alarm = self._of_arn(command.resource_arn, caller)
        self._keep(msgspec.structs.replace(alarm, tags=checked_tags(command.tags, alarm.tags)))
        return api.Nothing()

    def untag(self, command: api.UntagResource, caller: Caller, now_ms: int) -> api.Nothing:
        alarm = self._of_arn(command.resource_arn, caller)
        left = {key: value for key, value in alarm.tags.items() if key not in command.tag_keys}
        self._keep(msgspec.structs.replace(alarm, tags=left))
        return api.Nothing()

    def list_tags(self, command: api.ListTagsForResource, caller: Caller, now_ms: int) -> api.ListTagsForResourceResult:
        alarm = self._of_arn(command.resource_arn, caller)
        return api.ListTagsForResourceResult([api.Tag(key, value) for key, value in alarm.tags.items()])

    def _of_arn(self, arn: str, caller: Caller) -> Alarm:
        name = arn.partition(":alarm:")[2]
        alarm = self._alarms.get(AlarmName(caller.account, caller.region, name))
        if alarm is None or alarm.name.arn != arn:
            raise AlarmNotFound(f"The alarm {arn} does not exist.")
        return alarm

    # Looked at

    @property
    def any(self) -> bool:
        """Whether there are alarms."""
        return bool(self._alarms)

    @property
    def any_short(self) -> bool:
        """Whether there are alarms of periods below a minute."""
        return bool(self._short)

    @property
    def waiting(self) -> bool:
        """Whether alarms wait for `look`."""
        return bool(self._waiting)

    def due(self, whole_minute: bool) -> None:
        """It is time for all alarms at a whole minute, for those of short periods in between. Those that still wait are not put off."""
        for name in list(self._alarms) if whole_minute else sorted(self._short):
            self._waiting[name] = self._waiting.get(name, False) or whole_minute

    def look(self, now_ms: int) -> None:
        """Evaluate some of the alarms that wait, as many as hold nobody up for long."""
        left = LOOK_MAX
        while self._waiting and left > 0:
            name = next(iter(self._waiting))
            whole_minute = self._waiting.pop(name)
            alarm = self._alarms.get(name)
            if alarm is None:
                continue
            left -= LOOK_COST + (alarm.watched.evaluation_periods or 1) * max(1, alarm.period_s // 60)
            step_ms = 60_000 if whole_minute else 10_000
            at_ms = now_ms // step_ms * step_ms
            value = self._look_at(alarm, at_ms)
            if whole_minute and alarm.state.value == self._alarms[name].state.value:
                self._repeat_scaling(alarm, value, at_ms)

    def _look_at(self, alarm: Alarm, now_ms: int) -> float | None:
        """Evaluate one alarm; the latest value of what it watches."""
        watched, period_s = alarm.watched, alarm.period_s
        wanted = watched.evaluation_periods or 1
        end_s = now_ms // 1_000
        begins = [end_s - period_s * age for age in range(wanted + REACH, 0, -1)]
        known = self._values(alarm, begins[0], end_s, now_ms)
        values = [known.get(begin_s) for begin_s in begins]
        assert watched.threshold is not None
        breaks = COMPARISONS[watched.comparison_operator or ""]
        breaches = [None if value is None else breaks(value, watched.threshold) for value in values]
        to_alarm = watched.datapoints_to_alarm or wanted
        state = evaluate(breaches, wanted, to_alarm, watched.treat_missing_data or MISSING)
        seen = [(begin_s, value) for begin_s, value in zip(begins, values, strict=True) if value is not None]
        latest = seen[-1][1] if seen else None
        if state is not None and state != alarm.state.value:
            reason, data = reasons.of(alarm, state, seen[-wanted:], now_ms)
            self._change(alarm, state, reason, data, latest, now_ms)
        return latest

    def _values(self, alarm: Alarm, start_s: int, end_s: int, now_ms: int) -> dict[int, float]:
        """The values that an alarm watches, by the beginning of their period."""
        queries = alarm.watched.metrics or [_query(alarm.watched)]
        caller = Caller(alarm.name.account, alarm.name.region, "", "")
        try:
            every = series(self._store, queries, start_s, end_s, caller, now_ms)
        except ValidationError:  # its expressions were read when it was put, but are too much for so many values
            return {}
        return every[next(query.id for query in queries if query.return_data is not False)]

    def _change(
        self, before: Alarm, state: str, reason: str, data: str | None, value: float | None, now_ms: int
    ) -> None:
        """Another state, or another reason for the same. Actions follow another state."""
        same = state == before.state.value
        since_ms = before.state.transitioned_ms if same else now_ms
        alarm = msgspec.structs.replace(before, state=State(state, reason, data, now_ms, since_ms))
        self._keep(alarm)
        if same:
            return
        self._announce(before, alarm)
        self._store.note(history.state_changed(before, alarm))
        if alarm.watched.actions_enabled:
            for arn in alarm.actions(state):
                failure = self.scale(alarm, arn, value, now_ms) if SCALING_POLICY in arn else NOT_DONE
                self._store.note(history.acted(alarm, arn, failure, now_ms))

    def _repeat_scaling(self, alarm: Alarm, value: float | None, now_ms: int) -> None:
        """Auto Scaling is told again each minute for as long as the alarm stays in its state."""
        for arn in alarm.actions(alarm.state.value) if alarm.watched.actions_enabled else ():
            if SCALING_POLICY in arn:
                self.scale(alarm, arn, value, now_ms)

    # For scaling policies

    def named(self, names: Iterable[str], caller: Caller) -> list[Alarm]:
        """Those of the named alarms that there are."""
        found = (self._alarms.get(AlarmName(caller.account, caller.region, name)) for name in names)
        return [alarm for alarm in found if alarm is not None]

    def check(self, asked: Sequence[api.PutMetricAlarm], caller: Caller) -> None:
        """Raise what `put` would raise if these were new ones."""
        for command in asked:
            checked(command, caller)
        self._check_room(len(asked), caller)

    def with_action(self, arn: str, caller: Caller) -> list[Alarm]:
        """Alarms that have an action."""
        return [alarm for alarm in self._of(caller) if _has_action(alarm, arn)]


def _page(command: api.DescribeAlarms | api.DescribeAlarmHistory) -> Page:
    return Page(page_start(command.next_token), command.max_records or ALARM_RECORDS_MAX)


def _has_action(alarm: Alarm, prefix: str) -> bool:
    return any(arn.startswith(prefix) for state in STATES for arn in alarm.actions(state))


def _query(watched: api.PutMetricAlarm) -> api.MetricDataQuery:
    metric = api.Metric(watched.namespace, watched.metric_name, watched.dimensions)
    assert watched.period is not None
    assert watched.statistic is not None
    return api.MetricDataQuery("m1", api.MetricStat(metric, watched.period, watched.statistic, watched.unit))
