"""The history of alarms: what is written down of what happened, as CloudWatch words it."""

from typing import Any

import msgspec

from crossdock.aws.api.cloudwatch import AlarmHistoryItem
from crossdock.broker.watch.alarm import Alarm
from crossdock.broker.watch.reasons import moment
from crossdock.broker.watch.store import Event

CONFIGURATION_UPDATE = "ConfigurationUpdate"
STATE_UPDATE = "StateUpdate"
ACTION = "Action"
TYPES = (CONFIGURATION_UPDATE, STATE_UPDATE, ACTION)


def created(alarm: Alarm) -> Event:
    said = {"type": "Create", "createdAlarm": _configuration(alarm)}
    return _event(alarm, alarm.updated_ms, CONFIGURATION_UPDATE, f'Alarm "{alarm.name.name}" created', said)


def updated(before: Alarm, alarm: Alarm) -> Event:
    said = {"type": "Update", "originalUpdatedFields": _configuration(before), "updatedAlarm": _configuration(alarm)}
    return _event(alarm, alarm.updated_ms, CONFIGURATION_UPDATE, f'Alarm "{alarm.name.name}" updated', said)


def deleted(alarm: Alarm, now_ms: int) -> Event:
    said = {"type": "Delete", "deletedAlarm": _configuration(alarm)}
    return _event(alarm, now_ms, CONFIGURATION_UPDATE, f'Alarm "{alarm.name.name}" deleted', said)


def state_changed(before: Alarm, alarm: Alarm) -> Event:
    summary = f"Alarm updated from {before.state.value} to {alarm.state.value}"
    said = {"oldState": _state(before), "newState": _state(alarm)}
    return _event(alarm, alarm.state.updated_ms, STATE_UPDATE, summary, said)


def acted(alarm: Alarm, arn: str, failure: str | None, now_ms: int) -> Event:
    """An action was done, or why it was not."""
    said: dict[str, Any] = {"actionState": "Succeeded" if failure is None else "Failed", "notificationResource": arn}
    said |= {"stateUpdateTimestamp": alarm.state.updated_ms, "publishedMessage": None, "error": failure}
    done = (
        f"Successfully executed action {arn}"
        if failure is None
        else f'Failed to execute action {arn}. Received error: "{failure}"'
    )
    return _event(alarm, now_ms, ACTION, done, said)


def shown(event: Event) -> AlarmHistoryItem:
    """As clients are shown it."""
    return AlarmHistoryItem(event.alarm.name, "MetricAlarm", event.at_ms / 1_000, event.type, event.summary, event.data)


def _event(alarm: Alarm, at_ms: int, kind: str, summary: str, said: dict[str, Any]) -> Event:
    return Event(alarm.name, at_ms, kind, summary, msgspec.json.encode({"version": "1.0", **said}).decode())


def _configuration(alarm: Alarm) -> dict[str, Any]:
    watched = msgspec.to_builtins(alarm.watched)
    return {
        **{name[0].lower() + name[1:]: value for name, value in watched.items()},
        "alarmArn": alarm.name.arn,
        "alarmConfigurationUpdatedTimestamp": moment(alarm.updated_ms),
        "stateValue": alarm.state.value,
        "stateUpdatedTimestamp": moment(alarm.state.updated_ms),
    }


def _state(alarm: Alarm) -> dict[str, Any]:
    state: dict[str, Any] = {"stateValue": alarm.state.value, "stateReason": alarm.state.reason}
    if alarm.state.reason_data is not None:
        state["stateReasonData"] = msgspec.json.decode(alarm.state.reason_data)
    return state
